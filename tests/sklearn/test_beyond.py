"""What numbann's estimators take beyond scikit-learn's parameters."""

from __future__ import annotations

import copy
import io
import pickle
import sys
from math import sqrt

import numpy as np
import pytest

pytest.importorskip("sklearn", "1.7")
import sklearn.utils.estimator_checks as checks
from joblib import dump
from joblib import load as load_joblib
from sklearn.base import clone
from sklearn.datasets import load_digits, make_classification, make_multilabel_classification
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import numbann
from numbann import activation, callbacks, loss, optimizer, schedule
from numbann.errors import DataError, PluginError, SpecError, SpecFault
from numbann.sklearn import MLPClassifier, MLPRegressor
from numbann.sklearn.components import own

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, y = load_digits(return_X_y=True)
X, y = (X[:400] / 16).astype(np.float32), y[:400]
COUNTS, LABELS = make_multilabel_classification(300, random_state=0)
VALUE = X @ np.random.default_rng(0).normal(size=64)
POSITIVE = np.exp(VALUE / 10)
FEW = {"max_iter": 4, "random_state": 0, "learning_rate_init": 0.01, "hidden_layer_sizes": (20, 10)}


@activation(init="he_normal")
def bent(z, alpha: float = 0.5):
    """Bent: alpha (sqrt(z^2 + 1) - 1) + z."""
    return alpha * (sqrt(z * z + 1) - 1) + z


@activation(form="row", width=0.5)
def halved(z, a):
    """Halved: a_k = max(z_k, 0) + z_(k + n), n the length of a."""
    for k in range(len(a)):
        a[k] = (0 if z[k] < 0 else z[k]) + z[k + len(a)]


@halved.backward
def halved_backward(z, da, dz):
    for k in range(len(da)):
        dz[k] = da[k] if z[k] > 0 else 0
        dz[k + len(da)] = da[k]


@loss
def pseudo_huber(y, t, delta: numbann.Positive = 1.0):
    """Pseudo-Huber: delta^2 (sqrt(1 + (e / delta)^2) - 1)."""
    e = (y - t) / delta
    return delta * delta * (sqrt(1 + e * e) - 1)


@optimizer
def slow_sign(w, g, learning_rate: numbann.Positive = 1e-3, shrink: numbann.NonNegative = 1.0):
    """The sign of the gradient, softly."""
    return w - learning_rate * g / (abs(g) + shrink)


@schedule
def falling(epoch, epochs):
    """From 1 to a half."""
    return 1 - epoch / epochs / 2


def fitted(kind=MLPClassifier, x=X, t=y, **settings):
    """An estimator, fitted for a few epochs."""
    return kind(**{**FEW, **settings}).fit(x, t)


def same(one, other):
    """Whether two estimators have the same weights."""
    mine, others = ([*each.coefs_, *each.intercepts_, *each.vectors_.values()] for each in (one, other))
    return all(np.array_equal(a, b) for a, b in zip(mine, others, strict=True))


CHOICES = {
    "name": {"activation": "gelu"},
    "parameters": {"activation": {"type": "leaky_relu", "alpha": 0.2}},
    "function": {"activation": bent},
    "function with parameters": {"activation": {"type": bent, "alpha": 0.25}},
    "trained": {"activation": "prelu"},
    "half as wide": {"activation": halved},
    "by layer": {"activation": ["mish", bent], "dropout": [0.2, 0], "norm": ["layer", None]},
    "whole rows": {"activation": ["relu", "softmax"]},
    "layer norm": {"norm": "layer"},
    "batch norm": {"norm": "batch", "dropout": 0.1, "early_stopping": True},
    "optimizer": {"solver": "nadam"},
    "decays": {"solver": {"type": "adamw", "weight_decay": 0.1}},
    "matrices": {"solver": "lamb", "norm": "layer", "activation": "prelu"},
    "its own rate": {"solver": {"type": "adadelta", "learning_rate": 1.0}, "learning_rate_init": 0.001},
    "function that steps": {"solver": {"type": slow_sign, "shrink": 0.5}},
    "adaptive": {"solver": "rmsprop", "learning_rate": "adaptive", "tol": 10.0, "n_iter_no_change": 1},
    "schedule": {"learning_rate": {"type": "cosine", "warmup_epochs": 1}},
    "function that falls": {"learning_rate": falling, "solver": "sgd"},
    "plateau": {"learning_rate": "plateau", "early_stopping": True},
    "threads": {"n_jobs": 2},
}


