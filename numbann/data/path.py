"""Finds the files of a source of `data.path`, or all of its faults; shared by `check`, training and prediction."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from numbann.data.contract import Format, split_array
from numbann.data.files import Files, InputFile, standard_input
from numbann.data.readers import FORMATS, PAIRS, format_of
from numbann.data.wording import listed
from numbann.errors import DataError, missing, not_allowed, shown, unknown_key

LONGEST_PATH = 300  # characters that are shown
STANDARD_INPUT = "-"
FILE = "a file name"
OBJECTS = " or ".join(f'{{"{data}": F, "{labels}": F}}' for data, labels in PAIRS)
SOURCE = f"{FILE}, {OBJECTS}"
SourceFault = tuple[tuple[str, ...], str]  # the keys that lead to it within the source, and what is wrong


def find_source(given: Any, base: Path, format: str, key: str | None, need_target: bool = True) -> Files:
    """Return the files that a path or an object of paths names, relative to `base`."""
    for keys, message in source_faults(given, base, format, need_target):
        raise DataError(message, key=key and ".".join((key, *keys)))
    found = format_of(given, format)
    assert found is not None
    if not isinstance(given, Mapping):
        return Files(found, _file(given, base, key))
    files = [_file(given[name], base, key and f"{key}.{name}") for name in found.pair or () if name in given]
    return Files(found, *files)


def find_new_source(given: Any, base: Path, format: str, need_target: bool) -> Files:
    """Return the files of a source for a trained model.

    "-" is a CSV table on standard input, and a named pipe is one, too.  A file with an unknown ending has the format of
    the training data.
    """
    if given == STANDARD_INPUT:
        return Files(FORMATS["csv"], standard_input())
    if isinstance(given, str | Path) and Path(given).is_fifo():
        return Files(FORMATS["csv"], InputFile(str(given), Path(given), content=Path(given).read_bytes()))
    return find_source(given, base, "auto" if format_of(given, "auto") else format, None, need_target)


def source_faults(given: Any, base: Path, format: str, need_target: bool = True) -> Iterator[SourceFault]:
    """Yield every fault of a source that shows without reading it."""
    found = format_of(given, format)
    if isinstance(given, Mapping):
        yield from _pair_faults(given, base, found, need_target)
    elif given is None:
        yield (), missing(SOURCE)
    elif not isinstance(given, str | Path) or not str(given):
        yield (), not_allowed(given, SOURCE)
    elif fault := _file_fault(given, base):
        yield (), fault
    elif found is None:
        yield (
            (),
            f"the ending of {shown(str(given))} tells no format; set data.format to one of {listed([*FORMATS])}, or "
            f"give {OBJECTS}",
        )
    elif found.pair and need_target:
        yield (), f"{shown(str(given))} brings no labels; give {OBJECTS}"


def _pair_faults(
    given: Mapping[str, Any], base: Path, found: Format | None, need_target: bool
) -> Iterator[SourceFault]:
    if found is None or found.pair is None:
        yield (), not_allowed(given, SOURCE)
        return
    for name in found.pair:
        if name in given:
            fault = _file_fault(given[name], base)
            yield from [((name,), fault)] if fault else []
        elif need_target or name == found.pair[0]:
            yield (name,), missing(FILE)
    yield from (((name,), unknown_key(name, found.pair)) for name in given if name not in found.pair)


def _file_fault(given: Any, base: Path) -> str:
    """Return what is wrong with a file name, or an empty text."""
    if not isinstance(given, str | Path) or not str(given):
        return not_allowed(given, FILE)
    name, _ = split_array(str(given))
    if os.path.isdir(base / name):  # which takes any text
        return f"{shown(name)} is a directory; name the file in it"
    if os.path.exists(base / name) and not os.path.isfile(base / name):
        return f"{shown(name, LONGEST_PATH)} is a pipe or a device; write its rows to a file, and name that"
    if not os.path.isfile(base / name):
        if Path(name).is_absolute():
            return f"{shown(name, LONGEST_PATH)}: no such file; if it has moved, write down where it is now"
        return f"{shown(name, LONGEST_PATH)}: no such file in {base.resolve()}; check the name and the folder"
    return ""


def _file(given: str | Path, base: Path, key: str | None) -> InputFile:
    name, array = split_array(str(given))
    return InputFile(str(given), base / name, array, key)
