"""Wrong specs: a table of what is wrong, where the fault is reported, and words of its message."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from numbann.errors import SpecError
from numbann.spec.loading import load
from numbann.spec.model import ComponentSpec

TABLE = {"path": "wine.csv", "target": "quality"}
HIDDEN = {"layers": [{"units": 8}]}


def data(**keys):
    return {"data": {**TABLE, **keys}}


def layer(**keys):
    return {"model": {"layers": [{"units": 8, **keys}]}}


def train(**keys):
    return {"train": keys}


def solver(**sections):
    return {"optimizer": "lbfgs", **sections}


WRONG = [
    # sections that replace those of a right spec, path, words of the message
    ({"optimiser": "adam"}, "optimiser", 'unknown key; did you mean "optimizer"?'),
    ({"zzz": 1}, "zzz", "known here: extends, name, seed, preset, data, model"),
    ({"name": "a/b"}, "name", "no slash"),
    ({"name": ".."}, "name", "no dot at its end"),
    ({"name": ""}, "name", "is not allowed"),
    ({"seed": -1}, "seed", "from 0 to 9223372036854775807"),
    ({"seed": 2**63}, "seed", "9223372036854775808 is not allowed"),
    ({"seed": True}, "seed", "true is not allowed; give a whole number"),
    ({"seed": 1.0}, "seed", "1.0 is not allowed"),
    ({"seed": "1"}, "seed", '"1" is not allowed'),
    ({"data": 5}, "data", "5 is not allowed; give an object"),
    ({"data": {"target": "quality"}}, "data.path", "missing"),
    ({"data": {"path": "wine.csv"}}, "data.target", "missing; name the column"),
    (data(path=None), "data.path", "null is not allowed; give a file"),
    (data(path=""), "data.path", '"" is not allowed; give a file name'),
    (data(path="absent.csv"), "data.path", "no such file"),
    (data(path="subfolder"), "data.path", "is a directory"),
    (data(path=["wine.csv", 3]), "data.path", "3 is not allowed; give a file name"),
    (data(target=None, path={"images": "images.gz"}), "data.path.labels", "missing; give a file name"),
    (data(target=None, path={"x": "x.npy", "y": 3}), "data.path.y", "3 is not allowed; give a file name"),
    (data(target=None, path={"x": "x.npy", "y": "y.npy", "z": "y.npy"}), "data.path.z", "unknown key"),
    (data(path={"a": "x.npy"}), "data.path", "is not allowed; give a file name"),
    (data(path={"test": "wine.csv"}), "data.path.train", "missing"),
    (data(path={"train": "wine.csv", "tset": "wine.csv"}), "data.path.tset", 'did you mean "test"?'),
    (data(path={"train": "wine.csv", "test": "absent.csv"}), "data.path.test", "no such file"),
    (data(target=None, path={"x": "absent.npz:a", "y": "y.npy"}), "data.path.x", '"absent.npz": no such file'),
    (data(target=None, path={"x": "A.NPZ:a", "y": "B.NPZ:a"}), "data.path.y", '"B.NPZ": no such file'),
    (data(path={"x": "x.npy", "y": "y.npy"}), "data.target", "the labels come with the path; leave it out"),
    (
        data(target=None, path={"x": "x.npy", "y": "y.npy"}, format="csv"),
        "data.format",
        'data.path is "npy"; leave it out',
    ),
    (data(path="part-*.csv"), "data.path", '"part-*.csv": no file in '),
    (data(target=None, path="x.npy"), "data.path", '"x.npy" brings no labels; give {"images": F, "labels": F} or'),
    (data(format="excel"), "data.format", 'give "auto", "csv"'),
    (data(target=-5), "data.target", "-5 is not allowed"),
    (data(target=[]), "data.target", "[] is not allowed"),
    (data(target=["a", "a"]), "data.target", '"a" is listed twice'),
    (data(task="multiclass"), "data.task", '"multiclass" is not allowed'),
    (data(task="multilabel"), "data.target", "give a list of columns"),
    (data(features=["acid", "quality"]), "data.features", '"quality" is in data.target too'),
    (data(features=["acid"], drop=["acid"]), "data.drop", '"acid" is in data.features too'),
    (data(drop=["quality"]), "data.drop", "leave it out of one of them"),
    (data(drop="acid"), "data.drop", "give a list of names"),
    (data(csv={"delimiter": ";;"}), "data.csv.delimiter", "one character"),
    (data(csv={"header": 1}), "data.csv.header", "true or false or a list of names"),
    (data(csv={"headers": True}), "data.csv.headers", 'did you mean "header"?'),
    (data(scale="logs"), "data.scale", '"logs" is not allowed'),
    (data(scale=[]), "data.scale", '[] is not allowed; give "auto", "byte", "clip", '),
    (data(scale="standart"), "data.scale", '"standart" is not allowed; did you mean "standard"? give "auto", "byte"'),
    (data(scale=["robust", "clop"]), "data.scale", 'did you mean "clip"?'),
    (data(scale=["clip", "x"]), "data.scale", '["clip", "x"] is not allowed; give '),
    (data(scale=3), "data.scale", 'or a list of these but "auto", applied in order'),
    (data(scale=["robust", "auto"]), "data.scale", '["robust", "auto"] is not allowed'),
    (data(weight=["w"]), "data.weight", '["w"] is not allowed; give a name or null'),
    (data(weight="quality"), "data.weight", '"quality" is in data.target too; leave it out of one of them'),
    (data(drop=["w"], weight="w"), "data.weight", '"w" is in data.drop too'),
    (data(class_weight="balance"), "data.class_weight", 'give "balanced" or an object with a number, at least 0, for'),
    (data(class_weight={"a": -1}), "data.class_weight", '{"a": -1} is not allowed'),
    (data(class_weight={"a": "1"}), "data.class_weight", '{"a": "1"} is not allowed'),
    (data(columns=["x"]), "data.columns", "give an object of names, each with an object with the keys scale, missing"),
    (data(columns={"x": "log"}), "data.columns.x", '"log" is not allowed; give an object with the keys scale, missing'),
    (data(columns={"x": {"scale": "logs"}}), "data.columns.x.scale", 'did you mean "log"?'),
    (data(columns={"x_*": {"order": ["a"]}}), 'data.columns."x_*".order', "a list of texts or numbers, two or more"),
    (data(missing="constant"), "data.missing", '"constant" is not allowed'),
    (data(split={"test": 1}), "data.split.test", "up to but not including 1"),
    (data(split={"test": -0.1}), "data.split.test", "-0.1 is not allowed"),
    (data(split={"validation": 0.5, "test": 0.5}), "data.split", "hold back 1 of the rows"),
    (data(split={"validation": 0.9}), "data.split", "validation 0.9 and test 0.15 (the default) hold back 1.05"),
    (data(path={"train": "wine.csv", "test": "wine.csv"}, split={"test": 0.1}), "data.split.test", "names a test part"),
    ({"model": {}}, "model.layers", "missing; give a list of objects"),
    ({"model": {"layers": 3}}, "model.layers", "3 is not allowed; give a list of numbers of units or of objects"),
    ({"model": {"layers": ["16"]}}, "model.layers[0]", '"16" is not allowed; give a number of units or an object'),
    ({"model": {"layers": [0]}}, "model.layers[0].units", "0 is not allowed; give a whole number from 1"),
    ({"model": {"layers": [{}]}}, "model.layers[0].units", "missing; give a whole number from 1 to 1000000"),
    (layer(units=0), "model.layers[0].units", "0 is not allowed"),
    (layer(units=10**9), "model.layers[0].units", "from 1 to 1000000"),
    (layer(units=True), "model.layers[0].units", "true is not allowed"),
    (layer(activation="rleu"), "model.layers[0].activation", 'did you mean "relu"?'),
    (layer(activation=3), "model.layers[0].activation", "3 is not allowed; give the name of an activation"),
    (layer(activation={"alpha": 1}), "model.layers[0].activation.type", "missing; give the name of an activation"),
    (layer(activation={"type": "rleu"}), "model.layers[0].activation.type", "unknown activation"),
    (layer(activation={"type": "elu", "alfa": 1}), "model.layers[0].activation.alfa", 'did you mean "alpha"?'),
    (layer(activation={"type": "elu", "alpha": -1}), "model.layers[0].activation.alpha", "give a number, at least 0"),
    (layer(activation={"type": "elu", "alpha": "1"}), "model.layers[0].activation.alpha", '"1" is not allowed'),
    ({"model": {"layers": [8], "activation": "auto"}}, "model.activation", 'unknown activation "auto"'),
    (layer(init="he"), "model.layers[0].init", 'unknown initializer "he"'),
    (layer(dropout=1.0), "model.layers[0].dropout", "a number from 0 up to but not including 1"),
    (layer(dropout=0.5, alpha_dropout=0.5), "model.layers[0].alpha_dropout", "there is dropout too; give one of them"),
    (layer(norm="group"), "model.layers[0].norm", '"layer" or "batch" or null'),
    (
        {"model": {"layers": [{"units": 8}, {"units": 4, "residual": True}]}},
        "model.layers[1].residual",
        "adds 8 inputs to 4 units; give the layer 8 units, or leave residual out",
    ),
    ({"model": {**HIDDEN, "dtype": "float16"}}, "model.dtype", 'give "float32", "float64" or "bfloat16"'),
    (
        {"model": {**HIDDEN, "dtype": "bfloat16"}, "train": {"device": "cuda"}},
        "model.dtype",
        '"bfloat16" is not for train.device "cuda"; give train.device "cpu", or "float32" or "float64"',
    ),
    ({"loss": "mes"}, "loss", 'did you mean "mse"?'),
    ({"optimizer": {"type": "adam", "beta1": 1}}, "optimizer.beta1", "1 is not allowed; give a number, at least 0, be"),
    ({"optimizer": {"type": "adam", "beta1": True}}, "optimizer.beta1", "true is not allowed"),
    ({"optimizer": {"type": "adam", "learning_rate": 0}}, "optimizer.learning_rate", "give a number, above 0"),
    ({"optimizer": {"type": "sgd", "weight_decay": -1}}, "optimizer.weight_decay", "give a number, at least 0"),
    ({"optimizer": {"type": "sgd", "l1": -1}}, "optimizer.l1", "give a number, at least 0"),
    ({"optimizer": {"type": "sgd", "nesterov": 1}}, "optimizer.nesterov", "give true or false"),
    ({"optimizer": {"type": "sgd", "betas": [1]}}, "optimizer.betas", "unknown key"),
    ({"schedule": "cosin"}, "schedule", 'did you mean "cosine"?'),
    ({"schedule": {"type": "cosine", "warmup_epochs": -1}}, "schedule.warmup_epochs", "a whole number, at least 0"),
    (
        {"schedule": {"type": "cosine", "warmup_epochs": 50}},
        "schedule.warmup_epochs",
        "50 of 50 epochs are warm-up",
    ),
    ({"schedule": {"type": "multi_step", "milestones": 3}}, "schedule.milestones", "give a list of numbers"),
    (solver(train={"batch_size": 32}), "train.batch_size", "lbfgs works on all rows at once; leave batch_size out"),
    (solver(train={"clip_norm": 1}), "train.clip_norm", "lbfgs takes the gradient and the weights as they are"),
    (solver(train={"average": 0.9}), "train.average", "leave average out"),
    (solver(schedule="cosine"), "schedule", "lbfgs finds the length of each step itself"),
    (solver(schedule={"type": "constant", "warmup_epochs": 1}), "schedule", "leave the schedule out"),
    (solver(optimizer={"type": "lbfgs", "l1": 0.1}), "optimizer.l1", "lbfgs needs a smooth loss"),
    (solver(model={"layers": [{"units": 8, "dropout": 0.5}]}), "model.layers[0].dropout", "needs the same loss each"),
    (solver(model={"layers": [{"units": 8, "activation": "rrelu"}]}), "model.layers[0].activation", "random numbers"),
    (solver(optimizer={"type": "lbfgs", "history": 0}), "optimizer.history", "give a whole number, at least 1"),
    (train(epoks=5), "train.epoks", 'did you mean "epochs"?'),
    (train(epochs=0), "train.epochs", "0 is not allowed"),
    (train(epochs="5"), "train.epochs", '"5" is not allowed'),
    (train(batch_size=0.5), "train.batch_size", 'or "full"'),
    (train(batch_size="all"), "train.batch_size", '"all" is not allowed'),
    (train(device="gpu"), "train.device", 'give "auto", "cpu", "cuda" or "cuda:N"'),
    (train(device="cuda:x"), "train.device", 'give "auto", "cpu", "cuda" or "cuda:N"'),
    (
        {**train(device="cuda"), "loss": "cox"},
        "loss",
        '"cox" is a loss of whole batches, which train.device "cuda"',
    ),
    ({**train(device="cuda:1"), "optimizer": "lamb"}, "optimizer", 'give train.device "cpu", or another optimizer'),
    (train(threads=0), "train.threads", "0 is not allowed"),
    (train(clip_norm=0), "train.clip_norm", "0 is not allowed; give a number above 0 or null"),
    (train(clip_value=-1.0), "train.clip_value", "-1.0 is not allowed; give a number above 0 or null"),
    (train(average=1), "train.average", "1 is not allowed; give a number between 0 and 1 or null"),
    (train(metrics=3), "train.metrics", '"auto", a metric, or a list of metrics: names, or objects'),
    (train(lr=0.1), "train.lr", "unknown key; did you mean optimizer.learning_rate? (known here: epochs,"),
    (train(seed=1), "train.seed", "unknown key; did you mean seed, at the top?"),
    (train(patience=3), "train.patience", "did you mean train.early_stopping.patience?"),
    (data(sep=";"), "data.sep", "did you mean data.csv.delimiter?"),
    (data(header=False), "data.header", "did you mean data.csv.header?"),
    (data(test_size=0.2), "data.test_size", "did you mean data.split.test?"),
    ({"epochs": 3}, "epochs", "did you mean train.epochs?"),
    ({"random_state": 3}, "random_state", 'did you mean "seed"?'),
    ({"optimizer": {"name": "adam"}}, "optimizer.name", 'did you mean "type"?'),
    ({"optimizer": {"type": "adam", "lr": 1}}, "optimizer.lr", 'did you mean "learning_rate"?'),
    ({"loss": "CrossEntropyLoss"}, "loss", 'did you mean "softmax_cross_entropy"?'),
    ({"schedule": "ReduceLROnPlateau"}, "schedule", 'did you mean "plateau"?'),
    ({"schedule": {"type": "step", "gamma": 0.1}}, "schedule.gamma", 'did you mean "factor"?'),
    (layer(activation="ReLU"), "model.layers[0].activation", 'did you mean "relu"?'),
    (train(metrics=["acc"]), "train.metrics[0]", 'did you mean "accuracy"?'),
    (data(scale="zscore"), "data.scale", 'did you mean "standard"?'),
    (
        {"model": {"layers": 64}},
        "model.layers",
        "64 is not allowed; give a list of numbers of units or of objects with",
    ),
    (train(metrics=[{"type": "calibration_error", "bins": 0}]), "train.metrics[0].bins", "a whole number, at least 1"),
    (train(metrics=[{"type": "rmse", "bins": 9}]), "train.metrics[0].bins", "unknown key"),
    (train(metrics=[{"bins": 9}]), "train.metrics[0].type", "the name of a metric"),
    (train(metrics=[{"type": "crps"}, "crps"]), "train.metrics[1]", '"crps" is named twice'),
    (train(metrics=["acuracy"]), "train.metrics[0]", 'did you mean "accuracy"?'),
    (train(metrics=["rmse", "root_mean_squared_error"]), "train.metrics[1]", '"rmse" is named twice'),
    (train(early_stopping="yes"), "train.early_stopping", '"yes" is not allowed; give true, a number or an object'),
    (train(early_stopping=0), "train.early_stopping.patience", "0 is not allowed"),
    (train(select=3), "train.select", "3 is not allowed; give true, a text or an object with the keys monitor, ties"),
    (train(select={"ties": "both"}), "train.select.ties", '"both" is not allowed; give "first" or "last"'),
    (train(select="train_loss", early_stopping={"monitor": "validation_loss"}), "train.select.monitor", "name one of"),
    (
        {
            "data": {"path": "wine.csv", "target": "quality", "split": {"validation": 0}},
            **train(select="validation_loss"),
        },
        "train.select",
        "needs a validation part",
    ),
    ({"optimizer": {"type": "adam", "lr": 1}}, "optimizer.lr", 'did you mean "learning_rate"?'),
    ({"model": {"hidden": [8], "layers": []}}, "model.hidden", 'did you mean "layers"?'),
    (train(early_stopping={"patience": 0}), "train.early_stopping.patience", "0 is not allowed"),
    (train(early_stopping={"pateince": 1}), "train.early_stopping.pateince", 'did you mean "patience"?'),
    (train(diagnostics="yes"), "train.diagnostics", "give true or false"),
    (
        {"sweep": {}},
        "sweep.parameters",
        "missing; give an object of names, each with an object with the keys values, low, high, log, integer",
    ),
    ({"plugins": "mine.py"}, "plugins", "give a list of names"),
    ({"plugins": ["absent.py"]}, "plugins", "no such plugin file"),
    ({"output": ""}, "output", '"" is not allowed'),
    ({"output": 5}, "output", "null or a name"),
]


@pytest.mark.parametrize(("sections", "path", "words"), WRONG, ids=[f"{path}-{words[:20]}" for _, path, words in WRONG])
def test_wrong_specs(spec_of, faults_of, sections, path, words):
    (fault,) = faults_of(spec_of(**sections))
    assert (fault.path, fault.line) == (path, None)
    assert words in fault.message
    assert "\n" not in fault.message


EVERYWHERE = [
    "name",
    "data",
    "data.path",
    "data.path.train",
    "data.csv",
    "data.target",
    "data.split",
    "data.features",
    "data.categorical",
    "model",
    "model.layers",
    "model.layers[0]",
    "model.layers[0].activation",
    "model.init",
    "loss",
    "optimizer",
    "optimizer.beta1",
    "schedule",
    "train",
    "train.metrics",
    "train.early_stopping",
    "plugins",
]

RIGHT = [
    {"$schema": "numbann.schema.json"},
    {"model": {"layers": []}},
    data(target=["a", "b"], drop=["c"]),
    {"data": {"path": "train.npz"}},
    {"data": {"path": {"images": "images.gz", "labels": "labels.gz"}}},
    {"data": {"path": {"x": "train.npz:x", "y": "y.npy"}}},
    {
        "data": {
            "path": {"train": {"x": "x.npy", "y": "y.npy"}, "test": {"x": "x.npy", "y": "y.npy"}},
            "split": {"validation": 0.9},
        }
    },
    data(split={"validation": 0, "test": 0}),
    data(csv={"delimiter": "\t", "header": False}),
    train(batch_size="full", threads=2, device="cpu", metrics=[], early_stopping={}),
    train(early_stopping=False),
    layer(activation={"type": "linear"}, dropout=0, init="glorot_uniform"),
]

SHORT = [
    ({"model": {"layers": [8, {"units": 4}]}}, {"model": {"layers": [{"units": 8}, {"units": 4}]}}),
    (
        {"model": {"layers": [8, {"units": 4, "norm": None}], "activation": "tanh", "norm": "batch", "dropout": 0.1}},
        {
            "model": {
                "layers": [
                    {"units": 8, "activation": "tanh", "norm": "batch", "dropout": 0.1},
                    {"units": 4, "activation": "tanh", "norm": None, "dropout": 0.1},
                ],
                "activation": "tanh",
                "norm": "batch",
                "dropout": 0.1,
            }
        },
    ),
    (train(early_stopping=True), train(early_stopping={})),
    (train(early_stopping=3), train(early_stopping={"patience": 3})),
    (train(early_stopping=False), train(early_stopping=None)),
    (train(metrics="accuracy"), train(metrics=["accuracy"])),
    (train(select="train_loss"), train(select={"monitor": "train_loss"})),
    (train(select=True), train()),
    (train(select=False), train(select=None)),
]


@pytest.mark.parametrize("sections", RIGHT)
def test_right_specs(spec_of, sections):
    load(spec_of(**sections))


@pytest.mark.parametrize(("short", "long"), SHORT)
def test_short_forms(spec_of, short, long):
    assert load(spec_of(**short)).spec == load(spec_of(**long)).spec


words = st.text("aá[.\n", max_size=3) | st.sampled_from(["auto", "relu", "adam", "wine.csv", "a\0b"])
keys = st.sampled_from(["type", "path", "train", "x", "units", "layers", "activation", "target", "split", "?"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])  # of a busy machine
@given(st.sampled_from(EVERYWHERE), values)
@example("plugins", ["a\0b"])
def test_any_value_anywhere_is_accepted_or_a_spec_error(path, value):
    spec = {"data": TABLE, "model": {"layers": [{"units": 8}]}}
    with suppress(SpecError):
        assert load(spec, {path: value}).spec.train is not None


def test_all_faults_at_once(spec_of, faults_of):
    spec = spec_of(
        seed=-1,
        model={"layers": [{"units": 0, "activation": "rleu"}], "dtype": 5},
        train={"epoks": 1},
        data={"path": "absent.csv", "target": []},
        optimizer={"type": "sgd", "momentum": 2, "beta": 1},
    )
    assert {fault.path for fault in faults_of(spec)} == {
        "seed",
        "model.layers[0].units",
        "model.layers[0].activation",
        "model.dtype",
        "train.epoks",
        "data.path",
        "data.target",
        "optimizer.momentum",
        "optimizer.beta",
    }


def test_defaults(spec_of):
    spec = load(spec_of()).spec
    assert (spec.name, spec.seed, spec.loss, spec.output) == ("model", 0, "auto", None)
    assert (spec.data.split.validation, spec.data.split.test, spec.data.split.stratify) == (None, None, "auto")
    assert (spec.train.epochs, spec.train.batch_size, spec.train.metrics) == (50, "auto", "auto")
    assert (spec.model.layers[0].activation.type, spec.model.layers[0].init) == ("relu", "auto")
    assert spec.optimizer.parameters == {
        "learning_rate": 1e-3,
        "beta1": 0.9,
        "beta2": 0.999,
        "epsilon": 1e-8,
        "amsgrad": False,
        "weight_decay": 0.0,
        "l1": 0.0,
    }
    assert (spec.schedule.type, spec.schedule.parameters) == ("constant", {"warmup_epochs": 0})


def test_aliases_become_names(spec_of):
    spec = load(spec_of(loss="mean_squared_error", train={"metrics": ["root_mean_squared_error"]})).spec
    assert (spec.loss.type, spec.train.metrics) == ("mse", [ComponentSpec("rmse")])


def test_numbers_take_the_type_of_their_parameter(spec_of):
    spec = load(spec_of(**layer(activation={"type": "elu", "alpha": 2}))).spec
    alpha = spec.model.layers[0].activation.parameters["alpha"]
    assert (alpha, type(alpha)) == (2.0, float)
