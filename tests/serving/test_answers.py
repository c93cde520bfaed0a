"""Answers to requests in the formats of MLflow, to CSV and to single rows: those of the model, or a clear fault."""

from __future__ import annotations

import json
import os
import random
import tracemalloc
from typing import Any

import numpy as np
import pytest

import numbann
from numbann.errors import DataError, NumbannError
from numbann.serving.answers import Wanted, answer_csv, answer_json, answer_line, describe

ROWS = [[48.5, 2, "flat", "mid"], [None, 4, "hut", "low"], [61.25, 0, "house", "high"]]
NAMES = ["size", "rooms", "kind", "grade"]
RECORDS = [dict(zip(NAMES, row, strict=True)) for row in ROWS]
FORMS: dict[str, Any] = {
    "inputs": {"inputs": ROWS},
    "instances": {"instances": ROWS},
    "objects": {"instances": RECORDS},
    "columns": {"inputs": {name: [row[k] for row in ROWS] for k, name in enumerate(NAMES)}},
    "split": {"dataframe_split": {"columns": [*NAMES[::-1], "id"], "data": [[*row[::-1], 7] for row in ROWS]}},
    "records": {"dataframe_records": [{**record, "id": 7} for record in RECORDS]},
}


def ask(model: numbann.Model, request: Any, **wanted: Any) -> Any:
    return answer_json(model, json.dumps(request).encode(), wanted)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_predictions_of_the_model(homes: numbann.Model, form: str) -> None:
    given = {name: [row[k] for row in ROWS] for k, name in enumerate(NAMES)}
    answer = ask(homes, FORMS[form])
    assert answer == {"predictions": homes.predict(given).tolist()}
    answer = ask(homes, {**FORMS[form], "params": {"probabilities": True}})
    shares = homes.predict_proba(given)
    for row, label, share in zip(answer["predictions"], homes.predict(given), shares, strict=True):
        assert list(row) == ["prediction", "p_no", "p_yes"]
        assert (row["prediction"], row["p_no"], row["p_yes"]) == (label, *map(pytest.approx, share))


