"""Rectifiers: activations that keep positive values and reduce negative ones."""

from __future__ import annotations

from math import expm1

from numbann.components.component import Learnable, NonNegative, Positive
from numbann.components.declare import activation

SELU_SCALE, SELU_ALPHA = 1.0507009873554804934, 1.6732632423543772848


@activation(init="he_normal")
def relu(z):
    """Rectified linear unit: a = max(z, 0), in [0, inf).

    Derivative 1 for z > 0, else 0.  Cheap and does not saturate; a unit that is negative for every row is dead.
    Nair and Hinton 2010, https://www.cs.toronto.edu/~fritz/absps/reluICML.pdf.
    """
    return 0 if z < 0 else z


@relu.derivative
def relu_derivative(a):
    return 1 if a > 0 else 0


@activation(init="he_normal")
def leaky_relu(z, alpha: NonNegative = 0.01):
    """Leaky rectified linear unit: a = z for z >= 0, else alpha z, in (-inf, inf).

    Derivative 1 for z > 0, else alpha: no unit dies.  Maas, Hannun and Ng 2013,
    https://ai.stanford.edu/~amaas/papers/relu_hybrid_icml2013_final.pdf.
    """
    return alpha * z if z < 0 else z


@leaky_relu.derivative
def leaky_relu_derivative(z, alpha):
    return 1 if z > 0 else alpha


@activation(init="he_normal")
def prelu(z, alpha: Learnable = 0.25):
    """Parametric rectified linear unit: a = z for z >= 0, else alpha z, alpha trained for each unit; in (-inf, inf).

    Derivative 1 for z > 0, else alpha; with respect to alpha, z for z < 0, else 0.  The parameter alpha is the initial
    value.  No unit can die, at the cost of one number per unit; weight decay pulls alpha towards 0, which is relu.
    He, Zhang, Ren and Sun 2015, https://arxiv.org/abs/1502.01852; as torch.nn.PReLU with num_parameters the units.
    """
    return alpha * z if z < 0 else z


@prelu.derivative
def prelu_derivative(z, alpha):
    return 1 if z > 0 else alpha


@prelu.derivative("alpha")
def prelu_slope(z):
    return z if z < 0 else 0


@activation(init="he_normal")
def rrelu(z, u, lower: NonNegative = 0.125, upper: NonNegative = 0.3333333333333333):
    """Randomised leaky rectified linear unit: a = z for z >= 0, else (lower + u (upper - lower)) z; in (-inf, inf).

    u is drawn uniformly from [0, 1) for each unit and row in training, and is 0.5 afterwards.  Derivative 1 for z > 0,
    else the drawn slope.  The noise regularizes on small data; the loss during training is larger than afterwards.
    Xu, Wang, Chen and Li 2015, https://arxiv.org/abs/1505.00853; as torch.nn.RReLU.
    """
    return (lower + u * (upper - lower)) * z if z < 0 else z


@rrelu.derivative
def rrelu_derivative(z, u, lower, upper):
    return 1 if z > 0 else lower + u * (upper - lower)


@activation(init="he_normal")
def elu(z, alpha: NonNegative = 1.0):
    """Exponential linear unit: a = z for z >= 0, else alpha (exp(z) - 1), in (-alpha, inf).

    Derivative 1 for z > 0, else a + alpha.  Smooth where alpha = 1, with a mean nearer to zero than relu's.
    Clevert, Unterthiner and Hochreiter 2015, https://arxiv.org/abs/1511.07289.
    """
    return alpha * expm1(z) if z < 0 else z


@elu.derivative
def elu_derivative(z, a, alpha):
    return 1 if z > 0 else a + alpha


@activation(init="lecun_normal")
def selu(z):
    """Scaled exponential linear unit: a = s z for z >= 0, else s alpha (exp(z) - 1), in (-1.7581, inf).

    s = 1.0507... and alpha = 1.6732... keep mean 0 and variance 1 from layer to layer, if inputs are standardised and
    weights have variance 1 / I.  Derivative s for z > 0, else a + s alpha.  Klambauer, Unterthiner, Mayr and Hochreiter
    2017, https://arxiv.org/abs/1706.02515; as torch.nn.SELU.
    """
    return SELU_SCALE * (SELU_ALPHA * expm1(z) if z < 0 else z)


@selu.derivative
def selu_derivative(z, a):
    return SELU_SCALE if z > 0 else a + SELU_SCALE * SELU_ALPHA


@activation(init="he_normal")
def celu(z, alpha: Positive = 1.0):
    """Smooth exponential linear unit: a = z for z >= 0, else alpha (exp(z / alpha) - 1), in (-alpha, inf).

    Derivative 1 for z > 0, else 1 + a / alpha: unlike elu's, it is continuous for every alpha.  Barron 2017,
    https://arxiv.org/abs/1704.07483; as torch.nn.CELU.
    """
    return alpha * expm1(z / alpha) if z < 0 else z


@celu.derivative
def celu_derivative(z, a, alpha):
    return 1 if z > 0 else 1 + a / alpha


@activation(init="he_normal")
def relu6(z):
    """Rectified linear unit bounded by 6: a = min(max(z, 0), 6), in [0, 6].

    Derivative 1 for 0 < z < 6, else 0.  For low precision, which suits bounded values; dead below 0 and above 6.
    Krizhevsky 2010, https://www.cs.toronto.edu/~kriz/conv-cifar10-aug2010.pdf; as torch.nn.ReLU6.
    """
    return 0 if z < 0 else (6 if z > 6 else z)


@relu6.derivative
def relu6_derivative(a):
    return 1 if 0 < a < 6 else 0


@activation(init="he_normal", aliases=("thresholded_relu",))
def threshold(z, threshold: float = 1.0, fill: float = 0.0):
    """Threshold: a = z for z > threshold, else fill, in {fill} and (threshold, inf).

    Derivative 1 for z > threshold, else 0; the jump at the threshold has no gradient.  Not monotonic if fill is larger.
    For sparse codes.  Units below the threshold for every row are dead, likely with a large threshold.
    Konda, Memisevic and Krueger 2014, https://arxiv.org/abs/1402.3337; as torch.nn.Threshold, whose `value` is fill.
    """
    return fill if z <= threshold else z


@threshold.derivative
def threshold_derivative(z, threshold):
    return 1 if z > threshold else 0
