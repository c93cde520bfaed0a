"""The JSON Schema of a spec: it accepts what loading accepts, and refuses misspelt keys."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numbann.components.built_in import built_in
from numbann.errors import SpecError
from numbann.plugins.finding import with_files
from numbann.spec.loading import load
from numbann.spec.model import to_json
from numbann.spec.schema import schema

jsonschema = pytest.importorskip("jsonschema")

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.json"))
SCHEMA = schema(built_in())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def refused(spec, validator=VALIDATOR):
    """The paths at which a spec breaks the schema."""
    return [error.json_path for error in validator.iter_errors(spec)]


def test_it_is_a_schema_and_strict_json():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    json.dumps(SCHEMA, allow_nan=False)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_pass(path):
    spec = json.loads(path.read_text())
    registry = with_files(path.parent / name for name in spec.get("plugins", []))
    validator = jsonschema.Draft202012Validator(schema(registry))
    assert refused(spec, validator) == []
    assert refused({**spec, "epochs": 5}, validator) == ["$"]


def test_a_spec_with_every_default_passes(spec_of):
    assert refused(to_json(load(spec_of()).spec)) == []


def test_short_forms_pass(spec_of):
    assert refused(spec_of(model={"layers": [8, {"units": 4}]}, train={"early_stopping": True})) == []
    assert refused(spec_of(train={"select": "validation_accuracy"})) == []
    assert refused(spec_of(train={"select": None})) == []
    assert refused(spec_of(model={"layers": [0]}, train={"early_stopping": 0})) == [
        "$.model.layers[0]",
        "$.train.early_stopping",
    ]


MISSPELT = [
    ({"layers": []}, "$"),
    ({"$schema": 5}, "$['$schema']"),
    ({"data": {"path": "wine.csv", "traget": "quality"}}, "$.data"),
    ({"data": {"path": {"x": "x.npy"}}}, "$.data.path"),
    ({"data": {"target": "quality"}}, "$.data"),
    ({"model": {"layers": [{"units": 0}]}}, "$.model.layers[0].units"),
    ({"model": {"layers": [{"units": 8, "activation": "rleu"}]}}, "$.model.layers[0].activation"),
    ({"model": {"layers": [{"units": 8, "activation": {"type": "elu", "alhpa": 1}}]}}, "$.model.layers[0].activation"),
    ({"optimizer": {"type": "sgd", "momentum": 2}}, "$.optimizer"),
    ({"optimizer": "auto"}, "$.optimizer"),
    ({"schedule": {"type": "cosine", "warmup_epochs": -1}}, "$.schedule"),
    ({"train": {"metrics": ["acuracy"]}}, "$.train.metrics"),
    ({"train": {"metrics": [{"type": "calibration_error", "bins": 0}]}}, "$.train.metrics"),
    ({"train": {"batch_size": 0}}, "$.train.batch_size"),
    ({"train": {"early_stopping": {"pateince": 1}}}, "$.train.early_stopping"),
]


@pytest.mark.parametrize(("sections", "path"), MISSPELT, ids=[json.dumps(sections) for sections, _ in MISSPELT])
def test_what_is_misspelt_is_refused(spec_of, faults_of, sections, path):
    assert refused(spec_of(**sections)) == [path]
    faults_of(spec_of(**sections))


SPEC = {"data": {"path": "wine.csv", "target": "quality"}, "model": {"layers": [{"units": 8}]}}
PLACES = [
    ("name",),
    ("seed",),
    ("data", "path"),
    ("data", "target"),
    ("data", "csv"),
    ("data", "split"),
    ("data", "class_weight"),
    ("model", "layers"),
    ("model", "init"),
    ("loss",),
    ("optimizer",),
    ("schedule",),
    ("train",),
    ("train", "metrics"),
    ("train", "early_stopping"),
    ("train", "select"),
]
words = st.sampled_from(["auto", "relu", "adam", "full", "wine.csv", "x.npy", "a\nb", "", "a.", "balanced"])
keys = st.sampled_from(["type", "path", "train", "x", "y", "units", "activation", "validation", "header", "patience"])
numbers = st.sampled_from([0, 1, 1.0, 0.5, -1, 8, 2**40])
values = st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300)
@given(st.sampled_from(PLACES), values)
def test_what_loads_passes(path, value):
    spec = copy.deepcopy(SPEC)
    holder = spec
    for key in path[:-1]:
        holder = holder.setdefault(key, {})
    holder[path[-1]] = value
    try:
        load(spec)
    except SpecError as error:
        if any("no such file" not in fault.message for fault in error.faults):
            return
    assert refused(spec) == []


def test_components_have_parameters_with_ranges_defaults_and_words():
    elu = next(one for one in SCHEMA["$defs"]["activation"]["anyOf"][1:] if "elu" in one["properties"]["type"]["enum"])
    assert elu["properties"]["alpha"]["type"] == "number"
    assert elu["properties"]["alpha"]["default"] == 1.0
    assert elu["description"].startswith("Exponential linear unit")
    adam = next(one for one in SCHEMA["$defs"]["optimizer"]["anyOf"][1:] if "adam" in one["properties"]["type"]["enum"])
    assert adam["properties"]["beta1"] == {
        "type": "number",
        "minimum": 0,
        "exclusiveMaximum": 1,
        "description": "A number, at least 0, below 1.",
        "default": 0.9,
    }


def test_a_plugin_is_in_it(folder):
    (folder / "mine.py").write_text(
        "from numbann import Positive, activation, hookimpl\n\n\n"
        "@activation\ndef bent(z, slope: Positive = 2.0):\n    return slope * z\n\n\n"
        "@hookimpl\ndef numbann_register(register):\n    register(bent)\n"
    )
    validator = jsonschema.Draft202012Validator(schema(with_files([folder / "mine.py"])))
    for slope, wrong in ((3, []), (0, ["$.model.layers[0].activation"])):
        layer = {"units": 8, "activation": {"type": "bent", "slope": slope}}
        assert refused({**SPEC, "model": {"layers": [layer]}}, validator) == wrong
