"""Predictions are those of the weights and parameters as they are now, whoever has changed them and how."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn", "1.7")
from sklearn import neural_network as theirs
from sklearn.datasets import load_digits

from numbann import sklearn as ours

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, y = load_digits(return_X_y=True)
X, y = X[:300] / 16, y[:300]


@pytest.fixture
def net():
    """A fitted network that has predicted already."""
    found = ours.MLPClassifier((20,), max_iter=5, random_state=0).fit(X, y)
    found.predict_proba(X[:1])
    return found


def expected_of(net, x=X):
    """What scikit-learn's own code predicts by the same weights and parameters."""
    return theirs.MLPClassifier._forward_pass_fast(net, x, check_input=False)


def test_weights_changed_in_place_predict(net):
    weights = net.coefs_[0]
    for _ in range(2):
        weights *= 0.5
        np.testing.assert_allclose(net.predict_proba(X), expected_of(net), atol=1e-9)


def test_weights_in_other_hands_before_a_fit_predict_no_more(net):
    held_out = {"solver": "adam", "warm_start": False, "early_stopping": True}
    for settings in ({"warm_start": True}, {"solver": "lbfgs"}, held_out, {"warm_start": True}):
        held = net.coefs_
        before = net.set_params(**settings, max_iter=1).fit(X, y).predict_proba(X)
        for weights in held:
            weights[:] = 0
        np.testing.assert_array_equal(net.predict_proba(X), before)
        np.testing.assert_allclose(before, expected_of(net), atol=1e-9)


def test_weights_changed_through_a_copy_that_shares_them_predict(net):
    copy.copy(net).coefs_[0][:] = 0
    np.testing.assert_allclose(net.predict_proba(X), expected_of(net), atol=1e-9)
    assert (net.coefs_[0] == 0).all()


def test_another_activation_predicts(net):
    before = net.predict_proba(X)
    net.set_params(activation="tanh")
    np.testing.assert_allclose(net.predict_proba(X), expected_of(net), atol=1e-9)
    assert np.abs(before - net.predict_proba(X)).max() > 1e-3


def test_each_fit_predicts_anew(net):
    for fit in (net.partial_fit, net.fit, net.set_params(hidden_layer_sizes=(5, 5)).fit):
        fit(X, y)
        np.testing.assert_allclose(net.predict_proba(X[:3]), expected_of(net, X[:3]), atol=1e-9)


def test_predicting_leaves_no_trace(net):
    before = set(vars(net))
    net.predict(X)
    assert set(vars(net)) == before
    assert {"coefs_", "intercepts_"} <= before
    del net.coefs_
    with pytest.raises(AttributeError, match="'MLPClassifier' object has no attribute 'coefs_'"):
        net.coefs_  # noqa: B018


@pytest.mark.parametrize("labels", [y, y == 3, np.array(["no", "yes"])[(y == 3) * 1], np.eye(10)[y], np.zeros(300)])
def test_labels_are_theirs(labels):
    one, other = (module.MLPClassifier((20,), max_iter=5, random_state=0).fit(X, labels) for module in (ours, theirs))
    for x in (X[:1], X, X.astype(np.float32), X.tolist()):
        expected, got = other.predict(x), one.predict(x)
        assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("call", ["predict", "predict_proba"])
@pytest.mark.parametrize(
    "rows",
    [
        X[0],
        X[:, :5],
        X[:0],
        np.where(np.arange(64) == 5, np.nan, X[:2]),
        np.where(np.arange(64) == 5, np.inf, X[:2]),
        X[:2].astype(complex),
        X[:2].astype(str),
        X[None],
        None,
    ],
)
def test_wrong_rows_are_told_as_theirs_are(net, call, rows):
    other = theirs.MLPClassifier((20,), max_iter=1).fit(X, y)
    told = []
    for each in (net, other):
        with pytest.raises((ValueError, TypeError)) as error:
            getattr(each, call)(rows)
        told.append((type(error.value), str(error.value)))
    assert told[0] == told[1]


def test_a_network_that_is_not_fitted_says_so_as_theirs_does():
    told = []
    for module in (ours, theirs):
        with pytest.raises(ValueError, match="is not fitted yet") as error:
            module.MLPClassifier().predict(X)
        told.append(str(error.value))
    assert told[0] == told[1]


def test_a_pickle_has_no_engine(net):
    assert b"numbann.engine" not in pickle.dumps(net)
