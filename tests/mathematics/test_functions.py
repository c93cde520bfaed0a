"""digamma against SciPy, alone and compiled, and stop_gradient."""

from __future__ import annotations

import inspect
import math
from math import exp, lgamma, log, log1p
from typing import Any

import numpy as np
import pytest

from numbann import Positive, activation, digamma, loss, stop_gradient
from numbann.components.declare import freeze
from numbann.derivation import derivative_of
from numbann.kernels.components import array_functions

special = pytest.importorskip("scipy.special")

ABOVE = np.concatenate([np.logspace(-6, 6, 400), np.linspace(1.3, 1.6, 31)])
BELOW = -np.linspace(0.01, 29.97, 177)


@activation(name="digamma")
def as_activation(z):
    """Digamma."""
    return digamma(z)


@activation(name="gamma_of")
def with_lgamma(z):
    """The logarithm of gamma."""
    return lgamma(z)


@loss(target="nonnegative", link="exponential")
def negative_binomial(y, t, size: Positive = 2.0):
    """Negative binomial: its whole negative log-likelihood, with the terms in t alone."""
    mean = exp(y)
    return lgamma(size) + lgamma(t + 1) - lgamma(t + size) + (t + size) * log1p(mean / size) + t * (log(size) - y)


def test_digamma_in_plain_python() -> None:
    found = np.array([digamma(x) for x in (*ABOVE, *BELOW)])
    np.testing.assert_allclose(found[: len(ABOVE)], special.digamma(ABOVE), rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(found[len(ABOVE) :], special.digamma(BELOW), rtol=1e-12, atol=1e-12)
    assert digamma(math.inf) == math.inf
    assert math.isnan(digamma(math.nan))


@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 2e-6), ("float64", 1e-13)])
def test_compiled(dtype: str, rtol: float) -> None:
    """Itself, as the derivative of lgamma, and its own derivative, which is derived from its formula."""
    z = ABOVE.astype(dtype)
    value, slope = array_functions(freeze(as_activation)).values()
    np.testing.assert_allclose(value(z), special.digamma(z), rtol=rtol, atol=rtol)
    np.testing.assert_allclose(slope(np.ones_like(z), z, value(z)), special.polygamma(1, z), rtol=20 * rtol)
    value, slope = array_functions(freeze(with_lgamma)).values()
    np.testing.assert_allclose(slope(np.ones_like(z), z, value(z)), special.digamma(z), rtol=rtol, atol=rtol)


def test_terms_in_t_alone_are_constants() -> None:
    """Their functions stand in the value only, also those that no rule knows."""
    component = freeze(negative_binomial)
    assert "gamma" not in inspect.getsource(derivative_of(component))
    assert {finding.state for finding in findings(component)} == {"passed"}

    @loss
    def with_unknown(y, t):
        return y * math.gamma(t) + stop_gradient(math.gamma(y))

    assert "return math.gamma(t)" in inspect.getsource(derivative_of(freeze(with_unknown)))


def findings(component: Any) -> list[Any]:
    """Those of the checks that need no compiler."""
    from numbann.testing import checks_of

    return [checks_of(component)[name]() for name in ("signature", "source", "gradient")]


def test_stop_gradient() -> None:
    @loss
    def weighted(y, t, beta: float = 0.5):
        return stop_gradient(abs(y) ** beta) * (y - t) ** 2

    assert weighted(4.0, 3.0) == 2.0
    assert "return 2 * stop_gradient(abs(y) ** beta) * (y - t)" in inspect.getsource(derivative_of(freeze(weighted)))
    assert derivative_of(freeze(weighted))(y=4.0, t=3.0, beta=0.5) == 4.0
    y, t = np.array([[4.0]]), np.array([[3.0]])
    value, dy = array_functions(freeze(weighted))["weighted"](y, t)
    assert (value, dy[0, 0]) == (2.0, 4.0)
