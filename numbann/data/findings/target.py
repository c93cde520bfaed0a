"""Findings about the target: labels that are too many, too rare, alike, or all the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from numbann.data.columns import Numbers, Texts
from numbann.data.findings.features import case_findings
from numbann.data.findings.finding import Finding
from numbann.data.ordered import sort_distinct
from numbann.data.table import Raw
from numbann.data.tasks.task import Task
from numbann.data.wording import counted, listed, quoted

FEWEST = 10  # rows of a class on average, below which it is said
NOTHING = {"", "-", "--", ".", "?", "n/a", "#n/a", "na", "nan", "none", "null", "nil", "missing"}  # in small letters
FEWEST_ROWS = 50  # below which nothing is said of columns that tell the target, and of its skewness
SKEWED = "skewed"
MOST_ROWS = 20_000  # that are looked at
RANGE, SKEW, EVENER = 100, 4.0, 6.0  # the largest target over the least, its skewness, and that over its logarithm's


def target_findings(raw: Raw, task: Task) -> Iterator[Finding]:
    """Find what is strange about the target columns."""
    for name, column in raw.targets.items():
        if isinstance(column, Numbers) and task.name == "regression":
            if len(column) > 1 and (column.values == column.values[0]).all():
                what = f"the target {quoted(name)} is {column.values[0]:g} in all rows; there is nothing to learn"
                yield Finding("constant", name, what)
            elif _skewed(column.values):
                low, high = column.values.min(), column.values.max()
                what = f"the target {quoted(name)} goes from {low:g} to {high:g}, most of it near the low end"
                yield Finding(SKEWED, name, f'{what}; try data.target_scale "log"')
        elif isinstance(column, Texts) and task.classes_or_pairs:
            yield from case_findings(name, column, "classes")
            for text in (text for text in column.values if text.lower() in NOTHING):
                what = f"the class {quoted(text)} of {quoted(name)} looks like a missing label"
                yield Finding("classes", name, f"{what}; if it is one, leave such rows out")
    counts = task.class_counts(task.original(raw)) if task.labelled else None
    if counts is None:
        return
    (name,) = task.names
    single = [label for label, count in zip(task.subjects, counts, strict=True) if count == 1]
    if single and len(raw.table) < FEWEST * len(counts):
        what = f"{len(single)} of {len(counts)} classes of {quoted(name)} have one row"
        remedy = 'is it a number ("task": "regression") or an identifier? Then set another target'
        yield Finding("classes", name, f"{what}; {remedy}")
    elif single:
        what = f"{counted(len(single), 'class')} of {quoted(name)} with one row ({listed(single)}) cannot be learned"
        yield Finding("classes", name, f"{what}; leave such rows out, or give more".replace("classs ", "classes "))


def _skewed(values: np.ndarray) -> bool:
    """Tell whether positive values have a tail so long that their logarithms are clearly more even."""
    low, high = np.nanmin(values), np.nanmax(values)
    known = values[:: -(-len(values) // MOST_ROWS)].astype(np.float64)
    known = known[~np.isnan(known)]
    if len(known) < FEWEST_ROWS or not (0 < low <= high / RANGE and np.isfinite(high)):
        return False
    skew, bent = _skewness(known), _skewness(np.log(known))
    return skew > SKEW and abs(bent) < skew / EVENER


def _skewness(values: np.ndarray) -> float:
    deviations = (values - values.mean()) / values.std()
    return float((deviations**3).mean())


def of_scale(findings: Sequence[Finding], target_scale: str) -> tuple[Finding, ...]:
    """Return findings without what another scale of the target mends already, or cannot mend."""
    return tuple(one for one in findings if one.kind != SKEWED or target_scale in ("auto", "standard"))


def leak_findings(columns: Iterator[tuple[str, np.ndarray]], target: np.ndarray, labelled: bool) -> Iterator[Finding]:
    """Find columns that tell the target alone.  target (n,): labels as numbers, or values."""
    if len(sort_distinct(target)) < 2:
        return
    for name, values in columns:
        if (_separates if labelled else _equals)(values, target):
            what = f"column {quoted(name)} alone tells the target; is it known before the target is?"
            yield Finding("leak", name, f'{what} If not, leave it out: "drop": [{quoted(name)}]')


def _separates(values: np.ndarray, labels: np.ndarray) -> bool:
    """Tell whether each class has a range, or values, of its own, each value with several rows on average."""
    distinct, place = np.unique(values, return_inverse=True)  # missing numbers are one value
    order = np.lexsort((labels, place))
    changes = np.flatnonzero(np.diff(labels[order]))
    if (np.diff(place[order])[changes] == 0).any() or len(values) < FEWEST_ROWS:
        return False
    return len(changes) == len(sort_distinct(labels)) - 1 or len(distinct) * 5 <= len(values)


def _equals(values: np.ndarray, target: np.ndarray) -> bool:
    """Tell whether values are the target in another unit."""
    if np.isnan(values).any() or len(values) < FEWEST_ROWS:
        return False
    with np.errstate(all="ignore"):  # of a column, or a target, that is constant or huge
        return bool(abs(np.corrcoef(values, target)[0, 1]) > 1 - 1e-6)
