"""Broken components.  CASES: each component, and the function that is wrong."""

# ruff: noqa
from math import exp, inf, log, log1p, sqrt

import numpy as np

from numbann import Fraction, Learnable, activation, initializer, loss, metric, optimizer, schedule

calls = [0]


@activation
def fine(z, alpha: float = 1.5):
    """Fine: alpha z."""
    return alpha * z


@activation
def wrong(z):
    """Wrong: 2 z."""
    return 2 * z


@wrong.derivative
def wrong_slope(z):
    return 3


@activation
def learned(z, alpha: Learnable = 0.25):
    """Learned: alpha z."""
    return alpha * z


@learned.derivative("alpha")
def learned_slope(z):
    return 0


@loss
def wrong_loss(y, t):
    """Wrong loss: (y - t)^2."""
    return (y - t) ** 2


@wrong_loss.derivative
def wrong_loss_slope(y, t):
    return y - t


@activation(form="row")
def row(z, a):
    """Row: 2 z."""
    for k in range(len(z)):
        a[k] = 2 * z[k]


@row.backward
def row_back(da, dz):
    for k in range(len(dz)):
        dz[k] = 3 * da[k]


@loss(form="row")
def row_loss(y, t, dy):
    """Row loss: the sum of (y - t)^2."""
    total = 0
    for k in range(len(y)):
        total += (y[k] - t[k]) ** 2
        dy[k] = y[k] - t[k]
    return total


@activation
def nan_at_0(z):
    """NaN at 0: z / |z|."""
    return z / abs(z)


@activation
def divides(z):
    """Divides: 1 / z^2."""
    return 1 / (z * z)


@activation
def overflows(z):
    """Overflows: z exp(z) / exp(z)."""
    return z * exp(z) / exp(z)


@activation
def swallows(z):
    """Swallows: z where z > 0, else 0."""
    return z if z > 0 else 0


@activation
def double(z):
    """Double: z."""
    return np.float64(z)


@activation
def prints(z):
    print(z)
    return z


@activation
def recursive(z):
    """Recursive: z."""
    return z if z < 5 else recursive(z - 5)


@activation
def summed(z):
    """Summed: z / sum z."""
    return z / z.sum()


@activation
def sometimes(z):
    """Sometimes: z where z > 0."""
    if z > 0:
        return z


@optimizer
def few(w, g, m, learning_rate: float = 0.1):
    """Few: one state, which is not returned."""
    m = 0.9 * m + g
    return w - learning_rate * m


@optimizer
def climbs(w, g, learning_rate: float = 0.1):
    """Climbs: w + learning_rate g."""
    return w + learning_rate * g


@optimizer
def divides_by_state(w, g, v, learning_rate: float = 0.1):
    """Divides: w - learning_rate g / v."""
    v = v + g * g
    return w - learning_rate * g / v, v


@optimizer(optional={"m": "rho"})
def optional(w, g, m, learning_rate: float = 0.1, rho: Fraction = 0.9):
    """Optional: m <- m + g, w <- w - learning_rate m."""
    m = m + g
    return w - learning_rate * m / 10, m


@activation(surrogate=True)
def binary(z):
    """Binary: the sign of z; its derivative is that of the bounded identity."""
    return z if z != z else (1 if z > 0 else -1)


@binary.derivative
def binary_slope(z):
    return 1 if abs(z) < 1 else 0


@activation(surrogate=True)
def no_number(z):
    """No number: the sign of z, with a derivative that divides by 0."""
    return 1 if z > 0 else -1


@no_number.derivative
def of_no_number(z):
    return inf - inf if z < 0 else 1


@activation(form="row", surrogate=True)
def straight_row(z, a):
    """Half: z, whose backward fills the first element alone."""
    for k in range(len(z)):
        a[k] = z[k]


@straight_row.backward
def straight_row_back(da, dz):
    dz[0] = da[0]


@optimizer(form="matrix")
def not_in_place(w, g, learning_rate: float = 0.1):
    """Not in place: w - learning_rate g, as a new array."""
    return w - learning_rate * g


@optimizer(form="solver")
def remembers(w, evaluate, memory, learning_rate: float = 0.1):
    """Remembers: w - learning_rate g, and a number."""
    w -= learning_rate * evaluate(w)[1]
    memory["rate"] = learning_rate


@optimizer(predicts="mean")
def stays(w, g, mean, learning_rate: float = 0.1):
    """Stays: w - learning_rate g; the mean, which predicts, is not moved."""
    return w - learning_rate * g, mean


@optimizer(form="matrix")
def of_some(w, g, learning_rate: float = 0.1):
    """Of some: sums over the matrices of several rows, which biases do not join."""
    total = (yield (g * g).sum()) if len(w) > 1 else 1.0
    w -= learning_rate * g / (total + 1.0)


