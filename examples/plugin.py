"""A plugin in one file, named by plugin.json: an activation, a loss and an optimizer, as their papers write them.

A derivative may be given, as isrlu's is, or left out, as charbonnier's is, and is then derived.
"""

from math import exp, sqrt

from numbann import Fraction, NonNegative, Positive, activation, hookimpl, loss, optimizer


@activation(init="he_normal")
def isrlu(z, alpha: NonNegative = 1.0):
    """Inverse square root linear unit: a = z for z >= 0, else z / sqrt(1 + alpha z^2).

    Carlile, Delamarter, Kinney, Marti and Whitney 2017, https://arxiv.org/abs/1710.09967.
    """
    return z / sqrt(1 + alpha * z * z) if z < 0 else z


@isrlu.derivative
def isrlu_derivative(z, alpha):
    return (1 / sqrt(1 + alpha * z * z)) ** 3 if z < 0 else 1


@loss
def charbonnier(y, t, epsilon: Positive = 0.1):
    """Charbonnier's: sqrt(e^2 + epsilon^2) - epsilon with e = y - t, an absolute error that is smooth at 0.

    Charbonnier, Blanc-Feraud, Aubert and Barlaud 1994, https://doi.org/10.1109/ICIP.1994.413553.
    """
    e = y - t
    return sqrt(e * e + epsilon * epsilon) - epsilon


@optimizer
def diffgrad(
    w,
    g,
    m,
    v,
    previous,
    step,
    learning_rate: Positive = 1e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
):
    """DiffGrad: Adam's step times sigmoid(|previous - g|), so that it slows down where the gradient no longer changes.

    Dubey, Chakraborty, Roy, Mukherjee, Singh and Chaudhuri 2019, https://arxiv.org/abs/1909.11015.
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    m_hat, v_hat = m / (1 - beta1**step), v / (1 - beta2**step)
    friction = 1 / (1 + exp(-abs(previous - g)))
    return w - learning_rate * friction * m_hat / (sqrt(v_hat) + epsilon), m, v, g


@hookimpl
def numbann_register(register):
    for component in (isrlu, charbonnier, diffgrad):
        register(component)
