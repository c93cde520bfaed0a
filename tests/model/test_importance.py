"""The importance of columns and partial dependence, against scikit-learn and by brute force."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import numbann
from numbann.errors import DataError, RegistryError

WriteSpec = Callable[..., Path]
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(150, 4))
Y = X @ [3.0, -1.0, 0.0, 0.2] + np.sin(3 * X[:, 3])
LABELS = np.where(Y > 0, "yes", "no")
PLACES = RANDOM.choice(["north", "south", "east"], 150)
SPEC = {"model": {"layers": [8]}, "train": {"epochs": 3}, "data": {"split": {"test": 0.0}}}
FRAME = {"a": X[:, 0], "place": PLACES, "b": X[:, 1], "label": np.where(X[:, 0] + (PLACES == "north") > 0, "yes", "no")}


def trained(here: Path, data: Any, target: str, **more: Any) -> numbann.Model:
    """A model of rows given in Python."""
    spec = {**SPEC, **more, "data": {**SPEC["data"], "target": target}}
    return numbann.train(spec, data=data, output=here / "run", force=True).model


def as_estimator(model: numbann.Model, score: Callable[[Any, Any], float]) -> Any:
    """The model as scikit-learn calls one."""
    base = pytest.importorskip("sklearn.base")

    class Estimator(base.RegressorMixin, base.BaseEstimator):
        def fit(self, X: Any, y: Any) -> Any:
            return self

        def __sklearn_is_fitted__(self) -> bool:
            return True

        def predict(self, X: Any) -> Any:
            return model.predict(np.ascontiguousarray(X))

        def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
            return score(y, self.predict(X))

    return Estimator()


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_importance_is_that_of_scikit_learn(here: Path, task: str) -> None:
    inspection = pytest.importorskip("sklearn.inspection")
    y = Y if task == "regression" else LABELS
    model = trained(here, (X, y), "y")
    if task == "regression":
        estimator = as_estimator(model, lambda t, found: -float(np.sqrt(np.mean((t - found) ** 2))))
    else:
        estimator = as_estimator(model, lambda t, found: float((t == found).mean()))
    expected = inspection.permutation_importance(estimator, X, y, n_repeats=4, random_state=7)
    found = model.importance((X, y), repeats=4, seed=7)
    assert (found.metric, found.better) == (("rmse", "lower") if task == "regression" else ("accuracy", "higher"))
    np.testing.assert_allclose(found.values, expected.importances, rtol=0, atol=1e-6)
    np.testing.assert_allclose(found.mean, expected.importances_mean, rtol=0, atol=1e-6)
    np.testing.assert_allclose(found.deviation, expected.importances_std, rtol=0, atol=1e-6)
    assert found.score == pytest.approx(model.evaluate((X, y))[found.metric], abs=1e-6)
    assert (np.diff(found.mean[found.order]) <= 0).all()


@pytest.mark.parametrize("ensemble", [None, {"folds": 2}], ids=["one", "several"])
def test_columns_of_any_kind_are_shuffled_as_cells_are(here: Path, ensemble: Any) -> None:
    """Inputs of a column are shuffled together, for each model of an ensemble with its own preprocessing."""
    model = trained(here, FRAME, "label", ensemble=ensemble)
    found = model.importance(FRAME, repeats=2, seed=3)
    assert found.names == ("a", "place", "b")
    whole = model.evaluate(FRAME)["accuracy"]
    for k, name in enumerate(found.names):
        random, order, cells = (
            np.random.RandomState(np.random.RandomState(3).randint(2**31)),
            np.arange(150),
            FRAME[name],
        )
        for repeat in range(2):
            random.shuffle(order)
            cells = cells[order]
            assert found.values[k, repeat] == pytest.approx(whole - model.evaluate({**FRAME, name: cells})["accuracy"])


def test_metric_rows_and_order(here: Path) -> None:
    model = trained(here, FRAME, "label")
    found = model.importance(FRAME, metric="log_loss", rows=40)
    assert (found.metric, found.better, found.rows) == ("log_loss", "lower", 40)
    told = found.to_json()
    means = [one["mean"] for one in told["columns"]]
    assert means == sorted(means, reverse=True)
    assert {one["name"] for one in told["columns"]} == {"a", "place", "b"}
    assert model.importance(FRAME, metric="log_loss", rows=40).values.tolist() == found.values.tolist()


def test_what_cannot_be_measured(here: Path) -> None:
    model = trained(here, FRAME, "label")
    with pytest.raises(RegistryError, match="acuracy"):
        model.importance(FRAME, metric="acuracy")
    with pytest.raises(DataError, match="rmse"):
        model.importance(FRAME, metric="rmse")
    with pytest.raises(DataError, match="once or more"):
        model.importance(FRAME, repeats=0)
    with pytest.raises(DataError, match='"plaice" is no column of the model; did you mean "place"'):
        model.dependence(FRAME, "plaice")
    with pytest.raises(DataError, match="label"):
        model.importance({name: FRAME[name] for name in ("a", "place", "b")})


def test_dependence_is_that_of_scikit_learn(here: Path) -> None:
    inspection = pytest.importorskip("sklearn.inspection")
    model, grid = trained(here, (X, Y), "y"), np.linspace(-1.0, 1.0, 5)
    estimator = as_estimator(model, lambda t, found: 0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        expected = inspection.partial_dependence(estimator, X, [3], custom_values={3: grid}, kind="average")
    found = model.dependence((X, Y), "x[3]", grid=grid)
    assert list(found.values) == ["y"]
    np.testing.assert_allclose(found.values["y"], expected["average"][0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("ensemble", [None, {"folds": 2}], ids=["one", "several"])
def test_dependence_is_the_mean_of_predictions(here: Path, ensemble: Any) -> None:
    model = trained(here, FRAME, "label", ensemble=ensemble)
    rows = {name: FRAME[name] for name in ("a", "place", "b")}  # no target is needed
    places = model.dependence(rows, "place")
    common = sorted(set(PLACES.tolist()), key=lambda place: -(place == PLACES).sum())
    assert places.grid.tolist() == common
    assert list(places.values) == ["p_no", "p_yes"]
    for value, mean in zip(places.grid, places.values["p_yes"], strict=True):
        expected = model.predict_proba({**rows, "place": np.full(150, value)})[:, 1].mean()
        assert mean == pytest.approx(expected, abs=1e-6)
    numbers = model.dependence(rows, "a", grid=3, rows=50)
    assert numbers.rows == 50
    assert len(numbers.grid) == 3
    assert (np.diff(numbers.grid) > 0).all()
    assert numbers.to_json()["column"] == "a"


@pytest.mark.parametrize("form", ["%d.%m.%Y", ""])
def test_dependence_on_dates_spreads_over_their_range(here: Path, form: str) -> None:
    days = np.datetime64("2020-01-01") + RANDOM.integers(0, 1500, 150)
    texts = [day.item().strftime(form or "%Y-%m-%d") for day in days]
    frame = {"day": texts, "b": X[:, 1], "y": (days - days.min()).astype(np.float64)}
    given = {"dates": "parts", **({"format": form} if form else {})}
    data = {"columns": {"day": given}, "split": {"test": 0.0}, "target": "y"}
    model = numbann.train({**SPEC, "data": data}, data=frame, output=here / "run").model
    found = model.dependence(frame, "day", grid=12)
    assert found.grid.dtype == "datetime64[s]"
    assert len(found.grid) == 12
    assert (np.diff(found.grid) > np.timedelta64(30, "D")).all()
    assert found.to_json()["grid"][0] == str(found.grid[0].astype("datetime64[D]"))
    for day, mean in zip(found.grid, found.values["y"], strict=True):
        expected = model.predict({**frame, "day": np.full(150, day)}).mean()
        assert mean == pytest.approx(expected, rel=1e-5)