@pytest.mark.parametrize("choice", CHOICES)
def test_it_trains_the_same_again_and_from_a_pickle(choice):
    one = fitted(**CHOICES[choice])
    assert same(one, clone(one).fit(X, y))
    revived = pickle.loads(pickle.dumps(one))
    np.testing.assert_array_equal(revived.predict_proba(X), one.predict_proba(X))
    assert same(clone(revived).fit(X, y), one)
    assert {w.dtype for w in (*one.coefs_, *one.intercepts_, *one.vectors_.values())} == {X.dtype}
    assert one.loss_curve_[-1] < one.loss_curve_[0]


def test_numbers_of_double_precision_stay_so():
    one = fitted(x=X.astype(np.float64), activation="prelu", norm="batch")
    assert {w.dtype.name for w in (*one.coefs_, *one.intercepts_, *one.vectors_.values())} == {"float64"}
    assert one.predict_proba(X).dtype == np.float64


@pytest.mark.parametrize("choice", ["by layer", "batch norm", "trained", "decays", "matrices", "schedule"])
def test_partial_fit_goes_on_as_fit_does(choice):
    settings = {**CHOICES[choice], "early_stopping": False, "dropout": 0.0, "shuffle": False, "tol": 0.0}
    whole, parts = fitted(**settings), MLPClassifier(**{**FEW, **settings})
    for _ in range(FEW["max_iter"]):
        parts = pickle.loads(pickle.dumps(parts)).partial_fit(X, y, classes=np.unique(y))
    assert same(whole, parts)


LOSSES = {
    "classes": (y, [{"type": "softmax_focal", "gamma": 1.0}, "mse"]),
    "margins": (y, ["multi_margin"]),
    "two classes": (y > 4, ["sigmoid_focal", "softmax_cross_entropy", "mse"]),
    "margins of two": (y > 4, ["hinge"]),
    "order": (y, ["corn"]),
}


@pytest.mark.parametrize("task", LOSSES)
def test_losses_serve_classes(task):
    target, losses = LOSSES[task]
    for chosen in losses:
        one = fitted(t=target, loss=chosen, max_iter=60, activation="gelu")
        assert one.score(X, target) > 0.8, chosen
        assert hasattr(one, "predict_proba") == ("margins" not in task and chosen != "mse")
        if hasattr(one, "predict_proba"):
            chances = one.predict_proba(X)
            assert chances.shape == (400, len(one.classes_))
            np.testing.assert_allclose(chances.sum(1), 1, atol=1e-6)
            np.testing.assert_array_equal(one.classes_[chances.argmax(1)] == target, one.predict(X) == target)


def test_losses_serve_labels():
    x, t = COUNTS / 10, LABELS
    for chosen in ("sigmoid_focal", "hinge"):
        one = fitted(x=x, t=t, loss=chosen, max_iter=60, activation="gelu")
        assert (one.predict(x) == t).mean() > 0.75
        assert hasattr(one, "predict_proba") == (chosen != "hinge")


@pytest.mark.parametrize("chosen", ["mae", pseudo_huber, {"type": pseudo_huber, "delta": 0.5}, "gaussian_nll"])
def test_losses_serve_values(chosen):
    t = np.stack([VALUE, -VALUE], 1) / 4
    one, several = (fitted(MLPRegressor, t=each, loss=chosen, max_iter=40) for each in (VALUE / 4, t))
    assert one.score(X, VALUE / 4) > 0.4
    assert one.predict(X).shape == (400,)
    assert several.score(X, t) > 0.4
    assert several.predict(X).shape == (400, 2)


