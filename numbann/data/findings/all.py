"""All findings about the data of a spec, in one order: columns, target, parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from numbann.data.columns import Texts
from numbann.data.findings.features import feature_findings, folded_findings
from numbann.data.findings.finding import Finding
from numbann.data.findings.parts import file_findings, row_findings, size_findings
from numbann.data.findings.sample import Sample
from numbann.data.findings.target import leak_findings, target_findings
from numbann.data.layout import Layout
from numbann.data.table import Raw, RowSelection, count_of
from numbann.data.tasks.task import Task


def find(
    parts: Mapping[str, tuple[Raw, RowSelection]], task: Task, layout: Layout, digests: Mapping[str, str]
) -> tuple[Finding, ...]:
    """Return the findings.  digests: the hash of the files of each part."""
    return tuple(_find(parts, task, layout, digests))


def _find(
    parts: Mapping[str, tuple[Raw, RowSelection]], task: Task, layout: Layout, digests: Mapping[str, str]
) -> Iterator[Finding]:
    raw, _ = parts["train"]
    sample = Sample(raw)
    yield from feature_findings(sample, dict(layout.choices))
    yield from folded_findings(layout.categories)
    yield from target_findings(raw, task)
    if len(raw.targets) == 1:
        column = next(iter(raw.targets.values()))
        values = column.codes if isinstance(column, Texts) else column.values
        labelled = task.name == "classification"
        yield from leak_findings(sample.columns(), np.asarray(values[sample.rows], np.float64), labelled)
    yield from size_findings({part: count_of(rows, len(raw.table)) for part, (raw, rows) in parts.items()})
    yield from file_findings(digests)
    if len(set(digests.values())) == len(digests):
        yield from row_findings(parts)
