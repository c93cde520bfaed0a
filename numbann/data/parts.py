"""The parts of the data: rows of their own sources, or of the training source by shares, order, groups or a column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from numbann.data.columns import Column, Numbers, Texts, as_texts
from numbann.data.contract import PARTS, shares
from numbann.data.dates import parse_dates
from numbann.data.split import (
    fold_groups,
    fold_in_order,
    fold_rows,
    sample_groups,
    sample_rows,
    split_groups,
    split_in_order,
    split_rows,
)
from numbann.data.table import Raw, RowSelection, count_of
from numbann.data.tasks.task import Task
from numbann.data.wording import counted, quoted
from numbann.errors import DataError

Parts = dict[str, tuple[Raw, RowSelection]]
MOST_STRATA = 50  # numbers with more values are not kept in proportion in a sample


def parts_of(raws: Mapping[str, Raw], section: Mapping[str, Any], seed: int, strata: Task | None) -> Parts:
    """Return the rows of each part with their source.  strata: the classes to stratify by."""
    train = raws["train"]
    whole: Parts = {part: (raw, slice(None)) for part, raw in raws.items()}
    held = shares(section["path"], section["split"])
    name = section["split"].get("column")
    if name is not None:
        rows = _named(train, name)
        for part in rows.keys() & raws.keys() - {"train"}:
            what = f"{quoted(name)} has rows of {part}, which has a source of its own"
            raise DataError(f"{what}; leave one of them out", key="data.split.column")
    elif not any(held.values()):
        return whole
    else:
        rows = _shared(train, section["split"], held, seed, strata)
    parts = whole | {part: (train, chosen) for part, chosen in rows.items()}
    return {part: parts[part] for part in PARTS if part in parts}


def _shared(
    train: Raw, split: Mapping[str, Any], held: Mapping[str, float], seed: int, strata: Task | None
) -> dict[str, np.ndarray]:
    """Return the rows of each part by shares."""
    if split.get("by") is not None:
        return split_in_order(len(train.table), held, _order(train, split["by"]))
    if split.get("group") is not None:
        return split_groups(_groups(train, split["group"], slice(None)), held, seed, split["group"])
    classes = None if strata is None else strata.encode(strata.original(train), "label", "int64")
    return split_rows(len(train.table), held, seed, classes)


class Fold(NamedTuple):
    """Places of rows in the training part, sorted: those that train a model, and those that it is measured by."""

    train: np.ndarray
    validation: np.ndarray


def folds_of(
    raw: Raw, rows: RowSelection, split: Mapping[str, Any], count: int, seed: int, repetition: int, strata: Task | None
) -> list[Fold]:
    """Return the folds of the training part, whose rows these are.  strata: the classes to stratify by.

    By the order of a column each fold is measured by rows that come after all that it trains on.
    """
    total = count_of(rows, len(raw.table))
    if split.get("by") is not None:
        inside = np.full(len(raw.table), -1)
        inside[rows] = np.arange(total)
        order = inside[_order(raw, split["by"])]
        stretches = fold_in_order(order[order >= 0], count)
        return [Fold(np.sort(np.concatenate(stretches[:k])), stretches[k]) for k in range(1, count + 1)]
    if split.get("group") is not None:
        name = split["group"]
        held = fold_groups(_groups(raw, name, rows), count, seed, repetition, name)
    else:
        classes = None if strata is None else strata.encode(strata.original(raw)[rows], "label", "int64")
        held = fold_rows(total, count, seed, repetition, classes)
    return [Fold(np.delete(np.arange(total), one), one) for one in held]


def _groups(raw: Raw, name: str, rows: RowSelection) -> np.ndarray:
    """Return the group of each of some rows, from 0; a row without one is a group of its own."""
    column = as_texts(raw.keys[name])
    groups = np.where(column.missing, -1 - np.arange(len(column)), column.codes)[rows]
    return np.unique(groups, return_inverse=True)[1]


def group_of(raw: Raw, name: str | None, rows: RowSelection) -> np.ndarray | None:
    """Return the group of some rows (n,), from 0, if a column names them."""
    return None if name is None else _groups(raw, name, rows)


def group_notes(parts: Parts, name: str | None) -> tuple[str, ...]:
    """Return a note of the groups of the training part, if there are any."""
    if name is None:
        return ()
    sizes = np.unique(_groups(parts["train"][0], name, parts["train"][1]), return_counts=True)[1]
    found = f"{counted(len(sizes), 'group')} of {quoted(name)}, of {sizes.min()} to {sizes.max()} rows"
    return (f"group: train has {found}",)


def _order(raw: Raw, name: str) -> np.ndarray:
    """Return the rows (N,) in the order of a column of numbers or dates."""
    column = raw.keys[name]
    values = column.values if isinstance(column, Numbers) else _dates(column)
    lacking = column.missing if isinstance(column, Numbers) else np.isnat(values)
    if lacking.any():
        row = np.argmax(lacking)
        what = f"{quoted(column.original[row])} is no number and no date like 2024-12-31, by which rows can be in order"
        raise raw.fault(row, name, what, "data.split.by")
    return np.argsort(values, kind="stable")


def _dates(column: Texts) -> np.ndarray:
    return np.append(parse_dates(column.values, ""), np.datetime64("NaT"))[column.codes]


def _named(raw: Raw, name: str) -> dict[str, np.ndarray]:
    """Return the rows of each part that a column names."""
    column = as_texts(raw.keys[name])
    names = [text.lower() for text in column.values]
    part_of = np.array([*(PARTS.index(text) if text in PARTS else -1 for text in names), -1])[column.codes]
    if (part_of < 0).any():
        row = np.argmax(part_of < 0)
        what = f"{quoted(column.original[row])} is no part; write {', '.join(PARTS[:-1])} or {PARTS[-1]}"
        raise raw.fault(row, name, what, "data.split.column")
    found = {part: np.flatnonzero(part_of == number) for number, part in enumerate(PARTS)}
    if not len(found["train"]):
        raise DataError(f"{quoted(name)} names no row of the training part", key="data.split.column")
    return {part: rows for part, rows in found.items() if len(rows)}


def sampled(raw: Raw, asked: float | None, seed: int, group: str | None = None) -> Raw:
    """Return some rows of a source, in the proportions of its classes or of whole groups, if the spec asks for some."""
    if asked is None or asked == 1:
        return raw
    if isinstance(asked, int) and asked >= len(raw.table):
        return raw.noted(f"rows: all {len(raw.table)} are used, no more than data.rows ({asked})")
    if group is None:
        chosen = sample_rows(len(raw.table), asked, seed, _strata(raw))
    else:
        chosen = sample_groups(_groups(raw, group, slice(None)), asked, seed)
    return raw.take(chosen).noted(f"rows: {len(chosen)} of {len(raw.table)} rows are used (data.rows)")


def _strata(raw: Raw) -> np.ndarray | None:
    """Return the class (N,) of each row, if one target has classes."""
    columns: list[Column] = list(raw.targets.values())
    if len(columns) != 1:
        return None
    values = columns[0].codes if isinstance(columns[0], Texts) else columns[0].values
    distinct, classes = np.unique(values, return_inverse=True)
    return classes if len(distinct) <= MOST_STRATA else None
