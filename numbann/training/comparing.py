"""Compares trainings: where their specs differ, and how far apart they are on the same folds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from numbann.data.contract import sources
from numbann.records import dataclass
from numbann.spec.sweeping import OTHER_LOSS
from numbann.training.result import ALONE, ENSEMBLE, VALIDATION, Result, lower_is_better

OTHER_ROWS = (
    *("data.target", "data.task", "data.weight", "data.group", "data.rows"),
    *("data.split.test", "data.split.stratify", "data.split.by", "data.split.group", "data.split.column"),
)
ABSENT = object()  # stands for the value of a key that a spec does not have
BESIDE = ("name", "callbacks")  # keys that say what a run is called and who hears of it, not what it is
UNSAID = (  # what a model's file does not say, since no model depends on it
    *("data.path", "data.format", "data.csv.delimiter"),
    *("train.device", "train.threads", "train.diagnostics", "train.checkpoint_seconds"),
)


@dataclass(frozen=True)
class Difference:
    """How one measure differs over pairs of folds: second minus first.  better: on how many the second is better."""

    mean: float
    deviation: float
    better: int


@dataclass(frozen=True)
class Pairs:
    """Two trainings on the same folds.

    folds: how many both have; of: how many each has.  differences: by measure; empty where no fold is the same.
    """

    folds: int
    of: tuple[int, int]
    differences: Mapping[str, Difference]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "folds": self.folds,
            "of": list(self.of),
            "differences": {name: vars(one) for name, one in self.differences.items()},
        }


def differences(results: Sequence[Result]) -> dict[str, list[Any]]:
    """Return the path of each key on which specs differ, with each one's value; ABSENT if one does not have it."""
    alone = any(one.kind == ALONE or (one.kind == ENSEMBLE and one.path.is_file()) for one in results)
    specs = [{key: value for key, value in one.spec.items() if key not in BESIDE} for one in results]
    left_out = UNSAID if alone else ()
    return {path: values for path, values in _differences("", specs) if path not in left_out}


def _differences(path: str, values: list[Any]) -> Iterator[tuple[str, list[Any]]]:
    first = values[0]
    if all(type(value) is type(first) and value == first for value in values):
        return
    if all(isinstance(value, Mapping) for value in values):
        for key in dict.fromkeys(key for value in values for key in value):
            inner = path if key == "type" else f"{path}.{key}".removeprefix(".")
            yield from _differences(inner, [value.get(key, ABSENT) for value in values])
    elif all(isinstance(value, list) and all(isinstance(one, Mapping) for one in value) for value in values):
        for index in range(max(map(len, values))):
            each = [value[index] if index < len(value) else ABSENT for value in values]
            yield from _differences(f"{path}[{index}]", each)
    else:
        yield path, values


def other_rows(results: Sequence[Result]) -> list[str]:
    """Return the keys by which results were measured by other rows or of other targets, so that no figure compares."""
    found = [key for key in OTHER_ROWS if not _alike(_at(one.spec, key) for one in results)]
    if all(one.digests for one in results):
        files = _alike(list(one.digests) for one in results)
    else:
        files = _alike(_at(one.spec, "data.path") for one in results)
    drawn = any(_at(one.spec, "data.split.by") is _at(one.spec, "data.split.column") is None for one in results)
    named = all("validation" in sources(_at(one.spec, "data.path")) for one in results)
    if drawn and not named and not _alike(one.spec.get("seed") for one in results):
        found.append("seed")
    return ["data.path", *found] if not files else found


def other_validation(results: Sequence[Result]) -> bool:
    """Whether the validation rows differ though the data and its test part do not: of folds, and of shares."""
    measured = [one for one in results if "validation" in one.metrics]
    by_folds = [one.kind in (VALIDATION, ENSEMBLE) for one in measured]
    return len({*by_folds}) > 1 or not _alike(_at(one.spec, "data.split.validation") for one in measured)


def other_losses(results: Sequence[Result]) -> list[str]:
    """Return the keys by which the losses of results mean something else, each in its own."""
    return [key for key in OTHER_LOSS if not _alike(_at(one.spec, key) for one in results)]


def _alike(values: Iterable[Any]) -> bool:
    known = [*values]
    return all(one == known[0] for one in known)


def _at(spec: Any, path: str) -> Any:
    """Return what a spec has at a path; None if it has nothing there."""
    for key in path.split("."):
        spec = spec.get(key) if isinstance(spec, Mapping) else None
    return spec


def pair(first: Result, second: Result) -> Pairs | None:
    """Compare two results over their folds; None if one has none.  An ensemble's folds count, too."""
    if not all(one.folds and one.kind in (VALIDATION, ENSEMBLE) for one in (first, second)):
        return None
    ours, theirs = ({(fold.held_out, fold.repeat): fold.figures for fold in one.folds} for one in (first, second))
    common = [key for key in ours if key in theirs]
    found = {}
    for name in first.folds[0].figures:
        pairs = [(ours[key].get(name), theirs[key].get(name)) for key in common]
        gains = [b - a for a, b in pairs if a is not None and b is not None]
        if gains:
            sign = -1 if lower_is_better(name) else 1
            spread = stdev(gains) if len(gains) > 1 else 0.0
            found[name] = Difference(fmean(gains), spread, sum(sign * gain > 0 for gain in gains))
    return Pairs(len(common), (len(ours), len(theirs)), found)
