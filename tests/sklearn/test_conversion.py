"""From scikit-learn's networks to numbann's estimators and back, and to models of numbann."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", "1.7")
from sklearn import neural_network as theirs
from sklearn.datasets import load_digits, make_multilabel_classification
from sklearn.exceptions import NotFittedError

import numbann
from numbann import activation
from numbann import sklearn as ours

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, y = load_digits(return_X_y=True)
X, y = X[:300] / 16, y[:300]
MANY = make_multilabel_classification(300, random_state=0)
VALUES = X @ np.random.default_rng(0).normal(size=(64, 2))
TASKS = {
    "classes": ("MLPClassifier", X, np.array(list("abcdefghij"))[y], {"activation": "tanh"}),
    "two classes": ("MLPClassifier", X, y == 3, {"solver": "sgd", "learning_rate_init": 0.1}),
    "multilabel": ("MLPClassifier", *MANY, {"activation": "logistic"}),
    "value": ("MLPRegressor", X, VALUES[:, 0], {"hidden_layer_sizes": ()}),
    "values": ("MLPRegressor", X, VALUES, {"hidden_layer_sizes": (9, 8, 7), "activation": "identity"}),
    "counts": ("MLPRegressor", X, y, {"loss": "poisson", "solver": "lbfgs"}),
}


@activation(init="he_normal")
def leaning(z, slope: float = 0.1):
    """Leaning: max(z, slope z)."""
    return slope * z if z < 0 else z


def answers(estimator, x):
    """Probabilities or values."""
    return (getattr(estimator, "predict_proba", None) or estimator.predict)(x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("task", TASKS)
def test_predictions_are_the_same_there_and_back(task, dtype):
    name, x, t, settings = TASKS[task]
    x = x.astype(dtype)
    fitted = getattr(theirs, name)(**settings, max_iter=5, random_state=0).fit(x, t)
    one = ours.from_sklearn(fitted)
    back = one.to_sklearn()
    assert type(one) is getattr(ours, name)
    assert type(back) is type(fitted)
    assert back.get_params() == fitted.get_params()
    for each in (one, back):
        np.testing.assert_allclose(answers(each, x), answers(fitted, x), rtol=1e-6, atol=1e-6)
        np.testing.assert_array_equal(each.predict(x) == t, fitted.predict(x) == t)
    assert back.n_iter_ == one.n_iter_ == fitted.n_iter_
    assert one.coefs_[0] is not fitted.coefs_[0]


@pytest.mark.parametrize("settings", [{}, {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.1}])
def test_training_goes_on_where_it_was(settings):
    def goes_on(one):
        return one.partial_fit(X, y)

    def start(kind):
        return kind(**settings, random_state=0).partial_fit(X, y, classes=np.unique(y))

    whole = goes_on(goes_on(start(theirs.MLPClassifier)))
    one = goes_on(ours.from_sklearn(goes_on(start(theirs.MLPClassifier))))
    back = goes_on(goes_on(start(ours.MLPClassifier)).to_sklearn())
    for each in (one, back):
        for a, b in zip(each.coefs_ + each.intercepts_, whole.coefs_ + whole.intercepts_, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-9)


def test_what_only_training_knows_is_left_out():
    one = ours.MLPClassifier(
        (20,),
        {"type": "sigmoid"},
        solver="nadam",
        dropout=0.1,
        class_weight="balanced",
        max_iter=3,
        loss="softmax_focal",
    ).fit(X, y)
    back = one.to_sklearn()
    assert (back.activation, back.solver, back.dropout if hasattr(back, "dropout") else None) == (
        "logistic",
        "adam",
        None,
    )
    np.testing.assert_allclose(back.predict_proba(X), one.predict_proba(X), atol=1e-6)
    back.partial_fit(X, y)
    back.fit(X, y)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"activation": "gelu"}, "no network of scikit-learn with activation='gelu': it takes"),
        ({"activation": ["relu", "tanh"], "hidden_layer_sizes": (5, 4)}, "no network of scikit-learn"),
        ({"norm": "layer"}, "norm='layer'.*to_model"),
        ({"loss": "mse"}, "loss='mse' gives other outputs"),
    ],
)
def test_other_networks_are_refused(settings, told):
    one = ours.MLPClassifier(**settings, max_iter=2).fit(X, y)
    with pytest.raises(ValueError, match=told):
        one.to_sklearn()


def test_what_is_no_fitted_network_is_refused():
    with pytest.raises(NotFittedError):
        ours.from_sklearn(theirs.MLPClassifier())
    with pytest.raises(NotFittedError):
        ours.MLPClassifier().to_sklearn()
    with pytest.raises(NotFittedError):
        ours.MLPClassifier().to_model()
    with pytest.raises(TypeError, match=r"takes scikit-learn's MLPClassifier or MLPRegressor, not BernoulliRBM"):
        ours.from_sklearn(theirs.BernoulliRBM())


MODELS = {
    **{task: (*TASKS[task][:3], TASKS[task][3]) for task in TASKS},
    "norms": ("MLPClassifier", X, y, {"norm": "batch", "activation": ["prelu", leaning], "hidden_layer_sizes": (9, 8)}),
    "moments": ("MLPRegressor", X, VALUES[:, 0], {"loss": "gaussian_nll", "learning_rate": "cosine"}),
    "margins": ("MLPClassifier", X, y, {"loss": "multi_margin", "solver": "lion"}),
    "order": ("MLPClassifier", X, y, {"loss": "corn"}),
}


@pytest.mark.parametrize("task", MODELS)
def test_the_model_of_an_estimator_predicts_the_same(task, tmp_path):
    name, x, t, settings = MODELS[task]
    one = getattr(ours, name)(**settings, max_iter=3, random_state=0).fit(x, t)
    model = one.to_model()
    if name == "MLPRegressor":
        np.testing.assert_allclose(model.predict(x), one.predict(x), atol=1e-6)
    else:
        np.testing.assert_array_equal(model.predict(x), one.predict(x))
    model.save(tmp_path / "net.safetensors")
    again = numbann.load(tmp_path / "net.safetensors", trust=True)
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert again.evaluate((x, t))["loss"] < 100
    if name == "MLPClassifier" and task != "multilabel" and hasattr(one, "predict_proba"):
        np.testing.assert_allclose(again.predict_proba(x), one.predict_proba(x), atol=1e-6)


@pytest.mark.parametrize("task", MODELS)
def test_the_onnx_of_an_estimator_predicts_the_same(task, tmp_path):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    name, x, t, settings = MODELS[task]
    one = getattr(ours, name)(**settings, max_iter=3, random_state=0).fit(x, t)
    made = one.to_model().export(tmp_path / "net.onnx", verify=True, data=x)
    assert made.check.difference < 3e-6
    session = runtime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    found = dict(zip((o.name for o in session.get_outputs()), session.run(None, {"features": x}), strict=True))
    expected = one.predict(x)
    if name == "MLPRegressor":
        np.testing.assert_allclose(found["value"].reshape(expected.shape), expected, rtol=1e-5, atol=1e-5)
    else:
        np.testing.assert_array_equal(found["label"].reshape(expected.shape), expected)


def test_the_model_of_an_estimator_has_the_names_of_a_frame():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X[:, :3], columns=["y", "left", "right"])
    model = ours.MLPClassifier(max_iter=2).fit(frame, y).to_model()
    assert model.features == ("y", "left", "right")
    assert model.targets == ("target",)
    assert len(model.predict(frame)) == len(y)
