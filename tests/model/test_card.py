"""The card of a model, its columns in words, and its schema."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import zoo
from click.testing import CliRunner, Result
from numbann_cli.group import numbann as group

import numbann
from numbann.errors import RunDirectoryError
from numbann.model.card import card, is_card
from numbann.model.export import FORMATS
from numbann.model.features import features_of

WriteSpec = Callable[..., Path]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(group, list(arguments))


@pytest.mark.parametrize("name", zoo.ZOO)
def test_every_model_has_a_card_with_a_row_for_each_column(name: str) -> None:
    model = zoo.made(name)
    text = card(model, "houses")
    assert text.startswith("---\nlibrary_name: numbann\npipeline_tag: tabular-")
    assert [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")] == list(model.features)


def test_columns_in_words() -> None:
    found = {one.name: one[1:] for one in features_of(zoo.made("every_column").preprocessing)}
    assert found["size"] == ("text in order", '"small", "medium", "large"', '"medium", and is marked')
    assert found["kind"][2] == "a category with rare ones"
    assert found["built"] == ("date, 2024-12-31", "1970-01-13 to 2024-08-07", "the median")
    assert found["age"][1].startswith("median ")
    assert found["rooms"] == ("number", "1 to 8", "3")
    words = {one.name: one.held for one in features_of(zoo.made("value").preprocessing)}
    assert all(text.startswith("mean ") for text in words.values())
    assert {one.held for one in features_of(zoo.made("bins_of_bytes").preprocessing)} > {"1 to 8"}


def test_the_schema_tells_dates_orders_and_units() -> None:
    features = zoo.made("every_column").schema["features"]
    assert features["built"] == {"type": "date"}
    assert features["size"] == {"type": "text", "order": ["small", "medium", "large"]}
    assert zoo.made("mean_and_variance").schema["outputs"] == {"mean": "target", "variance": "square"}
    assert zoo.made("labels").schema["classes"] == [("no", "yes"), (0, 1)]


def test_a_card_has_the_figures_of_its_run(write_spec: WriteSpec, here: Path) -> None:
    found = numbann.train(write_spec(train={"epochs": 3}), output="run")
    text = card(found.model, "blobs", found.path, ["model.onnx"])
    assert found.model.card("blobs", run="run") == card(found.model, "blobs", found.path)
    assert "## Figures" in found.model.card(figures=found.metrics)
    assert "## Figures" not in found.model.card()
    figures = json.loads((here / "run" / "metrics.json").read_text())
    assert f'    - type: "accuracy"\n      value: {figures["test"]["accuracy"]}\n' in text
    assert "Predicts `colour`, one of 3 classes" in text
    assert f"the weights are those of epoch {figures['best_epoch']}" in text
    assert "SHA-256" in text
    assert str(here) not in text  # no path of a machine
    assert "| `blue` |" in text
    assert "- `model.onnx`: the whole model" in text
    (here / "run" / "metrics.json").write_text('{"test": {"loss": 1}, "confusion": {"test": 3}}')
    with pytest.raises(RunDirectoryError, match="is damaged"):
        card(found.model, "blobs", found.path)


def test_a_card_elsewhere_is_that_of_its_files(write_spec: WriteSpec, here: Path) -> None:
    numbann.train(write_spec(train={"epochs": 1}), output="run")
    (here / "run" / "model.safetensors").rename(here / "wine.safetensors")
    assert run("export", "wine.safetensors", "-o", "wine.c").exit_code == 0
    assert 'numbann.load("wine.safetensors")' in (here / "README.md").read_text()
    (here / "out").mkdir()
    for name in ("out/a.c", "out/b.c", "out/a.npz", "out/c.c"):
        assert run("export", "wine.safetensors", "-o", name).exit_code == 0
    cards = {path.name: path.read_text() for path in (here / "out").glob("*.md")}
    assert {name: re.findall(r"(?m)^- `(.*)`: the", text) for name, text in cards.items()} == {
        "README.md": ["a.c", "a.npz"],
        "b.md": ["b.c"],
        "c.md": ["c.c"],
    }
    assert not any("safetensors" in text for text in cards.values())  # no model is there
    (here / "out" / "c.md").write_text("mine")
    assert "stays as it is" in run("export", "wine.safetensors", "-o", "out/c.c").output


def test_a_card_names_plugins_and_members(here: Path) -> None:
    text = card(zoo.of_plugin(here, "odd"), "odd")
    assert 'numbann.load("model.safetensors", plugins=["odd.py"])' in text
    assert "`numbann predict model.safetensors new.csv --plugin odd.py` does the same" in text
    assert "It needs `odd.py`: the file, or the distribution to be installed. Else `trust=True`" in text
    assert "| members | 3 in one network, which share all but" in card(zoo.made("members"), "members")
    assert "| ensemble | 3 such networks, each trained on other rows" in card(zoo.made("ensemble"), "ensemble")


def test_names_of_any_kind_are_code_in_a_card() -> None:
    columns = {"a `b` | c": ["x", "`*<b>"] * 20, "": [1.0, 2.0] * 20, "y": ["u", "v", "v", "u"] * 10}
    text = card(zoo.model_of({"data": {"target": "y"}, "model": {"layers": [4]}, "name": "n"}, columns), "n")
    assert r'| `` a `b` \| c `` | text | "\`\*\<b>", "x" | all' in text
    assert "| ` ` | number |" in text
    assert "In a column of numbers `true` is 1, and `false` is 0." in text


def test_show_tells_what_a_model_takes(write_spec: WriteSpec, here: Path) -> None:
    numbann.train(write_spec(train={"epochs": 1}), output="run")
    of_run, of_file = run("show", "run"), run("show", "run/model.safetensors")
    assert (of_run.exit_code, of_file.exit_code) == (0, 0)
    for result in (of_run, of_file):
        assert "classes    blue, green, red\n\ncolumn  takes   in training" in result.output
        assert "model      8 tanh -> softmax, float32" in result.output
    schema = json.loads(run("show", "run", "--schema").output)
    assert schema == numbann.load("run").schema | {"classes": ["blue", "green", "red"]}
    (here / "run" / "model.safetensors").write_bytes(b"nothing")
    damaged = run("show", "run")
    assert damaged.exit_code == 0
    assert "model.safetensors: not a numbann model, or a damaged one" in damaged.output
    assert run("show", "run/model.safetensors").exit_code == 2
    assert "name a run directory" in run("show", "--schema").output


def test_show_starts_without_numba(write_spec: WriteSpec, here: Path) -> None:
    numbann.train(write_spec(train={"epochs": 1}), output="run")
    code = "import sys; sys.argv[1:] = ['show', 'run']; from numbann_cli.group import numbann\n"
    code += "try: numbann()\nexcept SystemExit: print('numba' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "False"


def test_a_file_for_other_programs_is_named_as_one(write_spec: WriteSpec, here: Path) -> None:
    pytest.importorskip("onnx")
    numbann.train(write_spec(train={"epochs": 1}), output="run")
    for format in FORMATS:
        files = json.loads(run("export", "run", "--format", format, "--json").stdout)["files"]
        for arguments in (("show", files[0]), ("predict", files[0], "blobs.csv"), ("show", files[0], "--schema")):
            found = run(*arguments)
            assert found.exit_code == 2
            assert (
                f"{files[0]}: was exported for other programs, and numbann does not read it; name the" in found.output
            )


def test_a_page_of_somebody_else_stays(write_spec: WriteSpec, here: Path) -> None:
    pytest.importorskip("onnx")
    numbann.train(write_spec(train={"epochs": 1}), output="run")
    readme = here / "run" / "README.md"
    assert run("export", "run").exit_code == 0
    assert is_card(readme)
    readme.write_text("mine")
    assert "stays as it is" in run("export", "run").output
    assert readme.read_text() == "mine"
    readme.unlink()
    assert run("export", "run", "--no-card").exit_code == 0
    assert not readme.exists()
    before = {"model.safetensors", *(path.name for path in (here / "run").iterdir())} - {"model.onnx"}
    for format in FORMATS:
        assert run("export", "run", "--format", format).exit_code == 0
    assert {"model.h", "README.md"} < {path.name for path in (here / "run").iterdir()}
    assert run("export", "run").exit_code == 0
    for file in ("model.onnx`: the whole", "model.c`: the whole", "weights.npz`: the trained numbers alone"):
        assert f"- `{file}" in readme.read_text()
    assert "checkpoint" not in readme.read_text()
    numbann.train(write_spec(train={"epochs": 1}), output="run", force=True)
    assert {path.name for path in (here / "run").iterdir()} == before  # and no model of an earlier training