def test_a_loss_of_positive_targets_refuses_others():
    assert (fitted(MLPRegressor, t=POSITIVE, loss={"type": "tweedie", "power": 1.2}).predict(X) > 0).all()
    with pytest.raises(ValueError, match=r"y has -.*loss='tweedie' takes none below 0"):
        fitted(MLPRegressor, t=VALUE - 100, loss="tweedie")


def test_the_loss_of_scikit_learn_is_that_of_numbann_but_for_a_factor():
    theirs, own = (fitted(MLPRegressor, t=VALUE, loss=one, alpha=0) for one in ("squared_error", "mse"))
    assert own.loss_curve_[0] == pytest.approx(2 * theirs.loss_curve_[0], rel=0.2)


def test_weights_of_classes_count():
    x, t = make_classification(600, weights=[0.95], flip_y=0.05, random_state=0)
    plain, balanced = (fitted(x=x, t=t, class_weight=one, max_iter=20) for one in (None, "balanced"))
    assert balanced_accuracy_score(t, balanced.predict(x)) > balanced_accuracy_score(t, plain.predict(x)) + 0.05
    weights = {0: 1.0, 1: 3.0}
    by_class, by_row = fitted(x=x, t=t, class_weight=weights), MLPClassifier(**FEW)
    assert same(by_class, by_row.fit(x, t, sample_weight=np.where(t == 1, 3.0, 1.0)))
    with pytest.raises(ValueError, match=r"balanced.*partial_fit"):
        MLPClassifier(class_weight="balanced").partial_fit(x, t, classes=[0, 1])
    named = fitted(x=x, t=np.where(t, "yes", "no"), class_weight={"no": 1.0, "yes": 3.0})
    assert same(named, by_class)
    assert same(fitted(x=x, t=t, class_weight=weights, solver="lbfgs"), fitted(x=x, t=t, solver="lbfgs")) is False


@pytest.mark.parametrize("name", ["check_class_weight_classifiers", "check_param_validation"])
def test_scikit_learns_own_checks_of_what_it_has_elsewhere(name):
    if name == "check_param_validation":
        for kind in (MLPClassifier, MLPRegressor):
            checks.check_param_validation(kind.__name__, kind())
    else:
        checks.check_class_weight_classifiers("MLPClassifier", MLPClassifier(max_iter=100))


def test_dropout_is_drawn_by_random_state_and_only_while_training():
    one, again, other = (fitted(dropout=0.5, random_state=seed) for seed in (0, 0, 1))
    assert same(one, again)
    assert not same(one, other)
    np.testing.assert_array_equal(one.predict_proba(X), one.predict_proba(X))
    assert not same(one, fitted())
    first = MLPClassifier(**FEW, dropout=0.5).partial_fit(X, y, classes=np.unique(y))
    second = clone(first).partial_fit(X, y, classes=np.unique(y))
    assert same(first, second)


def test_the_loss_of_rows_held_out_is_beside_their_score():
    one = fitted(early_stopping=True, max_iter=20, n_iter_no_change=20)
    assert len(one.validation_loss_curve_) == len(one.validation_scores_) == 20
    assert one.validation_loss_curve_[-1] < one.validation_loss_curve_[0]
    values = fitted(MLPRegressor, t=VALUE, early_stopping=True, alpha=0.0)
    assert values.validation_loss_curve_[-1] == pytest.approx(values.loss_curve_[-1], rel=0.8)
    assert fitted().validation_loss_curve_ is None


def test_the_best_weights_come_back_with_what_else_is_trained():
    settings = {"early_stopping": True, "norm": "batch", "activation": "prelu", "learning_rate_init": 0.3}
    one = fitted(**settings, max_iter=10, n_iter_no_change=10)
    best = int(np.argmax(one.validation_scores_))
    assert same(one, fitted(**settings, max_iter=best + 1, n_iter_no_change=10))


