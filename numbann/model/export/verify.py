"""Compares what an exported model predicts with what the model itself predicts, on rows that are given or drawn."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from numbann.data.dates import parse_dates
from numbann.data.encoding import Encoding, Group
from numbann.data.tasks.labels import Labels
from numbann.data.transforms.affine import Affine
from numbann.data.transforms.code import Code
from numbann.data.transforms.codes import ordinal, target
from numbann.data.transforms.dated import BOUNDS, DateCode
from numbann.data.transforms.filling import Filling
from numbann.data.transforms.scales import quantile
from numbann.errors import DataError, ExportError, shown
from numbann.model.outputs import outcome_of

if TYPE_CHECKING:
    from numbann.model.model import Model

ROWS = 1000  # that are drawn
MISSING_SHARE = 0.1  # of the cells of a column that may lack some
TOLERANCE = 1e-5  # of a probability, and of a value relative to the largest one of its column
LONGEST_ROW = 400  # of a message
Cells = dict[str, np.ndarray]


class Check(NamedTuple):
    """A comparison: how many rows, with what, and the largest difference of a number.  Labels are all equal."""

    rows: int
    runtime: str
    difference: float


def verify(model: Model, format: Any, content: Mapping[str, bytes], data: Any, dtype: str) -> Check:
    """Compare predictions; ExportError where they differ.  data: rows as `predict` takes them; None: some are drawn."""
    columns, place = (draw(model, ROWS), _drawn_place) if data is None else columns_of(model, data)
    rows = len(next(iter(columns.values())))
    if not rows:
        raise ExportError("the data to compare on holds no rows")
    for name in columns:
        if columns[name].dtype.kind in "biuf":
            columns[name] = columns[name].astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of categories and missing numbers that training did not have
        expected = answers(model.unrounded, columns)
    found, runtime = format.predict(content, cells_of(model, columns))
    pairs = zip(expected.items(), found.values(), strict=True)  # a column may have taken the name of an answer
    got = {name: np.asarray(values).reshape(want.shape) for (name, want), values in pairs}
    apart = np.max([differences(name, expected, got) for name in expected], axis=0)
    wrong = np.flatnonzero(~(apart <= TOLERANCE))  # NaN, too
    if len(wrong):
        row = int(wrong[0])
        error = ExportError(
            f"nothing is written: {len(wrong)} of {rows} rows would be predicted otherwise; the first is {place(row)}, "
            f"{_row(columns, row)}, for which the model answers {_row(expected, row)}, and the file {_row(got, row)}"
        )
        error.exit_code = 1
        raise error
    return Check(rows, runtime, float(apart.max()))


def _drawn_place(row: int) -> str:
    return f"row {row + 1} of those drawn"


def _row(columns: Mapping[str, Any], row: int) -> str:
    """Return a row as JSON, numbers with the digits that are compared."""
    return shown({name: _plain(np.asarray(values)[row]) for name, values in columns.items()}, LONGEST_ROW)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [_plain(one) for one in value]
    return float(f"{value:.8g}") if isinstance(value, float | np.floating) else getattr(value, "item", lambda: value)()


def answers(model: Model, columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what the model answers, by the names that an exported model gives its answers."""
    task = model.preprocessing.task
    if isinstance(task, Labels):
        labels = model.predict(columns)
        named = {"label": labels} if labels.dtype != object else {}
        named = named or {f"label_{name}": column for name, column in zip(task.names, labels.T, strict=True)}
        if labels.ndim == 1:
            named = {"label": labels}
        try:
            return {**named, "probabilities": model.predict_proba(columns)}
        except DataError:
            scores = model.predict(columns, outputs="all")
            return {**named, "scores": np.stack(list(scores.values()), axis=1)}
    found = {"value": model.predict(columns)}
    units = outcome_of(model.resolved, np.empty((0, model.plan.outputs))).units
    if units:
        every = list(model.predict(columns, outputs="all").values())
        width = len(every) // len(units)  # the targets, each with all that is given
        found |= {name: np.stack(every[j :: len(units)][:width], axis=1) for j, name in enumerate(units)}
    return found


