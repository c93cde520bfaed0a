"""ONNX: every model of the zoo predicts as it does itself, files say what they are, and what cannot be is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zoo

import numbann
from numbann.errors import ExportError
from numbann.model.export import find_format
from numbann.model.export.verify import answers, cells_of, draw
from numbann.model.features import features_of

onnx = pytest.importorskip("onnx")
pytestmark = pytest.mark.filterwarnings("ignore:column .*:UserWarning")


@pytest.mark.parametrize("name", zoo.ZOO)
def test_a_model_of_the_zoo_predicts_as_it_does_itself(name: str, tmp_path: Path) -> None:
    model = zoo.made(name)
    found = model.export(tmp_path / "model.onnx", verify=True)
    assert found.check is not None
    assert found.check.difference < 3e-6
    predicted = answers(model, draw(model, 200))
    value = predicted.get("probabilities", predicted.get("scores", predicted.get("value")))
    assert value is not None
    assert (value.std(axis=0) > 1e-2 * np.abs(value).max()).any()  # else a wrong graph could be right by chance


@pytest.mark.parametrize("name", ["labels", "every_column", "compact", "rows", "members"])
def test_the_reference_of_onnx_agrees(name: str) -> None:
    """So that the graphs mean what the standard says, and not what one runtime makes of them."""
    from onnx.reference import ReferenceEvaluator

    model, columns = zoo.made(name), draw(zoo.made(name), 50)
    made = onnx.ModelProto.FromString(find_format("onnx").write(model)[".onnx"])
    cells = cells_of(model, {key: one.astype("f4") if one.dtype == "f8" else one for key, one in columns.items()})
    inputs = [one.name for one in made.graph.input]
    given = {"features": np.stack(list(cells.values()), axis=1)} if inputs == ["features"] else {}
    given = given or {key: one[:, None] for key, one in cells.items()}
    got = dict(zip([one.name for one in made.graph.output], ReferenceEvaluator(made).run(None, given), strict=True))
    for key, want in answers(model, columns).items():
        if want.dtype.kind == "f":
            np.testing.assert_allclose(got[key].reshape(want.shape), want, rtol=1e-5, atol=1e-5 * np.abs(want).max())


def test_a_file_says_what_it_is_and_what_it_takes(tmp_path: Path) -> None:
    zoo.made("every_column").export(tmp_path / "mixed.onnx")
    made = onnx.load(tmp_path / "mixed.onnx")
    assert made.ir_version == 8
    assert {one.domain: one.version for one in made.opset_import} == {"": 13, "ai.onnx.ml": 2}
    kinds = {
        one.name: (one.type.tensor_type.elem_type, len(one.type.tensor_type.shape.dim)) for one in made.graph.input
    }
    number, text, date = onnx.TensorProto.FLOAT, onnx.TensorProto.STRING, onnx.TensorProto.DOUBLE
    expected = {"area": number, "rooms": number, "age": number, "kind": text, "size": text, "built": date}
    assert kinds == {name: (kind, 2) for name, kind in expected.items()}
    assert [one.name for one in made.graph.output] == ["value"]
    told = {one.key: one.value for one in made.metadata_props}
    assert told["numbann"] == numbann.__version__
    assert json.loads(told["schema"]) == json.loads(json.dumps(zoo.made("every_column").schema))
    zoo.made("two_classes").export(tmp_path / "numbers.onnx", dtype="float64")
    made = onnx.load(tmp_path / "numbers.onnx")
    (one,) = made.graph.input
    assert (one.name, one.type.tensor_type.elem_type) == ("features", onnx.TensorProto.DOUBLE)
    assert [one.name for one in made.graph.output] == ["label", "probabilities"]


def test_given_rows_are_compared_and_a_difference_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, rows = zoo.made("categories"), {name: column[:20] for name, column in zoo.table().items()}
    found = model.export(tmp_path / "model.onnx", verify=True, data=rows)
    assert found.check is not None
    assert found.check.rows == 20
    other = {name: 1.01 * tensor for name, tensor in model.tensors.items()}
    written = find_format("onnx").write(replace(model, tensors=other))
    monkeypatch.setattr(find_format("onnx"), "write", lambda *_: written)
    told = r"nothing is written: \d+ of 1000 rows would be predicted otherwise; the first is row 1 of those drawn, "
    told += r'{"area": .*, for which the model answers {"value": \S+}, and the file {"value": \S+}'
    with pytest.raises(ExportError, match=told) as error:
        model.export(tmp_path / "other.onnx", verify=True)
    assert error.value.exit_code == 1
    (tmp_path / "rows.csv").write_text("area,rooms,age,kind,size,built\n100,3,,flat,large,2001-02-03\n")
    with pytest.raises(ExportError, match=r'rows\.csv row 2, .*"built": "2001-02-03"}, for which'):
        model.export(tmp_path / "other.onnx", verify=True, data=tmp_path / "rows.csv")
    assert not (tmp_path / "other.onnx").exists()


@pytest.mark.parametrize(
    ("dates", "held"),
    [
        (["2024-02-29", "1999-12-01", "2020-05-05"], ("1999-12-01", "2024-02-29")),
        (["2024-02-29 12:00", "2024-02-29 18:30", "2024-03-01 00:00"], ("2024-02-29 12:00:00", "2024-03-01")),
        (["07.01.0007", "31.12.0007", "01.02.0008"], ("07.01.0007", "01.02.0008")),
        (["07:30", "23:15", "12:00"], ("07:30", "23:15")),
        (["2024-02-29"] * 3, ("2024-02-29", "2024-02-29")),
    ],
)
@pytest.mark.parametrize("code", ["parts", "cyclic"])
def test_dates_are_drawn_as_training_has_them(dates: list[str], held: tuple[str, str], code: str) -> None:
    written = {".": "%d.%m.%Y", ":": "%H:%M"}.get(dates[0][2], "")
    column = {"dates": code, **({"format": written} if written else {})}
    columns = {"when": [*dates, None] * 15, "y": [1.0, 2.0, 4.0, 3.0] * 15}
    given = {"data": {"target": "y", "task": "regression", "columns": {"when": column}}, "model": {"layers": [4]}}
    model = zoo.model_of(given, columns)
    known, drawn = model.preprocessing.encoding.codes["when"], draw(model, 300)["when"]
    assert tuple(map(known.text, known.held[:2])) == held
    assert features_of(model.preprocessing)[0].held == " to ".join(dict.fromkeys(held))
    seconds = known.dates([text for text in drawn if text is not None]).astype(int) - known.held[0]
    assert 10 < (drawn == None).sum() < 60  # noqa: E711
    assert not (seconds % max(1, known.held[2])).any()
    assert len(set(seconds.tolist())) > 5 or len(set(dates)) == 1


@pytest.mark.parametrize("name", ["bent_root", "gated", "nearest"])
def test_a_plugins_activation_is_written_from_its_source(here: Path, name: str) -> None:
    model = zoo.of_plugin(here, name)
    assert model.export(here / "model.onnx", verify=True).check.difference < 3e-6
    values = model.predict(draw(model, 200))
    assert values.std() > 1e-2 * np.abs(values).max()


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("odd", r'activation "odd" of .*odd\.py.*: gamma has no operator in ONNX'),
        ("chained", r'activation "chained" of .*odd\.py:\d+: chained: elements of a row depend on those before'),
    ],
)
def test_what_cannot_be_written_is_refused(here: Path, name: str, what: str) -> None:
    with pytest.raises(ExportError, match=what):
        zoo.of_plugin(here, name).export(here / "model.onnx")


def test_names_that_meet_those_of_answers(here: Path) -> None:
    columns = {"label": [1.0, 2.0, 3.0] * 20, "": ["a", "b", None] * 20, "probabilities": ["x", "y"] * 30}
    given = {"data": {"target": "y"}, "model": {"layers": [4]}, "name": "names"}
    model = zoo.model_of(given, {**columns, "y": ["u", "v", "v", "u"] * 15})
    assert model.export(here / "model.onnx", verify=True).check is not None


WriteSpec = Callable[..., Path]


@pytest.mark.parametrize("verify", [False, True])
def test_the_command(write_spec: WriteSpec, here: Path, verify: bool) -> None:
    from click.testing import CliRunner
    from numbann_cli.group import numbann as group

    model = numbann.train(write_spec(train={"epochs": 2}), output="run").model
    options = ["--verify", "--data", "blobs.csv"] if verify else []
    result = CliRunner().invoke(group, ["export", "run", *options])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert [line.split(",")[0] for line in lines[-2:]] == [
        f"written    run/{one}" for one in ("model.onnx", "README.md")
    ]
    assert [line.startswith("verified   120 rows, by ") for line in lines[:-2]] == [True] * verify
    content = {".onnx": (here / "run" / "model.onnx").read_bytes()}
    points = {"x": np.array([0.0, 3.0]), "y": np.array([3.0, 0.0])}
    got, _ = find_format("onnx").predict(content, points)
    assert got["label"].tolist() == model.predict(points).tolist()