def test_callbacks_hear_a_fit_and_stop_it():
    heard = []

    def watch(event):
        heard.append(event)
        if isinstance(event, callbacks.EpochEnded) and event.record["epoch"] == 3:
            return callbacks.Stop("enough")
        return None

    one = fitted(callbacks=[watch], max_iter=10, early_stopping=True)
    assert one.n_iter_ == 3
    begun, *epochs = (event for event in heard if not isinstance(event, callbacks.StepsDone))
    assert begun.rows == {"train": 360, "validation": 40}
    assert begun.parameters == sum(w.size for w in one.coefs_ + one.intercepts_)
    assert [event.record["train_loss"] for event in epochs] == one.loss_curve_
    assert [event.record["validation_loss"] for event in epochs] == one.validation_loss_curve_
    assert [event.record["validation_accuracy"] for event in epochs] == one.validation_scores_
    assert clone(one).callbacks == [watch]


def test_a_callback_that_fails_is_told_at_the_end():
    def broken(event):
        if isinstance(event, callbacks.EpochEnded):
            raise ZeroDivisionError("of mine")

    with pytest.raises(callbacks.CallbackError, match=r"broken failed after epoch 1.*of mine") as failure:
        fitted(callbacks=[broken])
    assert failure.value.result.n_iter_ == FEW["max_iter"]


def test_a_search_tries_activations_of_plugins():
    net = make_pipeline(StandardScaler(), MLPClassifier(**{**FEW, "max_iter": 40}))
    grid = {
        "mlpclassifier__activation": [bent, "relu", {"type": "elu", "alpha": np.float64(0.5)}],
        "mlpclassifier__dropout": [0.0, np.float32(0.2)],
    }
    search = GridSearchCV(net, grid, cv=2, error_score="raise").fit(X, y)
    assert search.best_score_ > 0.8
    assert search.cv_results_["param_mlpclassifier__activation"].data[0] is bent


def test_parameters_stay_what_they_were():
    given = {"activation": [bent, "relu"], "solver": {"type": "adamw"}, "dropout": [0.1, 0.2], "callbacks": []}
    one = MLPClassifier(**given, **FEW | {"learning_rate_init": 0.002})
    assert {name: one.get_params()[name] is value for name, value in given.items()} == dict.fromkeys(given, True)
    assert clone(one).activation == [bent, "relu"]
    assert one.set_params(dropout=0.3).dropout == 0.3
    assert repr(MLPClassifier(dropout=0.3)) == "MLPClassifier(dropout=0.3)"
    assert repr(MLPRegressor(alpha=0.1, n_jobs=2)) == "MLPRegressor(alpha=0.1, n_jobs=2)"
    with pytest.raises(TypeError, match="unexpected keyword argument 'dropuot'"):
        MLPClassifier(dropuot=0.1)


