"""Reading a source, whatever its format: which reader, which files.  Each format's own rules are in its own file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numbann.data.readers.delimited import read_delimited
from numbann.data.readers.files import InputFile, find, standard_input
from numbann.data.readers.idx import read_idx
from numbann.data.readers.npz import MEMBER, find_array, read_npy, read_npz
from numbann.data.reading import Reading
from numbann.data.table import Raw
from numbann.data.wording import listed, nearest, quoted
from numbann.errors import DataError

FORMAT_OF_ENDING = {".csv": "csv", ".tsv": "tsv", ".npz": "npz", ".npy": "npy"}
TELLING_ENDINGS = (*FORMAT_OF_ENDING, ".parquet")
FORMATS = ("csv", "tsv", "npz", "npy", "idx")
PAIRS = {("images", "labels"): "idx", ("x", "y"): "npy"}
STANDARD_INPUT = "-"


@dataclass(frozen=True)
class FoundSource:
    """The files of one source and its format; `labels` where they lie in a file of their own."""

    format: str
    data: InputFile
    labels: InputFile | None = None

    @property
    def files(self) -> tuple[InputFile, ...]:
        return (self.data,) if self.labels is None else (self.data, self.labels)

    @property
    def brings_labels(self) -> bool:
        """Whether labels come with the path, so that no target is named."""
        return self.format in ("npy", "idx")


def find_source(given: Any, base: Path, format: str, key: str | None, need_target: bool = True) -> FoundSource:
    """The source that a path or an object of paths means."""
    if isinstance(given, Mapping):
        return _find_pair(given, base, format, key, need_target)
    if not isinstance(given, str | Path):
        raise DataError(f"{quoted(given)} is no source; give a path, or an object of paths", key=key)
    return _find_file(str(given), base, format, key, need_target)


def read_source(source: FoundSource, reading: Reading, need_target: bool = True) -> Raw:
    """Read the chosen columns of a source."""
    if source.format == "idx":
        return read_idx(source.data, source.labels if need_target else None, reading)
    if source.format == "npy":
        return read_npy(source.data, source.labels if need_target else None, reading)
    if source.format == "npz":
        return read_npz(source.data, reading, need_target)
    return read_delimited(source.data, source.format, reading, need_target)


def find_new_source(given: Any, base: Path, format: str, need_target: bool) -> FoundSource:
    """A source for a trained model: `-` is a CSV table on standard input; an unknown ending has the training format."""
    if given == STANDARD_INPUT:
        return FoundSource("csv", standard_input())
    telling = isinstance(given, Mapping) or MEMBER in str(given) or _ending_of(str(given)) in TELLING_ENDINGS
    return find_source(given, base, "auto" if telling else format, None, need_target)


def _ending_of(name: str) -> str:
    return Path(name.lower().removesuffix(".gz")).suffix


def _find_file(name: str, base: Path, format: str, key: str | None, need_target: bool) -> FoundSource:
    if MEMBER in name.lower():
        format = "npy"
    found = _format(name, format, key)
    if need_target and found in ("npy", "idx"):
        pair = '{"images": FILE, "labels": FILE}' if found == "idx" else '{"x": FILE, "y": FILE}'
        raise DataError(f"{name} brings no labels; give {pair}", key=key)
    return FoundSource(found, find_array(name, base, key) if found == "npy" else find(name, base, key))


def _format(name: str, format: str, key: str | None) -> str:
    if format != "auto":
        if format not in FORMATS:
            hint = nearest(format, FORMATS) or ";"
            raise DataError(f"unknown format {quoted(format)}{hint} known: {listed(FORMATS)}", key="data.format")
        return format
    ending = _ending_of(name)
    if ending == ".parquet":
        raise DataError(f"{name}: Parquet is not readable yet; readable: {listed(FORMATS)} (save it as CSV)", key=key)
    if ending not in FORMAT_OF_ENDING:
        raise DataError(
            f"{name}: the ending {quoted(ending)} tells no format; set data.format to one of {listed(FORMATS)}, "
            'or give {"images": ..., "labels": ...} for IDX',
            key=key,
        )
    return FORMAT_OF_ENDING[ending]


def _find_pair(given: Mapping[str, Any], base: Path, format: str, key: str | None, need_target: bool) -> FoundSource:
    for (data, labels), found in PAIRS.items():
        if data in given and set(given) <= {data, labels} and (labels in given or not need_target):
            if format not in ("auto", found):
                raise DataError(f"{data} and {labels} are not {quoted(format)}; leave it out", key="data.format")
            files = {part: _find_part(given[part], base, found, key and f"{key}.{part}") for part in given}
            return FoundSource(found, files[data], files.get(labels))
    raise DataError(
        f'an object with {listed(sorted(given))} is no source; give {{"images", "labels"}} or {{"x", "y"}}', key=key
    )


def _find_part(given: Any, base: Path, format: str, key: str | None) -> InputFile:
    if not isinstance(given, str | Path):
        raise DataError(f"{quoted(given)} is no path; give the name of a file", key=key)
    return find_array(str(given), base, key) if format == "npy" else find(str(given), base, key)
