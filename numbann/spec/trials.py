"""Trials of a sweep: the raw spec of each, which is the sweep's own with other values at some keys.

A path names a key, such as optimizer.learning_rate; model.layers[*].units names those of all layers.  What is set
later lies deeper: with "optimizer" and "optimizer.learning_rate", each optimizer gets its rate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

from numbann.errors import SpecFault, shown
from numbann.spec.model import Spec, Values
from numbann.spec.overrides import NoPlace, put
from numbann.spec.source import SpecSource
from numbann.spec.trail import Trail, from_text, to_text

ALL, EVERY = "[*]", 999_999_999  # of a list, as it is written, and the number that stands for it in a trail
OWN = ("sweep", "output", "$schema")  # keys that no trial has
WRITING = "write it as optimizer.learning_rate, or model.layers[*].units for all layers"
UNSEEN = {  # keys that a trial cannot differ in
    "name": "every trial has the name of the sweep",
    "extends": "is for files alone",
    "plugins": "code is loaded once",
    "ensemble": "a sweep trains single models",
    "sweep": "a trial is no sweep",
    "output": "the sweep has a directory of its own",
    "$schema": "is for editors",
    "train.device": "all trials share it",
    "train.threads": "no bit of a result depends on it",
    "train.checkpoint_seconds": "no bit of a result depends on it",
    "train.diagnostics": "no bit of a result depends on it",
}
Check = Callable[[dict[str, Any]], Sequence[SpecFault]]


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


# ---- faults of values, found by checking the specs of trials


def value_faults(
    spec: Spec, raw: Mapping[str, Any], whole: Mapping[str, Any], source: SpecSource, check: Check
) -> list[SpecFault]:
    """Return the faults of the values of a sweep, each where the value stands.

    check: returns the faults of a raw spec.  A trial is checked with the first value of each key, and one more for
    each other value, and for both ends of each range.
    """
    assert spec.sweep is not None
    tried = {path: list(_candidates(raw["sweep"], path, one)) for path, one in spec.sweep.parameters.items()}
    first = {path: several[0][1] for path, several in tried.items()}
    faults = _wrong_places(raw, whole, source, first)
    if faults:
        return faults
    known = _faults(raw, whole, first, check)
    for key, given in spec.sweep.parameters.items():
        if _takes_whole(raw, whole, first, key, given, known, check):
            faults.append(source.fault(("sweep", "parameters", key), 'takes whole numbers; give "integer": true, too'))
    if faults:
        return faults
    for path, message in known:
        owner = _owner(raw, whole, first, path)
        place = tried[owner][0][0] if owner else ("sweep", "parameters")
        faults.append(source.fault(place, message if owner and _is(raw, whole, owner, path) else f"{path}: {message}"))
    for key, several in tried.items():
        for place, value in several[1:]:
            for path, message in _faults(raw, whole, {**first, key: value}, check):
                if (path, message) not in known:
                    own = _is(raw, whole, key, path)
                    faults.append(source.fault(place, message if own else f"with {shown(value)}, {path}: {message}"))
    return list(dict.fromkeys(faults))


def _takes_whole(
    raw: Mapping[str, Any],
    whole: Mapping[str, Any],
    first: Mapping[str, Any],
    key: str,
    given: Values,
    known: Sequence[tuple[str, str]],
    check: Check,
) -> bool:
    """Whether a range of all numbers is of a key that takes whole ones alone.

    known: the faults of the first values.
    """
    if given.values is not None or given.integer or not any(_is(raw, whole, key, path) for path, _ in known):
        return False
    found = _faults(raw, whole, {**first, key: int(first[key])}, check)
    return not any(_is(raw, whole, key, path) for path, _ in found)


def _candidates(sweep: Mapping[str, Any], path: str, given: Values) -> Iterator[tuple[Trail, Any]]:
    """Yield the values to check, each with its place."""
    trail: Trail = ("sweep", "parameters", path)
    if given.values is not None:
        inside = trail if isinstance(sweep["parameters"][path], list) else (*trail, "values")
        yield from (((*inside, index), value) for index, value in enumerate(given.values))
    else:
        number = int if given.integer else float
        yield from (((*trail, end), number(getattr(given, end))) for end in ("low", "high"))


def _wrong_places(
    raw: Mapping[str, Any], whole: Mapping[str, Any], source: SpecSource, first: Mapping[str, Any]
) -> list[SpecFault]:
    """Return the paths that have no place, and those that mean the same one."""
    faults, taken = [], dict[Trail, str]()
    for path in first:
        trail: Trail = ("sweep", "parameters", path)
        try:
            trial = trial_of(raw, whole, {name: value for name, value in first.items() if _below(name, path)})
            for place in places(trial, whole, path):
                if place in taken:
                    same = f"sets {to_text(place)}, which {shown(taken[place])} sets, too; leave one of them out"
                    faults.append(source.fault(trail, same))
                    break
                taken[place] = path
                put(trial, place, first[path])
        except NoPlace as error:
            faults.append(source.fault(trail, str(error)))
    return faults


def _below(outer: str, path: str) -> bool:
    """Whether a path lies within what another one sets."""
    return outer != path and path.startswith((f"{outer}.", f"{outer}["))


def _faults(
    raw: Mapping[str, Any], whole: Mapping[str, Any], values: Mapping[str, Any], check: Check
) -> list[tuple[str, str]]:
    """Return the faults of a trial, each with its path."""
    try:
        return [(fault.path, fault.message) for fault in check(trial_of(raw, whole, values))]
    except NoPlace as error:
        return [("", str(error))]


def _owner(raw: Mapping[str, Any], whole: Mapping[str, Any], first: Mapping[str, Any], path: str) -> str | None:
    """Return the key whose value a fault is about: the deepest that sets the path, or a part of it."""
    return next((key for key in sorted(first, key=len, reverse=True) if _is(raw, whole, key, path, within=True)), None)


def _is(raw: Mapping[str, Any], whole: Mapping[str, Any], key: str, path: str, within: bool = False) -> bool:
    """Whether a key of a sweep means a path.  within: or something around it."""
    try:
        found = [to_text(trail) for trail in places(trial_of(raw, whole, {}), whole, key)]
    except NoPlace:
        return False
    return path in found or (within and any(_below(one, path) for one in found))
