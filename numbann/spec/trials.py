"""Trials of a sweep: the raw spec of each, which is the sweep's own with other values at some keys.

A path names a key, such as optimizer.learning_rate; model.layers[*].units names those of all layers.  What is set
later lies deeper: with "optimizer" and "optimizer.learning_rate", each optimizer gets its rate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from numbann.spec.overrides import NoPlace, put
from numbann.spec.trail import Trail, from_text, to_text

ALL, EVERY = "[*]", 999_999_999  # of a list, as it is written, and the number that stands for it in a trail
OWN = ("sweep", "output", "$schema")  # keys that no trial has
WRITING = "write it as optimizer.learning_rate, or model.layers[*].units for all layers"
UNSEEN = {  # keys that a trial cannot differ in
    "name": "every trial has the name of the sweep",
    "extends": "is for files alone",
    "plugins": "code is loaded once",
    "callbacks": "they are for the runs of single specs",
    "ensemble": "a sweep trains single models",
    "sweep": "a trial is no sweep",
    "output": "the sweep has a directory of its own",
    "$schema": "is for editors",
    "train.device": "all trials share it",
    "train.threads": "no bit of a result depends on it",
    "train.checkpoint_seconds": "no bit of a result depends on it",
    "train.diagnostics": "no bit of a result depends on it",
}


def trail_of(path: str) -> Trail | None:
    """Return the trail of a path, with EVERY for [*]; None if it is no path."""
    return from_text(path.replace(ALL, f"[{EVERY}]"))


def trial_of(raw: Mapping[str, Any], whole: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the raw spec of a trial; NoPlace for a path that has none.

    whole: the raw spec with what its preset fills in.
    """
    trial = {key: deepcopy(value) for key, value in raw.items() if key not in OWN}
    for path in sorted(values, key=lambda path: len(trail_of(path) or ())):
        for trail in places(trial, whole, path):
            put(trial, trail, deepcopy(values[path]))
    return trial


def places(raw: dict[str, Any], whole: Mapping[str, Any], path: str) -> list[Trail]:
    """Return the trails that a path means in a raw spec, which takes the lists on its way from the whole one."""
    trail = trail_of(path)
    if trail is None:
        raise NoPlace(f"is no path of a key; {WRITING}")
    return list(_expand(raw, whole, trail))


def _expand(raw: dict[str, Any], whole: Mapping[str, Any], trail: Trail) -> Iterator[Trail]:
    depth = next((depth for depth, part in enumerate(trail) if isinstance(part, int)), None)
    if depth is not None and _at(raw, trail[:depth]) is None and isinstance(_at(whole, trail[:depth]), list):
        put(raw, trail[:depth], deepcopy(_at(whole, trail[:depth])))
    if EVERY not in trail:
        yield trail
        return
    place = trail.index(EVERY)
    several = _at(raw, trail[:place])
    if not isinstance(several, list) or not several:
        raise NoPlace(f"there is no list with elements at {to_text(trail[:place])}")
    for index in range(len(several)):
        yield from _expand(raw, whole, (*trail[:place], index, *trail[place + 1 :]))


def _at(raw: Any, trail: Trail) -> Any:
    """Return what lies at a trail; None if nothing does."""
    for part in trail:
        if isinstance(part, int):
            raw = raw[part] if isinstance(raw, list) and part < len(raw) else None
        else:
            raw = raw.get(part) if isinstance(raw, Mapping) else None
    return raw
