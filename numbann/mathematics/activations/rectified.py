"""Rectifiers: activations that keep positive values and reduce negative ones."""

from __future__ import annotations

from math import expm1

from numbann.components.declare import activation
from numbann.components.parameter import Learnable, NonNegative, Positive

SELU_SCALE, SELU_ALPHA = 1.0507009873554804934, 1.6732632423543772848


@activation(init="he_normal")
def relu(z):
    """Rectified linear unit: a = max(z, 0), in [0, inf).

    Derivative 1 for z > 0, else 0.

    Example: relu([-2, 0, 3]) = [0, 0, 3]
    Use: hidden layers of any network; the first one to try.
    For: one comparison; its slope does not shrink for large z, so gradients pass through many layers.
    Against: no gradient below 0, and outputs that are never negative, so their mean is above 0.
    Trouble: a unit that is negative for every row is dead and never learns again; lower the learning rate, keep init
    he_normal, or take leaky_relu or elu.  `train.diagnostics` counts dead units.
    Reference: Nair and Hinton 2010, https://www.cs.toronto.edu/~fritz/absps/reluICML.pdf.
    """
    return 0 if z < 0 else z


@relu.derivative
def relu_derivative(a):
    return 1 if a > 0 else 0


@activation(init="he_normal")
def leaky_relu(z, alpha: NonNegative = 0.01):
    """Leaky rectified linear unit: a = z for z >= 0, else alpha z, in (-inf, inf).

    Derivative 1 for z > 0, else alpha.

    Example: leaky_relu([-2, 0, 3]) = [-0.02, 0, 3]
    Use: hidden layers in which relu leaves units dead.
    For: as cheap as relu, and every unit keeps a gradient, so none dies for good.
    Against: one more number to choose; below 0 a unit learns alpha times as fast.
    Trouble: alpha 1 is the identity, and layers collapse into one; keep it well below 1, 0.01 to 0.3.
    Reference: Maas, Hannun and Ng 2013, https://ai.stanford.edu/~amaas/papers/relu_hybrid_icml2013_final.pdf.
    """
    return alpha * z if z < 0 else z


@leaky_relu.derivative
def leaky_relu_derivative(z, alpha):
    return 1 if z > 0 else alpha


@activation(init="he_normal")
def prelu(z, alpha: Learnable = 0.25):
    """Parametric rectified linear unit: a = z for z >= 0, else alpha z, alpha trained for each unit; in (-inf, inf).

    Derivative 1 for z > 0, else alpha; with respect to alpha, z for z < 0, else 0.  The parameter alpha is the initial
    value.

    Example: prelu([-2, 0, 3]) = [-0.5, 0, 3]
    Use: hidden layers on much data, where the slope below 0 may be learned.
    For: no unit has to die, and there is no slope to choose.
    Against: one more number for each unit, which small data may fit to noise.
    Trouble: weight decay pulls alpha towards 0, which is relu; lower the decay, or take leaky_relu.
    Reference: He, Zhang, Ren and Sun 2015, https://arxiv.org/abs/1502.01852; as torch.nn.PReLU with num_parameters the
    units.
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
    else the drawn slope.

    Example: rrelu([-2, 3], u=0) = [-0.25, 3]; rrelu([-2, 3]) = [-0.458, 3]
    Use: hidden layers on small data, in the place of leaky_relu and some dropout.
    For: the random slope regularizes, and no unit dies.
    Against: random numbers cost time, and two numbers have to be chosen.
    Trouble: the training loss is above the one on the same rows afterwards, as with dropout; judge by the validation
    loss.
    Reference: Xu, Wang, Chen and Li 2015, https://arxiv.org/abs/1505.00853; as torch.nn.RReLU.
    """
    return (lower + u * (upper - lower)) * z if z < 0 else z


@rrelu.derivative
def rrelu_derivative(z, u, lower, upper):
    return 1 if z > 0 else lower + u * (upper - lower)


@activation(init="he_normal")
def elu(z, alpha: NonNegative = 1.0):
    """Exponential linear unit: a = z for z >= 0, else alpha (exp(z) - 1), in (-alpha, inf).

    Derivative 1 for z > 0, else a + alpha.

    Example: elu([-2, 0, 3]) = [-0.865, 0, 3]; elu(-2, alpha=0.5) = -0.432
    Use: hidden layers, where outputs around 0 should make up for a missing norm.
    For: smooth where alpha is 1; negative outputs bring the mean nearer to 0 than relu's, and gradients remain below 0.
    Against: an exp for each negative z.
    Trouble: far below 0 it saturates, and with alpha other than 1 the slope jumps at 0; see celu.
    Reference: Clevert, Unterthiner and Hochreiter 2015, https://arxiv.org/abs/1511.07289.
    """
    return alpha * expm1(z) if z < 0 else z


