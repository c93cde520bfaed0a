"""Losses of named outputs against SciPy's densities and scikit-learn's losses, and what they give against moments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from numbann.components.built_in import built_in
from numbann.derivation.outputs import outputs_of, rows_of

stats = pytest.importorskip("scipy.stats")
RANDOM = np.random.default_rng(0)
TARGETS = 40


def found(name: str, outputs: list[np.ndarray], t: np.ndarray, **values: Any) -> tuple[float, np.ndarray]:
    """A loss's mean over the targets of one row, and what it gives for each, (outputs, targets)."""
    chosen = built_in().configured("loss", name, **values)
    y, dy, a = np.concatenate(outputs), np.empty(len(outputs) * TARGETS), np.empty(len(outputs) * TARGETS)
    value = rows_of(chosen.component).function(y=y, dy=dy, t=t, **chosen.values)
    link = outputs_of(chosen)
    link.component.function(z=y, a=a, **link.values)
    return float(value), a.reshape(len(outputs), TARGETS)


def drawn(count: int) -> list[np.ndarray]:
    return list(RANDOM.normal(0, 1, (count, TARGETS)))


def test_gaussian_nll() -> None:
    (m, s), t = drawn(2), RANDOM.normal(0, 1, TARGETS)
    value, (mean, variance) = found("gaussian_nll", [m, s], t, epsilon=1e-9)
    assert value == pytest.approx(-stats.norm.logpdf(t, mean, variance**0.5).mean() - np.log(2 * np.pi) / 2)
    np.testing.assert_allclose((mean, variance), (m, np.exp(s)), rtol=1e-7)


def test_beta_nll() -> None:
    (z, s), t = drawn(2), RANDOM.uniform(0.01, 0.99, TARGETS)
    m, p = 1 / (1 + np.exp(-z)), np.exp(s)
    value, (mean, variance) = found("beta_nll", [z, s], t)
    assert value == pytest.approx(-stats.beta.logpdf(t, m * p, (1 - m) * p).mean())
    np.testing.assert_allclose((mean, variance), stats.beta.stats(m * p, (1 - m) * p), rtol=1e-10)


def test_negative_binomial_nll() -> None:
    (m, s), t = drawn(2), RANDOM.integers(0, 9, TARGETS).astype(float)
    r = np.exp(-s)
    value, given = found("negative_binomial_nll", [m, s], t)
    assert value == pytest.approx(-stats.nbinom.logpmf(t, r, r / (r + np.exp(m))).mean())
    np.testing.assert_allclose(given, stats.nbinom.stats(r, r / (r + np.exp(m))), rtol=1e-10)


def test_evidential() -> None:
    outputs, t = drawn(4), RANDOM.normal(0, 1, TARGETS)
    n, a, b = (1e-6 + np.logaddexp(0, part) for part in outputs[1:])
    a = a + 1
    value, (_, variance, aleatoric, epistemic) = found("evidential", outputs, t, regularizer=0.0)
    density = stats.t(2 * a, outputs[0], np.sqrt(b * (1 + n) / (n * a)))
    assert value == pytest.approx(-density.logpdf(t).mean())
    np.testing.assert_allclose(variance, density.var(), rtol=1e-10)
    np.testing.assert_allclose((aleatoric, epistemic), (b / (a - 1), b / (a - 1) / n), rtol=1e-10)


def test_weibull() -> None:
    """The density where the end was seen, the chance of a longer time where it was not."""
    (scale, shape), time, event = drawn(2), RANDOM.uniform(0.1, 3, TARGETS), RANDOM.integers(0, 2, TARGETS)
    value, (median, k) = found("weibull", [scale, shape], np.concatenate([time, event]))
    law = stats.weibull_min(np.exp(shape), scale=np.exp(scale))
    assert value == pytest.approx(-np.where(event, law.logpdf(time), law.logsf(time)).mean())
    np.testing.assert_allclose((median, k), (law.median(), np.exp(shape)), rtol=1e-10)


def test_quantiles() -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    outputs, t = drawn(3), RANDOM.normal(0, 1, TARGETS)
    value, (median, low, high) = found("quantiles", outputs, t, lower=0.2, upper=0.7)
    pairs = ((low, 0.2), (median, 0.5), (high, 0.7))
    assert value == pytest.approx(np.mean([sklearn.mean_pinball_loss(t, at, alpha=q) for at, q in pairs]))


@pytest.mark.parametrize("power", [1.1, 1.5, 1.9])
def test_tweedie(power: float) -> None:
    """Half of scikit-learn's deviance, but for what depends on t alone."""
    sklearn = pytest.importorskip("sklearn.metrics")
    function, t = (
        built_in().get("loss", "tweedie").function,
        RANDOM.gamma(1, 2, TARGETS) * RANDOM.integers(0, 2, TARGETS),
    )
    one, other = drawn(2)
    values = [np.mean([function(float(y), float(x), power) for y, x in zip(ys, t, strict=True)]) for ys in (one, other)]
    deviances = [sklearn.mean_tweedie_deviance(t, np.exp(ys), power=power) / 2 for ys in (one, other)]
    assert values[0] - values[1] == pytest.approx(deviances[0] - deviances[1])
