"""Findings about the parts: rows of one that are in another, too, and files that are the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from numbann.data.columns import Column, Texts
from numbann.data.contract import HELD_BACK
from numbann.data.findings.finding import Finding
from numbann.data.ordered import are_among, sort_distinct
from numbann.data.table import Raw, RowSelection

MOST_CELLS = 4_000_000  # above, rows are not compared
LEAST_SHARE = 0.01  # of the rows held back
LEAST_DISTINCT = 0.5  # of the training rows; where most are there several times, so are those held back


def file_findings(digests: Mapping[str, str]) -> Iterator[Finding]:
    """Find parts whose files are the same.  digests: the hash of the files of each part."""
    seen: dict[str, str] = {}
    for part, digest in digests.items():
        other = seen.setdefault(digest, part)
        if other != part:
            yield Finding("files", "", f"the files of {other} and {part} are the same, so {part} measures nothing new")


def size_findings(sizes: Mapping[str, int]) -> Iterator[Finding]:
    """Find parts of one row that are to measure something.  sizes: the number of rows of each part."""
    for part in HELD_BACK:
        if sizes.get(part) == 1:
            what = f"the {part} part has one row, which measures nothing"
            yield Finding("small", "", f"{what}; give it more rows (data.split.{part}), or none")


def row_findings(parts: Mapping[str, tuple[Raw, RowSelection]]) -> Iterator[Finding]:
    """Find rows of a part that the training part has, too, with the same target."""
    tables = {id(raw): raw for raw, _ in parts.values()}
    cells = sum(len(raw.table) * len(raw.table.names) for raw in tables.values())
    if cells > MOST_CELLS or len(parts) < 2 or any(raw.table.stored for raw in tables.values()):
        return
    known: dict[str, dict[str, int]] = {}
    hashes = {key: _hashes(raw, known) for key, raw in tables.items()}
    raw, rows = parts["train"]
    train, count = sort_distinct(hashes[id(raw)][rows]), len(hashes[id(raw)][rows])
    again = {
        name: int(are_among(hashes[id(raw)][rows], train).sum())
        for name, (raw, rows) in parts.items()
        if name != "train"
    }
    total = sum(len(hashes[id(raw)][rows]) for raw, rows in parts.values()) - count
    if sum(again.values()) > max(1, LEAST_SHARE * total) and len(train) > LEAST_DISTINCT * count:
        shown = " and ".join(f"{rows} rows of the {name} part" for name, rows in again.items() if rows)
        what = f"{shown} are in the training part, too, inputs and target"
        yield Finding("duplicates", "", f"{what}; leave them out, or split by groups (data.split.group)")


def _hashes(raw: Raw, known: dict[str, dict[str, int]]) -> np.ndarray:
    """Return a number (N,) for each row that depends on all of its cells.  known: codes of texts, for all sources."""
    total = np.zeros(len(raw.table), np.uint64)
    columns = [raw.table.column(slice(None), place) for place in range(len(raw.table.number_names))]
    texts: list[tuple[str, Column]] = [*raw.table.texts.items(), *raw.targets.items()]
    for name, column in texts:
        columns.append(_codes(column, known.setdefault(name, {})) if isinstance(column, Texts) else column.values)
    for place, values in enumerate(columns):
        bits = (values.astype(np.float64) + 0.0).view(np.uint64)  # -0 as 0
        mixed = (bits ^ (bits >> np.uint64(29))) * np.uint64(0x9E3779B97F4A7C15 + 2 * place)
        total = (total ^ mixed ^ (mixed >> np.uint64(32))) * np.uint64(0xBF58476D1CE4E5B9)
    return total


def _codes(column: Texts, known: dict[str, int]) -> np.ndarray:
    codes = [known.setdefault(text, len(known)) for text in column.values]
    return np.array([*codes, -1])[column.codes]