def test_numbers_go_the_short_way(colours: numbann.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(0).normal(0, 2, (30, 2))
    expected = colours.predict(rows).tolist()
    by_name = ask(colours, {"inputs": {"x": rows[:, 0].tolist(), "y": rows[:, 1].tolist()}}, probabilities=True)
    monkeypatch.setattr(numbann.Model, "read", None)
    assert ask(colours, {"inputs": rows.tolist()})["predictions"] == expected
    assert (
        ask(colours, {"inputs": rows.astype(int).tolist()})["predictions"] == colours.predict(rows.astype(int)).tolist()
    )
    found = ask(colours, {"inputs": rows.reshape(30, 2, 1).tolist()}, probabilities=True)["predictions"]
    assert [row["prediction"] for row in found] == expected
    for one, other in zip(found, by_name["predictions"], strict=True):
        assert list(one.values())[1:] == pytest.approx(list(other.values())[1:], rel=1e-5)


def test_several_targets_are_objects(prices: numbann.Model) -> None:
    (row,) = ask(prices, {"inputs": [["red"]]})["predictions"]
    expected = prices.predict({"colour": ["red"]})[0]
    assert row == dict(zip(["prediction_x", "prediction_y"], map(pytest.approx, expected), strict=True))


def test_an_ensemble_answers(both: numbann.Model) -> None:
    rows = [[0.5, 3.0], [3.0, 0.0]]
    assert ask(both, {"inputs": rows})["predictions"] == both.predict(rows).tolist()
    assert ask(both, {"inputs": {"x": [0.5, None], "y": [3.0, 0.0]}})["predictions"][0] == both.predict(rows)[0]


def test_no_rows_have_no_predictions(homes: numbann.Model, colours: numbann.Model) -> None:
    empty = [{"inputs": []}, {"dataframe_records": []}, {"dataframe_split": {"columns": [], "data": []}}]
    for request in (*empty, {"inputs": {name: [] for name in NAMES}}):
        assert ask(homes, request) == {"predictions": []}
    assert ask(colours, {"inputs": []}) == {"predictions": []}


def test_csv_is_read_as_a_file_is(homes: numbann.Model) -> None:
    text = b"id,grade,kind,rooms,size\n1,mid,flat,2,48.5\n2,low,hut,4,\n3,high,house,0,61.25\n"
    assert answer_csv(homes, text, {}) == ask(homes, FORMS["inputs"])
    with pytest.raises(DataError, match='the request row 2, column "size": "big" is no number'):
        answer_csv(homes, b"size,rooms,kind,grade\nbig,1,hut,mid\n", {})


def test_what_training_did_not_have_is_told(homes: numbann.Model) -> None:
    answer = ask(homes, {"inputs": [[48.5, 2, "castle", "mid"]]})
    assert len(answer["predictions"]) == 1
    assert 'a category that the training part does not have ("castle")' in answer["warnings"][0]


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ("[1, 2", "no JSON: Expecting ',' delimiter: line 1 column 6"),
        ("[" * 100_000, "no JSON that can be read: it is nested too deeply"),
        ('{"inputs": [[NaN, 1, "hut", "low"]]}', "no JSON: NaN is no number of JSON"),
        ('{"inputs": [], "inputs": []}', "no JSON: a key is given twice"),
        ([[1, 2]], 'an object with one of the keys "inputs", "instances"'),
        ({}, "an object with one of the keys"),
        ({"inputs": [], "instances": []}, "an object with one of the keys"),
        ({"inputs": [], "rows": 1}, '"rows": unknown key'),
        ({"inputs": 3}, 'inputs: "3" is no table; give rows ([[...], ...])'),
        ({"inputs": [1, 2, 3, 4]}, 'row 1: "1" is no list of cells'),
        ({"inputs": [ROWS[0], ROWS[1][:3]]}, "row 2 has 3 cells, but there are 4 columns"),
        ({"inputs": [[1.0, 2.0], [3.0, 4.0]]}, "row 1 has 2 cells, but there are 4 columns"),
        ({"inputs": [ROWS[0], ["x", 1, "hut", "low"]]}, 'row 2, column "size": "x" is no number'),
        (
            {"inputs": [["x", 1, "hut", "low"]]},
            'row 1, column "size": "x" is no number, but the column holds no text in',
        ),
        (
            {"inputs": [[[1], 1, "hut", "low"]]},
            'row 1, column "size": "[1]" (list) is no number, boolean, text or date',
        ),
        ({"inputs": [[10**400, 1, "hut", "low"]]}, 'row 1, column "size": too large a number'),
        ({"inputs": [[1e308, 1e308, "hut", "low"]]}, 'row 1, column "size": 1e+308, once scaled, is too large'),
        ({"dataframe_records": [RECORDS[0], {"sise": 1}]}, 'row 2 has no "size"; did you mean "sise"?'),
        ({"dataframe_records": [{**RECORDS[0], "kind": {}}]}, 'row 1, column "kind": "{}" (dict)'),
        ({"dataframe_records": [RECORDS[0], 5]}, 'row 1: "{'),
        ({"inputs": {"size": [1], "rooms": [1, 2]}}, 'column "rooms" has 2 cells, but "size" has 1'),
        ({"inputs": {"size": [1], "room": [1]}}, 'there is no column "rooms"; did you mean "room"?'),
        ({"inputs": {"size": 1}}, 'inputs, column "size": "1" is no list'),
        (
            {"dataframe_split": {"columns": NAMES}},
            'dataframe_split: give {"columns": [NAME, ...], "data": [[...], ...]}',
        ),
        ({"dataframe_split": ROWS}, "dataframe_split: give"),
        ({"dataframe_split": {"columns": ["a", "a"], "data": []}}, 'two columns are named "a"'),
        ({"dataframe_split": {"columns": NAMES[:3], "data": ROWS}}, "row 1 has 4 cells, but there are 3 columns"),
        ({"inputs": ROWS, "params": {"probability": True}}, 'parameter "probability": unknown key; did you mean "prob'),
        ({"inputs": ROWS, "params": {"outputs": 1}}, 'parameter "outputs": "1" is not allowed; give true or false'),
        ({"inputs": ROWS, "params": []}, None),
        ({"inputs": ROWS, "params": [1]}, 'params: "[1]" is no object'),
    ],
)
def test_faults_of_a_request(homes: numbann.Model, request_: Any, words: str | None) -> None:
    body = request_ if isinstance(request_, str) else json.dumps(request_)
    if words is None:
        assert answer_json(homes, body.encode(), {})["predictions"]
        return
    with pytest.raises(DataError) as fault:
        answer_json(homes, body.encode(), {})
    assert words in str(fault.value)
    assert "\n" not in str(fault.value)


