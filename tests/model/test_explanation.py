"""Explanations: what columns add sums up, and is the Shapley value where that can be counted."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zoo

import numbann
from numbann.errors import NumbannError

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 3))
MODELS = ("five_classes", "scores", "labels", "values", "mean_and_variance", "every_column", "categories", "bins")
MODELS += ("categories_by_target", "codes_and_embedding", "members", "ensemble", "ensemble_of_classes")
FAST = {"type": "adam", "learning_rate": 0.05}
SPEC: dict[str, Any] = {"data": {}, "model": {"layers": [5]}, "train": {"epochs": 3}}


def trained(y: np.ndarray, x: np.ndarray = X, **sections: Any) -> numbann.Model:
    return numbann.train({**SPEC, **sections}, data=(x, y), output=False).model


@pytest.mark.parametrize("name", MODELS)
def test_it_sums_up(name: str) -> None:
    model = zoo.made(name)
    rows = zoo.table()
    few = {key: column[:3] for key, column in rows.items()}
    found = model.explain(few, rows, walks=4)
    predicted = model.predict(few, outputs="all")
    assert found.names == model.features
    assert found.base.keys() == predicted.keys() == found.values.keys()
    for key, values in predicted.items():
        size = np.abs(values).max() + 1e-6
        np.testing.assert_allclose(found.base[key] + found.values[key].sum(1), values, rtol=1e-5, atol=1e-5 * size)
        np.testing.assert_allclose(found.predicted[key], values, rtol=1e-5, atol=1e-5 * size)


def test_of_a_linear_model_it_is_the_distance_times_the_slope() -> None:
    model = trained(X @ [1.0, -2.0, 0.5], model={"layers": []})
    found = model.explain(X[:4], X, walks=2 * len(X))
    slopes = [model.predict(X[:1] + step)[0] - model.predict(X[:1])[0] for step in np.eye(3)]
    np.testing.assert_allclose(found.values["y"], slopes * (X[:4] - X.mean(0)), atol=1e-4)


def shapley(model: numbann.Model, row: np.ndarray, others: np.ndarray) -> np.ndarray:
    """What columns add on average of all orders and all other rows."""
    added = np.zeros(3)
    orders = [*permutations(range(3))]
    for order in orders:
        x = others.copy()
        for column in order:
            before = model.predict_proba(x)[:, 1].mean()
            x[:, column] = row[column]
            added[column] += (model.predict_proba(x)[:, 1].mean() - before) / len(orders)
    return added


def test_it_tends_to_the_shapley_value() -> None:
    model = trained(np.where(X[:, 0] * X[:, 1] > 0, "yes", "no"), train={"epochs": 100}, optimizer=FAST)
    expected = shapley(model, X[7], X)
    many = model.explain(X[7:8], X, walks=6000)
    np.testing.assert_allclose(many.values["p_yes"][0], expected, atol=0.01)
    np.testing.assert_allclose(many.values["p_no"], -many.values["p_yes"], atol=1e-6)
    assert abs(expected).max() > 0.1


def test_two_columns_are_walked_in_every_order() -> None:
    x = np.column_stack([X[:, :2], np.zeros(60)])
    model = trained(np.where(X[:, 0] * X[:, 1] > 0, "yes", "no"), x, train={"epochs": 30})
    found = model.explain(x[:1], x, walks=2 * len(x))  # the third is the same in all rows
    np.testing.assert_allclose(found.values["p_yes"][0], shapley(model, x[0], x), atol=1e-5)
    np.testing.assert_allclose(found.values["p_yes"][0, 2], 0, atol=1e-6)


def test_blocks_and_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    model = trained(X[:, 0], ensemble={"folds": 2})
    found, same = model.explain(X[:5], X, walks=8), model.explain(X[:5], X, walks=8)
    np.testing.assert_array_equal(found.values["y"], same.values["y"])
    assert (model.explain(X[:5], X, walks=8, seed=1).values["y"] != found.values["y"]).any()
    monkeypatch.setattr("numbann.model.explanation.BLOCK", 16)
    np.testing.assert_allclose(model.explain(X[:5], X, walks=8).values["y"], found.values["y"], atol=1e-6)


def test_files_and_json(tmp_path: Path) -> None:
    model = trained(X[:, 0])
    lines = [",".join(model.features), *(",".join(map(str, row)) for row in X.tolist())]
    (tmp_path / "x.csv").write_text("\n".join(lines))
    found = model.explain(X[:2], tmp_path / "x.csv", walks=4)
    np.testing.assert_array_equal(found.values["y"], model.explain(X[:2], X, walks=4).values["y"])
    told = found.to_json()["y"]
    assert told["base"] == found.base["y"]
    assert told["columns"]["x[1]"] == found.values["y"][:, 1].tolist()


@pytest.mark.parametrize(
    ("rows", "others", "walks", "message"),
    [(X, X, 3, "walks is 3; each order is walked in both"), (X, X[:0], 4, "no rows"), (X[:0], X, 4, "no rows")],
)
def test_what_cannot_be_explained(rows: Any, others: Any, walks: int, message: str) -> None:
    with pytest.raises(NumbannError, match=message):
        trained(X[:, 0]).explain(rows, others, walks=walks)
