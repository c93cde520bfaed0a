"""Every `auto` resolved, as a table; what the task does not allow; and the round trip of what is written back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from numbann.components.built_in import built_in
from numbann.data.tasks.class_probabilities import ClassProbabilities
from numbann.data.tasks.classification import Classification
from numbann.data.tasks.multilabel import Multilabel
from numbann.data.tasks.regression import Regression
from numbann.errors import SpecError
from numbann.spec.loading import load
from numbann.spec.resolution import resolve

TABLE = {"path": "wine.csv", "target": "quality"}
REGRESSION: dict = {}
PAIR = {"task": Classification(("quality",), ("a", "b"))}
TEN = {"task": Classification(("quality",), tuple(range(10)))}
YES_NO = {"task": Multilabel(("p", "q", "r"), ((0, 1),) * 3)}
SHARES = {"task": ClassProbabilities(("p", "q", "r"))}


@pytest.mark.parametrize(
    ("found", "given", "loss", "target", "outputs", "activation", "scaled", "metrics"),
    [
        (REGRESSION, "auto", "mse", "real", 1, "identity", "standard", ["rmse", "r2"]),
        ({"task": Regression(("a", "b"))}, "auto", "mse", "real", 2, "identity", "standard", ["rmse", "r2"]),
        (PAIR, "auto", "sigmoid_cross_entropy", "binary", 1, "sigmoid", "none", ["accuracy"]),
        (TEN, "auto", "softmax_cross_entropy", "label", 10, "softmax", "none", ["accuracy"]),
        (SHARES, "auto", "soft_cross_entropy", "real", 3, "softmax", "none", ["accuracy"]),
        (SHARES, "mse", "mse", "real", 3, "identity", "none", ["accuracy"]),
        (PAIR, "softmax_cross_entropy", "softmax_cross_entropy", "label", 2, "softmax", "none", ["accuracy"]),
        (YES_NO, "auto", "sigmoid_cross_entropy", "binary", 3, "sigmoid", "none", ["accuracy"]),
        (YES_NO, "hinge", "hinge", "binary", 3, "identity", "none", ["accuracy"]),
        (YES_NO, "mse", "mse", "one_hot", 3, "identity", "none", ["accuracy"]),
        (TEN, "mse", "mse", "one_hot", 10, "identity", "none", ["accuracy"]),
        (TEN, "soft_cross_entropy", "soft_cross_entropy", "one_hot", 10, "softmax", "none", ["accuracy"]),
    ],
)
def test_autos(spec_of, facts, found, given, loss, target, outputs, activation, scaled, metrics):
    resolved = resolve(load(spec_of(loss=given)), facts(**found))
    assert (resolved.loss.name, resolved.target) == (loss, target)
    assert (resolved.output_activation.name, resolved.layers[-1].units) == (activation, outputs)
    assert resolved.layers[-1].activation.name == "identity"
    assert resolved.spec.data.target_scale == scaled
    assert [metric.name for metric in resolved.metrics] == resolved.to_json()["train"]["metrics"] == metrics


def test_layers_and_initial_weights(spec_of, facts):
    model = {
        "layers": [{"units": 4, "activation": "relu"}, {"units": 3, "activation": "tanh", "init": "zeros"}],
        "output_activation": {"type": "elu", "alpha": 2},
    }
    layers = resolve(load(spec_of(model=model)), facts()).layers
    assert [(layer.units, layer.activation.name, layer.init.name) for layer in layers] == [
        (4, "relu", "he_normal"),
        (3, "tanh", "zeros"),
        (1, "elu", "he_normal"),
    ]
    assert layers[-1].activation.values == {"alpha": 2.0}


def test_an_init_of_the_model_serves_all_layers(spec_of, facts):
    model = {"layers": [{"units": 4}, {"units": 3, "init": "zeros"}], "init": "he_uniform"}
    layers = resolve(load(spec_of(model=model)), facts()).layers
    assert [layer.init.name for layer in layers] == ["he_uniform", "zeros", "he_uniform"]


def test_biases_start_as_the_model_or_the_layer_says(spec_of, facts):
    model = {
        "layers": [{"units": 4}, {"units": 3, "bias_init": {"type": "constant", "value": 0.5}}],
        "bias_init": "ones",
    }
    resolved = resolve(load(spec_of(model=model)), facts())
    assert [layer.bias_init.name for layer in resolved.layers] == ["ones", "constant", "ones"]
    assert [layer.bias_init.type for layer in resolved.spec.model.layers] == ["ones", "constant"]
    assert resolve(load(spec_of()), facts()).layers[0].bias_init.name == "zeros"


def test_the_course_of_softmax_under_mse(spec_of, facts):
    spec = spec_of(loss="mse", model={"layers": [], "output_activation": "softmax"})
    resolved = resolve(load(spec), facts(**TEN))
    assert resolved.layers[-1].activation.name == resolved.output_activation.name == "softmax"


def test_the_optimizer_has_no_rate(spec_of, facts):
    spec = spec_of(optimizer={"type": "sgd", "learning_rate": 0.5, "weight_decay": 0.25, "momentum": 0.9})
    resolved = resolve(load(spec), facts())
    assert resolved.optimizer.values == {"momentum": 0.9, "dampening": 0.0, "nesterov": False}
    assert (resolved.learning_rate, resolved.weight_decay) == (0.5, 0.25)


PLUGIN = '''
from numbann.components.parameter import NonNegative, Positive
from numbann.components.declare import loss, optimizer
from numbann.components.hookspecs import hookimpl

@optimizer
def decoupled(w, g, learning_rate: Positive = 0.1, weight_decay: NonNegative = 0.01):
    """Decoupled."""
    return w - learning_rate * (g + weight_decay * w)

@optimizer
def bare(w, g, learning_rate):
    """Bare."""
    return w - learning_rate * g

@optimizer
def lasso(w, g, learning_rate: Positive = 0.1, l1: NonNegative = 0.1):
    """Lasso."""
    return w - learning_rate * g

@loss(target="nonnegative")
def spread(mean, width, t):
    """Spread."""
    return mean - t * width

@spread.gives(mean="target", width="none")
def given(mean, width):
    return mean, width

@hookimpl
def numbann_register(register):
    for component in (decoupled, bare, lasso, spread):
        register(component)
'''


@pytest.fixture
def plugin(folder):
    (folder / "mine.py").write_text(PLUGIN)
    return ["mine.py"]


def test_an_optimizer_that_names_weight_decay_gets_it(spec_of, facts, plugin):
    resolved = resolve(load(spec_of(plugins=plugin, optimizer="decoupled")), facts())
    assert resolved.optimizer.values == {"weight_decay": 0.01}
    assert (resolved.weight_decay, resolved.learning_rate) == (0.01, 0.1)


def test_an_optimizer_without_a_rate_of_its_own_needs_one(spec_of, faults_of, plugin):
    (fault,) = faults_of(spec_of(plugins=plugin, optimizer="bare"))
    assert fault.path == "optimizer.learning_rate"
    assert fault.message == "missing; give a number, above 0: bare has no default for it"


def test_outputs_of_a_loss_multiply_and_positive_targets_are_never_shifted(spec_of, facts, plugin):
    resolved = resolve(load(spec_of(plugins=plugin, loss="spread")), facts(Regression(("a", "b", "c"))))
    assert (resolved.layers[-1].units, resolved.spec.data.target_scale) == (6, "none")


def names(kind, wanted):
    """The built-in components of a kind that are wanted, in the order of a message."""
    return [entry.component.name for entry in built_in().entries(kind) if wanted(entry.component)]


def losses_of(*targets, outputs=None):
    """The losses of these targets, and of so many outputs a target if that matters, as a message tells them."""

    def serves(loss):
        return loss.traits["target"] in targets and outputs in (None, loss.traits["outputs"])

    return ", ".join(names("loss", lambda loss: "label" not in loss.roles and serves(loss)))


REAL = ("real", "unshifted", "nonnegative", "positive", "share")  # what regressions have


def test_the_lists_of_those_that_can():
    """What the lists below hold, by some names of each."""
    regression, shares = losses_of(*REAL), losses_of("real", "distribution", outputs=1)
    assert {"gaussian_nll", "mse", "poisson_nll"} <= {*regression.split(", ")}
    assert {"kl_divergence", "mse"} <= {*shares.split(", ")}
    assert not {"hinge", "kl_divergence", "softmax_cross_entropy"} & {*regression.split(", ")}
    assert not {"gaussian_nll", "poisson_nll", "softmax_cross_entropy"} & {*shares.split(", ")}


@pytest.mark.parametrize(
    ("found", "sections", "path", "words"),
    [
        (
            REGRESSION,
            {"loss": "softmax_cross_entropy"},
            "loss",
            f"cannot serve regression; give one that can: {losses_of(*REAL)}",
        ),
        (REGRESSION, {"loss": "sigmoid_cross_entropy"}, "loss", "cannot serve regression"),
        (TEN, {"loss": "gaussian_nll"}, "loss", 'gaussian_nll" cannot serve classification into'),
        (REGRESSION, {"loss": "soft_cross_entropy"}, "loss", "cannot serve regression"),
        (TEN, {"loss": "sigmoid_cross_entropy"}, "loss", "cannot serve classification into 10 classes"),
        (
            SHARES,
            {"loss": "softmax_cross_entropy"},
            "loss",
            f"give one that can: {losses_of('real', 'distribution', outputs=1)}",
        ),
        (
            TEN,
            {"model": {"layers": [], "output_activation": "relu"}},
            "model.output_activation",
            "would be applied twice",
        ),
        (
            PAIR,
            {"model": {"layers": [], "output_activation": "softmax"}},
            "model.output_activation",
            'or give "sigmoid"',
        ),
        (YES_NO, {"loss": "softmax_cross_entropy"}, "loss", "cannot serve 3 yes/no labels; give one that can: "),
        (
            YES_NO,
            {"train": {"metrics": ["f1_macro", "f1"]}},
            "train.metrics[1]",
            f"give one that can: {', '.join(names('metric', lambda metric: metric.traits['multilabel']))}",
        ),
        (YES_NO, {"data": {**TABLE, "target_scale": "standard"}}, "data.target_scale", "not 3 yes/no labels"),
        (PAIR, {"data": {**TABLE, "target_scale": "standard"}}, "data.target_scale", "regression"),
        (PAIR, {"data": {**TABLE, "target_clip": True}}, "data.target_clip", "needs predictions of numbers"),
        (REGRESSION, {"train": {"metrics": ["r2", "accuracy"]}}, "train.metrics[1]", "asks for label"),
        (
            REGRESSION,
            {"train": {"metrics": ["crps"]}},
            "train.metrics[0]",
            "asks for mean and variance, which mse does not give; leave it out, or give a loss that does (beta_nll,",
        ),
        (TEN, {"train": {"metrics": ["coverage"]}}, "train.metrics[0]", "asks for low and high, which softmax_cross"),
        (PAIR, {"train": {"metrics": ["rmse"]}}, "train.metrics[0]", "asks for value"),
        (
            PAIR,
            {"train": {"early_stopping": {"monitor": "validation_acuracy"}}},
            "train.early_stopping.monitor",
            'did you mean "validation_accuracy"?',
        ),
        (PAIR, {"train": {"select": "acuracy"}}, "train.select.monitor", 'did you mean "validation_accuracy"?'),
    ],
)
def test_faults(write, spec_of, facts, found, sections, path, words):
    loaded = load(write(spec_of(**sections)))
    with pytest.raises(SpecError) as caught:
        resolve(loaded, facts(**found))
    (fault,) = caught.value.faults
    assert fault.path == path
    assert words in fault.message
    assert fault.line == loaded.source.line(path)
    assert fault.line is not None


@pytest.mark.parametrize("monitor", ["validation_loss", "train_loss", "validation_accuracy", "learning_rate"])
def test_monitors(spec_of, facts, monitor):
    resolve(load(spec_of(train={"early_stopping": {"monitor": monitor}})), facts(**PAIR))


LOSS, ACCURACY = "validation_loss", "validation_accuracy"


@pytest.mark.parametrize(
    ("train", "share", "select", "stopping"),
    [
        ({}, 0.2, LOSS, None),
        ({}, 0, None, None),
        ({"select": None}, 0.2, None, None),
        ({"select": "train_loss"}, 0, "train_loss", None),
        ({"early_stopping": True}, 0.2, LOSS, LOSS),
        ({"early_stopping": {"monitor": ACCURACY}}, 0.2, ACCURACY, ACCURACY),
        ({"early_stopping": True, "select": ACCURACY}, 0.2, ACCURACY, ACCURACY),
        ({"early_stopping": 3, "select": None}, 0.2, None, LOSS),
    ],
)
def test_select_and_early_stopping_watch_one_key(spec_of, facts, train, share, select, stopping):
    given = spec_of(train=train, data={**TABLE, "split": {"validation": share}})
    found = resolve(load(given), facts(**PAIR)).to_json()["train"]
    assert found["select"] == (select and {"monitor": select, "ties": "first"})
    assert (found["early_stopping"] or {}).get("monitor") == stopping


@pytest.mark.parametrize(
    ("found", "sections"),
    [
        (REGRESSION, {}),
        (PAIR, {"loss": "softmax_cross_entropy", "output": "somewhere"}),
        (TEN, {"train": {"early_stopping": {"patience": 3}, "batch_size": "full"}, "optimizer": "rmsprop"}),
        (YES_NO, {"data": {"path": "wine.csv", "target": ["p", "q", "r"], "task": "multilabel"}}),
        (SHARES, {"data": {"path": "wine.csv", "target": ["p", "q", "r"], "csv": {"header": False}}}),
        (
            {**TEN, "format": "idx"},
            {
                "data": {
                    "path": {
                        "train": {"images": "images.gz", "labels": "labels.gz"},
                        "test": {"x": "train.npz:x", "y": "y.npy"},
                    }
                }
            },
        ),
    ],
)
def test_what_is_written_back_gives_the_same(write, spec_of, facts, monkeypatch, found, sections):
    resolved = resolve(load(write(spec_of(**sections))), facts(**found))
    written = resolved.to_json()
    monkeypatch.chdir("/")
    again = resolve(load(json.loads(json.dumps(written))), facts(**found))
    assert again.to_json() == written
    assert (again.layers, again.loss, again.optimizer) == (resolved.layers, resolved.loss, resolved.optimizer)
    assert "output" not in written


@pytest.mark.parametrize(
    ("optimizer", "given", "size"),
    [
        ("adam", {}, 64),
        ("lbfgs", {}, "full"),
        ("lbfgs", {"batch_size": "full"}, "full"),
        ("adam", {"batch_size": 7}, 7),
    ],
)
def test_the_size_of_batches(spec_of, facts, optimizer, given, size):
    assert resolve(load(spec_of(optimizer=optimizer, train=given)), facts()).spec.train.batch_size == size


def test_l1_is_cores_unless_the_optimizer_names_it(spec_of, facts, plugin):
    optimizer = {"type": "sgd", "l1": 0.5}
    assert resolve(load(spec_of(optimizer=optimizer)), facts()).l1 == 0.5
    resolved = resolve(load(spec_of(plugins=plugin, optimizer={"type": "lasso", "l1": 0.5})), facts())
    assert (resolved.l1, resolved.optimizer.values) == (0.0, {"l1": 0.5})


def test_nothing_auto_is_left_but_the_engine(spec_of, facts):
    resolved = resolve(load(spec_of()), facts(delimiter=None))
    assert json.dumps(resolved.to_json()).count('"auto"') == 2
    assert json.dumps(resolved.with_engine("cpu", 2).to_json()).count('"auto"') == 0
    assert resolved.with_engine("cpu", 2).spec.train.threads == 2


def test_paths_are_absolute_and_shares_those_used(spec_of, facts, folder):
    path = {"train": "wine.csv", "validation": "wine.csv"}
    data = resolve(load(spec_of(data={"path": path, "target": "quality"})), facts()).to_json()["data"]
    assert all(Path(name).is_absolute() for name in data["path"].values())
    assert data["split"] == {"test": 0.15, "stratify": False}


def test_rates_of_their_own(spec_of, facts):
    model = {"input": {"scale": 6}, "layers": [{"units": 8, "rate": 0.5}, 4]}
    optimizer = {"type": "adam", "learning_rate": 0.01, "rates": "width", "bias_rate": 0.1, "bias_decay": False}
    network = resolve(load(spec_of(model=model, optimizer=optimizer)), facts()).network(3)
    assert (network.input_scale, network.width_rates, network.bias_rate, network.bias_decay) == (6, True, 0.1, False)
    assert [layer.rate for layer in network.layers] == [0.5, 1, 1]
    plain = resolve(load(spec_of()), facts()).network(3)
    assert (plain.input_scale, plain.width_rates, plain.bias_rate, plain.bias_decay) == (0, False, 1, True)
