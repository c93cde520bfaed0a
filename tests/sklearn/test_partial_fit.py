"""`partial_fit` keeps an engine from call to call, and nobody sees it: it goes on as scikit-learn's does."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn", "1.7")
from sklearn import neural_network as theirs
from sklearn.base import is_classifier
from sklearn.datasets import load_digits

from numbann import Positive, optimizer
from numbann import sklearn as ours

X, y = load_digits(return_X_y=True)
X, y = X[:600] / 16, y[:600]
PARTS = [slice(start, start + 100) for start in range(0, 600, 100)]
SOLVERS = {"adam": {}, "sgd": {"solver": "sgd", "learning_rate_init": 0.1}}
TARGETS = {
    "classes": ("MLPClassifier", y),
    "names": ("MLPClassifier", np.array(list("abcdefghij"))[y]),
    "two": ("MLPClassifier", y < 5),
    "labels": ("MLPClassifier", np.eye(10, dtype=int)[y]),
    "values": ("MLPRegressor", y / 5),
    "counts": ("MLPRegressor", y),
    "several": ("MLPRegressor", np.column_stack([y, -y]) / 5),
}


def both(name, **settings):
    """Our estimator and theirs."""
    return [getattr(module, name)(hidden_layer_sizes=(20,), random_state=0, **settings) for module in (ours, theirs)]


def go_on(estimator, t, part, weight=None):
    """Train an estimator on some of the rows."""
    classes = np.unique(t) if t.ndim == 1 else np.arange(t.shape[1])
    given = {"classes": classes} if is_classifier(estimator) else {}
    return estimator.partial_fit(X[part], t[part], weight, **given)


def assert_same(one, other):
    """Fail unless two estimators have the same weights."""
    for a, b in zip(one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-9)


@pytest.mark.parametrize("target", TARGETS)
def test_it_goes_on_as_theirs_does(target):
    name, t = TARGETS[target]
    one, other = both(name)
    for part in PARTS[:3]:
        for each in (one, other):
            go_on(each, t, part)
    assert_same(one, other)
    assert (one.t_, one.n_iter_, len(one.loss_curve_)) == (other.t_, other.n_iter_, len(other.loss_curve_))


CHANGES = {
    "another activation": lambda net: net.set_params(activation="tanh"),
    "another momentum": lambda net: net.set_params(momentum=0.5, beta_1=0.5, epsilon=0.1),  # from the next fit on
    "another solver": lambda net: net.set_params(solver="sgd" if net.solver == "adam" else "adam"),  # likewise
    "other batches": lambda net: net.set_params(batch_size=30),
    "a whole fit": lambda net: net.set_params(max_iter=2).fit(X, y),
    "an end of the training": lambda net: vars(net).pop("_optimizer"),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_between_two_calls_is_followed(solver, change):
    one, other = both("MLPClassifier", **SOLVERS[solver])
    for each in (one, other):
        go_on(each, y, PARTS[0])
        CHANGES[change](each)
        for part in PARTS[1:3]:
            go_on(each, y, part)
    assert_same(one, other)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_copy_goes_on_by_itself(solver, copied):
    one, other = both("MLPClassifier", **SOLVERS[solver])
    for part in PARTS[:2]:
        for each in (one, other):
            go_on(each, y, part)
    again = copied(one)
    for part in PARTS[2:4]:
        go_on(again, y, part)
    for each in (one, other):
        go_on(each, y, PARTS[4])
    assert_same(one, other)
    other = both("MLPClassifier", **SOLVERS[solver])[1]
    for part in PARTS[:4]:
        go_on(other, y, part)
    assert_same(again, other)


@optimizer(predicts="slow")
def lookahead(w, g, step, slow, learning_rate: Positive = 0.1):
    """Gradient descent whose mean over the steps predicts."""
    w = w - learning_rate * g
    return w, slow + (w - slow) / step


BEYOND = {
    "dropout": {"dropout": 0.3},
    "norm": {"norm": "batch"},
    "weights that predict apart": {"solver": lookahead},
    "matrices": {"solver": "lamb"},
    "schedule": {"learning_rate": "cosine", "max_iter": 5},
}


@pytest.mark.parametrize("case", BEYOND)
def test_with_more_than_theirs_it_goes_on_as_from_a_pickle(case):
    one, other = (ours.MLPClassifier((20,), random_state=0, **BEYOND[case]) for _ in range(2))
    for part in PARTS[:3]:
        one = pickle.loads(pickle.dumps(go_on(one, y, part)))
        go_on(other, y, part)
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    for a, b in zip(one.coefs_, other.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)


def test_batches_of_other_lengths_and_weights_follow_each_other():
    one, other = both("MLPClassifier")
    for part, weight in ((slice(0, 50), None), (slice(50, 350), None), (slice(350, 400), np.linspace(0, 2, 50))):
        for each in (one, other):
            go_on(each, y, part, weight)
    assert_same(one, other)


def test_weights_that_are_set_train_on():
    one, other = both("MLPClassifier")
    for each in (one, other):
        go_on(each, y, PARTS[0])
        each.coefs_[0] *= 0.5
        go_on(each, y, PARTS[1])
    assert_same(one, other)


@pytest.mark.parametrize(
    ("x", "t"),
    [
        (X[:5], y[:5] + 10),
        (X[:5], y[:4]),
        (X[:5], y[:5].astype(str)),
        (X[:5], y[:5] + 0.5),
        (X[:5], np.eye(10)[:5]),
        (X[:5, :9], y[:5]),
        (X[:5] * np.nan, y[:5]),
        (X[:5], None),
        (X[:0], y[:0]),
    ],
)
def test_wrong_rows_and_labels_are_told_as_theirs_are(x, t):
    told = []
    for each in both("MLPClassifier"):
        go_on(each, y, PARTS[0])
        with pytest.raises((ValueError, TypeError)) as error:
            each.partial_fit(x, t)
        told.append((type(error.value), str(error.value)))
    assert told[0] == told[1]
