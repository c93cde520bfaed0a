"""Specs that extend another: the base is read first, and what the spec says goes over it.

Sections and components are joined key by key; everything else, lists too, is replaced, and so is a component of another
type.  Each spec has its own name and output.  Paths in a base are relative to its own file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from numbann.errors import SpecError, not_allowed, shown
from numbann.spec.model import ComponentKey, Inner
from numbann.spec.overrides import open_container, takes_at
from numbann.spec.source import SpecSource, make_absolute, open_source
from numbann.spec.trail import Trail, to_text

KEY = "extends"
OWN = ("$schema", "name", "output")  # keys that a base does not hand on


def open_spec(source: str | Path | Mapping[str, Any]) -> tuple[SpecSource, Any]:
    """Open a spec, with what it extends; SpecError for a base that is missing, unreadable or the spec itself."""
    return _extend(*open_source(source), ())


def _extend(origin: SpecSource, raw: Any, above: tuple[str, ...]) -> tuple[SpecSource, Any]:
    """Put a spec over its base.  above: the names of the files that extend it."""
    given = raw.pop(KEY, None) if isinstance(raw, dict) else None
    if given is None:
        return origin, raw
    if not isinstance(given, str) or not given:
        raise _refuse(origin, not_allowed(given, "the path of a spec, relative to this one"))
    path, chain = Path(origin.name).parent / Path(given).expanduser(), (*above, origin.name)
    if not path.is_file():
        raise _refuse(origin, f"{shown(given)}: no such file in {path.parent.absolute()}; name a spec, a JSON file")
    if path.resolve() in [Path(name).resolve() for name in chain]:
        raise _refuse(origin, f"a circle: {' extends '.join([*chain, str(path)])}; leave one of them out")
    base, below = _extend(*open_source(path), chain)
    if not isinstance(below, dict):
        raise SpecError([base.fault((), not_allowed(below, "an object"))], base.name)
    return _over(base, _moved(below, base, origin), origin, raw)


def _refuse(origin: SpecSource, message: str) -> SpecError:
    return SpecError([origin.fault((KEY,), message)], origin.name)


def _moved(raw: dict[str, Any], base: SpecSource, to: SpecSource) -> dict[str, Any]:
    """Return what a base hands on, with its paths absolute if it lies in another folder."""
    found = {key: value for key, value in raw.items() if key not in OWN}
    if base.base == to.base:
        return found
    data = found.get("data")
    if isinstance(data, dict) and "path" in data:
        found["data"] = {**data, "path": make_absolute(data["path"], base.base)}
    return {**found, **({"plugins": make_absolute(found["plugins"], base.base)} if "plugins" in found else {})}


def _over(
    base: SpecSource, below: dict[str, Any], origin: SpecSource, raw: dict[str, Any]
) -> tuple[SpecSource, dict[str, Any]]:
    """Return the joined spec, and its source, which knows the file and the line of each path."""
    replaced: list[str] = []
    joined = _join(below, raw, (), replaced)
    kept = {path: line for path, line in base.lines.items() if not any(_within(path, one) for one in replaced)}
    files = {path: base.files.get(path, base.name) for path in kept if path not in origin.lines}
    return replace(origin, lines={**kept, **origin.lines}, files=files), joined


def join(below: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Put one raw spec over another."""
    return _join(below, over, (), [])


def _join(below: dict[str, Any], over: dict[str, Any], trail: Trail, replaced: list[str]) -> dict[str, Any]:
    """Put one object over another; replaced: takes the paths of what is replaced."""
    found = dict(below)
    for key, value in over.items():
        inside = (*trail, key)
        old = _object(inside, below[key]) if key in below else None
        if isinstance(old, dict) and isinstance(value, dict) and value.get("type", old.get("type")) == old.get("type"):
            found[key] = _join(old, value, inside, replaced)
        else:
            found[key] = value
            replaced.append(to_text(inside))
    return found


def _object(trail: Trail, value: Any) -> Any:
    """Return a section or a component as an object, whatever short form it has; None for other keys."""
    if not isinstance(takes_at(trail), Inner | ComponentKey):
        return None
    return value if isinstance(value, dict) else open_container(trail, value)


def _within(path: str, holder: str) -> bool:
    return path == holder or path.startswith((f"{holder}.", f"{holder}["))
