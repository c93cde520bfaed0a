"""Relatives of Adam: a mean of gradients, divided by a size that adapts to each weight.

m and v are running means of g and of g^2, with weights beta1 and beta2 for the past; a hat corrects their start at
zero, as in m_hat = m / (1 - beta1^step).
"""

from __future__ import annotations

from math import exp, log, sqrt
from typing import Annotated

from annotated_types import Ge, Le

from numbann import Fraction, NonNegative, Positive, hookimpl, optimizer

Share = Annotated[float, Ge(0), Le(1)]
Count = Annotated[int, Ge(0)]
YOGI_START = 1e-6  # the first v of Yogi
LEAST = 1e-8  # stands for a beta of 0 in a logarithm


@optimizer
def adopt(
    w,
    g,
    m,
    v,
    step,
    learning_rate: Positive = 1e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.9999,
    epsilon: Positive = 1e-6,
):
    """ADOPT: w - learning_rate m, m = beta1 m + (1 - beta1) r, r = g / max(sqrt(v), epsilon) within +-(step - 1)^(1/4).

    v is that of the step before; the first step only sets it to g^2.  A gradient is never divided by itself, so ADOPT
    converges for every beta2, where Adam may not.  Early steps are bounded, while v is a mean of few gradients.
    Taniguchi et al. 2024, https://arxiv.org/abs/2411.02853; as the authors' code of November 2024 and
    optax.contrib.adopt.
    """
    size, bound = sqrt(v), (step - 1) ** 0.25
    r = g / (epsilon if size < epsilon else size)
    r = bound if r > bound else (-bound if r < -bound else r)
    m = beta1 * m + (1 - beta1) * r
    v = g * g if step == 1 else beta2 * v + (1 - beta2) * g * g
    return w - learning_rate * m, m, v


@optimizer
def ademamix(
    w,
    g,
    m,
    slow,
    v,
    step,
    learning_rate: Positive = 1e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    beta3: Fraction = 0.9999,
    alpha: NonNegative = 5.0,
    warmup: Count = 0,
    epsilon: Positive = 1e-8,
    weight_decay: NonNegative = 0.0,
):
    """AdEMAMix: w - learning_rate ((m_hat + alpha slow) / (sqrt(v_hat) + epsilon) + weight_decay w).

    slow is a second mean of g, with weight beta3 for the past.  It starts at zero and remembers gradients of ten
    thousand steps ago, for long trainings; in short ones AdEMAMix is Adam.  During the first warmup steps alpha grows
    linearly from 0, and beta3 grows from beta1 such that its half-life grows linearly.  If alpha makes training
    unstable, set warmup to the steps of the whole training.  Pagliardini, Ablin and Grangier 2024,
    https://arxiv.org/abs/2409.03137; as optax.contrib.ademamix.
    """
    share = step / warmup if step < warmup else 1.0
    quick, long = log(max(beta1, LEAST)), log(max(beta3, LEAST))
    kept = exp(quick * long / ((1 - share) * long + share * quick)) if share < 1 else beta3
    m = beta1 * m + (1 - beta1) * g
    slow = kept * slow + (1 - kept) * g
    v = beta2 * v + (1 - beta2) * g * g
    m_hat, v_hat = m / (1 - beta1**step), v / (1 - beta2**step)
    return w - learning_rate * ((m_hat + alpha * share * slow) / (sqrt(v_hat) + epsilon) + weight_decay * w), m, slow, v


@optimizer
def qhadam(
    w,
    g,
    m,
    v,
    step,
    learning_rate: Positive = 1e-3,
    beta1: Fraction = 0.995,
    beta2: Fraction = 0.999,
    nu1: Share = 0.7,
    nu2: Share = 1.0,
    epsilon: Positive = 1e-8,
):
    """QHAdam: w - learning_rate (nu1 m_hat + (1 - nu1) g) / (sqrt(nu2 v_hat + (1 - nu2) g^2) + epsilon).

    A mean with a long memory, mixed with the current gradient: it reacts fast and stays smooth.  nu1 = nu2 = 1 is Adam,
    nu1 = 0 is RMSprop with hats.  Ma and Yarats 2018, https://arxiv.org/abs/1810.06801; as qhoptim.pyt.QHAdam.
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    m_hat, v_hat = m / (1 - beta1**step), v / (1 - beta2**step)
    size = sqrt(nu2 * v_hat + (1 - nu2) * g * g)
    return w - learning_rate * (nu1 * m_hat + (1 - nu1) * g) / (size + epsilon), m, v


@optimizer
def yogi(
    w,
    g,
    m,
    v,
    step,
    learning_rate: Positive = 0.01,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-3,
):
    """Yogi: Adam with v = v - (1 - beta2) sign(v - g^2) g^2, from 1e-6.

    v changes by a share of g^2, not of itself.  After a burst of large gradients it falls slowly, and a weight's rate
    does not jump up.  The large epsilon bounds the rates.  Zaheer, Reddi, Sachan, Kale and Kumar 2018,
    https://papers.nips.cc/paper/8186-adaptive-methods-for-nonconvex-optimization; as optax.yogi but for m's start at 0.
    """
    old, square = YOGI_START if step == 1 else v, g * g
    m = beta1 * m + (1 - beta1) * g
    v = old + (1 - beta2) * (square if old < square else (-square if old > square else 0 * square))
    m_hat, v_hat = m / (1 - beta1**step), v / (1 - beta2**step)
    return w - learning_rate * m_hat / (sqrt(v_hat) + epsilon), m, v


@optimizer
def laprop(
    w,
    g,
    m,
    v,
    step,
    learning_rate: Positive = 4e-4,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-15,
):
    """LaProp: w - m_hat, m = beta1 m + (1 - beta1) learning_rate g / (sqrt(v_hat) + epsilon).

    Each gradient is divided by the size at its own step, before the mean.  So the two betas, unlike Adam's, do not
    depend on each other, and a small beta2 is safe.  Ziyin, Wang and Ueda 2020, https://arxiv.org/abs/2002.04839.
    """
    v = beta2 * v + (1 - beta2) * g * g
    m = beta1 * m + (1 - beta1) * learning_rate * g / (sqrt(v / (1 - beta2**step)) + epsilon)
    return w - m / (1 - beta1**step), m, v


@optimizer
def adabound(
    w,
    g,
    m,
    v,
    step,
    learning_rate: Positive = 1e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    final: Positive = 100.0,
    gamma: Positive = 1e-3,
    epsilon: Positive = 1e-8,
):
    """AdaBound: w - rate m, with the rate that Adam gives each weight, clipped between two bounds that converge.

    The bounds are final learning_rate times 1 - 1 / (gamma step + 1) and 1 + 1 / (gamma step).  It starts as Adam and
    is momentum after some thousand steps.  Luo, Xiong, Liu and Sun 2019, https://arxiv.org/abs/1902.09843; as the
    authors' code, whose final_lr is final times the rate.
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    rate = learning_rate * sqrt(1 - beta2**step) / ((1 - beta1**step) * (sqrt(v) + epsilon))
    low = final * learning_rate * (1 - 1 / (gamma * step + 1))
    high = final * learning_rate * (1 + 1 / (gamma * step))
    return w - (low if rate < low else (high if rate > high else rate)) * m, m, v


@hookimpl
def numbann_register(register):
    for component in (adopt, ademamix, qhadam, yogi, laprop, adabound):
        register(component)
