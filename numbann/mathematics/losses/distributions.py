"""Likelihoods of distributions with a mean and a spread of their own: predictions with an error bar."""

from __future__ import annotations

from math import exp, lgamma, log, log1p, pi

from numbann.components.declare import loss
from numbann.components.parameter import NonNegative, Positive

LEAST = 1e-30  # a parameter of lgamma below it counts as this
PRECISE = 9.0  # the largest logarithm of a beta's precision: above it lgamma is rounded by more than the rest
WIDE = 60.0  # the largest logarithm of a dispersion
TINY = 1e-6  # by which evidence is above 0


@loss(target="share")
def beta_nll(logit, log_precision, t):
    """Negative log-likelihood of a beta: lgamma(a) + lgamma(b) - lgamma(p) - (a - 1) log t - (b - 1) log(1 - t).

    Values in (-inf, inf).  a = m p and b = (1 - m) p, with the mean m = sigmoid(logit) and the precision p =
    exp(log_precision), at most exp(9).  t in (0, 1).  Derivatives derived.

    Example: beta_nll(logit=[0, 2], log_precision=[2, 2], t=[0.5, 0.5]) = [-0.740, 2.175]
    Use: shares and rates with an error bar.
    For: predictions stay in (0, 1), with the variance m (1 - m) / (1 + p), which is smaller near both ends.
    Against: it can be negative, and needs lgamma, which is slow.
    Trouble: shares of exactly 0 or 1 have no density: move them inwards, such as by (t (n - 1) + 1 / 2) / n of n rows.
    Reference: Ferrari and Cribari-Neto 2004, https://doi.org/10.1080/0266476042000214501.
    """
    p = _floored(exp(PRECISE if log_precision > PRECISE else log_precision))
    a, b = _floored(p * _sigmoid(logit)), _floored(p * _sigmoid(-logit))
    return lgamma(a) + lgamma(b) - lgamma(p) - (a - 1) * log(t) - (b - 1) * log1p(-t)


@beta_nll.gives(mean="target", variance="square")
def beta(logit, log_precision):
    """The mean and the variance."""
    p = exp(PRECISE if log_precision > PRECISE else log_precision)
    return _sigmoid(logit), _sigmoid(logit) * _sigmoid(-logit) / (1 + p)


@loss(target="nonnegative")
def negative_binomial_nll(log_mean, log_dispersion, t, epsilon: Positive = 1e-3):
    """Negative log-likelihood of a negative binomial count: lgamma(r) - lgamma(t + r) + (t + r) log(1 + d m) - ...

    ... - t log(d m) + lgamma(t + 1), in [0, inf), with the mean m = exp(log_mean), the dispersion d =
    exp(log_dispersion), at least epsilon, and r = 1 / d.  t >= 0.  Derivatives derived; that to log_mean is (m - t) /
    (1 + d m).

    Example: negative_binomial_nll(log_mean=[0, 0], log_dispersion=[0, -3], t=[9, 9]) = [6.931, 12.633]
    Use: counts that vary more than Poisson's, with an error bar.
    For: the variance is m + d m^2, and for small d it comes near to poisson_nll.
    Against: two outputs for each target, and lgamma, which is slow.
    Trouble: with few rows the dispersion is hardly known; take poisson_nll and compare the losses on the validation
    part.
    Reference: Lawless 1987, https://doi.org/10.2307/3314912.
    """
    d = _between(log_dispersion, log(epsilon))
    r, z = exp(-d), log_mean + d
    return lgamma(r) + lgamma(t + 1) - lgamma(t + r) + (t + r) * _softplus(z) - t * z


@negative_binomial_nll.gives(mean="target", variance="square")
def negative_binomial(log_mean, log_dispersion, epsilon):
    """The mean and the variance."""
    m = exp(log_mean)
    return m, m + exp(_between(log_dispersion, log(epsilon))) * m * m


@loss
def evidential(mean, evidence, shape, scale, t, regularizer: NonNegative = 0.01):
    """Evidential: -log of Student's density with 2 a degrees of freedom, + regularizer |e| (2 n + a), e = mean - t.

    Values in (-inf, inf).  The first is log(pi o / n) / 2 + (a + 1 / 2) log(1 + n e^2 / o) + lgamma(a) - lgamma(a + 1 /
    2), o = 2 b (1 + n), where n, a - 1 and b are softplus plus 1e-6 of evidence, shape and scale.  They are a
    normal-inverse-gamma distribution of the target's own mean and variance.  It gives the noise, b / (a - 1),
    aleatoric; what more rows could tell, that over n, epistemic; and their sum, the variance.  Derivatives derived.

    Example: evidential(mean=1, evidence=0, shape=0, scale=0, t=[1, 3]) = [0.992, 2.764]
    Use: regression with an error bar, in two parts: noise, and what more rows could tell.
    For: one network, and tails that bear outliers.
    Against: four outputs for each target; the regularizer alone tells the two parts apart.
    Trouble: the parts are often wrong where their sum is right; trust the sum, check it with normal_coverage, and raise
    regularizer if far predictions are too sure.
    Reference: Amini, Schwarting, Soleimany and Rus 2020, https://arxiv.org/abs/1910.02600.
    """
    n, a, b = TINY + _softplus(evidence), 1 + TINY + _softplus(shape), TINY + _softplus(scale)
    e, o = mean - t, 2 * b * (1 + n)
    likely = 0.5 * (log(pi / n) + log(o)) + (a + 0.5) * log1p(n * e * e / o) + lgamma(a) - lgamma(a + 0.5)
    return likely + regularizer * abs(e) * (2 * n + a)


@evidential.gives(mean="target", variance="square", aleatoric="square", epistemic="square")
def normal_inverse_gamma(mean, evidence, shape, scale):
    """The mean, the variance of a prediction, and its two parts."""
    noise = (TINY + _softplus(scale)) / (TINY + _softplus(shape))
    unknown = noise / (TINY + _softplus(evidence))
    return mean, noise + unknown, noise, unknown


def _softplus(y):
    return (0 if y < 0 else y) + log1p(exp(-abs(y)))


def _sigmoid(y):
    e = exp(-abs(y))
    return (e if y < 0 else 1) / (1 + e)


def _floored(a):
    return LEAST if a < LEAST else a


def _between(log_dispersion, least):
    return WIDE if log_dispersion > WIDE else (least if log_dispersion < least else log_dispersion)
