"""Overrides the values of a raw spec, as in {"train.epochs": 5}.  building.py checks whether the keys exist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numbann.errors import NumbannError, SpecError, SpecFault, shown
from numbann.spec.model import ComponentKey, Inner, Key, Section, Spec, Takes, keys_of
from numbann.spec.read import parse
from numbann.spec.source import as_text, told_of
from numbann.spec.trail import Trail, from_text


def override(raw: Any, overrides: Mapping[str, Any]) -> tuple[tuple[Trail, ...], list[SpecFault]]:
    """Set each override in the raw spec, in place; return the trails set, and a fault for each that cannot be."""
    faults: list[SpecFault] = []
    trails: list[Trail] = []
    for path, given in overrides.items():
        try:
            trails.append(_set(raw, path, given))
        except NoPlace as error:
            faults.append(SpecFault(told_of(path), str(error)))
        except SpecError as error:
            faults += [SpecFault(told_of(path), fault.message) for fault in error.faults]
    return tuple(trails), faults


class NoPlace(NumbannError):
    """A path has no place in the spec."""


def _set(raw: Any, path: str, given: Any) -> Trail:
    trail = from_text(path)
    if trail is None:
        raise NoPlace("is no path of a key; write it as train.epochs or model.layers[0].units")
    put(raw, trail, parse(as_text(given))[0])
    return trail


def put(raw: Any, trail: Trail, value: Any) -> None:
    """Set a value in a raw spec, in place; NoPlace if there is none."""
    holder = raw
    for depth, part in enumerate(trail[:-1]):
        holder = _inside(holder, trail[: depth + 1], part)
    _inside(holder, trail, trail[-1], value)


_NOTHING = object()


def _inside(holder: Any, trail: Trail, part: str | int, given: Any = _NOTHING) -> Any:
    """Return the object or list at a part of its holder, created if missing; with a value, set that instead."""
    if isinstance(part, int):
        if not isinstance(holder, list) or part >= len(holder):
            raise NoPlace(f"there is no [{part}] here: {_content(holder)}")
    elif not isinstance(holder, dict):
        raise NoPlace(f"there is no {shown(part)} here: {_content(holder)}")
    if given is not _NOTHING:
        holder[part] = given
    else:
        present = holder[part] if isinstance(part, int) else holder.get(part)
        if not isinstance(present, (dict, list)):
            holder[part] = open_container(trail, present)
    return holder[part]


def open_container(trail: Trail, present: Any) -> Any:
    """Return an object for a missing key, a component's bare name or a short form, in which keys can be set."""
    takes = takes_at(trail)
    if isinstance(takes, ComponentKey):
        name = present if isinstance(present, str) else takes.default
        if name not in ("auto", None):
            return {"type": name}
    long = takes.long(present) if isinstance(takes, Inner) else present
    return {} if long is None else long


def takes_at(trail: Trail) -> Takes | None:
    """Return what the key at a trail takes, or None if there is no such key."""
    section: type[Section] | None = Spec
    one: Key | None = None
    named = False
    for part in (part for part in trail if isinstance(part, str)):
        if one and isinstance(one.takes, Inner) and one.takes.named and not named:
            named = True  # this part is a name in an object of sections
            continue
        one, named = keys_of(section).get(part) if section else None, False
        if one is None:
            return None
        section = one.takes.section if isinstance(one.takes, Inner) else None
    return one.takes if one and not named else None


def _content(holder: Any) -> str:
    return f"the list has {len(holder)} elements" if isinstance(holder, list) else f"it holds {shown(holder)}"
