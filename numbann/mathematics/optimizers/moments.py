"""Adam and its variants: the running mean of the gradient, divided by a scale that adapts to each weight.

m and v are running means, with weights beta1 and beta2 for the past; a hat corrects their start at zero.
"""

from __future__ import annotations

from math import expm1, log, sqrt

from numbann.components.declare import optimizer
from numbann.components.parameter import Fraction, NonNegative, Positive


@optimizer(optional={"largest": "amsgrad"})
def adam(
    w,
    g,
    m,
    v,
    largest,
    step,
    learning_rate: Positive = 1e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
    amsgrad: bool = False,
):
    """Adam: w - learning_rate m_hat / (sqrt(v_hat) + epsilon).

    m = beta1 m + (1 - beta1) g and v = beta2 v + (1 - beta2) g^2 are running means of the gradient and its square;
    m_hat = m / (1 - beta1^step) and v_hat = v / (1 - beta2^step) correct their start at zero.  amsgrad uses the largest
    v so far.

    Example: adam(w=1, g=[0.5, 0.5, -0.5], learning_rate=0.1) = [0.9, 0.8, 0.774]
    Use: the first choice for any network.
    For: it handles inputs and layers of different scale, and its rate of 0.001 works nearly everywhere.
    Against: two numbers more per weight; tuned sgd sometimes generalizes better.
    Trouble: steps do not shrink by themselves near the minimum: use a schedule.  Rare large gradients are forgotten:
    set amsgrad, which an early outlier then slows for good.  For weight decay take adamw.
    Reference: Kingma and Ba 2014, https://arxiv.org/abs/1412.6980; amsgrad: Reddi, Kale and Kumar 2018,
    https://arxiv.org/abs/1904.09237; as torch.optim.Adam.
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    largest = max(v, largest) if amsgrad else v
    m_hat, v_hat = m / (1 - beta1**step), largest / (1 - beta2**step)
    return w - learning_rate * m_hat / (sqrt(v_hat) + epsilon), m, v, largest


@optimizer(optional={"largest": "amsgrad"})
def adamw(
    w,
    g,
    m,
    v,
    largest,
    step,
    learning_rate: Positive = 1e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
    amsgrad: bool = False,
    weight_decay: NonNegative = 0.01,
):
    """AdamW: Adam's step from w - learning_rate weight_decay w, so that the decay is not divided by sqrt(v_hat).

    m_hat and v_hat as in adam.

    Example: adamw(w=1, g=[0.5, 0.5, -0.5], learning_rate=0.1) = [0.899, 0.798, 0.771]
    Use: adam with weight decay.
    For: every weight decays by the same share; in adam, decay is weaker for weights with large gradients.
    Against: one more number to choose.
    Trouble: the decay is multiplied by the rate, so a schedule lowers both; with a small rate raise weight_decay to 0.1
    or more.
    Reference: Loshchilov and Hutter 2017, https://arxiv.org/abs/1711.05101; as torch.optim.AdamW.
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    largest = max(v, largest) if amsgrad else v
    m_hat, v_hat = m / (1 - beta1**step), largest / (1 - beta2**step)
    return w - learning_rate * (m_hat / (sqrt(v_hat) + epsilon) + weight_decay * w), m, v, largest


@optimizer
def adamax(
    w,
    g,
    m,
    u,
    step,
    learning_rate: Positive = 2e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
):
    """AdaMax: w - learning_rate m_hat / u, where u = max(beta2 u, |g| + epsilon) is a fading maximum.

    m is a running mean of g.

    Example: adamax(w=1, g=[0.5, 0.5, -0.5], learning_rate=0.1) = [0.9, 0.8, 0.774]
    Use: gradients that are zero most of the time.
    For: a step is never larger than about the rate, and there is no square to overflow.
    Against: seldom better than adam on dense tables.
    Trouble: one outlier keeps a weight's steps small for a long time; lower beta2, or set `train.clip_norm`.
    Reference: Kingma and Ba 2014, https://arxiv.org/abs/1412.6980; as torch.optim.Adamax.
    """
    m = beta1 * m + (1 - beta1) * g
    u = max(beta2 * u, abs(g) + epsilon)
    return w - learning_rate * m / ((1 - beta1**step) * u), m, u


@optimizer
def nadam(
    w,
    g,
    m,
    v,
    product,
    step,
    learning_rate: Positive = 2e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
    momentum_decay: NonNegative = 4e-3,
):
    """NAdam: Adam that looks one step ahead: m_hat = mu_next m / (1 - product mu_next) + (1 - mu) g / (1 - product).

    mu = beta1 (1 - 0.96^(step momentum_decay) / 2), mu_next is that of the next step, and product that of all mu so
    far.

    Example: nadam(w=1, g=[0.5, 0.5, -0.5], learning_rate=0.1) = [0.894, 0.816, 0.873]
    Use: as adam; try both.
    For: often a little faster than adam at the same rate, as Nesterov's momentum is.
    Against: one more number, and first steps that are larger than the rate.
    Trouble: it explodes where adam did not; lower the rate, or warm up.
    Reference: Dozat 2016, https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ; as torch.optim.NAdam.
    """
    mu = beta1 * (1 - 0.5 * 0.96 ** (step * momentum_decay))
    mu_next = beta1 * (1 - 0.5 * 0.96 ** ((step + 1) * momentum_decay))
    product = mu if step == 1 else product * mu
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    m_hat = mu_next * m / (1 - product * mu_next) + (1 - mu) * g / (1 - product)
    return w - learning_rate * m_hat / (sqrt(v / (1 - beta2**step)) + epsilon), m, v, product


