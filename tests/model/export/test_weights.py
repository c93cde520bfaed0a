"""Weights alone, as NPZ and as safetensors: all of them, with what they are for; no model is written over."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zoo
from click.testing import CliRunner, Result
from numbann_cli.group import numbann as group
from safetensors import safe_open
from safetensors.numpy import load_file

import numbann
from numbann.errors import ExportError


def read(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file that are numbers."""
    found = dict(np.load(path, allow_pickle=False)) if path.suffix == ".npz" else load_file(path)
    return {name: one for name, one in found.items() if one.dtype.kind == "f"}


@pytest.mark.parametrize("ending", ["npz", "safetensors"])
@pytest.mark.parametrize("name", ["every_column", "norms", "ensemble"])
def test_all_of_them_are_there(name: str, ending: str, tmp_path: Path) -> None:
    model = zoo.made(name)
    path = tmp_path / f"weights.{ending}"
    assert model.export(path).files == (path,)
    found = read(path)
    assert found.keys() == model.tensors.keys()
    for key, tensor in model.tensors.items():
        np.testing.assert_array_equal(found[key], tensor)
    model.export(path, dtype="float64")
    assert {one.dtype.str for one in read(path).values()} == {"<f8"}


def test_they_say_what_they_are_for(tmp_path: Path) -> None:
    model = zoo.made("every_column")
    model.export(tmp_path / "w.npz")
    model.export(tmp_path / "w.safetensors")
    with safe_open(tmp_path / "w.safetensors", "numpy") as file:
        texts = file.metadata()
    with np.load(tmp_path / "w.npz", allow_pickle=False) as arrays:
        assert {key: str(arrays[key]) for key in texts} == texts
    assert texts["numbann_version"] == numbann.__version__
    assert json.loads(texts["schema"]) == json.loads(json.dumps(model.schema))
    assert json.loads(texts["preprocessing"])["encoding"]["features"] == list(model.features)
    assert [layer["units"] for layer in json.loads(texts["model"])["layers"]] == [8]


def test_an_embedding_has_the_shapes_that_the_manual_says(tmp_path: Path) -> None:
    model = zoo.made("embedding")  # pbld, of which the last output is the number itself
    model.export(tmp_path / "w.npz")
    found = read(tmp_path / "w.npz")
    x = np.asarray(model.preprocessing.transform(zoo.table()))
    numbers = list(model.preprocessing.encoding.numbers)
    own = {key.removeprefix("input.embedding."): one for key, one in found.items() if "embedding" in key}
    wave = [own[name].reshape(len(numbers), 1, -1) for name in ("frequency", "phase")]
    terms = np.cos(2 * np.pi * wave[0] * x.T[numbers][:, :, None] + wave[1])  # (F, N, terms)
    made = terms @ own["mix"].reshape(len(numbers), terms.shape[2], -1) + own["offset"].reshape(len(numbers), 1, -1)
    each = np.concatenate((made, x.T[numbers][:, :, None]), axis=2)  # (F, N, outputs)
    e = np.hstack((*each, np.delete(x, numbers, axis=1))) * found["input.scale"]
    hidden = np.maximum(e @ found["layers.0.weight"] + found["layers.0.bias"], 0)
    y = hidden @ found["layers.1.weight"] + found["layers.1.bias"]
    np.testing.assert_allclose(y, model.outputs(x), rtol=1e-4, atol=1e-5)


def test_nothing_predicts_with_them(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match='"npz" holds weights alone, which predict nothing; leave out verify'):
        zoo.made("value").export(tmp_path / "w.npz", verify=True)


def test_no_model_is_written_over(write_spec: Callable[..., Path], here: Path) -> None:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(group, ["export", *arguments])

    numbann.train(write_spec(train={"epochs": 1}), output="run")
    before = (here / "run" / "model.safetensors").read_bytes()
    result = run("run", "--format", "safetensors", "--no-card")
    assert (result.exit_code, result.stdout.split(",")[0]) == (0, "written    run/weights.safetensors")
    result = run("run", "-o", "run/model.safetensors")
    assert result.exit_code == 2
    assert "run/model.safetensors: is a model of numbann, which would be lost; name another file" in result.stderr
    assert run("run/model.safetensors", "--format", "npz").stdout.startswith("written    run/weights.npz")
    assert "whole model" not in (here / "run" / "README.md").read_text()
    assert run("run", "-o", "sold.c").stdout.split(",")[0] == "written    sold.c"
    assert (here / "run" / "model.safetensors").read_bytes() == before
