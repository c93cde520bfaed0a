"""Losses on data that they are made for: each beats the plain one there, by a measure that is neither's own loss."""

from __future__ import annotations

from collections.abc import Callable
from math import lgamma
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import numbann
from numbann.components.built_in import built_in
from numbann.errors import SpecError
from numbann.model.model import Model

Trained = Callable[..., tuple[Model, dict[str, float]]]
TRAINING, TESTING = 1000, 2000


@pytest.fixture
def trained(here: Path) -> Trained:
    """Train a small network on the first rows: trained(x, t, "mse") gives the model and its metrics on the others."""

    def train(x: np.ndarray, t: np.ndarray, loss: Any, task: str = "regression", **more: Any) -> Any:
        rows = int(more.pop("rows", TRAINING))
        np.savez("train.npz", x=x[:rows], y=t[:rows])
        np.savez("test.npz", x=x[-TESTING:], y=t[-TESTING:])
        spec = {
            "data": {"path": {"train": "train.npz", "test": "test.npz"}, "task": task, "split": {"validation": 0}},
            "model": {"layers": [{"units": 16}]},
            "optimizer": {"type": "adam", "learning_rate": 0.01},
            "train": {"epochs": 40, "threads": 1, **more},
        }
        run = numbann.train({**spec, "loss": loss}, output="run", force=True)
        return run.model, run.metrics["test"]

    return train


def inputs(columns: int, seed: int = 0) -> tuple[np.random.Generator, np.ndarray]:
    random = np.random.default_rng(seed)
    return random, random.uniform(-1, 1, (TRAINING + TESTING, columns))