WRONG = {
    "activation": (
        "rleu",
        r"must be 'identity', .*list of these.*Got 'rleu' instead: unknown activation.*did you mean",
    ),
    "loss": ("mean_square", r"must be 'log_loss', the name of a loss, .*decorated with @loss\. Got 'mean_square'"),
    "solver": (
        {"type": "adamw", "beta3": 1},
        r"must be 'lbfgs', 'sgd', 'adam', the name of an optimizer, .*: .*unknown parameter 'beta3'",
    ),
    "learning_rate": (
        {"type": "step", "every": -1},
        r"must be .*'adaptive', the name of a schedule.*-1 is not allowed; give",
    ),
    "hidden_layer_sizes": ([3.0], r"must be a whole number of units, or one for each hidden layer\. Got \[3\.0\]"),
    "dropout": ([0.1, 1.0], r"must be numbers of at least 0, below 1\. Got \[0\.1, 1\.0\]"),
    "norm": ("group", r"must be .*'layer'.*or None\. Got 'group' instead|must be a str"),
    "n_jobs": (0, r"must be a number of threads"),
    "class_weight": ("balance", r"must be .*'balanced'.*Got 'balance'"),
    "callbacks": (print, r"must be an instance of 'list'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_values_are_told_as_scikit_learn_does(name):
    value, told = WRONG[name]
    with pytest.raises(ValueError, match=rf"(?s)The '{name}' parameter of MLPClassifier {told}"):
        fitted(**{name: value})


DISAGREE = {
    "layers": ({"activation": ["relu"]}, "activation is a list of 1, and there are 2 hidden layers"),
    "another kind": ({"activation": pseudo_huber}, 'loss "pseudo_huber".* is no activation'),
    "no task": ({"loss": "gaussian_nll"}, "cannot serve classification.*give one that can"),
    "groups": ({"loss": "ranknet"}, "goes by groups of rows"),
    "rate twice": ({"solver": {"type": "adamw", "learning_rate": 0.1}}, "leave learning_rate_init out"),
    "decay twice": ({"solver": "adamw", "alpha": 0.1}, "by its own weight_decay"),
    "all rows": ({"solver": {"type": "lbfgs"}}, "give solver='lbfgs'"),
    "lbfgs": ({"solver": "lbfgs", "dropout": 0.1}, "lbfgs.*dropout=0.1 needs another solver"),
    "lbfgs, trained": ({"solver": "lbfgs", "activation": "prelu"}, "activation='prelu' needs another solver"),
    "lbfgs, schedule": ({"solver": "lbfgs", "learning_rate": "cosine"}, "learning_rate='cosine' needs another"),
}


@pytest.mark.parametrize("case", DISAGREE)
def test_what_does_not_agree_is_told(case):
    settings, told = DISAGREE[case]
    with pytest.raises(ValueError, match=f"(?s){told}"):
        fitted(**settings)


def test_another_network_than_that_of_the_weights_is_told():
    one = fitted(activation="gelu")
    assert one.set_params(activation="silu").predict(X).shape == (400,)  # as scikit-learn's does
    for name, value in {"activation": "prelu", "norm": "layer", "loss": "corn"}.items():
        with pytest.raises(
            ValueError, match=f"its weights are not those of a network with .*{name}='{value}'.*fit it anew"
        ):
            clone(one).fit(X, y).set_params(**{name: value}).predict(X)
    with pytest.raises(ValueError, match="fit it anew, without warm_start"):
        one.set_params(norm="batch", warm_start=True).fit(X, y)
    assert same(one.set_params(warm_start=False).fit(X, y), fitted(activation="silu", norm="batch"))


def test_the_number_of_threads_changes_no_bit():
    assert same(fitted(n_jobs=1, dropout=0.2), fitted(n_jobs=2, dropout=0.2))


def test_lbfgs_takes_other_activations_and_losses():
    one = fitted(solver="lbfgs", activation=["gelu", bent], loss="softmax_focal", max_iter=30)
    assert one.score(X, y) > 0.9
    assert not hasattr(one, "partial_fit")


# ---- in a pickle


def test_a_pickle_has_the_source_of_a_function(tmp_path, monkeypatch):
    one = fitted(activation={"type": bent, "alpha": 0.25}, loss="softmax_focal")
    expected, text = one.predict_proba(X), pickle.dumps(one)
    assert b"def bent" in text
    monkeypatch.delitem(globals(), "bent")
    revived = pickle.loads(text)
    np.testing.assert_array_equal(revived.predict_proba(X), expected)
    again = pickle.loads(pickle.dumps(revived))
    assert again.activation["type"] is revived.activation["type"]
    np.testing.assert_array_equal(copy.deepcopy(again).predict_proba(X), expected)
    dump(one, tmp_path / "net")
    np.testing.assert_array_equal(load_joblib(tmp_path / "net").predict_proba(X), expected)


def test_a_function_that_joblib_pickles_as_code_has_its_source():
    cloudpickle = pytest.importorskip("cloudpickle")
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    try:
        text = cloudpickle.dumps(bent)
    finally:
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    one, other = (pickle.loads(text) for _ in range(2))
    assert one is not bent
    assert own(one) is own(other)
    assert same(fitted(activation=one), fitted(activation=bent))


def test_a_function_without_source_is_no_part_of_a_pickle():
    scope: dict = {"activation": activation}
    exec("@activation\ndef lost(z):\n    return z * abs(z)\n", scope)
    scope["lost"].__module__ = __name__
    with pytest.raises(PluginError, match=r"lost.*define it in a file"):
        pickle.dump(MLPClassifier(activation=scope["lost"]), io.BytesIO())


def test_a_function_is_the_same_component_at_every_fit():
    assert own(bent) is own(bent)
    assert own(numbann.get_activation("gelu").configured.component.function).plugin is None


@activation
def unreadable(z):
    return np.maximum(z, 0)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"activation": unreadable}, r"'activation' parameter of MLPClassifier cannot be used: .*np\.maximum"),
        ({"activation": {"typ": "gelu"}}, r'has no "type"; give it the name of the activation'),
        ({"learning_rate": {"type": "cosine", "warmup": 2}}, r"'warmup' \(its parameters: warmup_epochs, floor\)"),
        ({"class_weight": {0: -1, 1: 1}}, r"must be 'balanced', or a dict with a finite number, at least 0"),
        ({"callbacks": [3]}, r"callbacks\[0\]: 3 is no function"),
        ({"class_weight": dict.fromkeys(range(10), 0)}, r"class_weight=.* makes the weight of every row 0"),
    ],
)
def test_a_wrong_value_is_a_value_error_that_says_what_to_do(settings, told):
    with pytest.raises(ValueError, match=told):
        MLPClassifier(**{**FEW, **settings}).fit(X, y)