@optimizer(form="matrix", shapes={"m": "1"})
def forgets(w, g, m, learning_rate: float = 0.1):
    """Forgets: the state gets another name instead of another value."""
    m = 0.9 * m + 0.1 * g
    w -= learning_rate * m


@initializer
def narrow_at_last(shape, random, layer, layers):
    """Narrow at last: a column, in the last layer alone."""
    return random.normal(size=(shape[0], 1) if layer == layers else shape)


@activation
def keeps(z):
    """Keeps: z plus the number of calls."""
    return z + counted(z)


def counted(z):
    calls[0] += 1
    return calls[0]


@schedule
def negative(epoch, epochs):
    """Negative: -1."""
    return -1.0


@initializer
def narrow(shape, random):
    """Narrow: a column."""
    return random.normal(size=(shape[0], 1))


@metric(better="lower")
def other_way(t, label):
    """Other way: the share of labels that are right."""
    return (t == label).mean()


@activation(form="row")
def half_filled(z, a):
    """Half filled: the first half of z."""
    for k in range(len(z) // 2):
        a[k] = z[k]


@half_filled.backward
def half_back(da, dz):
    for k in range(len(dz)):
        dz[k] = da[k]


@activation(form="row")
def changing(z, a):
    """Changing: z, which is 0 after it."""
    for k in range(len(z)):
        a[k] = z[k]
        z[k] = 0


@changing.backward
def changing_back(da, dz):
    for k in range(len(dz)):
        dz[k] = da[k]


@activation(form="row")
def whole(z, a):
    """Whole: z."""
    for k in range(len(z)):
        a[k] = z[k]


@whole.backward
def empty_back(da, dz):
    row = dz


@loss(form="row")
def no_dy(y, t, dy):
    """No dy: the sum of (y - t)^2, without its derivative."""
    total = 0
    for k in range(len(y)):
        total += (y[k] - t[k]) ** 2
    return total


@loss(form="row")
def adding(y, t, dy):
    """Adding: the sum of (y - t)^2."""
    total = 0
    for k in range(len(y)):
        total += (y[k] - t[k]) ** 2
        dy[k] += 2 * (y[k] - t[k])
    return total


@activation
def noisy(z, u):
    """Noisy: z + 0.1 sqrt(-2 log(u - 2^-25)), which is infinite at the least noise."""
    return z + 0.1 * sqrt(-2 * log(u - 2.0**-25))


@activation
def behind(z):
    """Behind: z for z > 0, else exp(min(z, 0)) - 1, smooth at 0."""
    return z if z > 0 else exp(min(z, 0)) - 1


@activation
def infinite(z):
    """Infinite: a number that is not finite."""
    return z + 1e308 * 1e308


@loss
def second_output(mean, width, t):
    """Second output: (mean - t)^2 + width^2, where exp(width^2) overflows."""
    return (mean - t) ** 2 + width * width * exp(width * width) / exp(width * width)


@second_output.gives(mean="target")
def of_second_output(mean, width):
    return mean


@activation(form="row", width=0.5)
def second_half(z, a):
    """Second half: z s(g), where exp(g) overflows."""
    for k in range(len(a)):
        a[k] = z[k] * exp(z[k + len(a)]) / (1 + exp(z[k + len(a)]))


@second_half.backward
def second_half_back(z, da, dz):
    for k in range(len(da)):
        g = 1 / (1 + exp(-z[k + len(da)]))
        dz[k] = da[k] * g
        dz[k + len(da)] = da[k] * z[k] * g * (1 - g)


@activation
def of_positive(z, beta: Learnable = 0.25):
    """Of positive: beta z, with a derivative that is wrong where beta is below 0."""
    return beta * z


@of_positive.derivative
def of_positive_slope(z, beta):
    return abs(beta)


@activation
def root(z, alpha: Learnable = 1.0):
    """Root: z sqrt(alpha), which has no bound at 0."""
    return z * sqrt(alpha)


@activation
def difference(z):
    """Difference: z^2, with a derivative by a difference that is too fine for float32."""
    return z * z


@difference.derivative
def difference_slope(z):
    return ((z + 1e-6) * (z + 1e-6) - (z - 1e-6) * (z - 1e-6)) / 2e-6


def with_two_outputs(units, function):
    """A loss, and what it gives."""

    @loss
    def two_outputs(mean, width, t):
        """Two outputs: (mean - t)^2 + width^2."""
        return (mean - t) ** 2 + width * width

    return two_outputs.gives(**units)(function) and two_outputs


def too_few(mean, width):
    return mean


def below(mean, width):
    return mean, width


def not_finite(mean, width):
    return mean, 1 / (width * width - width * width) if width > 3 else 1.0


@optimizer(form="matrix")
def tiny_epsilon(w, g, learning_rate: float = 0.1):
    """Tiny epsilon: w - learning_rate g / |g|, with an epsilon that is 0 in float32."""
    w -= learning_rate * g / np.sqrt((g * g).sum() + np.array(1e-60, w.dtype))


@optimizer(form="matrix")
def yields_array(w, g, learning_rate: float = 0.1):
    """Yields: squares of the gradient, which are no number."""
    total = yield g * g
    w -= learning_rate * g / (total**0.5 + 1.0)


@metric(better="lower")
def of_columns(t, value):
    """Of columns: the error of each target."""
    return abs(t - value).mean(axis=0)


@initializer
def talks(shape, random):
    """Talks: normal, and says so."""
    print("drawn")
    return random.normal(size=shape)


@loss(target={"low": "real", "high": "above"})
def interval(middle, low, high):
    """Interval: -log of the chance of a logistic variable around middle to be between low and high."""
    return log1p(exp(-abs(middle - low))) + log1p(exp(-abs(high - middle))) - log(high - low) + abs(middle - low)


@interval.gives(middle="target")
def of_interval(middle):
    return middle


@loss(form="row")
def last_class(y, label, dy):
    """Last class: (1 - y[label])^2, with a derivative that forgets the last class."""
    for k in range(len(y)):
        dy[k] = 2 * (y[k] - 1) if k == label and k < 6 else 0
    return (1 - y[label]) ** 2


@metric(better="lower")
def changes(t, value):
    """Changes: the mean error, and t is another one after it."""
    t -= value
    return abs(t).mean()


@schedule
def counts(step):
    """Counts: falls with each call."""
    return 1 / counted(step)


@loss(form="row", target="distribution")
def log_of_class(y, t, dy):
    """Log of a class: the sum of t_k log t_k + (y_k - t_k)^2, which is no number where t_k is 0."""
    total = 0
    for k in range(len(y)):
        total += t[k] * (log(t[k]) if t[k] > 0 else -inf) + (y[k] - t[k]) ** 2
        dy[k] = 2 * (y[k] - t[k])
    return total


@activation(probabilities=True)
def no_chances(z):
    """No chances: 2 / (1 + exp(-z)), up to 2."""
    return 2 / (1 + exp(-z))


@metric(better="lower")
def of_positive_values(t, value):
    """Of positive values: the mean square of log(value / t)."""
    return float((np.log(value / t) ** 2).mean())


CASES = {
    "log of a class": (log_of_class, log_of_class),
    "no chances": (no_chances, no_chances),
    "last class": (last_class, last_class),
    "changes its array": (changes, changes),
    "another training": (counts, counts),
    "second output": (second_output, second_output),
    "second half": (second_half, second_half),
    "negative learnable": (of_positive, of_positive_slope),
    "learnable without bounds": (root, root),
    "too fine for float32": (difference, difference_slope),
    "gives too few": (with_two_outputs({"mean": "target", "width": "difference"}, too_few), too_few),
    "gives below 0": (with_two_outputs({"mean": "target", "width": "difference"}, below), below),
    "gives no number": (with_two_outputs({"mean": "target", "width": "none"}, not_finite), not_finite),
    "zero gradient in float32": (tiny_epsilon, tiny_epsilon),
    "yields an array": (yields_array, yields_array),
    "metric of columns": (of_columns, of_columns),
    "half a row": (half_filled, half_filled),
    "changes its row": (changing, changing),
    "no dz": (whole, empty_back),
    "no dy": (no_dy, no_dy),
    "adds to dy": (adding, adding),
    "noise at its end": (noisy, noisy),
    "derived at a kink": (behind, behind),
    "compared nowhere": (infinite, infinite),
    "wrong gradient": (wrong, wrong_slope),
    "wrong slope": (learned, learned_slope),
    "wrong loss": (wrong_loss, wrong_loss_slope),
    "wrong backward": (row, row_back),
    "wrong dy": (row_loss, row_loss),
    "nan at 0": (nan_at_0, nan_at_0),
    "surrogate without a number": (no_number, of_no_number),
    "surrogate that leaves out": (straight_row, straight_row_back),
    "division by zero": (divides, divides),
    "overflow": (overflows, overflows),
    "swallows nan": (swallows, swallows),
    "float64 on purpose": (double, double),
    "prints": (prints, prints),
    "recursion": (recursive, recursive),
    "array arithmetic": (summed, summed),
    "returns none": (sometimes, sometimes),
    "few states": (few, few),
    "climbs": (climbs, climbs),
    "zero gradient": (divides_by_state, divides_by_state),
    "state that matters": (optional, optional),
    "not in place": (not_in_place, not_in_place),
    "predicts what stays": (stays, stays),
    "sums of some": (of_some, of_some),
    "wrong shape at last": (narrow_at_last, narrow_at_last),
    "no array in memory": (remembers, remembers),
    "keeps something": (keeps, counted),
    "negative factor": (negative, negative),
    "wrong shape": (narrow, narrow),
    "better the other way": (other_way, other_way),
}
