"""Losses for real targets."""

from __future__ import annotations

from math import exp, expm1, log, log1p, sqrt, tanh
from typing import Annotated

from annotated_types import Gt, Lt

from numbann.components.declare import loss
from numbann.components.parameter import Fraction, Positive
from numbann.mathematics.rows import row_dot

Lower = Annotated[float, Gt(0), Lt(0.5)]
Upper = Annotated[float, Gt(0.5), Lt(1)]
HUGE = 1e38  # a variance to which an epsilon adds nothing


@loss(aliases=("mean_squared_error",))
def mse(y, t):
    """Squared error: (y - t)^2, whose mean over outputs and rows is the mean squared error.  y, t in (-inf, inf).

    Values in [0, inf).  Derivative 2 (y - t).

    Example: mse(y=[3, 1], t=[1, 1.5]) = [4, 0.25]
    Use: regression, where large errors matter more than in proportion; the default.
    For: smooth, and steps shrink by themselves near the target; the best constant prediction is the mean.
    Against: an error ten times as large counts a hundred times.
    Trouble: outliers pull the predictions: take huber or mae, or transform the target.  For classes it learns slowly
    where it is most wrong; take a cross-entropy.
    Reference: Gauss 1809, Theoria motus; in Goodfellow, Bengio and Courville 2016, https://www.deeplearningbook.org/;
    as torch.nn.MSELoss.
    """
    e = y - t
    return e * e


@loss(aliases=("mean_absolute_error", "l1"))
def mae(y, t):
    """Absolute error: |y - t|.  y, t in (-inf, inf).

    Values in [0, inf).  Derivative the sign of y - t, 0 at 0.

    Example: mae(y=[3, 1], t=[1, 1.5]) = [2, 0.5]
    Use: regression with outliers or heavy tails, and where the median is wanted.
    For: every error counts in proportion; the best constant prediction is the median, which outliers do not move.
    Against: it is not smooth at the target, and it ignores how far off an outlier is.
    Trouble: the gradient does not shrink near the target, so predictions jitter; let the rate fall by a schedule, or
    take huber.
    Reference: Boscovich 1757; Koenker and Bassett 1978, https://doi.org/10.2307/1913643; as torch.nn.L1Loss.
    """
    return abs(y - t)


@loss
def huber(y, t, delta: Positive = 1.0):
    """Huber: e^2 / 2 for |e| <= delta, else delta (|e| - delta / 2), with e = y - t.

    Values in [0, inf).  Derivative e, within +-delta.  delta is in units of the scaled target.

    Example: huber(y=[3, 1], t=[1, 1.5]) = [1.5, 0.125]
    Use: regression with some outliers.
    For: squared near the target, so steps shrink there; absolute far out, so outliers do not dominate.
    Against: delta has to be chosen: where errors end and outliers begin.
    Trouble: a delta that is too small is mae, one too large mse; with standardised targets begin with 1.
    Reference: Huber 1964, https://doi.org/10.1214/aoms/1177703732; as torch.nn.HuberLoss.
    """
    e = abs(y - t)
    return 0.5 * e * e if e <= delta else delta * (e - 0.5 * delta)


@huber.derivative
def huber_derivative(y, t, delta):
    e = y - t
    return delta if e > delta else (-delta if e < -delta else e)


@loss
def smooth_l1(y, t, beta: Positive = 1.0):
    """Smooth absolute error: e^2 / (2 beta) for |e| < beta, else |e| - beta / 2, with e = y - t.

    Values in [0, inf).  Derivative e / beta, within +-1.

    Example: smooth_l1(y=[3, 1], t=[1, 1.5]) = [1.5, 0.125]
    Use: as huber, where slopes of 1 are wanted for every beta, as in detection of objects.
    For: huber's with delta beta, divided by beta, so that far out it is mae whatever beta is.
    Against: one number to choose; a small one has a steep bend at the target.
    Trouble: changing beta changes the size of the loss near 0 and so the best rate; tune both.
    Reference: Girshick 2015, https://arxiv.org/abs/1504.08083; as torch.nn.SmoothL1Loss.
    """
    e = abs(y - t)
    return e - 0.5 * beta if e >= beta else 0.5 * e * e / beta


@smooth_l1.derivative
def smooth_l1_derivative(y, t, beta):
    e = y - t
    return 1 if e >= beta else (-1 if e <= -beta else e / beta)


@loss
def log_cosh(y, t):
    """Logarithm of the hyperbolic cosine: log cosh(e) with e = y - t.

    Values in [0, inf).  About e^2 / 2 near 0 and |e| - log 2 far out.  Evaluated as log(1 + q^2 / (2 (1 + q))) with q =
    exp(-|e|) - 1, and above 1 as |e| - log 2 + log(1 + exp(-2 |e|)).  Derivative tanh(e).

    Example: log_cosh(y=[3, 1], t=[1, 1.5]) = [1.325, 0.120]
    Use: as huber, without a number to choose.
    For: smooth everywhere, and outliers do not dominate.
    Against: the bend is at 1, in units of the scaled target, and cannot be moved.
    Trouble: targets on a scale of thousands see only its straight part, as with mae; keep `target_scale` standard.
    Reference: Green 1990, https://doi.org/10.1109/42.52985.
    """
    e = abs(y - t)
    q = expm1(-e)
    return e - log(2) + log1p(exp(-2 * e)) if e > 1 else log1p(q * q / (2 + 2 * q))


