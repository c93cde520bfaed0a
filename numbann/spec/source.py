"""Where a spec comes from: a file or a dict, its text, its lines, and what was set over it.  It judges no key."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numbann.errors import SpecError, SpecFault
from numbann.spec.read import MAX_BYTES, parse
from numbann.spec.trail import Trail, from_text, to_text


@dataclass(frozen=True)
class Source:
    """A spec's name for messages (empty for a dict), its text, and the folder that its input paths are relative to.

    lines: the line of each path, empty for a dict.  overridden: the trails that were set from outside.
    """

    name: str
    text: str
    base: Path
    lines: Mapping[str, int] = field(default_factory=dict, repr=False)
    overridden: tuple[Trail, ...] = ()

    def line(self, path: str) -> int | None:
        """The line of a path, or of the nearest object around it; None for a dict and for what was overridden."""
        if path and self._setting(from_text(path) or (path,)):
            return None
        while path and path not in self.lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.lines.get(path)

    def fault(self, trail: Trail, message: str) -> SpecFault:
        """A fault at this trail, with its line, or with the `--set` that put the value there."""
        setting = self._setting(trail)
        if setting is not None:
            inner = "" if trail == setting else f"{to_text(trail)}: "  # where an override set a whole object
            return SpecFault(f"--set {to_text(setting)}", inner + message)
        return SpecFault(to_text(trail), message, self.line(to_text(trail)))

    def _setting(self, trail: Trail) -> Trail | None:
        """The override that a trail lies in, or that made the object there; None if neither."""
        made = to_text(trail) not in self.lines
        return next(
            (
                setting
                for setting in self.overridden
                if trail[: len(setting)] == setting or (made and setting[: len(trail)] == trail)
            ),
            None,
        )


def open_source(source: str | Path | Mapping[str, Any]) -> tuple[Source, Any]:
    """The source and its parsed value; SpecError if it cannot be read or is not strict JSON."""
    if isinstance(source, Mapping):
        text = as_text(source)
        return Source("", text, Path.cwd()), parse(text)[0]
    path = Path(source)
    content = _bytes(path)
    value, lines = parse(content, str(path))
    return Source(str(path), content.decode("utf-8"), path.absolute().parent, lines), value


def as_text(value: Any) -> str:
    """A Python value as JSON text, paths as strings; SpecError if it is no JSON."""
    try:
        return json.dumps(value, default=_plain, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise SpecError([SpecFault("", f"is no JSON: {error}; give what a JSON file can hold")]) from None


def _plain(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")


def _bytes(path: Path) -> bytes:
    """The content of a spec file."""
    if os.path.isdir(path):
        raise _unreadable(path, "is a directory; name the spec file in it")
    if not os.path.exists(path):
        raise _unreadable(path, "no such file; name a spec, a JSON file")
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, f"cannot be read: {error.strerror}") from None
    if not content.strip():
        raise _unreadable(path, "is empty; a spec is a JSON object with data and model")
    return content


def _unreadable(path: Path, message: str) -> SpecError:
    return SpecError([SpecFault("", message)], str(path))
