"""Specs that a sweep writes: its own, and that of its best trial, each ready to run from any folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numbann.spec.loading import Loaded, raw_trial
from numbann.spec.source import make_absolute


def portable(loaded: Loaded, values: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the raw spec, with values that make it the spec of a trial; paths are absolute."""
    raw = {key: value for key, value in loaded.given.items() if key not in ("$schema", "output")}
    raw = raw if values is None else raw_trial(loaded, values)
    base = loaded.source.base
    raw["data"] = {**raw["data"], "path": make_absolute(raw["data"]["path"], base)}
    if "plugins" in raw:
        raw["plugins"] = make_absolute(raw["plugins"], base)
    return raw