def test_a_regressor_refuses_texts():
    with pytest.raises(ValueError, match=r"^y holds texts, such as '1\.5'; give numbers$"):
        MLPRegressor(**FEW).fit(X, np.full(len(X), "1.5"))


def test_negative_weights_of_rows_are_refused():
    with pytest.raises(ValueError, match="Negative values in data passed to `sample_weight`"):
        MLPClassifier(**FEW).fit(X, y, sample_weight=np.full(len(y), -1.0))


def test_faults_of_specs_and_data_are_value_errors_that_can_be_pickled():
    fault = SpecError([SpecFault("train.epochs", "0 is not allowed")], "spec.json")
    again = pickle.loads(pickle.dumps(fault))
    assert (again.faults, again.source, str(again)) == (fault.faults, "spec.json", str(fault))
    assert issubclass(SpecError, ValueError)
    assert issubclass(DataError, ValueError)


def test_a_model_measures_the_rows_that_it_predicts_and_says_its_training():
    pandas = pytest.importorskip("pandas")
    z, sold = np.random.default_rng(0).normal(size=(60, 2)), pandas.Series(["no", "yes"] * 30, name="sold")
    for x in (z, pandas.DataFrame(z, columns=["a", "b"])):
        one = MLPClassifier((4,), max_iter=2, batch_size=10, random_state=7).fit(x, sold)
        model = one.to_model()
        assert model.evaluate((z, sold))["accuracy"] == one.score(x, sold)
        assert model.importance((z, sold), repeats=1).names == model.features
        assert model.dependence(z, model.features[0]).column == model.features[0]
        with pytest.raises(
            ValueError, match=r"; give (the target beside the rows: \(X, y\)|\(x, y\), with the target)"
        ):
            model.importance(x)
        assert "batch 10, 2 epochs at most |" in model.card()  # without a seed, which none of a spec would be
    assert "batch 60" in repr(MLPClassifier((4,), max_iter=2).fit(z, sold).to_model())
    with pytest.raises(ValueError, match=r"walks is 0; .*: give an even number, from 2"):
        model.explain(z[:1], z, walks=0)
