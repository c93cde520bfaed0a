"""Losses for targets with a natural zero, which are never shifted: counts, rates, prices.

A target below 0 is an error, except for mape.
"""

from __future__ import annotations

from math import exp, log1p
from typing import Annotated

from annotated_types import Gt, Lt

from numbann.components.declare import loss
from numbann.components.parameter import Positive

Power = Annotated[float, Gt(1), Lt(2)]


@loss(target="unshifted")
def mape(y, t, epsilon: Positive = 1e-8):
    """Relative error: |y - t| / max(|t|, epsilon), whose mean is the mean absolute percentage error over 100.

    Values in [0, inf).  Derivative the sign of y - t over the same, 0 at 0.

    Example: mape(y=[3, 1], t=[2, 4]) = [0.5, 0.75]
    Use: positive targets whose errors count in per cent.
    For: an error of a tenth counts the same for small and large targets.
    Against: predictions tend to be low, since a positive one that is too low costs at most 1, and one that is too high
    has no bound.
    Trouble: targets near 0 make it enormous; take mae, or msle.
    Reference: De Myttenaere et al. 2016, https://doi.org/10.1016/j.neucom.2015.12.114.
    """
    size = abs(t)
    return abs(y - t) / (epsilon if size < epsilon else size)


@loss(target="nonnegative")
def msle(y, t):
    """Squared logarithmic error: (log(1 + y) - log(1 + t))^2, with y below 0 taken as 0.  t >= 0.

    Values in [0, inf).  Derivative 2 (log(1 + y) - log(1 + t)) / (1 + y), 0 for y < 0.

    Example: msle(y=[3, 99], t=[1, 199]) = [0.480, 0.480]
    Use: positive targets over many magnitudes: prices, sizes, populations.
    For: factors count and not differences: twice too much is nearly as bad for 10 as for 10000.
    Against: it is near mse for targets far below 1, and predictions are below the mean.
    Trouble: outputs below 0 learn nothing; give an `output_activation` that stays positive, such as softplus.
    Reference: Tofallis 2015, https://doi.org/10.1057/jors.2014.103.
    """
    e = log1p(0 if y < 0 else y) - log1p(t)
    return e * e


@loss(link="exponential", target="nonnegative")
def tweedie(y, t, power: Power = 1.5):
    """Half the Tweedie deviance, without the terms in t alone: m^(2 - p) / (2 - p) - t m^(1 - p) / (1 - p), m = exp(y).

    Values in [0, inf).  p, the power, is in (1, 2), and the variance grows as m^p: 1 is Poisson's, 2 gamma's.  t >= 0.
    y is the logarithm of the mean; predictions are means.  Derivative exp(y (2 - p)) - t exp(y (1 - p)).

    Example: tweedie(y=[0, 0], t=[0, 3]) = [2, 8]
    Use: amounts of which many are exactly 0: claims, rain, sales.
    For: one model for whether there is an amount and for how much.
    Against: the power has to be chosen, and the value says little by itself.
    Trouble: exp(y) overflows at a large rate; lower it, and compare powers on the validation part by another metric,
    such as mae.
    Reference: Joergensen 1987, https://doi.org/10.1111/j.2517-6161.1987.tb01685.x; as half of scikit-learn's
    mean_tweedie_deviance.
    """
    fixed = 0 if t == 0 else t * exp(y * (1 - power)) / (1 - power)
    return exp(y * (2 - power)) / (2 - power) - fixed


@loss(link="exponential", target="nonnegative")
def poisson_nll(y, t):
    """Negative log-likelihood of a Poisson count, without the terms in t alone: exp(y) - t y.  t >= 0.

    Values in (-inf, inf).  y is the logarithm of the rate; predictions are rates.  Derivative exp(y) - t.

    Example: poisson_nll(y=[0, 1], t=[3, 3]) = [1, -0.282]
    Use: counts of independent events: calls, visits, faults.
    For: predictions are positive, effects multiply, and large counts may vary more.
    Against: the variance equals the mean; the value can be negative, since terms in t alone are left out.
    Trouble: counts that vary more than that: take negative_binomial_nll.  exp(y) overflows for large y; lower the rate,
    or set `train.clip_norm`.
    Reference: Nelder and Wedderburn 1972, https://doi.org/10.2307/2344614; as torch.nn.PoissonNLLLoss.
    """
    return exp(y) - t * y