def test_a_long_text_takes_no_more_room_than_it_has(homes: numbann.Model) -> None:
    rows = [[1.0, 2, "x" * 1_000_000, "low"], *[[1.0, 2, "hut", "low"]] * 5000]
    tracemalloc.start()
    answer_json(homes, json.dumps({"inputs": rows}).encode(), {})
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()


FUZZED = int(os.environ.get("NUMBANN_FUZZ", "300"))


def test_whatever_comes_is_answered_or_a_clear_fault(homes: numbann.Model, colours: numbann.Model) -> None:
    """Requests with some bytes changed, cut out or doubled; NUMBANN_FUZZ=20000 makes so many."""
    draw, faults = random.Random(0), []
    texts = [json.dumps(request).encode() for request in FORMS.values()]
    tables = [b"size,rooms,kind,grade\n48.5,2,flat,mid\n,4,hut,low\n", b"x,y\n0.5,3\n3,0\n"]
    signs = b'[]{}",:.-+eE0123456789 \n\t\\ntrufalsNI\x00\xff'
    for _ in range(FUZZED):
        table = draw.random() < 0.3
        content = bytearray(draw.choice(tables if table else texts))
        for _ in range(draw.randint(1, 4)):
            place, kind = draw.randrange(len(content)), draw.random()
            if kind < 0.5:
                content[place] = draw.choice(signs)
            elif kind < 0.8:
                del content[place : place + draw.randint(1, 8)]
            else:
                content[place:place] = content[place : place + draw.randint(1, 30)]
            content = content or bytearray(b"{")
        answer, model = answer_csv if table else answer_json, draw.choice([homes, colours])
        try:
            found = answer(model, bytes(content), {})
        except NumbannError as error:
            faults.append(str(error))
        else:
            json.dumps(found, allow_nan=False)
    assert all(fault and "\n" not in fault for fault in faults)
    assert len(faults) > FUZZED // 4


def test_bytes_that_are_no_text(homes: numbann.Model) -> None:
    with pytest.raises(DataError, match="no JSON: 'utf-8' codec can't decode byte 0xff"):
        answer_json(homes, b'{"inputs": "\xff"}', {})


def test_lines(homes: numbann.Model) -> None:
    label = str(homes.predict(dict(RECORDS[1])).item())
    assert answer_line(homes, json.dumps(ROWS[1]).encode(), Wanted()) == {"prediction": label}
    record = {"id": 7, **RECORDS[1]}
    kept = answer_line(homes, json.dumps(record).encode(), Wanted(keep=("id", "kind")))
    assert kept == {"id": 7, "kind": "hut", "prediction": label}
    assert answer_line(homes, json.dumps(record).encode(), Wanted(keep_all=True)) == {**record, "prediction": label}
    with pytest.raises(DataError, match='there is no column "kinds" to keep; did you mean "kind"'):
        answer_line(homes, json.dumps(record).encode(), Wanted(keep=("kinds",)))
    assert answer_line(homes, json.dumps(record).encode(), Wanted(keep=("number",))) == {
        "number": None,
        "prediction": label,
    }
    with pytest.raises(DataError, match='"prediction" is a column of the row and of the predictions'):
        answer_line(homes, json.dumps({**record, "prediction": 1}).encode(), Wanted(keep_all=True))
    with pytest.raises(DataError, match='"3" is no row; give an object, or a list of cells'):
        answer_line(homes, b"3", Wanted())


def test_the_description(homes: numbann.Model) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    told = json.loads(json.dumps(describe(homes)))
    assert told["features"]["kind"] == {"type": "text", "categories": ["flat", "house", "hut"]}
    assert (told["classes"], told["targets"], told["task"]) == (["no", "yes"], ["sold"], "classification")
    for record in RECORDS:
        jsonschema.validate(record, told["row"])
    for wrong in ({**RECORDS[0], "size": "big"}, {"size": 1.0}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, told["row"])
