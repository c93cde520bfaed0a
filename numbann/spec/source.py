"""The source of a spec: a file or a dict, its text, its lines, and the overrides."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from numbann.data.contract import GIVEN
from numbann.data.path import STANDARD_INPUT, standard_input
from numbann.data.readers import format_of
from numbann.errors import SpecError, SpecFault
from numbann.records import dataclass
from numbann.spec.read import MAX_BYTES, parse
from numbann.spec.trail import Trail, from_text, to_text


@dataclass(frozen=True)
class SpecSource:
    """The origin of a spec.

    name: the file's name for messages, empty for a dict.  base: the folder that input paths are relative to.
    lines: the line of each path, empty for a dict.  files: the file of each path that is of a spec which this one
    extends.  overridden: the trails that overrides have set.  piped: it came on standard input.
    """

    name: str
    text: str
    base: Path
    lines: Mapping[str, int] = field(default_factory=dict, repr=False)
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    overridden: tuple[Trail, ...] = ()
    piped: bool = False

    def line(self, path: str) -> int | None:
        """Return the line of a path, or of the nearest object around it; None for a dict and for overridden values."""
        if path and self._setting(from_text(path) or (path,)):
            return None
        return self.lines.get(self._known(path))

    def file(self, path: str) -> str:
        """Return the file that a path is of, as `line` does."""
        return self.files.get(self._known(path), self.name)

    def _known(self, path: str) -> str:
        """Return the path, or that of the nearest object around it that has a line."""
        while path and path not in self.lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return path

    def fault(self, trail: Trail, message: str) -> SpecFault:
        """Return a fault at this trail, with its line, or with the override that set the value."""
        setting = self._setting(trail)
        if setting is not None:
            inner = "" if trail == setting else f"{to_text(trail)}: "  # an override may set a whole object
            return SpecFault(told_of(to_text(setting)), inner + message)
        path = to_text(trail)
        return SpecFault(path, message, self.line(path), self.file(path))

    def _setting(self, trail: Trail) -> Trail | None:
        """Return the override that set a trail or created the object at it; None if there is none."""
        made = to_text(trail) not in self.lines
        return next(
            (
                setting
                for setting in self.overridden
                if trail[: len(setting)] == setting or (made and setting[: len(trail)] == trail)
            ),
            None,
        )


def open_source(source: str | Path | Mapping[str, Any]) -> tuple[SpecSource, Any]:
    """Open a spec, and return its source and its parsed value; SpecError if it is unreadable or not strict JSON."""
    if isinstance(source, Mapping):
        text = as_text(source)
        return SpecSource("", text, Path.cwd()), parse(text)[0]
    if not isinstance(source, str | Path):
        what = f"{type(source).__name__} is no spec; give the path of a JSON file, or a dict"
        raise SpecError([SpecFault("", f"{what}; rows go beside it: train(spec, data=rows)")])
    path = Path(source).expanduser()
    piped = standard_input() if str(source) == STANDARD_INPUT else None
    content, name = (piped.open().read(), piped.name) if piped else (_bytes(path), str(path))
    value, lines = parse(content, name)
    return SpecSource(name, content.decode("utf-8-sig"), path.absolute().parent, lines, piped=bool(piped)), value


def is_spec(file: Path) -> bool:
    """Tell whether a file is a spec: a JSON object with a part that specs have."""
    if file.suffix.lower() != ".json" or not file.is_file():
        return False
    try:
        value, _ = parse(_bytes(file))
    except SpecError:
        return False
    return isinstance(value, dict) and bool({"data", "model", "extends"} & set(value))


def make_absolute(path: Any, base: Path) -> Any:
    """Make every file among the values of a spec absolute."""
    if isinstance(path, dict):
        return {key: make_absolute(inner, base) for key, inner in path.items()}
    if isinstance(path, list):
        return [make_absolute(inner, base) for inner in path]
    names_file = isinstance(path, str) and path not in ("", STANDARD_INPUT, GIVEN)
    return str(base / Path(path).expanduser()) if names_file else path


def told_of(path: str) -> str:
    """Return how messages name the override of a path; the command line says what was typed in its place."""
    return f'overrides["{path}"]'


def as_text(value: Any) -> str:
    """Return a Python value as JSON text, paths as strings; SpecError if JSON cannot represent it."""
    try:
        return json.dumps(value, default=_plain, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    except (TypeError, ValueError, RecursionError) as error:
        rows = ", and rows as train(spec, data=rows)" if isinstance(error, TypeError) else ""
        words = f"is no JSON: {error}; give what a JSON file can hold{rows}"
        raise SpecError([SpecFault("", words)]) from None


def _plain(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")


def _bytes(path: Path) -> bytes:
    """Read the content of a spec file."""
    if os.path.isdir(path):
        raise _unreadable(path, "is a directory; name the spec file in it")
    if not os.path.exists(path):
        raise _unreadable(path, "no such file; name a spec, a JSON file")
    if format_of(str(path), "auto") is not None:
        raise _unreadable(path, "is data, not a spec; `numbann init FILE --target COLUMN` writes a spec for it")
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
