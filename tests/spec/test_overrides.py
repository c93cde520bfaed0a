"""Overrides of a spec: which values they set, and how their faults are reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from numbann.errors import SpecError
from numbann.spec.loading import load


def test_lands_in_place(spec_of):
    spec = load(spec_of(), {"train.epochs": 5, "model.layers[0].units": 128, "data.split.test": 0, "loss": "mse"}).spec
    assert (spec.train.epochs, spec.model.layers[0].units, spec.data.split.test, spec.loss.type) == (5, 128, 0, "mse")


def test_opens_a_component_that_was_a_name_or_missing(spec_of):
    assert load(spec_of(), {"optimizer.beta1": 0.5}).spec.optimizer.parameters["beta1"] == 0.5
    assert load(spec_of(optimizer="sgd"), {"optimizer.momentum": 0.5}).spec.optimizer.type == "sgd"
    overrides = {"model.layers[0].activation.type": "elu", "model.layers[0].activation.alpha": 2}
    assert load(spec_of(), overrides).spec.model.layers[0].activation.parameters == {"alpha": 2.0}


def test_opens_a_short_form(spec_of):
    given = spec_of(model={"layers": [8, 4]}, train={"early_stopping": 3})
    spec = load(given, {"model.layers[1].activation": "tanh", "train.early_stopping.min_delta": 0.5}).spec
    assert [(layer.units, layer.activation.type) for layer in spec.model.layers] == [(8, "relu"), (4, "tanh")]
    assert (spec.train.early_stopping.patience, spec.train.early_stopping.min_delta) == (3, 0.5)


def test_leaves_the_given_dict_alone(spec_of):
    given = spec_of()
    load(given, {"model.layers[0].units": 128})
    assert given == spec_of()


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("train.epoks", 5, 'unknown key; did you mean "epochs"?'),
        ("train.epochs", 0, "0 is not allowed"),
        ("train.epochs", float("nan"), "is no JSON"),
        ("train.epochs", object(), "object is no JSON value"),
        ("train..epochs", 1, "is no path of a key"),
        ("train.epochs.more", 1, "is not allowed"),
        ("model.layers[3].units", 8, "the list has 1 elements"),
        ("model.layers.units", 8, "the list has 1 elements"),
        ("data[0]", 8, "there is no [0] here"),
        ("optimizer.beta1", 1, "give a number, at least 0, below 1"),
    ],
)
def test_faults_name_the_setting(spec_of, faults_of, path, value, words):
    (fault,) = faults_of(spec_of(), {path: value})
    assert (fault.path, fault.line) == (f'overrides["{path}"]', None)
    assert words in fault.message


def test_an_object_set_whole_names_the_inner_key(spec_of, faults_of):
    (fault,) = faults_of(spec_of(), {"train": {"epochs": 0}})
    assert (fault.path, fault.message[:14]) == ('overrides["train"]', "train.epochs: ")


def test_faults_keep_the_name_of_the_file(write, spec_of):
    path = write(spec_of())
    with pytest.raises(SpecError, match=r'spec.json  overrides\["train.epoks"\]: unknown key'):
        load(path, {"train.epoks": 1})
    with pytest.raises(SpecError, match=r'spec.json  overrides\["train\["\]: is no path'):
        load(path, {"train[": 1})


def test_paths_become_texts(spec_of):
    assert load(spec_of(), {"data.path": Path("wine.csv")}).spec.data.path == "wine.csv"