def normal_nll(t: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> float:
    """Minus the mean log-density of a normal distribution."""
    return float((np.log(2 * np.pi * variance) + (t - mean) ** 2 / variance).mean() / 2)


@pytest.mark.parametrize("seed", [0, 1])
def test_ordered_classes(trained: Trained, seed: int) -> None:
    """Seven grades of a hidden score: near misses count less than far ones."""
    random = np.random.default_rng(seed)
    x = random.normal(0, 1, (100 + TESTING, 4))
    score = x @ [1, -1, 0.5, 0] + 0.6 * np.sin(2 * x[:, 3]) + 0.5 * random.standard_normal(len(x))
    grade = np.searchsorted([-2, -1.2, -0.4, 0.4, 1.2, 2], score)
    given = {"task": "classification", "rows": 100, "metrics": ["quadratic_kappa", "log_loss"]}
    ordered, own = trained(x, grade, "corn", **given)
    plain, other = trained(x, grade, "softmax_cross_entropy", **given)
    assert ordered.weights[-1][0].shape == (16, 6)
    assert own["quadratic_kappa"] > other["quadratic_kappa"] + 0.005
    far = [np.abs(model.predict(x[-TESTING:]) - grade[-TESTING:]).mean() for model in (ordered, plain)]
    assert far[0] < 0.95 * far[1]
    assert own["log_loss"] == pytest.approx(own["loss"], rel=1e-4)  # the loss is -log of the class's probability


def test_noise_of_different_size(trained: Trained) -> None:
    """A variance for each row against one for all, of two targets in units far apart."""
    random, x = inputs(2)
    spread = np.exp(2 * x[:, 1])
    noise = spread[:, None] * random.standard_normal((len(x), 2))
    t = np.column_stack([np.sin(3 * x[:, 0]), x[:, 0]]) * [1000, 0.01] + 0.2 * noise * [1000, 0.01] + [5000, 0]
    metrics = ["crps", {"type": "normal_coverage", "level": 0.9}]
    model, measured = trained(x, t, "gaussian_nll", metrics=metrics)
    plain, _ = trained(x, t, "mse")
    columns, rest = model.predict(x[-TESTING:], outputs="all"), plain.predict(x[-TESTING:])
    assert list(columns) == ["y[0]_mean", "y[0]_variance", "y[1]_mean", "y[1]_variance"]
    for k in range(2):
        given = t[-TESTING:, k]
        fixed = ((plain.predict(x[:TRAINING])[:, k] - t[:TRAINING, k]) ** 2).mean()
        own = normal_nll(given, columns[f"y[{k}]_mean"], columns[f"y[{k}]_variance"])
        assert own < normal_nll(given, rest[:, k], np.full(TESTING, fixed)) - 0.3
    assert measured["normal_coverage"] == pytest.approx(0.9, abs=0.03)


def test_skewed_noise(trained: Trained) -> None:
    """Quantiles leave a twentieth on each side, where a normal interval leaves hardly any row below it."""
    random, x = inputs(2)
    t = 100 + 10 * (x[:, 0] + np.exp(x[:, 1]) * random.exponential(1, len(x)))
    metrics = ["mae", "coverage"]
    model, measured = trained(x, t, {"type": "quantiles", "lower": 0.05, "upper": 0.95}, metrics=metrics, epochs=80)
    columns = model.predict(x[-TESTING:], outputs="all")
    below, above = (t[-TESTING:] < columns["y_low"]).mean(), (t[-TESTING:] > columns["y_high"]).mean()
    assert (below, above) == (pytest.approx(0.05, abs=0.025), pytest.approx(0.05, abs=0.025))
    assert measured["coverage"] == pytest.approx(1 - below - above)
    assert (columns["y_low"] < columns["y_median"]).all()
    assert (columns["y_median"] < columns["y_high"]).all()
    normal = trained(x, t, "gaussian_nll")[0].predict(x[-TESTING:], outputs="all")
    assert (t[-TESTING:] < normal["y_mean"] - 1.645 * normal["y_variance"] ** 0.5).mean() < below
    _, other = trained(x, t, "mse", metrics=["mae"], epochs=80)
    assert measured["mae"] < other["mae"]


def test_amounts_of_which_most_are_zero(trained: Trained) -> None:
    """Claims: a Poisson number of gamma amounts.  Its own deviance, by scikit-learn, and no negative prediction."""
    sklearn = pytest.importorskip("sklearn.metrics")
    random, x = inputs(3)
    number = random.poisson(np.exp(-1 + x[:, 0] + x[:, 1]))
    amount = np.array([random.gamma(2, 50, count).sum() for count in number]) * np.exp(x[:, 2])
    found = []
    for loss in ("tweedie", "mse"):
        predicted = trained(x, amount, loss)[0].predict(x[-TESTING:])
        found.append(sklearn.mean_tweedie_deviance(amount[-TESTING:], np.maximum(predicted, 1e-3), power=1.5))
        assert (predicted > 0).all() == (loss == "tweedie")
    assert found[0] < 0.9 * found[1]


def test_times_whose_end_was_not_always_seen(trained: Trained) -> None:
    """Medians of the times themselves, where the plain model takes an end that was not seen for one that was."""
    random, x = inputs(2)
    median = np.exp(2 + x[:, 0])
    time = median / np.log(2) ** (1 / 1.5) * random.weibull(1.5, len(x))
    limit = random.exponential(10, len(x))
    t = np.column_stack([np.minimum(time, limit), time <= limit])
    model, measured = trained(x, t, "weibull", metrics=["concordance"])
    columns = model.predict(x[-TESTING:], outputs="all")
    assert list(columns) == ["y[0]_median", "y[0]_shape"]
    np.testing.assert_array_equal(columns["y[0]_median"], model.predict(x[-TESTING:]))
    assert np.median(columns["y[0]_shape"]) == pytest.approx(1.5, abs=0.2)
    plain = trained(x, t[:, 0], "mae")[0].predict(x[-TESTING:])
    both = model.predict(x[-TESTING:]), plain
    far = [np.abs(np.log(np.maximum(found, 0.1) / median[-TESTING:])).mean() for found in both]
    assert far[0] < 0.5 * far[1]
    assert measured["concordance"] > 0.65


def test_targets_that_a_loss_does_not_take(trained: Trained) -> None:
    _, x = inputs(1)
    whole = np.column_stack([np.ones(len(x)), np.full(len(x), 2)])
    with pytest.raises(SpecError, match=r"the target is 2.0, but this loss takes 0 and 1 there"):
        trained(x, whole, "weibull")
    with pytest.raises(
        SpecError, match=r'needs a regression with .* time and event, in this order: "target": \["time", "ev'
    ):
        trained(x, x[:, 0], "weibull")
    with pytest.raises(SpecError, match=r'"concordance" asks for time and event, which mse does not give'):
        trained(x, x[:, 0], "mse", metrics=["concordance"])


def test_counts_that_vary_more_than_poissons(trained: Trained) -> None:
    """By the likelihood of the counts, with each model's own distribution."""
    random, x = inputs(2)
    mean, r = np.exp(1 + x[:, 0]), np.exp(x[:, 1])
    t = random.negative_binomial(r, r / (r + mean)).astype(float)
    columns = trained(x, t, "negative_binomial_nll")[0].predict(x[-TESTING:], outputs="all")
    rate, given = trained(x, t, "poisson_nll")[0].predict(x[-TESTING:]), t[-TESTING:]
    mean, variance = columns["y_mean"], columns["y_variance"]
    r = mean**2 / (variance - mean)
    gamma = np.vectorize(lgamma)
    own = gamma(r) - gamma(given + r) + gamma(given + 1) + r * np.log1p(mean / r) - given * np.log(mean / (mean + r))
    other = rate - given * np.log(rate) + gamma(given + 1)
    assert own.mean() < 0.85 * other.mean()


def test_shares(trained: Trained) -> None:
    """By the density of the shares; the plain model's errors are normal with one variance, and it leaves (0, 1)."""
    random, x = inputs(2)
    m, p = 1 / (1 + np.exp(-4 * x[:, 0])), np.exp(3 + x[:, 1])
    t = np.clip(random.beta(m * p, (1 - m) * p), 1e-6, 1 - 1e-6)
    columns = trained(x, t, "beta_nll")[0].predict(x[-TESTING:], outputs="all")
    plain, given = trained(x, t, "mse")[0], t[-TESTING:]
    mean, variance = columns["y_mean"], columns["y_variance"]
    assert ((mean > 0) & (mean < 1)).all()
    p = mean * (1 - mean) / variance - 1
    a, b, gamma = mean * p, (1 - mean) * p, np.vectorize(lgamma)
    own = gamma(a) + gamma(b) - gamma(p) - (a - 1) * np.log(given) - (b - 1) * np.log1p(-given)
    fixed = ((plain.predict(x[:TRAINING]) - t[:TRAINING]) ** 2).mean()
    assert own.mean() < normal_nll(given, plain.predict(x[-TESTING:]), np.full(TESTING, fixed)) - 0.3


def test_evidence(trained: Trained) -> None:
    """A variance for each row, whose parts add up; far from all rows, the epistemic part of it is larger."""
    random, x = inputs(2)
    t = 50 + 10 * (np.sin(3 * x[:, 0]) + 0.2 * np.exp(2 * x[:, 1]) * random.standard_normal(len(x)))
    model, measured = trained(x, t, "evidential", metrics=["crps", "normal_coverage"])
    columns = model.predict(x[-TESTING:], outputs="all")
    np.testing.assert_allclose(columns["y_variance"], columns["y_aleatoric"] + columns["y_epistemic"], rtol=1e-5)
    plain, given = trained(x, t, "mse")[0], t[-TESTING:]
    fixed = ((plain.predict(x[:TRAINING]) - t[:TRAINING]) ** 2).mean()
    own = normal_nll(given, columns["y_mean"], columns["y_variance"])
    assert own < normal_nll(given, plain.predict(x[-TESTING:]), np.full(TESTING, fixed)) - 0.2
    assert measured["normal_coverage"] == pytest.approx(0.9, abs=0.06)


def test_who_comes_before_whom(trained: Trained) -> None:
    """Some are watched for longer than others, which x tells: the plain model takes the end of watching for an end."""
    random, x = inputs(4)
    hazard = np.exp(1.5 * np.sin(3 * x[:, 0]) + 2 * x[:, 1] * x[:, 2])
    time = np.log1p(random.exponential(1, len(x)) / hazard) * 10
    limit = random.exponential(8, len(x)) * np.exp(2 * x[:, 3])
    t = np.column_stack([np.minimum(time, limit), time <= limit])
    found = {"metrics": ["concordance"], "batch_size": 128}
    model, measured = trained(x, t, "cox", **found)
    plain, _ = trained(x, t[:, 0], "mse")
    concordance = built_in().get("metric", "concordance").function
    (times, seen), ones = t[-TESTING:].T[:, :, None], np.ones(TESTING)
    own, other = (concordance(times, seen, each.predict(x[-TESTING:])[:, None], ones) for each in (model, plain))
    assert own == pytest.approx(measured["concordance"], abs=1e-6)
    assert own > other + 0.03
    again = model.measure(model.preprocessing.transform(x[-TESTING:]), t[-TESTING:])
    assert again.measures == measured  # the same batches, whoever draws them