@optimizer
def radam(
    w,
    g,
    m,
    v,
    step,
    learning_rate: Positive = 1e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
):
    """RAdam: w - learning_rate m_hat at first, later Adam's step times a factor r that rises to 1.

    rho = rho_inf - 2 step beta2^step / (1 - beta2^step), with rho_inf = 2 / (1 - beta2) - 1, is the number of gradients
    that v effectively averages.  Where rho > 5, r^2 = (rho - 4) (rho - 2) rho_inf / ((rho_inf - 4) (rho_inf - 2) rho)
    and the step is r m_hat sqrt(1 - beta2^step) / (sqrt(v) + epsilon).

    Example: radam(w=1, g=[0.5, 0.5, -0.5], learning_rate=0.1) = [0.95, 0.9, 0.887]
    Use: adam without a warm-up to choose.
    For: it waits to divide by v until v is known well enough.
    Against: slower at first, for about 2 / (1 - beta2) steps: all of a short training.
    Trouble: the first five steps are plain momentum and explode if gradients are huge; standardise inputs, or set
    `train.clip_norm`.
    Reference: Liu et al. 2019, https://arxiv.org/abs/1908.03265; as torch.optim.RAdam.
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    m_hat = m / (1 - beta1**step)
    rho_inf = 2 / (1 - beta2) - 1
    rho = rho_inf - 2 * step / expm1(-step * log(beta2))
    square = (rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)
    adapted = sqrt(max(square, 0.0) * (1 - beta2**step)) / (sqrt(v) + epsilon)
    return w - learning_rate * m_hat * (adapted if rho > 5 else 1.0), m, v


@optimizer
def adabelief(
    w,
    g,
    m,
    s,
    step,
    learning_rate: Positive = 1e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-16,
):
    """AdaBelief: w - learning_rate m_hat / (sqrt(s_hat) + epsilon), s = beta2 s + (1 - beta2) (g - m)^2 + epsilon.

    m is a running mean of g.

    Example: adabelief(w=1, g=[0.5, 0.5, -0.5], learning_rate=0.1) = [0.889, 0.772, 0.744]
    Use: as adam; try both.
    For: steps are large where the gradient is close to its running mean, and small where it is not.
    Against: sensitive to epsilon, which joins s at each step.
    Trouble: with full batches (g - m) vanishes and steps grow without need; raise epsilon, such as to 1e-8.
    Reference: Zhuang et al. 2020, https://arxiv.org/abs/2010.07468.
    """
    m = beta1 * m + (1 - beta1) * g
    s = beta2 * s + (1 - beta2) * (g - m) * (g - m) + epsilon
    m_hat, s_hat = m / (1 - beta1**step), s / (1 - beta2**step)
    return w - learning_rate * m_hat / (sqrt(s_hat) + epsilon), m, s


@optimizer
def adan(
    w,
    g,
    m,
    d,
    v,
    previous,
    step,
    learning_rate: Positive = 1e-3,
    beta1: Fraction = 0.98,
    beta2: Fraction = 0.92,
    beta3: Fraction = 0.99,
    epsilon: Positive = 1e-8,
):
    """Adan: w - learning_rate (m_hat + beta2 d_hat) / (sqrt(v_hat) + epsilon).

    m, d and v are running means of g, of its change since the step before (0 at first), and of the square of g + beta2
    change, with weights beta1, beta2 and beta3 for the past.

    Example: adan(w=1, g=[0.5, 0.5, -0.5], learning_rate=0.1) = [0.9, 0.8, 0.819]
    Use: large batches and large rates.
    For: it tolerates larger rates than adam, and sees where the gradient is heading.
    Against: four numbers more per weight, and three betas.
    Trouble: with small batches the change of the gradient is mostly noise; take adam.
    Reference: Xie, Zhou, Li, Lin and Yan 2022, https://arxiv.org/abs/2208.06677.
    """
    change = 0.0 if step == 1 else g - previous
    ahead = g + beta2 * change
    m = beta1 * m + (1 - beta1) * g
    d = beta2 * d + (1 - beta2) * change
    v = beta3 * v + (1 - beta3) * ahead * ahead
    m_hat, d_hat, v_hat = m / (1 - beta1**step), d / (1 - beta2**step), v / (1 - beta3**step)
    return w - learning_rate * (m_hat + beta2 * d_hat) / (sqrt(v_hat) + epsilon), m, d, v, g
