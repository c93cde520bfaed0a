"""scikit-learn's MLPClassifier and MLPRegressor on numbann's engine, against scikit-learn's own."""

from __future__ import annotations

import importlib
import pickle
import sys

import numpy as np
import pytest

pytest.importorskip("sklearn", "1.7")
import scipy.sparse
from sklearn import neural_network as theirs
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits, make_multilabel_classification, make_regression
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from numbann import sklearn as ours
from numbann.errors import NumbannError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, y = load_digits(return_X_y=True)
X = X[:500] / 16
y = y[:500]
WEIGHT = np.random.default_rng(0).uniform(0, 2, 500)
MANY = make_multilabel_classification(500, random_state=0)
REAL, VALUES = make_regression(500, 8, n_targets=3, random_state=0)
TASKS = {
    "classes": ("MLPClassifier", X, np.array(list("abcdefghij"))[y]),
    "two classes": ("MLPClassifier", X, y == 3),
    "multilabel": ("MLPClassifier", *MANY),
    "value": ("MLPRegressor", REAL, VALUES[:, 0] / 100),
    "values": ("MLPRegressor", REAL, VALUES / 100),
}
COURSES = {
    "adam": {},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.1},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.1, "batch_size": 64},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 1.0, "n_iter_no_change": 1, "max_iter": 8},
    "plain": {"solver": "sgd", "momentum": 0, "nesterovs_momentum": False, "shuffle": False, "alpha": 0.1},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False, "activation": "logistic"},
    "held out": {"early_stopping": True, "hidden_layer_sizes": (20, 10), "activation": "tanh"},
    "lbfgs": {"solver": "lbfgs", "max_iter": 20, "alpha": 0.1},
    "linear": {"hidden_layer_sizes": (), "batch_size": 500},
}


@parametrize_with_checks([ours.MLPClassifier(), ours.MLPRegressor()])
def test_it_is_an_estimator(estimator, check):
    check(estimator)


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
    if (task, course) == ("values", "lbfgs"):
        pytest.skip("their gradient is that of the sum over outputs, their loss is the mean")
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


def test_counts_train_as_theirs_do():
    one, other = both("MLPRegressor", X, y, loss="poisson")
    assert largest_difference(one, other) < 1e-9
    assert one.loss_ == pytest.approx(other.loss_, rel=1e-4)


def test_several_values_by_lbfgs_reach_a_lower_loss():
    one, other = both("MLPRegressor", REAL, VALUES / 100, solver="lbfgs", max_iter=50)
    assert one.loss_ < other.loss_ * 1.1
    error = ((one.predict(REAL) - VALUES / 100) ** 2).mean() / 2
    penalty = one.alpha / 2 * sum((w * w).sum() for w in one.coefs_) / len(REAL)
    assert one.loss_ == pytest.approx(error + penalty)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_the_loss_of_one_batch_is_theirs(solver):
    one, other = both("MLPClassifier", X, y, solver=solver, alpha=10.0, batch_size=500)
    assert one.loss_ == pytest.approx(other.loss_, rel=1e-12)


def test_partial_fit_goes_on_as_theirs_does_and_from_a_pickle_too():
    one, other = (module.MLPClassifier(random_state=0) for module in (ours, theirs))
    for start in range(0, 500, 100):
        rows = slice(start, start + 100)
        one = pickle.loads(pickle.dumps(one)).partial_fit(X[rows], y[rows], classes=np.arange(10))
        other.partial_fit(X[rows], y[rows], classes=np.arange(10))
    assert largest_difference(one, other) < 1e-9
    with pytest.raises(ValueError, match="classes"):
        one.partial_fit(X, y + 1)


def test_warm_start_goes_on_as_theirs_does():
    one, other = both("MLPClassifier", X, y, warm_start=True)
    one.fit(X, y)
    other.fit(X, y)
    assert largest_difference(one, other) < 1e-9
    assert len(one.loss_curve_) == 10


@pytest.mark.parametrize("form", ["csr_matrix", "csc_array"])
@pytest.mark.parametrize("settings", [{}, {"solver": "lbfgs"}, {"early_stopping": True}])
def test_sparse_rows_train_as_dense_ones(form, settings):
    sparse = getattr(scipy.sparse, form)(X)
    one, other = (ours.MLPClassifier(random_state=0, max_iter=3, **settings).fit(x, y) for x in (sparse, X))
    assert largest_difference(one, other) == 0
    np.testing.assert_array_equal(one.predict_proba(sparse), other.predict_proba(X))
    np.testing.assert_array_equal(one.predict_proba(sparse[:2]), other.predict_proba(X[:2]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [1, 20, 500])
def test_weights_from_theirs_predict_the_same(dtype, rows):
    for name, x, t in TASKS.values():
        x = x.astype(dtype)
        other = getattr(theirs, name)(max_iter=3, random_state=0).fit(x, t)
        one = getattr(ours, name)(max_iter=1).fit(x, t)
        one.coefs_, one.intercepts_ = other.coefs_, other.intercepts_
        call = "predict" if name == "MLPRegressor" else "predict_proba"
        expected, got = (getattr(each, call)(x[:rows]) for each in (other, one))
        assert got.dtype == expected.dtype
        np.testing.assert_allclose(got, expected, atol=1e-6)
        one.coefs_[-1] *= 0  # in place
        assert len(np.unique(getattr(one, call)(x).round(6), axis=0)) == 1


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


def test_it_works_in_pipelines_searches_and_ensembles():
    net = ours.MLPClassifier(max_iter=20, learning_rate_init=0.01, random_state=0)
    search = GridSearchCV(
        make_pipeline(MinMaxScaler(), net),
        {"mlpclassifier__hidden_layer_sizes": [(5,), (50,)], "mlpclassifier__alpha": [1e-4]},
        cv=3,
    ).fit(X, y)
    assert search.best_params_["mlpclassifier__hidden_layer_sizes"] == (50,)
    assert search.best_score_ > 0.8
    assert CalibratedClassifierCV(net, cv=3).fit(X, y).score(X, y) > 0.8
    voting = VotingClassifier([("one", net), ("other", clone(net).set_params(random_state=1))], voting="soft", n_jobs=2)
    assert voting.fit(X, y).score(X, y) > 0.8


def test_a_pickle_predicts_the_same():
    fitted = ours.MLPClassifier(max_iter=3).fit(X, y)
    expected = fitted.predict_proba(X)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(X), expected)
    assert not hasattr(clone(fitted), "coefs_")
    assert repr(clone(fitted)) == "MLPClassifier(max_iter=3)"


@pytest.mark.parametrize(("name", "value"), [("sklearn", None), ("sklearn.__version__", "1.6.1")])
def test_without_a_recent_scikit_learn_it_says_what_to_install(monkeypatch, name, value):
    if value is None:
        monkeypatch.setitem(sys.modules, name, None)
    else:
        monkeypatch.setattr(name, value)
    with pytest.raises(NumbannError, match=r'pip install "numbann\[sklearn\]"'):
        importlib.reload(ours)