def differences(name: str, expected: Mapping[str, np.ndarray], got: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return how far an answer is off in each row (N,); infinite for another label where none is as likely."""
    want, have = expected[name], got[name]
    if name.startswith("label"):
        other = (want.astype(str) != have.astype(str)).reshape(len(want), -1).any(axis=1)
        return np.array([np.inf if one and not _is_close(expected, row) else 0.0 for row, one in enumerate(other)])
    size = 1.0 if name == "probabilities" else np.maximum(np.abs(want).max(axis=0), np.finfo(np.float32).tiny)
    return (np.abs(want - have) / size).reshape(len(want), -1).max(axis=1)


def _is_close(expected: Mapping[str, np.ndarray], row: int) -> bool:
    """Tell whether another label is as likely as the predicted one."""
    if "probabilities" not in expected:
        return False
    chances = expected["probabilities"][row]
    labels = expected.get("label", np.empty((0,)))
    if labels.ndim == 1 and len(labels):
        return bool(np.diff(np.sort(chances)[-2:])[0] < TOLERANCE)
    return bool((np.abs(chances - 0.5) < TOLERANCE).any())


def cells_of(model: Model, columns: Mapping[str, np.ndarray]) -> Cells:
    """Return raw columns as an exported model takes them: dates as seconds, a missing text as an empty one."""
    encoding = model.preprocessing.encoding
    found: Cells = {}
    for name, values in columns.items():
        code = encoding.codes.get(name)
        if isinstance(code, DateCode):
            lacking = np.array([value is None for value in values], bool)
            dates = parse_dates(["" if value is None else value for value in values], code.format)
            found[name] = np.where(lacking | np.isnat(dates), np.nan, dates.astype(np.int64))
        elif values.dtype == object:
            found[name] = np.array(["" if value is None else value for value in values], object)
        else:
            found[name] = values
    return found


def columns_of(model: Model, data: Any) -> tuple[Cells, Callable[[int], str]]:
    """Return the raw columns of given rows, of a file or as `predict` takes them, and what tells where a row stands."""
    raw = model.preprocessing.read_rows(data, need_target=False)
    numbers, table = raw.table.block(slice(None)), raw.table
    places = {name: place for place, name in enumerate(table.number_names)}
    found = {
        name: numbers[:, places[name]] if name in places else table.texts[name].original for name in model.features
    }
    return found, raw.place


# ---- rows that are drawn


def draw(model: Model, rows: int, seed: int = 0) -> Cells:
    """Draw raw columns as the training rows were, with missing cells and texts that training did not have."""
    encoding, random = model.preprocessing.encoding, np.random.default_rng(seed)
    numbers = {name: column for group in encoding.groups for name, column in _numbers(encoding, group, rows, random)}
    found: Cells = {}
    for name in encoding.features:
        if name in encoding.categories:
            known = encoding.categories[name].values
            found[name] = _texts([text for text in known if text is not None], rows, random)
        elif name in encoding.codes:
            lacking = np.isnan(numbers[encoding.columns_of(name)[0]])
            found[name] = _coded(encoding.codes[name], lacking, random)
        else:
            found[name] = numbers[name]
    return found


def _numbers(
    encoding: Encoding, group: Group, rows: int, random: np.random.Generator
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield columns of numbers around the centre of those of training, as wide as these."""
    first = group.scales[0] if group.scales else None
    for place, name in enumerate(group.names):
        low, high = -3.0, 3.0
        if isinstance(first, Affine):
            shift, scale = first.affine()
            width = scale[place] if np.isfinite(scale[place]) else 1.0
            low, high = shift[place] - 2 * width, shift[place] + 2 * width
        if isinstance(first, quantile.Scale):
            low, high = first.knots[place][0], first.knots[place][-1]
        if name in encoding.bins:
            low, high = encoding.bins[name].edges[0], encoding.bins[name].edges[-1]
        column = low + (high - low) * (1.2 * random.random(rows) - 0.1)
        if isinstance(group.missing, Filling):
            column[random.random(rows) < MISSING_SHARE] = np.nan
        yield name, column


def _texts(known: list[str], rows: int, random: np.random.Generator) -> np.ndarray:
    """Return texts, some of them missing or unknown."""
    column = np.array([*known, "never seen", None], object)
    usual = random.integers(0, max(1, len(known)), rows)
    odd = random.random(rows) < MISSING_SHARE
    return column[np.where(odd, len(known) + random.integers(0, 2, rows), usual)]


def _coded(code: Code, lacking: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return texts that a code makes numbers of.  lacking (N,): the rows that may have none."""
    match code:
        case ordinal.Coding(order=order):
            return _texts(list(order), len(lacking), random)
        case target.Coding(values=values):
            return _texts([text for text in values if text is not None], len(lacking), random)
        case DateCode(held=(first, last, apart)):
            steps = (last - first) // max(1, apart)
            places = first + apart * random.integers(-steps // 10, steps + steps // 10 + 1, len(lacking))
            texts = np.array([code.text(place) for place in np.clip(places, *BOUNDS).tolist()], object)
            texts[lacking] = None
            return texts
    return np.full(len(lacking), None)
