"""Predictions for rows of JSON or CSV, as JSON values, and the description of what a model takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from numbann.data.files import Files, InputFile
from numbann.data.readers import FORMATS
from numbann.data.wording import nearest, quoted
from numbann.errors import DataError, unknown_key
from numbann.model.columns import Columns, as_rows, predicted
from numbann.model.model import Model
from numbann.model.outputs import outcome_of
from numbann.records import dataclass
from numbann.serving.rows import FORMS, parse, rows_of, source_of, table_of

KINDS = {  # the types of JSON by that of a feature
    "number": ["number", "boolean"],
    "text": ["string", "number", "boolean"],
    "date": ["string"],
}


@dataclass(frozen=True)
class Wanted:
    """What an answer has beside predictions.

    probabilities: p_CLASS.  outputs: everything that the loss gives.  keep: columns of the row itself, of a line.
    """

    probabilities: bool = False
    outputs: bool = False
    keep: tuple[str, ...] = ()
    keep_all: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Wanted:
        """Return what the parameters of a request ask for."""
        known = ("probabilities", "outputs")
        for name, value in given.items():
            if name not in known:
                raise DataError(f"parameter {quoted(name)}: {unknown_key(name, known)}")
            if not isinstance(value, bool):
                raise DataError(f"parameter {quoted(name)}: {quoted(value)} is not allowed; give true or false")
        return cls(**given)


def warm(model: Model) -> None:
    """Compile what predictions need, before somebody waits for one."""
    for one in model.models:
        for rows in (1, 100):  # which go different ways
            one.quick_outputs(np.zeros((rows, len(one.features))))
            one.outputs(np.zeros((rows, one.plan.inputs), one.plan.dtype))


def answer_json(model: Model, body: bytes, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a request in one of MLflow's formats.  wanted: parameters from elsewhere; "params" in it goes before."""
    request = parse(body)
    params = request.get("params") or {} if isinstance(request, Mapping) else {}
    if not isinstance(params, Mapping):
        raise DataError(f"params: {quoted(params)} is no object; give true or false by name")
    for name in set(request) - {*FORMS, "params"} if isinstance(request, Mapping) else ():
        raise DataError(f"{quoted(name)}: {unknown_key(name, (*FORMS, 'params'))}")
    asked = Wanted.of({**wanted, **params})
    return _as_json(*_predict(model, rows_of(request, model.features), asked))


def answer_csv(model: Model, body: bytes, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a table of text, which is read as a file of training is."""
    table = Files(FORMATS["csv"], InputFile("the request", Path("-"), content=body))
    return _as_json(*_predict(model, table, Wanted.of(wanted)))


def answer_line(model: Model, line: bytes, wanted: Wanted) -> dict[str, Any]:
    """Answer a row that is an object, or a list of cells in the order of the features."""
    row = parse(line)
    if not isinstance(row, Mapping | list):
        raise DataError(f"{quoted(row)} is no row; give an object, or a list of cells")
    columns, warnings = _predict(model, table_of([row], model.features), wanted)
    named = row if isinstance(row, Mapping) else dict(zip(model.features, row, strict=False))
    for name in wanted.keep:
        if name not in named and (not isinstance(row, Mapping) or nearest(name, named)):
            raise DataError(f"there is no column {quoted(name)} to keep{nearest(name, named)}")
    kept = dict(named) if wanted.keep_all else {name: named.get(name) for name in wanted.keep}
    for name in kept.keys() & columns.keys():
        raise DataError(f"{quoted(name)} is a column of the row and of the predictions; leave it out of --keep")
    (answer,) = as_rows(columns)
    return {**kept, **answer, **({"warnings": list(warnings)} if warnings else {})}


def _predict(
    model: Model, rows: np.ndarray | dict[str, list[Any]] | Files, wanted: Wanted
) -> tuple[Columns, Sequence[str]]:
    """Return predictions as columns, and warnings."""
    y = model.quick_outputs(rows) if isinstance(rows, np.ndarray) else None
    warnings: Sequence[str] = ()
    if y is None:
        if isinstance(rows, np.ndarray):
            rows = dict(zip(model.features, rows.T.tolist(), strict=True))
        found = model.read(rows if isinstance(rows, Files) else source_of(rows), need_target=False)
        y, warnings = model.outputs(found.x), found.warnings
    task, outcome = model.preprocessing.task, outcome_of(model.resolved, y)
    given = {"probabilities": wanted.probabilities, "outputs": wanted.outputs}
    return predicted(task, outcome, model.plan.dtype, **given), warnings


def _as_json(columns: Columns, warnings: Iterable[str]) -> dict[str, Any]:
    """Return an answer: a list of predictions, or of objects where there is more than one column."""
    rows = list(as_rows(columns))
    found = [row["prediction"] for row in rows] if list(columns) == ["prediction"] else rows
    return {"predictions": found, **({"warnings": list(warnings)} if warnings else {})}


def describe(model: Model) -> dict[str, Any]:
    """Return what goes in and comes out, with the JSON Schema of a row."""
    properties: dict[str, Any] = {}
    for name, told in model.schema["features"].items():
        kinds = KINDS[told["type"]]
        known = [one for one in told.get("categories", told.get("order", ())) if one is not None]
        properties[name] = {
            "type": kinds if told.get("required") else [*kinds, "null"],
            **({"examples": known} if known else {}),
        }
    row = {"type": "object", "properties": properties, "required": list(model.features)}
    return {**model.schema, "row": {"$schema": "https://json-schema.org/draft/2020-12/schema", **row}}
