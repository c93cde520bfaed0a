"""Checks of a spec's sweep as it is written: its paths, its ranges, its search and its metric."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from math import prod

from numbann.data.contract import sources
from numbann.errors import shown
from numbann.spec.model import Search, Spec, Sweep, Values
from numbann.spec.trail import Found, Trail, to_text
from numbann.spec.trials import UNSEEN, WRITING, trail_of

TRIALS, BATCH, FACTOR = 20, 8, 3  # where a search says nothing
MOST = 100_000  # points of a grid
OF_SEARCHES = {
    "trials": ("random", "halving", "tpe"),
    "batch": ("tpe",),
    "epochs": ("halving",),
    "factor": ("halving",),
}
OTHER_LOSS = ("loss", "data.target_scale", "data.target", "data.weight", "data.class_weight")  # losses do not compare
OTHER_ROWS = ("data.split", "data.rows")  # whose trials are measured by other rows
NO_MEASURES = ("learning_rate", "seconds", "epoch")  # keys of the history that are no figure of a model


def sweep_faults(spec: Spec, validated: bool) -> Iterator[Found]:
    """Find the faults of a spec's sweep.  validated: whether there is a validation part."""
    sweep = spec.sweep
    assert sweep is not None
    trail: Trail = ("sweep", "parameters")
    if not sweep.parameters:
        yield trail, 'names no key; give one, such as {"optimizer.learning_rate": [0.001, 0.01]}'
    for path, values in sweep.parameters.items():
        yield from _path_faults(path)
        yield from _value_faults((*trail, path), values)
    yield from _search_faults(spec, sweep)
    yield from _metric_faults(sweep, validated)
    yield from _row_faults(spec, sweep)
    if sweep.folds > 1 and "validation" in sources(spec.data.path):
        yield (
            ("sweep", "folds"),
            "folds take the place of the validation part that data.path names; leave one of them out",
        )


def points(values: Values) -> int | None:
    """Return how many values there are; None for all numbers of a range."""
    if values.values is not None:
        return len(values.values)
    if not values.integer or values.log or values.low is None or values.high is None:
        return None
    return int(values.high) - int(values.low) + 1


def size_of(sweep: Sweep) -> int | None:
    """Return how many trials differ; None if there is no end of them."""
    counts = [points(values) for values in sweep.parameters.values()]
    return None if None in counts else prod(count for count in counts if count is not None)


def _path_faults(path: str) -> Iterator[Found]:
    trail = trail_of(path)
    if trail is None:
        yield ("sweep", "parameters", path), f"is no path of a key; {WRITING}"
        return
    reason = UNSEEN.get(str(trail[0])) or UNSEEN.get(to_text(trail))
    if reason:
        yield ("sweep", "parameters", path), f"is no key of a trial: {reason}; leave it out"


def _value_faults(trail: Trail, given: Values) -> Iterator[Found]:
    """Find what is missing, too much or in the wrong order among the keys of one parameter."""
    ends = {"low": given.low, "high": given.high}
    if given.values is not None:
        for key in [
            *(end for end in ends if ends[end] is not None),
            *["log"] * given.log,
            *["integer"] * given.integer,
        ]:
            yield (*trail, key), "is for a range, and there are values; give one of the two"
        for index, value in enumerate(given.values):
            if any(type(one) is type(value) and one == value for one in given.values[:index]):
                yield trail, f"{shown(value)} is listed twice; list it once"
        return
    if given.low is None and given.high is None:
        yield trail, 'has no values; give a list of them, or a range: {"low": 1e-4, "high": 1e-2, "log": true}'
        return
    for end in ends:
        if ends[end] is None:
            yield (*trail, end), "missing; give a number, which is in the range, too"
        elif given.integer and ends[end] != int(ends[end] or 0):
            yield (*trail, end), f"{shown(ends[end])} is not allowed; give a whole number, as integer is true"
    if given.low is None or given.high is None:
        return
    if given.log and given.low <= 0:
        yield (*trail, "low"), f"{shown(given.low)} is not allowed; give a number above 0, as log is true"
    if given.low >= given.high:
        yield (*trail, "high"), f"{shown(given.high)} is not allowed; give a number above low, {shown(given.low)}"


