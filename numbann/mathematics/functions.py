"""Functions for formulas of components beside those of math: digamma, and a value that counts as a constant."""

from __future__ import annotations

from math import log, pi, tan


def stop_gradient(x: float) -> float:
    """Return x, which derived derivatives take for a constant."""
    return x


def digamma(x: float) -> float:
    """Return the derivative of log |gamma(x)|, by reflection below 0.  NIST 2010, https://dlmf.nist.gov/5.5."""
    return _digamma_above_0(1 - x) - pi / tan(pi * (x % 1)) if x < 0 else _digamma_above_0(x)


def _digamma_above_0(x: float) -> float:
    """Return digamma of x >= 0: its series (https://dlmf.nist.gov/5.11) at y = x, or at x + 10 minus 1 / (x + k),
    k = 0 to 9, two at a time: 1 / (x + k) + 1 / (x + 9 - k) = (2 x + 9) / (x (x + 9) + k (9 - k))."""
    below, y = 0.0, x
    if x < 10:
        q = x * (x + 9)
        below = (2 * x + 9) * (1 / q + 1 / (q + 8) + 1 / (q + 14) + 1 / (q + 18) + 1 / (q + 20))
        y = x + 10
    u = 1 / (y * y)
    series = u * (1 / 12 - u * (1 / 120 - u * (1 / 252 - u * (1 / 240 - u * (1 / 132 - u * (691 / 32760))))))
    return log(y) - 0.5 / y - series - below