@elu.derivative
def elu_derivative(z, a, alpha):
    return 1 if z > 0 else a + alpha


@activation(init="lecun_normal")
def selu(z):
    """Scaled exponential linear unit: a = s z for z >= 0, else s alpha (exp(z) - 1), in (-1.7581, inf).

    s = 1.0507... and alpha = 1.6732...  Derivative s for z > 0, else a + s alpha.

    Example: selu([-2, 0, 3]) = [-1.520, 0, 3.152]
    Use: deep stacks of dense layers without a norm, from standardised inputs.
    For: its constants pull mean and variance of a layer's outputs towards 0 and 1, so that signals neither fade nor
    grow.
    Against: that holds only for init lecun_normal, standardised inputs, and no plain dropout.
    Trouble: with dropout the variance drifts; take `alpha_dropout`, which keeps it.
    Reference: Klambauer, Unterthiner, Mayr and Hochreiter 2017, https://arxiv.org/abs/1706.02515; as torch.nn.SELU.
    """
    return SELU_SCALE * (SELU_ALPHA * expm1(z) if z < 0 else z)


@selu.derivative
def selu_derivative(z, a):
    return SELU_SCALE if z > 0 else a + SELU_SCALE * SELU_ALPHA


@activation(init="he_normal")
def celu(z, alpha: Positive = 1.0):
    """Smooth exponential linear unit: a = z for z >= 0, else alpha (exp(z / alpha) - 1), in (-alpha, inf).

    Derivative 1 for z > 0, else 1 + a / alpha.

    Example: celu([-2, 0, 3]) = [-0.865, 0, 3]; celu(-2, alpha=0.5) = -0.491
    Use: as elu, where alpha is not 1.
    For: unlike elu's, its slope is continuous for every alpha, and alpha alone sets the lower bound.
    Against: an exp for each negative z; with alpha 1 it is elu.
    Trouble: a small alpha makes it nearly relu, with the same dead units; raise alpha.
    Reference: Barron 2017, https://arxiv.org/abs/1704.07483; as torch.nn.CELU.
    """
    return alpha * expm1(z / alpha) if z < 0 else z


@celu.derivative
def celu_derivative(z, a, alpha):
    return 1 if z > 0 else 1 + a / alpha


@activation(init="he_normal")
def relu6(z):
    """Rectified linear unit bounded by 6: a = min(max(z, 0), 6), in [0, 6].

    Derivative 1 for 0 < z < 6, else 0.

    Example: relu6([-2, 3, 9]) = [0, 3, 6]
    Use: hidden layers of models that will run in low precision.
    For: its outputs need few bits, since they are bounded.
    Against: no gradient below 0 and none above 6.
    Trouble: units that are above 6 for every row are as dead as those below 0; standardise inputs and lower the rate.
    Reference: Krizhevsky 2010, https://www.cs.toronto.edu/~kriz/conv-cifar10-aug2010.pdf; as torch.nn.ReLU6.
    """
    return 0 if z < 0 else (6 if z > 6 else z)


@relu6.derivative
def relu6_derivative(a):
    return 1 if 0 < a < 6 else 0


@activation(init="he_normal", aliases=("thresholded_relu",))
def threshold(z, threshold: float = 1.0, fill: float = 0.0):
    """Threshold: a = z for z > threshold, else fill, in {fill} and (threshold, inf).

    Derivative 1 for z > threshold, else 0; the jump at the threshold has no gradient.  Not monotonic if fill is larger.

    Example: threshold([0.5, 1, 3]) = [0, 0, 3]
    Use: sparse codes, in which few units speak at a time.
    For: weak signals are cut off, and strong ones pass unchanged.
    Against: the jump: a step that crosses it changes the loss by a leap that no gradient foretells.
    Trouble: units below the threshold for every row are dead, the more so the larger it is; lower it, or take
    soft_shrink.
    Reference: Konda, Memisevic and Krueger 2014, https://arxiv.org/abs/1402.3337; as torch.nn.Threshold, whose `value`
    is fill.
    """
    return fill if z <= threshold else z


@threshold.derivative
def threshold_derivative(z, threshold):
    return 1 if z > threshold else 0
