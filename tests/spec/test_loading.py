"""Files and dicts, lines, plugins, and what loading a spec may import."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from numbann.components.built_in import built_in
from numbann.data import files
from numbann.errors import SpecError
from numbann.spec.loading import load, restore
from numbann.spec.model import to_json

PLUGIN = '''
from numbann.components.declare import activation
from numbann.components.hookspecs import hookimpl

@activation
def doubled(z, factor: float = 2.0):
    """Doubled: factor * z."""
    return factor * z

@hookimpl
def numbann_register(register):
    register(doubled)
'''


def test_faults_carry_lines_in_their_order(write):
    data, model = '"data": {"path": "wine.csv",\n"target": "q"}', '"model": {\n"layers": []}'
    path = write(f'{{"train": {{\n"epoks": 5}},\n{data},\n"seed":\n-1, {model}}}')
    with pytest.raises(SpecError) as caught:
        load(path)
    places = [(fault.path, fault.line) for fault in caught.value.faults]
    assert places == [("train.epoks", 2), ("data.target", 4), ("seed", 5)]  # the table has no column "q"
    assert str(caught.value).startswith(f"{path}:2  train.epoks: unknown key; did you mean")


def test_a_missing_key_has_the_line_of_its_object(write, spec_of):
    path = write('{"data": {"path": "wine.csv", "target": "q"},\n"model":\n{}}')
    with pytest.raises(SpecError, match=r"spec.json:2  model.layers: missing"):
        load(path)


def test_source(write, spec_of, folder):
    path = write(spec_of(), "wine.json")
    loaded = load("wine.json")
    assert (loaded.source.name, loaded.source.text, loaded.source.base) == ("wine.json", path.read_text(), folder)
    assert loaded.spec.name == "wine"
    assert (loaded.source.line("data.path"), loaded.source.line("data.csv.delimiter")) == (3, 2)


def test_overridden_keys_have_no_line(write, spec_of):
    source = load(write(spec_of()), {"data.target": "acid"}).source
    assert (source.line("data.target"), source.line("data.path")) == (None, 3)


def test_a_dict_has_its_json_as_text_and_no_lines(spec_of, folder):
    source = load(spec_of()).source
    assert (source.name, source.base, source.line("data")) == ("", folder, None)
    assert json.loads(source.text) == spec_of()


def test_inputs_are_relative_to_the_spec(write, spec_of, folder, monkeypatch):
    path = write(spec_of())
    monkeypatch.chdir("/")
    assert load(path).source.base == folder


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("absent.json", "no such file"),
        ("subfolder", "is a directory"),
        ("empty.json", "is empty"),
        ("list.json", "[1] is not allowed; give an object"),
        ("bad.json", "expected a key"),
        ("x" * 5000, "no such file"),
        ("nul\0.json", "no such file"),
    ],
)
def test_unusable_files(folder, name, words):
    (folder / "empty.json").write_text(" \n")
    (folder / "list.json").write_text("[1]")
    (folder / "bad.json").write_text("{bad}")
    with pytest.raises(SpecError) as caught:
        load(name)
    assert caught.value.source == name
    assert words in str(caught.value)


@pytest.mark.parametrize("spec", [{"seed": float("nan")}, {"seed": {1, 2}}, {"name": "\ud800"}])
def test_dicts_that_are_no_json(spec):
    with pytest.raises(SpecError):
        load(spec)


def test_a_dict_within_itself():
    spec: dict = {}
    spec["data"] = spec
    with pytest.raises(SpecError, match="is no JSON"):
        load(spec)


def test_plugins_are_relative_to_the_spec(spec_of, folder):
    (folder / "mine.py").write_text(PLUGIN)
    layer = {"units": 2, "activation": {"type": "doubled", "factor": 3}}
    loaded = load(spec_of(plugins=["mine.py"], model={"layers": [layer]}))
    assert loaded.spec.model.layers[0].activation.parameters == {"factor": 3.0}
    assert loaded.registry.get("activation", "doubled").name == "doubled"


def test_a_broken_plugin_hides_no_other_fault_and_blames_no_name(spec_of, faults_of, folder):
    (folder / "mine.py").write_text("1 / 0")
    spec = spec_of(plugins=["mine.py"], seed=-1, model={"layers": [{"units": 2, "activation": "doubled"}]})
    faults = faults_of(spec)
    assert [fault.path for fault in faults] == ["plugins", "seed"]
    assert "ZeroDivisionError" in faults[0].message


def test_to_json_loads_again(spec_of):
    spec = load(spec_of(loss="mse", train={"early_stopping": {}}, optimizer={"type": "sgd", "momentum": 0.5})).spec
    written = to_json(spec)
    assert written["optimizer"] == {
        "type": "sgd",
        "learning_rate": 0.01,
        "momentum": 0.5,
        "dampening": 0.0,
        "nesterov": False,
        "weight_decay": 0.0,
        "l1": 0.0,
    }
    assert load(json.loads(json.dumps(written))).spec == spec


def test_restore_needs_no_input_files(spec_of):
    stored = spec_of(data={"path": "gone.csv", "target": "quality"})
    assert restore(stored, built_in()).spec.data.path == "gone.csv"
    with pytest.raises(SpecError, match=r"seed: -1"):
        restore({**stored, "seed": -1}, built_in())


def test_imports_nothing_heavy(write, spec_of):
    code = f"import sys; from numbann.spec.loading import load; load({str(write(spec_of()))!r}); print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert not {"numpy", "numba", "pydantic", "click"} & set(done.stdout.split())


def test_a_spec_and_a_home_folder_on_standard_input(spec_of, folder, monkeypatch):
    content = json.dumps(spec_of(data={"path": "~/wine.csv", "target": "quality"}), indent=1).encode()
    monkeypatch.setattr(files, "_piped", lambda stream: b"\xef\xbb\xbf" + content)
    monkeypatch.setenv("HOME", str(folder))
    loaded = load("-")
    assert (loaded.spec.name, loaded.source.base, loaded.source.line("data.path")) == ("model", folder, 3)
    monkeypatch.setattr(files, "_piped", lambda stream: b"{")
    with pytest.raises(SpecError, match="standard input:1"):
        load("-")


def test_a_target_may_be_a_number(spec_of):
    assert load(spec_of(data={"path": "wine.csv", "csv": {"header": False}, "target": 1})).spec.data.target == "1"
    with pytest.raises(SpecError, match=r"data\.csv\.thousands: \",\" is data\.csv\.decimal, too"):
        load(spec_of(data={"path": "wine.csv", "csv": {"decimal": ",", "thousands": ","}, "target": "quality"}))
    with pytest.raises(SpecError, match='"utf-88" is not allowed; give an encoding that Python knows'):
        load(spec_of(data={"path": "wine.csv", "csv": {"encoding": "utf-88"}, "target": "quality"}))
