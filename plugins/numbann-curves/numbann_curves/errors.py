"""Losses of the error e = y - t, for real and for positive targets."""

from __future__ import annotations

from math import exp, expm1, log, log1p, sqrt
from typing import Annotated

from annotated_types import Gt, Lt

from numbann import Fraction, Positive, hookimpl, loss

FAR = 1e9  # beyond it 1 + r^2 rounds to r^2, and r^2 may overflow


def _log_of_1_plus_square(r):
    """log(1 + r^2) for r >= 0, without overflow."""
    return 2 * log(r) if r > FAR else log1p(r * r)


@loss
def general_robust(y, t, alpha: float = 1.0, scale: Positive = 1.0):
    """General robust loss: b / alpha ((x^2 / b + 1)^(alpha / 2) - 1) with x = e / scale, b = |alpha - 2|.

    alpha is the shape: x^2 / 2 for 2, sqrt(x^2 + 1) - 1 for 1, log(x^2 / 2 + 1) (Cauchy's, as the limit) for 0,
    2 x^2 / (x^2 + 4) (Geman and McClure's) for -2.  The lower alpha, the less outliers count.
    Derivative x / scale (x^2 / b + 1)^(alpha / 2 - 1).  Barron 2017, https://arxiv.org/abs/1701.03077.
    """
    x, b = abs(y - t) / scale, abs(alpha - 2)
    if b == 0:
        return 0.5 * x * x
    grown = _log_of_1_plus_square(x / sqrt(b))
    return grown if alpha == 0 else b / alpha * expm1(0.5 * alpha * grown)


@general_robust.derivative
def general_robust_derivative(y, t, alpha, scale):
    x, b = (y - t) / scale, abs(alpha - 2)
    if b == 0:
        return x / scale
    return x / scale * exp((0.5 * alpha - 1) * _log_of_1_plus_square(abs(x) / sqrt(b)))


@loss
def welsch(y, t, scale: Positive = 2.985):
    """Welsch's: scale^2 / 2 (1 - exp(-(e / scale)^2)), in [0, scale^2 / 2].

    Derivative e exp(-(e / scale)^2): far outliers have no effect.  Near the target it is the squared error.  With a
    scale of 2.985 standard deviations it is 95 % as efficient as the squared error if errors are normal.  It is flat
    far from the target, so start from a fair guess.  Dennis and Welsch 1978,
    https://doi.org/10.1080/03610917808812083.
    """
    x = (y - t) / scale
    return -0.5 * scale * scale * expm1(-x * x)


@welsch.derivative
def welsch_derivative(y, t, scale):
    x = (y - t) / scale
    share = exp(-x * x)
    return 0 if share == 0 else (y - t) * share


@loss
def tukey_biweight(y, t, scale: Positive = 4.685):
    """Tukey's biweight: scale^2 / 6 (1 - (1 - q)^3) with q = (e / scale)^2, and scale^2 / 6 where q > 1.

    Computed as e^2 / 6 (3 - 3 q + q^2).  Derivative e (1 - q)^2, and 0 where q > 1: outliers do not count at all.  With
    a scale of 4.685 standard deviations it is 95 % as efficient as the squared error if errors are normal.  Rows with
    errors beyond scale have gradient 0, so start from a fair guess.  Beaton and Tukey 1974,
    https://doi.org/10.2307/1267936.
    """
    e = y - t
    q = (e / scale) * (e / scale)
    return scale * scale / 6 if q > 1 else e * e / 6 * (3 - 3 * q + q * q)


@tukey_biweight.derivative
def tukey_biweight_derivative(y, t, scale):
    e = (y - t) / scale
    rest = (1 - e) * (1 + e)
    return 0 if abs(e) > 1 else scale * e * rest * rest


@loss
def expectile(y, t, expectile: Fraction = 0.5):
    """Expectile: q e^2 for y <= t, else (1 - q) e^2, with q the parameter expectile.

    Derivative 2 q e below t, 2 (1 - q) e above.  The smooth counterpart of the quantile loss: the minimum is at the
    q-expectile, the mean for q = 0.5, and every row moves it.  Newey and Powell 1987, https://doi.org/10.2307/1911031.
    """
    e = y - t
    return ((1 - expectile) if e > 0 else expectile) * e * e


@loss(link="exponential", target="nonnegative")
def tweedie(y, t, power: Annotated[float, Gt(1), Lt(2)] = 1.5):
    """Tweedie's: exp((2 - p) y) / (2 - p) - t exp((1 - p) y) / (1 - p), with p the power.  t >= 0.

    Half the deviance of a compound Poisson-gamma variable, without terms of t alone.  For targets that are often
    exactly 0 and otherwise positive, such as claims or rain, with a variance of mean^p.  y is the logarithm of the
    mean; predictions are means.  Derivative exp((2 - p) y) - t exp((1 - p) y).
    Jorgensen 1987, https://doi.org/10.1111/j.2517-6161.1987.tb01685.x; as LightGBM's and XGBoost's.
    """
    fixed = 0 if t == 0 else t * exp((1 - power) * y) / (1 - power)
    return exp((2 - power) * y) / (2 - power) - fixed


@hookimpl
def numbann_register(register):
    for component in (general_robust, welsch, tukey_biweight, expectile, tweedie):
        register(component)