@log_cosh.derivative
def log_cosh_derivative(y, t):
    return tanh(y - t)


@loss(aliases=("pinball",))
def quantile(y, t, quantile: Fraction = 0.5):
    """Quantile: q (t - y) for y <= t, else (1 - q) (y - t), with q the quantile asked for.

    Values in [0, inf).  Derivative -q below t, 1 - q above, 0 at t.  For q = 0.5 it is half of mae.

    Example: quantile(y=[3, 1], t=[1, 1.5], quantile=0.9) = [0.2, 0.45]
    Use: a value that a share q of targets stays below: stocks, deadlines, bounds.
    For: no assumption about the noise; the best constant prediction is the q-quantile.
    Against: two models for an interval, whose ends may cross; quantiles gives both at once.
    Trouble: extreme quantiles rest on few rows and are rough; take more data, or a quantile nearer to the middle.
    Reference: Koenker and Bassett 1978, https://doi.org/10.2307/1913643.
    """
    e = y - t
    return (1 - quantile) * e if e > 0 else -quantile * e


@quantile.derivative
def quantile_derivative(y, t, quantile):
    e = y - t
    return 1 - quantile if e > 0 else (-quantile if e < 0 else e)


@loss
def quantiles(median, below, above, t, lower: Lower = 0.05, upper: Upper = 0.95):
    """Quantiles: the mean of `quantile` at low = median - softplus(below), median and high = median + softplus(above).

    Values in [0, inf).  lower and upper are the quantiles of low and high, which never cross: softplus(y) = log(1 +
    exp(y)), above 0.  Derived derivatives.

    Example: quantiles(median=1, below=0, above=0, t=[1, 3]) = [0.023, 0.792]
    Use: a prediction with an interval, without an assumption about the noise.
    For: median and both ends from one network, in order.
    Against: three outputs for each target, and a distribution known at three points alone.
    Trouble: check with coverage on the validation part: intervals of an overfitted network are too narrow.
    Reference: Koenker and Bassett 1978, https://doi.org/10.2307/1913643.
    """
    low, high = median - _softplus(below), median + _softplus(above)
    return (quantile(median, t, 0.5) + quantile(low, t, lower) + quantile(high, t, upper)) / 3


@quantiles.gives(median="target", low="target", high="target")
def interval(median, below, above):
    """The median and the ends of the interval."""
    return median, median - _softplus(below), median + _softplus(above)


def _softplus(y):
    return (0 if y < 0 else y) + log1p(exp(-abs(y)))


@loss
def gaussian_nll(mean, log_variance, t, epsilon: Positive = 1e-6):
    """Negative log-likelihood of a normal distribution: (log v + (m - t)^2 / v) / 2, v = exp(s) + epsilon.

    Values in [log(epsilon) / 2, inf).  m is the mean, s the log_variance, so that any number is valid, and steps
    multiply the variance.  Derivatives (m - t) / v, and (1 - (m - t)^2 / v) exp(s) / (2 v).

    Example: gaussian_nll(mean=[1, 1], log_variance=[0, 2], t=[3, 3]) = [2.000, 1.271]
    Use: regression with an error bar that differs from row to row.
    For: the network says where it is unsure, and noisy rows count less.
    Against: a normal distribution, so outliers pull; the loss can be negative and is not comparable with mse.
    Trouble: the variance may grow to excuse bad means; start at a low rate, or train with mse first.
    Reference: Nix and Weigend 1994, https://doi.org/10.1109/ICNN.1994.374138; as torch.nn.GaussianNLLLoss of var = v.
    """
    v, e = exp(log_variance) + epsilon, mean - t
    return 0.5 * (log(v) + e * e / v)


@gaussian_nll.derivative("log_variance")
def gaussian_nll_to_log_variance(mean, log_variance, t, epsilon):
    s = exp(log_variance)
    v, e = s + epsilon, mean - t
    return (0.5 - 0.5 * e * e / v) * (s / v if s < HUGE else 1)


@gaussian_nll.gives(mean="target", variance="square")
def gaussian(mean, log_variance, epsilon):
    """The mean and the variance."""
    return mean, exp(log_variance) + epsilon


@loss(form="row")
def cosine_similarity(y, t, dy, epsilon: Positive = 1e-8):
    """Cosine distance: 1 - y't / (|y| |t|), in [0, 2], each length at least epsilon.  y, t, dy: one row (K,).

    dy = (c y / |y| - t / |t|) / |y| with the cosine c = y't / (|y| |t|).

    Example: cosine_similarity(y=[1, 1], t=[2, 0]) = 0.293; cosine_similarity(y=[1, 0], t=[2, 0]) = 0
    Use: targets of which only the direction matters, such as embeddings.
    For: independent of the length of both.
    Against: the length of y is not learned, and of a single output only the sign.
    Trouble: near y = 0 its gradient is huge; set `train.clip_norm`, or take mse on targets of length 1.
    Reference: Salton, Wong and Yang 1975, https://doi.org/10.1145/361219.361220; as 1 - torch.nn.CosineSimilarity.
    """
    y_length, t_length = sqrt(row_dot(y, y)), sqrt(row_dot(t, t))
    short = y_length < epsilon
    y_size = epsilon if short else y_length
    t_size = epsilon if t_length < epsilon else t_length
    c = row_dot(y, t) / y_size / t_size
    pull = 0 if short else c / y_size / y_size
    for k in range(len(y)):
        dy[k] = y[k] * pull - t[k] / t_size / y_size
    return 1 - c
