"""Our MLPClassifier and MLPRegressor as estimators: what scikit-learn's tools ask of one."""

from __future__ import annotations

import importlib
import pickle
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("sklearn", "1.7")
import joblib
import sklearn
from sklearn import neural_network as theirs
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits, make_multilabel_classification, make_regression
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from numbann import sklearn as ours
from numbann.errors import NumbannError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, y = load_digits(return_X_y=True)
X, y = X[:500] / 16, y[:500]
WEIGHT = np.random.default_rng(0).uniform(0, 2, 500)
REAL, VALUES = make_regression(500, 8, n_targets=3, random_state=0)
TASKS = {
    "classes": ("MLPClassifier", X, np.array(list("abcdefghij"))[y]),
    "two classes": ("MLPClassifier", X, y == 3),
    "multilabel": ("MLPClassifier", *make_multilabel_classification(500, random_state=0)),
    "values": ("MLPRegressor", REAL, VALUES / 100),
}
NET = ours.MLPClassifier(max_iter=20, learning_rate_init=0.01, random_state=0)


@parametrize_with_checks([ours.MLPClassifier(), ours.MLPRegressor()])
def test_it_is_an_estimator(estimator, check):
    check(estimator)


def weights_of(estimator):
    """All numbers of an estimator."""
    return np.concatenate([one.ravel() for one in (*estimator.coefs_, *estimator.intercepts_)])


def test_partial_fit_goes_on_as_theirs_does_and_from_a_pickle_too():
    one, other = (module.MLPClassifier(random_state=0) for module in (ours, theirs))
    for start in range(0, 500, 100):
        rows = slice(start, start + 100)
        one = pickle.loads(pickle.dumps(one)).partial_fit(X[rows], y[rows], classes=np.arange(10))
        other.partial_fit(X[rows], y[rows], classes=np.arange(10))
    np.testing.assert_allclose(weights_of(one), weights_of(other), atol=1e-9)
    with pytest.raises(ValueError, match="classes"):
        one.partial_fit(X, y + 1)


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


def test_it_works_in_pipelines_and_searches():
    settings = {"mlpclassifier__hidden_layer_sizes": [(5,), (50,)], "mlpclassifier__alpha": [1e-4]}
    search = GridSearchCV(make_pipeline(MinMaxScaler(), NET), settings, cv=2, n_jobs=2).fit(X, y)
    assert search.best_params_["mlpclassifier__hidden_layer_sizes"] == (50,)
    assert search.best_score_ > 0.8


def test_it_is_cross_validated_as_theirs_is():
    x, t = REAL, VALUES[:, 0] / 100
    one, other = (cross_val_score(module.MLPRegressor(random_state=0), x, t, cv=3) for module in (ours, theirs))
    np.testing.assert_allclose(one, other)
    assert cross_validate(NET, X, y, cv=2, scoring=["accuracy", "neg_log_loss"])["test_accuracy"].min() > 0.8


def test_it_is_calibrated_and_votes():
    assert CalibratedClassifierCV(NET, cv=2).fit(X, y).score(X, y) > 0.8
    voting = VotingClassifier([("one", NET), ("other", clone(NET).set_params(random_state=1))], voting="soft")
    assert voting.fit(X, y).score(X, y) > 0.8


def test_weights_of_rows_are_routed():
    given, net = {"mlpclassifier__sample_weight": WEIGHT}, make_pipeline(StandardScaler(), NET)
    expected = weights_of(clone(net).fit(X, y, **given)[-1])
    with sklearn.config_context(enable_metadata_routing=True):
        scaler, last = StandardScaler().set_fit_request(sample_weight=False), clone(NET).set_fit_request
        routed = make_pipeline(scaler, last(sample_weight=True)).fit(X, y, sample_weight=WEIGHT)
        with pytest.raises(ValueError, match="sample_weight"):
            make_pipeline(scaler, clone(NET)).fit(X, y, sample_weight=WEIGHT)
    np.testing.assert_array_equal(weights_of(routed[-1]), expected)


def test_frames_have_names():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=[f"pixel {k}" for k in range(64)])
    net = clone(NET).fit(frame, y)
    assert list(net.feature_names_in_) == list(frame.columns)
    expected = net.predict_proba(frame)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        np.testing.assert_array_equal(net.predict_proba(X), expected)
    with pytest.raises(ValueError, match="feature names should match"):
        net.predict(frame[frame.columns[::-1]])
    behind = make_pipeline(StandardScaler(), clone(NET)).set_output(transform="pandas").fit(frame, y)
    assert list(behind[-1].feature_names_in_) == list(frame.columns)


def test_a_copy_predicts_the_same(tmp_path):
    fitted = ours.MLPClassifier(max_iter=3).fit(X, y)
    expected = fitted.predict_proba(X)
    joblib.dump(fitted, tmp_path / "net.joblib")
    for copy in (pickle.loads(pickle.dumps(fitted)), joblib.load(tmp_path / "net.joblib", mmap_mode="r")):
        np.testing.assert_array_equal(copy.predict_proba(X), expected)
    assert not hasattr(clone(fitted), "coefs_")
    assert repr(clone(fitted)) == "MLPClassifier(max_iter=3)"


LABELS = {"whole": y, "texts": np.array([f"class {k}" for k in y]), "truth": y > 4, "small": y.astype(np.uint8)}


@pytest.mark.parametrize("kind", LABELS)
def test_plain_labels_are_learned_as_theirs_are(kind):
    """What skips the longer checks leaves the same behind as they do, which get a list."""
    quick, checked = (ours.MLPClassifier(max_iter=2, random_state=0).fit(X, t) for t in (LABELS[kind], [*LABELS[kind]]))
    for one, other in zip(quick.coefs_, checked.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)
    assert vars(quick).keys() == vars(checked).keys()
    mine, same = (vars(net._label_binarizer) for net in (quick, checked))
    assert (quick.classes_.dtype.kind, mine.keys()) == (LABELS[kind].dtype.kind, same.keys())
    np.testing.assert_array_equal(quick.classes_, checked.classes_)
    assert {name: mine[name] for name in mine if name != "classes_"} == {n: same[n] for n in same if n != "classes_"}
    np.testing.assert_array_equal(quick.predict(X), checked.predict(X))
    named = pytest.importorskip("pandas").DataFrame(X, columns=[f"x{k}" for k in range(X.shape[1])])
    assert not hasattr(quick.fit(named, LABELS[kind]).fit(X, LABELS[kind]), "feature_names_in_")


FIRST = """
import sys, warnings
import numpy as np
from sklearn.datasets import load_digits
from numbann.sklearn import MLPClassifier
warnings.simplefilter("ignore")
x, y = load_digits(return_X_y=True)
net, before = MLPClassifier(max_iter=2), {*sys.modules}
net.fit(x, y)
print(*sorted({*sys.modules} - before))
"""


def test_a_first_fit_that_finds_its_kernels_imports_nothing():
    ours.MLPClassifier(max_iter=2).fit(X, y)
    found = subprocess.run([sys.executable, "-c", FIRST], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


@pytest.mark.parametrize(("name", "value"), [("sklearn", None), ("sklearn.__version__", "1.6.1")])
def test_without_a_recent_scikit_learn_it_says_what_to_install(monkeypatch, name, value):
    if value is None:
        monkeypatch.setitem(sys.modules, name, None)
    else:
        monkeypatch.setattr(name, value)
    with pytest.raises(NumbannError, match=r'pip install "numbann\[sklearn\]"'):
        importlib.reload(ours)
