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


@loss(form="batch", target={"time": "nonnegative", "event": "binary"})
def cox(row, y, time, event, weight, risk, dy):
    """Cox's partial likelihood: event (log sum_{j: time_j >= time} exp(-y_j) + y), the sum over the rows of its batch.

    Values in [0, inf), without a unit.  y is minus the logarithm of the relative hazard, so that a larger prediction
    means a longer time.  event is 1 where the end was seen at this time, 0 where it was not seen until then (censored).
    Equal times are treated as Breslow does.

    Example: cox(y=[1, 0], time=[2, 1], event=[1, 1]) = [0, 0.313]
    Use: times until an end that was not always seen, where their order matters: risks, ranks of urgency.
    For: it assumes no law of times, whose hazard may rise and fall; concordance measures what it asks for.
    Against: it predicts an order and no time, which weibull does; a step takes time by the square of train.batch_size.
    Trouble: few ends are seen in a batch, and the loss jumps from step to step; take a larger train.batch_size.
    Reference: Cox 1972, https://doi.org/10.1111/j.2517-6161.1972.tb00899.x; Breslow 1974,
    https://doi.org/10.2307/2529620.
    """
    slope = 0
    for j in range(len(y)):
        if event[j] > 0 and time[j] <= time[row]:
            slope += weight[j] * event[j] * exp(-y[row, 0] - risk[j])
    dy[0] = weight[row] * (event[row] - slope)
    return weight[row] * event[row] * (risk[row] + y[row, 0])


@cox.each("risk")
def cox_risk(row, y, time, weight):
    """The logarithm of the hazard of all rows that are there at the row's time."""
    largest = -y[row, 0]
    for j in range(len(y)):
        if time[j] >= time[row] and -y[j, 0] > largest:
            largest = -y[j, 0]
    total = 0
    for j in range(len(y)):
        if time[j] >= time[row]:
            total += weight[j] * exp(-y[j, 0] - largest)
    return largest + log(LEAST if total < LEAST else total)
