"""A training by our estimators, step by step beside one by scikit-learn's own."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

pytest.importorskip("sklearn", "1.7")
import scipy.sparse
from sklearn import neural_network as theirs
from sklearn.datasets import load_digits, make_multilabel_classification, make_regression
from sklearn.exceptions import ConvergenceWarning

from numbann import sklearn as ours

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, y = load_digits(return_X_y=True)
X, y = X[:500] / 16, y[:500]
WEIGHT = np.random.default_rng(0).uniform(0, 2, 500)
REAL, VALUES = make_regression(500, 8, n_targets=3, random_state=0)
VALUES /= 100
TASKS = {
    "classes": ("MLPClassifier", X, np.array(list("abcdefghij"))[y]),
    "two classes": ("MLPClassifier", X, y == 3),
    "multilabel": ("MLPClassifier", *make_multilabel_classification(500, random_state=0)),
    "value": ("MLPRegressor", REAL, VALUES[:, 0]),
    "values": ("MLPRegressor", REAL, VALUES),
}
SGD = {"solver": "sgd", "learning_rate_init": 0.1}
COURSES = {
    "adam": {},
    "sgd": SGD,
    "invscaling": {**SGD, "learning_rate": "invscaling", "batch_size": 64},
    "adaptive": {**SGD, "learning_rate": "adaptive", "tol": 1.0, "n_iter_no_change": 1, "max_iter": 8},
    "plain": {"solver": "sgd", "momentum": 0, "nesterovs_momentum": False, "shuffle": False, "alpha": 0.1},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False, "activation": "logistic"},
    "held out": {"early_stopping": True, "hidden_layer_sizes": (20, 10), "activation": "tanh"},
    "stopped": {"tol": 0.05, "n_iter_no_change": 2, "max_iter": 50, "learning_rate_init": 0.01},
    "lbfgs": {"solver": "lbfgs", "max_iter": 20, "alpha": 0.1},
    "measured": {"solver": "lbfgs", "max_fun": 7, "max_iter": 50},
    "linear": {"hidden_layer_sizes": (), "batch_size": 500},
}


def both(name, x, t, weight=None, **settings):
    """Our estimator and theirs, fitted."""
    settings = {"random_state": 3, "max_iter": 5, **settings}
    return [getattr(module, name)(**settings).fit(x, t, sample_weight=weight) for module in (ours, theirs)]


def largest_difference(one, other):
    """Of all weights of two estimators."""
    pairs = zip(one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True)
    return max(np.abs(a - b).max() for a, b in pairs)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("course", COURSES)
@pytest.mark.parametrize("task", TASKS)
def test_it_trains_as_theirs_does(task, course, weighted):
    name, x, t = TASKS[task]
    one, other = both(name, x, t, WEIGHT if weighted else None, **COURSES[course])
    assert largest_difference(one, other) < 1e-9
    assert one.n_iter_ == other.n_iter_
    assert one.loss_ == pytest.approx(other.loss_, rel=1e-4)
    np.testing.assert_array_equal(one.predict(x) == t, other.predict(x) == t)
    for known in ("loss_curve_", "validation_scores_", "best_loss_", "best_validation_score_", "t_", "out_activation_"):
        if hasattr(other, known):
            expected, got = getattr(other, known), getattr(one, known)
            assert got == (expected if expected is None or isinstance(expected, str) else pytest.approx(expected, 1e-4))


STEPS = {
    "adam": {},
    "lbfgs": {"solver": "lbfgs"},
    **{
        f"{schedule}, nesterov: {nesterov}": {**SGD, "learning_rate": schedule, "nesterovs_momentum": nesterov}
        for schedule, nesterov in itertools.product(("constant", "invscaling", "adaptive"), (True, False))
    },
}


@pytest.mark.parametrize(("dtype", "most"), [("float64", 1e-10), ("float32", 2e-5)])
@pytest.mark.parametrize("course", STEPS)
def test_twenty_steps_are_theirs(course, dtype, most):
    """Two epochs of batches that do not divide the rows; of lbfgs twenty steps."""
    epochs = {"batch_size": 48, "max_iter": 20 if course == "lbfgs" else 2}
    one, other = both("MLPClassifier", X.astype(dtype), y, **epochs, **STEPS[course])
    assert {w.dtype for w in other.coefs_} == {w.dtype for w in one.coefs_}
    assert largest_difference(one, other) < most


def test_counts_train_as_theirs_do():
    one, other = both("MLPRegressor", X, y, loss="poisson")
    assert largest_difference(one, other) < 1e-9
    assert one.loss_ == pytest.approx(other.loss_, rel=1e-4)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_the_loss_of_one_batch_is_theirs(solver):
    one, other = both("MLPClassifier", X, y, solver=solver, alpha=10.0, batch_size=500)
    assert one.loss_ == pytest.approx(other.loss_, rel=1e-12)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize(("dtype", "most"), [("float64", 1e-10), ("float32", 1e-3)])
@pytest.mark.parametrize("weight", [None, WEIGHT[:203]])
def test_losses_of_rows_far_off_are_bounded_as_theirs_are(solver, dtype, most, weight):
    """Of inputs that are not scaled, where many a probability is 0 to rounding: of 3 classes, of 2, of 4 labels."""
    random = np.random.default_rng(1)
    x = (random.normal(size=(203, 9)) * 300).astype(dtype)
    for t in (random.integers(0, 3, 203), random.integers(0, 2, 203), random.integers(0, 2, (203, 4))):
        first = {"solver": solver, "alpha": 0, "max_iter": 1 if solver == "lbfgs" else 5}
        one, other = both("MLPClassifier", x, t, weight, hidden_layer_sizes=(12,), **first)
        assert one.loss_ == pytest.approx(other.loss_, abs=most)
        if solver == "adam":
            assert one.loss_curve_ == pytest.approx(other.loss_curve_, abs=most)


def test_without_scaled_inputs_it_stops_when_theirs_does():
    random = np.random.default_rng(1)
    x, t = random.normal(size=(203, 9)) * 300, random.integers(0, 3, 203)
    settings = {"hidden_layer_sizes": (12,), "max_iter": 100, "random_state": 0, "learning_rate_init": 0.003}
    one, other = both("MLPClassifier", x, t, **settings)
    assert one.n_iter_ == other.n_iter_ == 26


@pytest.mark.parametrize("form", ["csr_matrix", "csc_array"])
@pytest.mark.parametrize("settings", [{}, {"solver": "lbfgs"}, {"early_stopping": True}])
def test_sparse_rows_train_as_dense_ones(form, settings):
    sparse = getattr(scipy.sparse, form)(X)
    one, other = (ours.MLPClassifier(random_state=0, max_iter=3, **settings).fit(x, y) for x in (sparse, X))
    assert largest_difference(one, other) == 0
    np.testing.assert_array_equal(one.predict_proba(sparse), other.predict_proba(X))
    np.testing.assert_array_equal(one.predict_proba(sparse[:2]), other.predict_proba(X[:2]))


def test_warm_start_goes_on_as_theirs_does():
    one, other = both("MLPClassifier", X, y, warm_start=True)
    one.fit(X, y)
    other.fit(X, y)
    assert largest_difference(one, other) < 1e-9
    assert len(one.loss_curve_) == 10


def test_warm_start_with_rows_held_out_goes_on_as_theirs_does():
    """A later fit of other rows that does not beat the best score of an earlier one ends with its last weights."""
    one, other = both("MLPClassifier", X, y, warm_start=True, early_stopping=True, max_iter=15, alpha=0)
    best = one.best_validation_score_
    for rows in (slice(0, 120), slice(None)):
        one.fit(X[rows], y[rows])
        other.fit(X[rows], y[rows])
        assert largest_difference(one, other) < 1e-9
        assert (one.best_validation_score_ == best) == (rows.stop == 120)


def test_a_bounded_loss_decides_the_steps_of_lbfgs_as_theirs_does():
    random = np.random.default_rng(0)
    x = random.normal(size=(203, 9))
    t = (x[:, 0] > 0).astype(int) + (x[:, 1] > 0)
    one, other = both("MLPClassifier", x, t, hidden_layer_sizes=(12, 5), max_iter=4, solver="lbfgs", random_state=0)
    assert largest_difference(one, other) < 1e-12


def test_single_precision_stays():
    fitted = ours.MLPClassifier(max_iter=3).fit(X.astype(np.float32), y)
    assert {one.dtype.name for one in fitted.coefs_ + fitted.intercepts_} == {"float32"}
    assert fitted.predict_proba(X.astype(np.float32)).dtype == np.float32


def test_weights_that_are_not_finite_are_refused_as_theirs_are():
    settings = {"activation": "identity", "solver": "sgd", "learning_rate_init": 1e9, "random_state": 0}
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        ours.MLPRegressor(**settings).fit(REAL, VALUES)


def test_it_says_that_the_training_did_not_converge():
    with pytest.warns(ConvergenceWarning, match="hasn't converged"):
        ours.MLPClassifier(max_iter=1).fit(X, y)
    with pytest.warns(UserWarning, match="clipped"):
        ours.MLPClassifier(max_iter=1, batch_size=1000).fit(X, y)
