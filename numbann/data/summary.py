"""A summary of a source: for each column its kind, what it holds, and what will be made of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from numbann.data.choices import Choice
from numbann.data.columns import Column, Numbers
from numbann.data.contract import ScaleNames
from numbann.data.encoding import Encoding
from numbann.data.findings.sample import counts_of
from numbann.data.layout import Layout
from numbann.data.table import Raw
from numbann.data.tasks.task import Task
from numbann.data.wording import counted, quoted, shortened
from numbann.records import dataclass

EXAMPLES = 3


@dataclass(frozen=True)
class ColumnSummary:
    """One column.  distinct: how many values it has; becomes: for a network."""

    name: str
    kind: str
    missing: int
    distinct: int
    holds: str
    becomes: str


def summarize(
    raw: Raw, layout: Layout, task: Task | None, scale: ScaleNames, others: Sequence[str]
) -> Iterator[ColumnSummary]:
    """Yield a summary of each feature and target.  scale: what "auto" stands for; others: columns that are neither."""
    encoding = layout.encoding()
    for name, choice in layout.choices.items():
        chosen = replace(choice, scale=scale) if choice.scale == "auto" else choice
        yield _summary(name, _column(raw, name), _becomes(name, chosen, encoding))
    for name, column in raw.targets.items():
        yield _summary(name, column, f"the target: {task}")
    yield from (ColumnSummary(name, "", 0, 0, "", "left out") for name in others)


def _column(raw: Raw, name: str) -> Column:
    if name in raw.table.texts:
        return raw.table.texts[name]
    return Numbers(raw.table.column(slice(None), raw.table.number_names.index(name)), whole=False)


def _summary(name: str, column: Column, becomes: str) -> ColumnSummary:
    missing = int(column.missing.sum())
    if not isinstance(column, Numbers):
        common = sorted(zip(-counts_of(column), column.values, strict=True))[:EXAMPLES]
        examples = ", ".join(quoted(text) for _, text in common)
        holds = examples + (", ..." if len(column.values) > EXAMPLES else "")
        return ColumnSummary(name, "text", missing, len(column.values), holds, becomes)
    there = column.values[~column.missing]
    holds = f"{there.min():.6g} to {there.max():.6g}" if len(there) else ""
    kind = "true or false" if column.values.dtype.kind == "b" else "numbers"
    return ColumnSummary(name, kind, missing, len(np.unique(there)), holds, becomes)


def _becomes(name: str, choice: Choice, encoding: Encoding) -> str:
    """Say which inputs a feature becomes."""
    place = encoding.places[name]
    inputs = counted(place.stop - place.start, "input")
    if name in encoding.categories:
        known = encoding.categories[name]
        return f"{inputs}, {'-1 and 1' if known.inputs < len(known) else 'one-hot'}"
    scale = choice.scale if isinstance(choice.scale, str) else shortened(choice.scale)
    kind = f"{choice.code}, {scale}" if choice.code else scale
    bins = sum(len(encoding.bins[column]) for column in encoding.columns_of(name) if column in encoding.bins)
    others = [counted(bins, "bin")] * bool(bins) + ["one where missing"] * (name in encoding.indicated)
    return ", ".join((inputs, kind, *others))
