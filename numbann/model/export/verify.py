"""Compares what an exported model predicts with what the model itself predicts, on rows that are given or drawn."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from numbann.data.dates import parse_dates
from numbann.data.encoding import Encoding, Group
from numbann.data.tasks.labels import Labels
from numbann.data.transforms.affine import Affine
from numbann.data.transforms.code import Code
from numbann.data.transforms.codes import cyclic, ordinal, parts, target
from numbann.data.transforms.filling import Filling
from numbann.data.transforms.scales import quantile
from numbann.errors import DataError, ExportError
from numbann.model.outputs import outcome_of

if TYPE_CHECKING:
    from numbann.model.model import Model

ROWS = 1000  # that are drawn
MISSING_SHARE = 0.1  # of the cells of a column that may lack some
TOLERANCE = 1e-5  # of a probability, and of a value relative to the largest one of its column
FIRST_DAY, LAST_DAY = -10_000, 30_000  # since 1970
Cells = dict[str, np.ndarray]


class Check(NamedTuple):
    """A comparison: how many rows, with what, and the largest difference of a number.  Labels are all equal."""

    rows: int
    runtime: str
    difference: float


def verify(model: Model, format: Any, content: Mapping[str, bytes], data: Any, dtype: str) -> Check:
    """Compare predictions; ExportError where they differ.  data: rows as `predict` takes them; None: some are drawn."""
    columns = draw(model, ROWS) if data is None else columns_of(model, data)
    if not len(next(iter(columns.values()))):
        raise ExportError("the data to compare on holds no rows")
    for name in columns:
        if columns[name].dtype.kind in "biuf":
            columns[name] = columns[name].astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of categories and missing numbers that training did not have
        expected = answers(model, columns)
    found, runtime = format.predict(content, cells_of(model, columns))
    got = dict(zip(expected, found.values(), strict=True))  # a column may have taken the name of an answer
    worst = max(difference(name, expected, got) for name in expected)
    if not worst <= TOLERANCE:
        error = ExportError(f"nothing is written: what it would predict is {worst:.2g} apart from what the model does")
        error.exit_code = 1
        raise error
    return Check(len(next(iter(columns.values()))), runtime, worst)


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


def difference(name: str, expected: Mapping[str, np.ndarray], got: Mapping[str, np.ndarray]) -> float:
    """Return the largest difference of an answer; infinite for labels that differ where none is as likely."""
    want, have = expected[name], np.asarray(got[name]).reshape(expected[name].shape)
    if name.startswith("label"):
        wrong = np.flatnonzero((want.astype(str) != have.astype(str)).reshape(len(want), -1).any(axis=1))
        return 0.0 if all(_is_close(expected, row) for row in wrong.tolist()) else np.inf
    if not len(want):
        return 0.0
    size = 1.0 if name == "probabilities" else np.maximum(np.abs(want).max(axis=0), np.finfo(np.float32).tiny)
    return float((np.abs(want - have) / size).max())


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
        if isinstance(code, parts.Coding | cyclic.Coding):
            lacking = np.array([value is None for value in values], bool)
            dates = parse_dates(["" if value is None else value for value in values], code.format)
            found[name] = np.where(lacking | np.isnat(dates), np.nan, dates.astype(np.int64))
        elif values.dtype == object:
            found[name] = np.array(["" if value is None else value for value in values], object)
        else:
            found[name] = values
    return found


def columns_of(model: Model, data: Any) -> Cells:
    """Return the raw columns of given rows: of a file, or as `predict` takes them."""
    table = model.preprocessing.read_rows(data, need_target=False).table
    numbers = table.block(slice(None))
    places = {name: place for place, name in enumerate(table.number_names)}
    return {name: numbers[:, places[name]] if name in places else table.texts[name].original for name in model.features}


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
            found[name] = _coded(encoding.codes[name], rows, random)
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


def _coded(code: Code, rows: int, random: np.random.Generator) -> np.ndarray:
    """Return texts that a code makes numbers of."""
    match code:
        case ordinal.Coding(order=order):
            return _texts(list(order), rows, random)
        case target.Coding(values=values):
            return _texts([text for text in values if text is not None], rows, random)
    seconds = random.integers(86400 * FIRST_DAY, 86400 * LAST_DAY, rows)
    format = getattr(code, "format", "")
    moments = seconds.astype("datetime64[s]").tolist()
    texts = [moment.strftime(format) if format else f"{moment:%Y-%m-%d %H:%M:%S}" for moment in moments]
    return np.array(texts, object)
