"""Finds the files of a source of `data.path`, or all of its faults; shared by `check`, training and prediction."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from glob import glob, has_magic
from pathlib import Path
from typing import Any

from numbann.data.contract import GIVEN, Format, split_array
from numbann.data.files import Files, InputFile, standard_input
from numbann.data.inside import look_inside
from numbann.data.readers import FORMATS, PAIRS, format_of
from numbann.errors import DataError, missing, not_allowed, shown, unknown_key

LONGEST_PATH = 300  # characters that are shown
STANDARD_INPUT = "-"
FILE = "a file name"
OBJECTS = " or ".join(f'{{"{data}": F, "{labels}": F}}' for data, labels in PAIRS)
SOURCE = f"{FILE}, a list of them, {OBJECTS}"
SourceFault = tuple[tuple[str, ...], str]  # the keys that lead to it within the source, and what is wrong


def find_source(given: Any, base: Path, format: str, key: str | None, need_target: bool = True) -> Files:
    """Return the files that a path, a pattern, a list or an object of paths names, relative to `base`."""
    for keys, message in source_faults(given, base, format, need_target):
        raise DataError(message, key=key and ".".join((key, *keys)))
    if given == GIVEN:
        raise DataError("the rows were given in Python; give them again: data=...", key=key)
    found = source_format(given, base, format)
    assert found is not None
    if isinstance(given, Mapping):
        files = [_file(given[name], base, key and f"{key}.{name}") for name in found.pair or () if name in given]
        return Files(found, files[0], files[1] if len(files) > 1 else None)
    first, *others = [_file(name, base, key) for name in _names(given, base)]
    return Files(found, first, more=tuple(others))


def find_new_source(given: Any, base: Path, need_target: bool) -> Files:
    """Return the files of a source for a trained model.

    "-" is a table of text on standard input, and a named pipe is one, too.
    """
    if isinstance(given, str | Path) and str(given) != STANDARD_INPUT and Path(given).is_fifo():
        return Files(FORMATS["csv"], InputFile(str(given), Path(given), content=Path(given).read_bytes()))
    found = source_format(given, base, "auto")
    if found and found.name == "idx" and need_target and isinstance(given, str | Path):
        given = pair_of(Path(given)) or given
    return find_source(given, base, found.name if found and not found.pair else "auto", None, need_target)


def pair_of(file: Path) -> dict[str, str] | None:
    """Return a file of images with the file of labels beside it, if it is named as those of MNIST are."""
    labels = file.with_name(file.name.replace("images", "labels").replace("idx3", "idx1")) if file.name else file
    return {"images": str(file), "labels": str(labels)} if labels != file and labels.is_file() else None


def source_format(given: Any, base: Path, format: str) -> Format | None:
    """Return the format of a source: as format_of does, and where the name tells none, by a look into the file."""
    names = [] if given == GIVEN else _names(given, base)
    if isinstance(given, Mapping) or not names:
        return format_of(given, format)
    found = format_of(names[0], format)
    if found is None and not _file_fault(names[0], base):
        content = look_inside(_file(names[0], base, None))
        return FORMATS.get((content.format or "") if content.words else "csv")
    return found


def _names(given: Any, base: Path) -> list[Any]:
    """Return the names of the files of one table: those of a list, and those that a pattern finds, in order."""
    found: list[Any] = []
    for name in given if isinstance(given, list | tuple) else [given]:
        if isinstance(name, str) and has_magic(name) and not os.path.exists(_located(name, base)):
            there = sorted(glob(str(_located(name, base)), recursive=True))
            found += [str(Path(one).relative_to(base)) if Path(one).is_relative_to(base) else one for one in there]
        elif isinstance(name, str | Path) and str(name):
            found.append(name)
    return found


def _located(name: str | Path, base: Path) -> Path:
    """Return where a file is; ~ is the user's home folder."""
    return base / os.path.expanduser(name)


def source_faults(given: Any, base: Path, format: str, need_target: bool = True) -> Iterator[SourceFault]:
    """Yield every fault of a source that shows without reading it."""
    if isinstance(given, Mapping):
        yield from _pair_faults(given, base, format_of(given, format), need_target)
    elif given is None:
        yield (), missing(SOURCE)
    elif given == GIVEN:
        return
    elif not isinstance(given, str | Path | list | tuple) or not given or not str(given):
        yield (), not_allowed(given, SOURCE)
    else:
        yield from (((), fault) for fault in _name_faults(given, base, format, need_target))


def _name_faults(given: Any, base: Path, format: str, need_target: bool) -> Iterator[str]:
    """Yield the faults of a file name, a pattern or a list of them."""
    several = isinstance(given, list | tuple)
    wrong = [name for name in (given if several else [given]) if not isinstance(name, str | Path) or not str(name)]
    yield from (not_allowed(name, FILE) for name in wrong)
    names = _names(given, base)
    if not names and not wrong:
        yield f"{shown(given, LONGEST_PATH)}: no file in {base.resolve()} is named so; check the pattern and the folder"
    faults = [fault for name in names if (fault := _file_fault(name, base))]
    yield from faults
    if faults or wrong or not names:
        return
    try:
        formats = {name: source_format(name, base, format) for name in names}
    except DataError as error:
        yield str(error)
        return
    for name, found in formats.items():
        if found is None:
            yield _unknown(name, base)
        elif len(names) > 1 and (found.header is None or found != formats[names[0]]):
            yield f"{shown(str(name))} is no table of the format of {shown(str(names[0]))}; only such are joined"
        elif found.pair and need_target:
            yield f"{shown(str(name))} brings no labels; give {OBJECTS}"


def _unknown(name: str | Path, base: Path) -> str:
    """Say what a file is that has no format."""
    content = look_inside(_file(name, base, None))
    return f"{shown(str(name))} is {content.words}; {content.remedy}"


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
    place = _located(name, base)
    if name == STANDARD_INPUT or os.path.isfile(place):  # which takes any text
        return ""
    if "://" in name:
        return f"{shown(name, LONGEST_PATH)} is an address; fetch its file first, and name that"
    if os.path.isdir(place):
        return f"{shown(name)} is a directory; name the file in it"
    if os.path.exists(place):
        return f"{shown(name, LONGEST_PATH)} is a pipe or a device; write its rows to a file, and name that"
    if Path(os.path.expanduser(name)).is_absolute():
        return f"{shown(name, LONGEST_PATH)}: no such file; if it has moved, write down where it is now"
    return f"{shown(name, LONGEST_PATH)}: no such file in {base.resolve()}; check the name and the folder"


def _file(given: str | Path, base: Path, key: str | None) -> InputFile:
    if str(given) == STANDARD_INPUT:
        return standard_input(key)
    name, array = split_array(str(given))
    return InputFile(str(given), _located(name, base), array, key)
