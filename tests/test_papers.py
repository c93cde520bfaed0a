"""Components from papers, written from the documentation alone: they pass every check, and are what SciPy computes.

tests/helpers/*_of_papers.py holds them, as plugin writers would have them.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import losses_of_papers as losses
import numpy as np
import pytest

import numbann
from numbann.components.component import Component
from numbann.components.declare import freeze
from numbann.testing import findings_of

HELPERS = Path(__file__).parent / "helpers"
POINTS = np.random.default_rng(0)


def components() -> Iterator[Component]:
    """Everything that the files declare."""
    for path in sorted(HELPERS.glob("*_of_papers.py")):
        for value in vars(importlib.import_module(path.stem)).values():
            if hasattr(value, "__numbann__") and value.__module__ == path.stem:
                yield freeze(value)


@pytest.mark.parametrize("component", [pytest.param(one, id=f"{one.kind}-{one.name}") for one in components()])
def test_what_papers_say_passes_every_check(component: Component) -> None:
    failed = [str(finding) for finding in findings_of(component) if finding.failed]
    assert not failed, "\n".join(failed)


# ---- oracles


def test_gamma_deviance() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    y, t = POINTS.normal(0, 1, (50, 1)), POINTS.gamma(2, 1, (50, 1))
    value, dy = numbann.get_loss(losses.gamma_deviance)(y, t)
    assert value == pytest.approx(metrics.mean_gamma_deviance(t, np.exp(y)), rel=1e-12)
    np.testing.assert_allclose(dy, 2 * (1 - t / np.exp(y)) / 50, rtol=1e-12)


def test_negative_binomial() -> None:
    stats = pytest.importorskip("scipy.stats")
    y, t, dispersion = POINTS.normal(0, 1, (50, 1)), POINTS.poisson(3, (50, 1)).astype(float), 0.3
    value, dy = numbann.get_loss(losses.negative_binomial, dispersion=dispersion)(y, t)
    mean = np.exp(y)
    chances = stats.nbinom.logpmf(t, 1 / dispersion, 1 / (1 + dispersion * mean))
    assert value == pytest.approx(-chances.mean(), rel=1e-12)
    np.testing.assert_allclose(dy, (mean - t) / (1 + dispersion * mean) / 50, rtol=1e-12)


def test_zlpr() -> None:
    y, t = POINTS.normal(0, 3, (50, 4)), POINTS.integers(0, 2, (50, 4)).astype(float)
    value, dy = numbann.get_loss(losses.zlpr)(y, t)
    yes, no = 1 + (t * np.exp(-y)).sum(1), 1 + ((1 - t) * np.exp(y)).sum(1)
    assert value == pytest.approx(np.log(yes * no).mean(), rel=1e-12)
    slopes = (1 - t) * np.exp(y) / no[:, None] - t * np.exp(-y) / yes[:, None]
    np.testing.assert_allclose(dy, slopes / 50, rtol=1e-12)


# ---- trainings


def write_table(path: Path, columns: dict[str, np.ndarray]) -> None:
    """A CSV of columns."""
    rows = np.column_stack(list(columns.values()))
    np.savetxt(path, rows, "%.6g", ",", header=",".join(columns), comments="")


def train(here: Path, loss: str, target: object, **data: object) -> numbann.Run:
    """Train a net on table.csv with a loss of the file, or with a built-in one."""
    return numbann.train(
        {
            "plugins": [str(HELPERS / "losses_of_papers.py")],
            "data": {"path": str(here / "table.csv"), "target": target, **data},
            "model": {"layers": [{"units": 16, "activation": "tanh"}]},
            "loss": loss,
            "optimizer": {"type": "adam", "learning_rate": 0.01},
            "train": {"epochs": 40, "batch_size": 32},
        },
        output=here / loss,
    )


@pytest.mark.parametrize("loss", ["gamma_deviance", "negative_binomial"])
def test_a_likelihood_fits_better_than_mse_where_noise_grows_with_the_mean(loss: str, here: Path) -> None:
    """The mean of the logarithm of predictions over true means, squared: mse follows the few large numbers."""
    random = np.random.default_rng(0)
    x = random.uniform(-2, 2, (1200, 2))
    mean = np.exp(1 + 1.2 * x[:, 0] + np.sin(2 * x[:, 1]))
    drawn = mean * random.gamma(2, 0.5, 1200)
    t = drawn if loss == "gamma_deviance" else random.poisson(drawn)
    write_table(here / "table.csv", {"a": x[:, 0], "b": x[:, 1], "t": t})
    off = {}
    for name in (loss, "mse"):
        found = train(here, name, "t", task="regression").model.predict(x)
        off[name] = float(np.median(abs(np.log(np.maximum(found, 1e-3) / mean))))
    assert off[loss] < 0.25
    assert off[loss] < 0.5 * off["mse"]


def test_several_labels_train_by_zlpr(here: Path) -> None:
    random = np.random.default_rng(0)
    x = random.normal(0, 1, (600, 2))
    labels = {"p": x[:, 0] > 0, "q": x[:, 1] > 0.3, "r": x[:, 0] + x[:, 1] > 0}
    write_table(here / "table.csv", {"a": x[:, 0], "b": x[:, 1], **labels})
    run = train(here, "zlpr", list(labels), task="multilabel")
    assert run.metrics["test"]["accuracy"] > 0.85
