"""Keeps large tables of text as they were read, so that the next training on them does not read them again.

A file is named by the hash of the table's bytes, of the settings that it is read by, and of the readers themselves, so
it is never stale.  It holds arrays and JSON, which no one executes, and a damaged one counts as missing.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from numbann.caches import NOWHERE, private_folder, write
from numbann.data.columns import Column, Numbers, Texts
from numbann.data.delimited.header import open_table
from numbann.data.files import Files
from numbann.data.joining import read_source
from numbann.data.reading import Reading
from numbann.data.table import Raw, Table
from numbann.errors import CacheWarning, DataError

FORMATS = ("csv", "tsv", "jsonl")  # the formats that take much longer to read than to hash
SMALLEST = 1 << 20  # bytes of a source on the disk
WORTH = 0.25  # seconds of reading
FOLDER = "tables"
LIMIT = "NUMBANN_TABLES_MB"  # the variable that says how many megabytes all tables may take
USUAL_LIMIT = 2000
READERS = (Path(__file__).parent, Path(__file__).parents[1] / "simd" / "cells.py")


def read_kept(source: Files, reading: Reading) -> Raw:
    """Return the raw rows of a source; those that take long to read are kept, and are found here the next time."""
    if source.format.name not in FORMATS or not limit():
        return read_source(source, reading)
    stamps = [file.stamp() for file in source.all]
    if sum(file.size for file in source.all) < SMALLEST:
        return read_source(source, reading)
    try:
        path = _folder() / f"{_key(source, reading)}.npz"
    except DataError:  # which reading it tells in its place
        return read_source(source, reading)
    if (found := _load(path, source, reading)) is not None:
        return found
    begun = perf_counter()
    raw = read_source(source, reading)
    if perf_counter() - begun >= WORTH and stamps == [file.stamp() for file in source.all]:
        _store(path, raw, reading)
    return raw


def limit() -> int:
    """Return the bytes that all tables may take."""
    given = os.environ.get(LIMIT) or str(USUAL_LIMIT)
    if not given.isdecimal():
        raise DataError(f"{LIMIT} is {given!r}; give the megabytes that tables may take, or 0 to keep none")
    return int(given) * 10**6


@functools.cache
def _folder() -> Path:
    """Return the folder of tables, which may not exist; checked once, when it is first asked for."""
    folder, reason = private_folder(FOLDER)
    if reason:
        message = f"tables are not kept between runs: {reason}, or name another folder in NUMBANN_CACHE_DIR"
        warnings.warn(message, CacheWarning, stacklevel=2)
        return NOWHERE
    return folder


@functools.cache
def _readers() -> str:
    """Return the hash of the sources of everything that reads."""
    digest = hashlib.sha256()
    for place in READERS:
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _key(source: Files, reading: Reading) -> str:
    """Return the name of a table, by all that decides what is read but the columns that hold numbers: see _suits.

    A spec that leaves its delimiter open and the same one with every "auto" resolved name the same table.
    """
    delimiters = source.format.delimiters
    found = [open_table(file, delimiters, reading).delimiter for file in source.all if delimiters]
    settings = asdict(replace(reading, format="", delimiter="", origin="", numeric=()))
    what = _readers(), source.format.name, [file.sha256 for file in source.all], found, settings
    return hashlib.sha256(repr(what).encode()).hexdigest()[:32]


def _suits(numeric: Sequence[str], raw: Raw, reading: Reading) -> bool:
    """Tell whether a table that was read with some columns as numbers is what a reading gives.

    Where another column was free to hold codes and holds numbers, it would hold them in any case.
    """
    texts = {*raw.table.texts, *(name for name, column in raw.targets.items() if isinstance(column, Texts))}
    return set(numeric) <= set(reading.numeric) and texts.isdisjoint(set(reading.numeric) - set(numeric))


# ---- files


def _store(path: Path, raw: Raw, reading: Reading) -> None:
    """Keep a table, and remove those that were used longest ago if all would take too much."""
    arrays = _arrays(raw, reading)
    size = sum(array.nbytes for array in arrays)
    if size <= limit():
        _make_room(path.parent, limit() - size)
        write(path, lambda file: np.savez(file, *arrays))


def _make_room(folder: Path, most: int) -> None:
    """Remove files, those that were used longest ago first, until the others take no more than `most` bytes."""
    with suppress(OSError):
        found = [(path, path.stat()) for path in folder.iterdir()]
        for path, stat in sorted(found, key=lambda pair: -pair[1].st_mtime_ns):
            most -= stat.st_size
            if most < 0:
                path.unlink(missing_ok=True)


def _load(path: Path, source: Files, reading: Reading) -> Raw | None:
    """Read a table, and note that it was used; None if it is missing or damaged in any way."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = [stored[f"arr_{number}"] for number in range(len(stored))]
        header = json.loads(arrays[0].tobytes())
        raw = _raw(header, arrays, source, reading)
        os.utime(path)
        return raw if _suits(header["numeric"], raw, reading) else None
    except Exception:  # a damaged archive may raise any error
        return None


def _arrays(raw: Raw, reading: Reading) -> list[np.ndarray]:
    """Return everything that was read as arrays: first names and texts as JSON, then the numbers, then columns."""
    arrays = [raw.table.block(slice(None))]

    def add(column: Column) -> dict[str, Any]:
        arrays.append(column.codes if isinstance(column, Texts) else column.values)
        more = {"values": column.values} if isinstance(column, Texts) else {"whole": column.whole}
        return {"array": len(arrays), **more}

    def add_all(columns: Mapping[str, Column]) -> dict[str, Any]:
        return {name: add(column) for name, column in columns.items()}

    header = {
        "names": raw.table.names,
        "texts": add_all(raw.table.texts),
        "targets": add_all(raw.targets),
        "keys": add_all(raw.keys),
        "weight": None if raw.weight is None else add(raw.weight),
        "delimiter": raw.delimiter,
        "numeric": reading.numeric,
    }
    return [np.frombuffer(json.dumps(header).encode(), np.uint8), *arrays]


def _raw(header: Mapping[str, Any], arrays: Sequence[np.ndarray], source: Files, reading: Reading) -> Raw:
    """Return what `_arrays` was given; where a row stands is found by reading the source again."""
    again = functools.cache(lambda: read_source(source, reading))

    def column(given: Mapping[str, Any]) -> Column:
        array = arrays[given["array"]]
        return Texts(array, tuple(given["values"])) if "values" in given else Numbers(array, given["whole"])

    def columns(given: Mapping[str, Any]) -> dict[str, Any]:
        return {name: column(one) for name, one in given.items()}

    return Raw(
        Table(tuple(header["names"]), arrays[1], columns(header["texts"])),
        columns(header["targets"]),
        lambda row: again().place(row),
        header["delimiter"],
        weight=None if header["weight"] is None else column(header["weight"]),
        keys=columns(header["keys"]),
    )