def _search_faults(spec: Spec, sweep: Sweep) -> Iterator[Found]:
    search, trail = sweep.search, ("sweep", "search")
    for key, types in OF_SEARCHES.items():
        if getattr(search, key) is not None and search.type not in types:
            yield (*trail, key), f"is for {' and '.join(types)}, and this is {search.type}; leave it out"
    if search.type == "grid":
        yield from _grid_faults(sweep)
    if search.type == "halving":
        yield from _halving_faults(spec, sweep, search)
    if search.type == "tpe" and find_spec("optuna") is None:
        yield (*trail, "type"), 'tpe needs Optuna: pip install "numbann[sweep]"; or give "random"'


def _grid_faults(sweep: Sweep) -> Iterator[Found]:
    endless = [path for path, values in sweep.parameters.items() if points(values) is None]
    for path in endless:
        yield ("sweep", "parameters", path), 'a grid needs a list of values; give one, or "search": "random"'
    size = size_of(sweep)
    if not endless and size is not None and size > MOST:
        yield ("sweep", "search"), f'the grid has {size} points, more than {MOST}; give fewer values, or "random"'


def _halving_faults(spec: Spec, sweep: Sweep, search: Search) -> Iterator[Found]:
    trials, factor, epochs = search.trials or TRIALS, search.factor or FACTOR, spec.train.epochs
    if "train.epochs" in sweep.parameters or "train" in sweep.parameters:
        path = "train.epochs" if "train.epochs" in sweep.parameters else "train"
        yield ("sweep", "parameters", path), "halving itself says for how many epochs a trial is trained; leave it out"
    if sweep.minutes is not None:
        yield ("sweep", "minutes"), "halving compares all trials of a rung, and time would cut one; leave it out"
    if trials < factor:
        yield ("sweep", "search", "trials"), f"of {trials} trials none can be left out; give {factor} or more"
    if search.epochs is not None and search.epochs >= epochs:
        what = f"{search.epochs} is not allowed; give fewer epochs than train.epochs, {epochs}"
        yield ("sweep", "search", "epochs"), what


def _metric_faults(sweep: Sweep, validated: bool) -> Iterator[Found]:
    trail = ("sweep", "metric")
    if sweep.metric in NO_MEASURES:
        yield trail, f'{shown(sweep.metric)} says nothing of a model; give "validation_loss", or validation_METRIC'
    if sweep.metric.startswith("validation_") and sweep.folds == 1 and not validated:
        yield trail, "needs a validation part, and data.split.validation is 0; give it a share, or give sweep.folds"
    for path in sweep.parameters:
        if sweep.metric.endswith("_loss") and _is_of(path, OTHER_LOSS):
            what = f"losses of trials that differ in {path} do not compare; name a metric, such as validation_accuracy"
            yield trail, what


def _row_faults(spec: Spec, sweep: Sweep) -> Iterator[Found]:
    """Find keys that change which rows a trial is measured by; of folds the mean is over all rows."""
    if sweep.folds > 1 or not sweep.metric.startswith("validation_") or "validation" in sources(spec.data.path):
        return
    drawn = spec.data.split.by is None and spec.data.split.column is None
    for path in sweep.parameters:
        if _is_of(path, OTHER_ROWS) or (path == "seed" and drawn):
            what = f"trials that differ in {path} are measured by other rows, and do not compare"
            yield ("sweep", "parameters", path), f"{what}; leave it out, or measure by all rows: give sweep.folds"


def _is_of(path: str, keys: tuple[str, ...]) -> bool:
    """Whether a path is that of one of some keys, or of a part of it."""
    return any(path == key or path.startswith(f"{key}.") for key in keys)
