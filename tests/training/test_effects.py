"""How much the parameters of a sweep explain, against SciPy's analysis of variance and by construction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from numbann.training.sweeps.effects import comparable, effects, values_of

RANDOM = np.random.default_rng(0)
PARAMETERS = {
    "optimizer.learning_rate": {"low": 1e-4, "high": 1.0, "log": True},
    "optimizer": {"values": ["adam", {"type": "sgd", "momentum": 0.9}, None]},
    "model.layers[*].units": [8, 16],
}


def rows_of(count: int = 120) -> list[dict[str, Any]]:
    """Trials whose value depends on the rate, hardly on the optimizer, and not at all on the units."""
    rates, others = 10 ** RANDOM.uniform(-4, 0, count), RANDOM.integers(0, 3, count)
    units = RANDOM.integers(0, 2, count)
    given = zip(rates.tolist(), others.tolist(), units.tolist(), strict=True)
    return [
        {
            "trial": k + 1,
            "value": (np.log10(rate) + 2) ** 2 + 0.3 * other + RANDOM.normal(0, 0.1),
            "parameters": {
                "optimizer.learning_rate": rate,
                "optimizer": PARAMETERS["optimizer"]["values"][other],
                "model.layers[*].units": 8 * (1 + unit),
            },
        }
        for k, (rate, other, unit) in enumerate(given)
    ]


def test_the_share_is_that_of_an_analysis_of_variance() -> None:
    stats = pytest.importorskip("scipy.stats")
    rows = rows_of()
    found = effects(rows, PARAMETERS)
    assert list(found) == sorted(found, key=lambda path: -found[path])
    ranks = stats.rankdata([row["value"] for row in rows])
    for path in ("optimizer", "model.layers[*].units"):
        place, names = values_of(rows, path, PARAMETERS[path])
        groups = [ranks[place == k] for k in range(len(names))]
        between, within = len(groups) - 1, len(rows) - len(groups)
        f = stats.f_oneway(*groups).statistic
        assert found[path] == pytest.approx(max(0.0, between * (f - 1) / (between * f + within)), abs=1e-12)


def test_what_matters_explains_most() -> None:
    found = effects(rows_of(), PARAMETERS)
    assert next(iter(found)) == "optimizer.learning_rate"
    assert found["optimizer.learning_rate"] > 0.5
    assert found["model.layers[*].units"] < 0.05


def test_values_have_the_order_of_their_list() -> None:
    rows = [
        {"trial": k, "value": 0.0, "parameters": {"optimizer": one}} for k, one in enumerate(("lion", None, "adam"))
    ]
    place, names = values_of(rows, "optimizer", {"values": ["adam", "sgd", "lion", None]})
    assert names == ("adam", "lion", "null")
    assert place.tolist() == [1, 2, 0]


def test_trials_that_cannot_be_compared_are_left_out() -> None:
    rows: list[dict[str, Any]] = [
        {"trial": 1, "rung": 0, "value": 2.0, "parameters": {"a": 1.0}},
        {"trial": 1, "rung": 1, "value": 1.0, "parameters": {"a": 1.0}},
        {"trial": 2, "rung": 0, "value": None, "parameters": {"a": 2.0}},
        {"trial": 3, "error": "failed", "parameters": {"a": 3.0}},
    ]
    assert comparable(rows) == rows[:1]
    assert effects(rows, {"a": {"low": 0.0, "high": 4.0}}) == {"a": 0.0}
    assert effects([], {"a": [1, 2]}) == {"a": 0.0}
