"""Losses for times whose end was not always seen: the target has two columns, the time and whether it was."""

from __future__ import annotations

from math import exp, log

from numbann.components.declare import loss

LEAST = 1e-30  # a time below it counts as this
STEEPEST = 5.0  # the largest logarithm of a shape
FARTHEST = 30.0  # the z from which exp(z) goes on as a line, since nothing is so unlikely


@loss(target={"time": "nonnegative", "event": "binary"})
def weibull(log_scale, log_shape, time, event):
    """Negative log-likelihood of a Weibull time: exp(z) - event (log k + z - log time), z = k (log time - log_scale).

    Values in (-inf, inf).  k = exp(log_shape).  event is 1 where the end was seen at this time, 0 where it was not seen
    until then (censored): such a row says only that its time is longer.  An accelerated-failure-time model, since
    log_scale shifts the logarithm of the time.  It gives the median time and the shape k.

    Example: weibull(log_scale=[1, 1], log_shape=[0, 0], time=[2, 2], event=[1, 0]) = [1.736, 0.736]
    Use: times until an end that was not always seen: survival, failures, cancellations.
    For: rows without an end count as what they say; the hazard may fall (k < 1) or rise (k > 1).
    Against: a row's hazard only rises or only falls.
    Trouble: times of many thousands, or a large rate, make it overflow; give times in a unit in which they are around 1
    to 100.
    Reference: Kalbfleisch and Prentice 2002, https://doi.org/10.1002/9781118032985.
    """
    log_time, shape = log(LEAST if time < LEAST else time), _held(log_shape)
    z = exp(shape) * (log_time - log_scale)
    grown = exp(FARTHEST) * (1 + z - FARTHEST) if z > FARTHEST else exp(z)
    return grown - event * (shape + z - log_time)


@weibull.gives(median="target", shape="none")
def weibull_time(log_scale, log_shape):
    """The median time, exp(log_scale) log(2)^(1 / k), and the shape k."""
    return exp(log_scale + log(log(2)) * exp(-_held(log_shape))), exp(_held(log_shape))


def _held(log_shape):
    return STEEPEST if log_shape > STEEPEST else log_shape
