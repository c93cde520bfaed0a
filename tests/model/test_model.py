"""Loaded models: predictions in the target's own labels or unit, and files that cannot be used."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

import numbann
from numbann.data.transforms import SCALES
from numbann.errors import DataError, RunDirectoryError, ShapeError
from numbann.model.file import read_model
from numbann.model.outputs import outcome_of

WriteSpec = Callable[..., Path]
POINTS = np.array([[0.0, 3.0], [3.0, 0.0], [-3.0, 0.0]])


@pytest.fixture
def run(write_spec: WriteSpec) -> numbann.Run:
    return numbann.train(write_spec(train={"epochs": 40}))


def test_classes_come_back_as_they_came(run: numbann.Run) -> None:
    model = numbann.load(run.path)
    assert model.task == "classification"
    assert model.features == ("x", "y")
    assert model.classes == ("blue", "green", "red")
    assert list(model.predict(POINTS)) == ["blue", "green", "red"]
    assert list(model.predict({"y": [3.0], "x": [0.0]})) == ["blue"]


def test_probabilities(run: numbann.Run) -> None:
    probabilities = numbann.load(run.path / "model.safetensors").predict_proba(POINTS)
    assert probabilities.shape == (3, 3)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-6)
    assert list(probabilities.argmax(1)) == [0, 1, 2]


def test_weights_are_the_network(run: numbann.Run) -> None:
    model = numbann.load(run.path)
    (w1, b1), (w2, b2) = model.weights
    assert [w1.shape, b1.shape, w2.shape, b2.shape] == [(2, 8), (8,), (8, 3), (3,)]
    logits = np.tanh(model.preprocessing.transform(POINTS) @ w1 + b1) @ w2 + b2
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(model.predict_proba(POINTS), expected, rtol=1e-4)


def test_a_loaded_model_is_the_trained_one(run: numbann.Run) -> None:
    np.testing.assert_array_equal(run.model.predict_proba(POINTS), numbann.load(run.path).predict_proba(POINTS))


def test_it_predicts_where_neither_data_nor_spec_is_left(
    run: numbann.Run,
    here: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    expected = numbann.load(run.path).predict_proba(POINTS)
    moved = tmp_path_factory.mktemp("elsewhere") / "model.safetensors"
    moved.write_bytes((run.path / "model.safetensors").read_bytes())
    (here / "blobs.csv").unlink()
    np.testing.assert_array_equal(numbann.load(moved).predict_proba(POINTS), expected)


def test_two_classes(write_spec: WriteSpec, blobs: Path) -> None:
    lines = [line for line in blobs.read_text().splitlines() if not line.endswith("blue")]
    blobs.write_text("\n".join(lines) + "\n")
    model = numbann.train(write_spec(train={"epochs": 40})).model
    assert model.resolved.loss.name == "sigmoid_cross_entropy"
    assert list(model.predict(POINTS[1:])) == ["green", "red"]
    np.testing.assert_allclose(model.predict_proba(POINTS).sum(1), 1, rtol=1e-6)


def test_scores_are_no_probabilities(write_spec: WriteSpec) -> None:
    model = numbann.train(write_spec(loss="mse", train={"epochs": 40})).model
    assert list(model.predict(POINTS)) == ["blue", "green", "red"]
    with pytest.raises(DataError, match="scores, not probabilities"):
        model.predict_proba(POINTS)


def test_regression(write_spec: WriteSpec) -> None:
    spec = write_spec(data={"target": "sum", "drop": ["colour"], "task": "regression"}, train={"epochs": 150})
    model = numbann.train(spec).model
    assert model.classes is None
    predicted = model.predict(POINTS)
    assert predicted.shape == (3,)
    np.testing.assert_allclose(predicted, POINTS.sum(1), atol=0.5)
    with pytest.raises(DataError, match="no probabilities"):
        model.predict_proba(POINTS)


def test_means_are_the_predictions_where_a_loss_has_variances_too(write_spec: WriteSpec) -> None:
    data, train = {"target": "sum", "drop": ["colour"], "task": "regression"}, {"epochs": 60}
    spec = write_spec(data=data, loss="gaussian_nll", train=train, optimizer={"learning_rate": 0.02})
    run = numbann.train(spec)
    model = numbann.load(run.path)
    assert model.weights[-1][0].shape[1] == 2
    np.testing.assert_allclose(model.predict(POINTS), POINTS.sum(1), atol=0.5)
    assert run.metrics["test"]["r2"] > 0.95
    spec = write_spec(data={"target": ["sum", "y"], "drop": ["colour"]}, loss="gaussian_nll", train={"epochs": 1})
    assert numbann.train(spec).model.predict(np.array([[1.0], [2.0]])).shape == (2, 2)


def test_several_targets(write_spec: WriteSpec) -> None:
    spec = write_spec(data={"target": ["sum", "y"], "drop": ["colour"]}, train={"epochs": 1})
    assert numbann.train(spec).model.predict(np.array([[1.0], [2.0]])).shape == (2, 2)


@pytest.mark.parametrize("rows", [0, 1, 3, 16, 17, 300])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [*SCALES, ["robust", "clip"]], ids=str)
def test_scaling_on_the_way_through_changes_no_bit(write_spec: WriteSpec, scale: Any, dtype: str, rows: int) -> None:
    model = numbann.train(write_spec(data={"scale": scale}, train={"epochs": 1}), force=True, output="run").model
    points = np.random.default_rng(0).normal(0, 3, (rows, 2)).astype(dtype)
    outputs = model.outputs(model.preprocessing.transform(points))
    expected = model.preprocessing.task.probabilities(outcome_of(model.resolved, outputs))
    np.testing.assert_array_equal(model.predict_proba(points), expected)
    np.testing.assert_array_equal(model.predict_proba(np.asfortranarray(points)), expected)


@pytest.mark.parametrize("rows", [2, 200])
def test_numbers_that_are_missing_or_infinite(write_spec: WriteSpec, rows: int) -> None:
    model = numbann.train(write_spec(data={"missing": "error"}, train={"epochs": 1})).model
    points = np.zeros((rows, 2))
    points[-1, 1] = np.nan
    with pytest.raises(DataError, match=rf"row {rows}, column .*y"):
        model.predict(points)
    points[-1, 1] = np.inf
    with pytest.raises(DataError, match="infinite"):
        model.predict(points)
    with pytest.raises(ShapeError, match=r"rows of features are needed: \(N, 2\)"):
        model.predict(np.zeros((rows, 3)))


def test_missing_numbers_are_filled_in(write_spec: WriteSpec) -> None:
    model = numbann.train(write_spec(data={"missing": "mean"}, train={"epochs": 1})).model
    mean = model.preprocessing.encoding.groups[0].missing.fill
    expected = model.predict_proba(np.array([mean, [1.0, 2.0]]))
    np.testing.assert_array_equal(model.predict_proba(np.array([[np.nan, np.nan], [1.0, 2.0]])), expected)


# ---- files that cannot be used


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-4],
        lambda content: content[:100],
        lambda _: b"",
        lambda _: b"not a model at all, but long enough",
        lambda content: content.replace(b"preprocessing", b"preprocess1ng"),
        lambda content: content.replace(b'"tanh', b'"tanj'),
        lambda content: content.replace(b"layers.1.bias", b"layers.1.bios"),
    ],
)
def test_a_damaged_file_is_refused(run: numbann.Run, damage: Callable[[bytes], bytes]) -> None:
    path = run.path / "model.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RunDirectoryError, match=r"model\.safetensors: .*damaged"):
        numbann.load(run.path)


def test_weights_that_do_not_fit_are_refused(run: numbann.Run) -> None:
    path = run.path / "model.safetensors"
    file = read_model(path)
    for tensors, words in (
        (
            {"layers.0.weight": file.tensors["layers.0.weight"][:, :-1].copy()},
            r"layers.0.weight has the shape .* where",
        ),
        (
            {"layers.0.bias": file.tensors["layers.0.bias"].astype("f8")},
            "layers.0.bias has the shape .* of float64 where",
        ),
        ({"layers.0.bias": np.nan * file.tensors["layers.0.bias"]}, "layers.0.bias has numbers that are not finite"),
        ({"layers.9.bias": np.zeros(2, "f4")}, "the tensor layers.9.bias is not of this network"),
    ):
        path.write_bytes(b"".join(replace(file, tensors={**file.tensors, **tensors}).to_parts()))
        with pytest.raises(RunDirectoryError, match=words):
            numbann.load(path)


@pytest.mark.parametrize(("name", "words"), [("nothing", "no such"), ("folder", "holds no model.safetensors")])
def test_what_is_no_model(here: Path, name: str, words: str) -> None:
    (here / "folder").mkdir()
    with pytest.raises(RunDirectoryError, match=words):
        numbann.load(name)


PLUGIN = '''"""Bent: a plugin for tests."""
from numbann import activation, hookimpl

@activation
def bent(z):
    """Bent."""
    return {slope} * z if z < 0 else z

@bent.derivative
def bent_derivative(z):
    return {slope} if z < 0 else 1

@hookimpl
def numbann_register(register):
    register(bent)
'''


def test_a_component_that_changed_is_refused(write_spec: WriteSpec, here: Path) -> None:
    plugin = here / "bent.py"
    plugin.write_text(PLUGIN.format(slope=0.5))
    run = numbann.train(write_spec(plugins=["bent.py"], model={"layers": [{"units": 4, "activation": "bent"}]}))
    plugin.write_text(f"# no comment counts\n{PLUGIN.format(slope=0.5)}".replace("Bent.", "Nor a docstring."))
    assert numbann.load(run.path, plugins=[plugin]).predict(POINTS).shape == (3,)
    plugin.write_text(PLUGIN.format(slope=0.25))
    with pytest.raises(RunDirectoryError, match=r'activation "bent" has changed since the model was .*bent\.py:4'):
        numbann.load(run.path, plugins=[plugin])


def test_its_metadata_is_json_with_sources(run: numbann.Run) -> None:
    with safe_open(run.path / "model.safetensors", "np") as file:
        metadata = json.loads(file.metadata()["numbann"])
    sources = {record["name"]: record["source"] for record in metadata["components"]}
    assert "def tanh(z):" in sources["tanh"]
    assert str(Path.cwd()) not in json.dumps(metadata["preprocessing"])


class TestAPluginThatIsGone:
    """The source kept in the model serves in its place, but only if it is asked to."""

    HELPER = "from math import exp\nSHARE = 1 / 4\n\ndef half(z):\n    return 2 * SHARE * z\n"

    @pytest.fixture
    def trained(self, write_spec: WriteSpec, here: Path) -> numbann.Run:
        text = PLUGIN.format(slope="half(1.0)").replace("@activation", self.HELPER + "\n@activation", 1)
        (here / "bent.py").write_text(text)
        layers = [{"units": 4, "activation": "bent"}]
        run = numbann.train(write_spec(plugins=["bent.py"], model={"layers": layers}))
        run.model.predict(POINTS)  # so that its plugin is compiled
        (here / "bent.py").unlink()
        return run

    def test_one_error_says_what_to_do(self, trained: numbann.Run) -> None:
        words = (
            r'needs activation "bent" of .*bent\.py, and runs nothing that you do not name: .*--plugin FILE .*--trust'
        )
        with pytest.raises(RunDirectoryError, match=words):
            numbann.load(trained.path)

    def test_it_predicts_the_same(self, trained: numbann.Run) -> None:
        outputs = trained.model.predict_proba(POINTS)
        assert numbann.load(trained.path, trust=True).predict_proba(POINTS).tobytes() == outputs.tobytes()

    def test_another_source_of_the_same_name_is_not_used(self, trained: numbann.Run, here: Path) -> None:
        (here / "bent.py").write_text(PLUGIN.format(slope=0.25))
        with pytest.raises(RunDirectoryError, match="has changed since"):
            numbann.load(trained.path, plugins=["bent.py"])
        outputs = trained.model.predict_proba(POINTS)
        assert numbann.load(trained.path, trust=True).predict_proba(POINTS).tobytes() == outputs.tobytes()

    def test_a_changed_helper_counts(self, write_spec: WriteSpec, here: Path) -> None:
        text = PLUGIN.format(slope="half(1.0)").replace("@activation", self.HELPER + "\n@activation", 1)
        (here / "bent.py").write_text(text)
        run = numbann.train(write_spec(plugins=["bent.py"], model={"layers": [{"units": 4, "activation": "bent"}]}))
        (here / "bent.py").write_text(text.replace("1 / 4", "1 / 5"))
        with pytest.raises(RunDirectoryError, match="has changed since"):
            numbann.load(run.path, plugins=["bent.py"])


def test_a_model_is_saved_with_the_bytes_of_its_run(write_spec: Callable[..., Path], here: Path) -> None:
    run = numbann.train(write_spec(train={"epochs": 1, "diagnostics": True, "threads": 1}))
    expected = (run.path / "model.safetensors").read_bytes()
    for model in (run.model, numbann.load(run.path)):
        model.save(here / "saved.safetensors")
        assert (here / "saved.safetensors").read_bytes() == expected
    assert numbann.load("saved.safetensors").schema == {
        "task": "classification",
        "features": {"x": {"type": "number"}, "y": {"type": "number"}},
        "targets": ["colour"],
        "classes": ["blue", "green", "red"],
    }
    with pytest.raises(RunDirectoryError, match="nowhere/m: cannot be written: No such file"):
        run.model.save("nowhere/m")
