"""Twins of the optimizers: w and the states after a step; all arrays of one shape, step counts from 1."""

from __future__ import annotations

import numpy as np

from reference.products import Array


def sgd_step(
    w: Array, g: Array, buffer: Array, step: int, learning_rate: float = 0.01, momentum: float = 0.0,
    dampening: float = 0.0, nesterov: bool = False, weight_decay: float = 0.0,
) -> tuple[Array, Array]:  # fmt: skip
    """Gradient descent as torch.optim.SGD: the first gradient fills the buffer, undampened."""
    g = g + weight_decay * w
    buffer = g if step == 1 else momentum * buffer + (1 - dampening) * g
    direction = g + momentum * buffer if nesterov else buffer
    return w - learning_rate * direction, buffer


def momentum_step(
    w: Array, g: Array, buffer: Array, learning_rate: float = 0.01, momentum: float = 0.9, nesterov: bool = False,
    weight_decay: float = 0.0,
) -> tuple[Array, Array]:  # fmt: skip
    """Gradient descent with momentum: the buffer is sum_k momentum^k g_(step - k)."""
    g = g + weight_decay * w
    buffer = momentum * buffer + g
    return w - learning_rate * (g + momentum * buffer if nesterov else buffer), buffer


def adam_step(
    w: Array, g: Array, m: Array, v: Array, step: int, learning_rate: float = 1e-3, beta1: float = 0.9,
    beta2: float = 0.999, epsilon: float = 1e-8, weight_decay: float = 0.0, amsgrad: bool = False,
    largest: Array | None = None,
) -> tuple[Array, ...]:  # fmt: skip
    """Adam, in the order of torch.optim.Adam: one rate for the step, the root corrected before epsilon joins it.

    With amsgrad the correction at the start is applied to the maximum.  largest is given and returned only if wanted.
    """
    g = g + weight_decay * w
    m = m + (1 - beta1) * (g - m)
    v = v + (1 - beta2) * (g**2 - v)
    most = np.maximum(v, 0 if largest is None else largest) if amsgrad else v
    rate = learning_rate / (1 - beta1**step)
    moved = w - rate * m / (np.sqrt(most) / np.sqrt(1 - beta2**step) + epsilon)
    return (moved, m, v) if largest is None else (moved, m, v, most)


def rmsprop_step(
    w: Array, g: Array, v: Array, mean: Array, buffer: Array, learning_rate: float = 0.01, rho: float = 0.99,
    epsilon: float = 1e-8, momentum: float = 0.0, centered: bool = False, weight_decay: float = 0.0,
) -> tuple[Array, Array, Array, Array]:  # fmt: skip
    """RMSProp as torch.optim.RMSprop, whose alpha is rho; centered divides by the deviation, not the mean square."""
    g = g + weight_decay * w
    v = v + (1 - rho) * (g**2 - v)
    mean = mean + (1 - rho) * (g - mean)
    deviation = np.sqrt(v - mean**2) if centered else np.sqrt(v)
    buffer = momentum * buffer + g / (deviation + epsilon)
    return w - learning_rate * buffer, v, mean, buffer


def nesterov_step(
    w: Array, g: Array, buffer: Array, learning_rate: float = 0.01, momentum: float = 0.9, weight_decay: float = 0.0
) -> tuple[Array, Array]:
    """Momentum with a look ahead: the step that the next buffer would take if the gradient stayed away."""
    return momentum_step(w, g, buffer, learning_rate, momentum, True, weight_decay)


def adagrad_step(
    w: Array, g: Array, total: Array, learning_rate: float = 0.01, epsilon: float = 1e-10, weight_decay: float = 0.0
) -> tuple[Array, Array]:
    """AdaGrad: the gradient over the root of the sum of all squares so far."""
    g = g + weight_decay * w
    total = total + g**2
    return w - learning_rate * (g / (np.sqrt(total) + epsilon)), total


def adadelta_step(
    w: Array, g: Array, v: Array, d: Array, learning_rate: float = 1.0, rho: float = 0.9, epsilon: float = 1e-6,
    weight_decay: float = 0.0,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """AdaDelta: the root mean square of the steps over that of the gradients, epsilon inside both roots."""
    g = g + weight_decay * w
    v = v + (1 - rho) * (g**2 - v)
    delta = np.sqrt((d + epsilon) / (v + epsilon)) * g
    return w - learning_rate * delta, v, d + (1 - rho) * (delta**2 - d)


def adamw_step(
    w: Array, g: Array, m: Array, v: Array, step: int, learning_rate: float = 1e-3, beta1: float = 0.9,
    beta2: float = 0.999, epsilon: float = 1e-8, weight_decay: float = 0.01, amsgrad: bool = False,
    largest: Array | None = None,
) -> tuple[Array, ...]:  # fmt: skip
    """AdamW: the weights shrink first, then Adam moves them."""
    moved, *states = adam_step(w, g, m, v, step, learning_rate, beta1, beta2, epsilon, 0.0, amsgrad, largest)
    return (moved - learning_rate * weight_decay * w, *states)


def adamax_step(
    w: Array, g: Array, m: Array, u: Array, step: int, learning_rate: float = 2e-3, beta1: float = 0.9,
    beta2: float = 0.999, epsilon: float = 1e-8, weight_decay: float = 0.0,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """AdaMax: Adam with a fading maximum in the place of the root mean square."""
    g = g + weight_decay * w
    m = m + (1 - beta1) * (g - m)
    u = np.maximum(beta2 * u, np.abs(g) + epsilon)
    return w - learning_rate / (1 - beta1**step) * m / u, m, u


def nadam_step(
    w: Array, g: Array, m: Array, v: Array, product: Array, step: int, learning_rate: float = 2e-3, beta1: float = 0.9,
    beta2: float = 0.999, epsilon: float = 1e-8, momentum_decay: float = 4e-3, weight_decay: float = 0.0,
) -> tuple[Array, Array, Array, Array]:  # fmt: skip
    """NAdam as torch.optim.NAdam; product holds the product of all mu so far for every weight."""
    g = g + weight_decay * w
    mu, ahead = (beta1 * (1 - 0.5 * 0.96 ** (k * momentum_decay)) for k in (step, step + 1))
    product = (np.ones_like(product) if step == 1 else product) * mu
    m = m + (1 - beta1) * (g - m)
    v = v + (1 - beta2) * (g**2 - v)
    size = np.sqrt(v / (1 - beta2**step)) + epsilon
    here, next_one = (1 - mu) / (1 - product) * g / size, ahead / (1 - product * ahead) * m / size
    return w - learning_rate * here - learning_rate * next_one, m, v, product


def radam_step(
    w: Array, g: Array, m: Array, v: Array, step: int, learning_rate: float = 1e-3, beta1: float = 0.9,
    beta2: float = 0.999, epsilon: float = 1e-8, weight_decay: float = 0.0,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """RAdam as torch.optim.RAdam: the mean alone until its size can be trusted."""
    g = g + weight_decay * w
    m = m + (1 - beta1) * (g - m)
    v = v + (1 - beta2) * (g**2 - v)
    m_hat, left = m / (1 - beta1**step), 1 - beta2**step
    most = 2 / (1 - beta2) - 1
    rho = most - 2 * step * beta2**step / left
    if rho <= 5:
        return w - learning_rate * m_hat, m, v
    r = np.sqrt((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho))
    return w - learning_rate * r * m_hat * np.sqrt(left) / (np.sqrt(v) + epsilon), m, v


def adabelief_step(
    w: Array, g: Array, m: Array, s: Array, step: int, learning_rate: float = 1e-3, beta1: float = 0.9,
    beta2: float = 0.999, epsilon: float = 1e-16, weight_decay: float = 0.0,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """AdaBelief: Adam whose v is of the gradient's distance from its mean."""
    g = g + weight_decay * w
    m = m + (1 - beta1) * (g - m)
    s = s + (1 - beta2) * ((g - m) ** 2 - s) + epsilon
    return w - learning_rate * m / (1 - beta1**step) / (np.sqrt(s / (1 - beta2**step)) + epsilon), m, s


def adan_step(
    w: Array, g: Array, m: Array, d: Array, v: Array, previous: Array, step: int, learning_rate: float = 1e-3,
    beta1: float = 0.98, beta2: float = 0.92, beta3: float = 0.99, epsilon: float = 1e-8, weight_decay: float = 0.0,
) -> tuple[Array, Array, Array, Array, Array]:  # fmt: skip
    """Adan: means of the gradient and of its change, over the size of the gradient ahead."""
    g = g + weight_decay * w
    change = g - (g if step == 1 else previous)
    m = m + (1 - beta1) * (g - m)
    d = d + (1 - beta2) * (change - d)
    v = v + (1 - beta3) * ((g + beta2 * change) ** 2 - v)
    direction = m / (1 - beta1**step) + beta2 * d / (1 - beta2**step)
    return w - learning_rate * direction / (np.sqrt(v / (1 - beta3**step)) + epsilon), m, d, v, g


def lion_step(
    w: Array, g: Array, m: Array, learning_rate: float = 1e-4, beta1: float = 0.9, beta2: float = 0.99,
    weight_decay: float = 0.0,
) -> tuple[Array, Array]:  # fmt: skip
    """Lion: the sign of a mean that trusts the new gradient more than m does; decay goes beside it."""
    direction = np.sign(g + beta1 * (m - g))
    return w * (1 - learning_rate * weight_decay) - learning_rate * direction, g + beta2 * (m - g)


def rprop_step(
    w: Array, g: Array, previous: Array, size: Array, step: int, learning_rate: float = 0.01, eta_minus: float = 0.5,
    eta_plus: float = 1.2, min_step: float = 1e-6, max_step: float = 50.0, weight_decay: float = 0.0,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Rprop as torch.optim.Rprop: after a change of sign the gradient is forgotten."""
    g = g + weight_decay * w
    agreement = np.sign(g * previous)
    size = np.full_like(size, learning_rate) if step == 1 else size
    size = np.clip(size * np.choose(np.asarray(agreement, int) + 1, [eta_minus, 1.0, eta_plus]), min_step, max_step)
    g = np.where(agreement < 0, 0.0, g)
    return w - size * np.sign(g), g, size


def lamb_step(
    w: Array, g: Array, m: Array, v: Array, step: int, learning_rate: float = 1e-3, beta1: float = 0.9,
    beta2: float = 0.999, epsilon: float = 1e-6, weight_decay: float = 0.01,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """LAMB: AdamW's step, made as long as the learning rate's share of w."""
    m = m + (1 - beta1) * (g - m)
    v = v + (1 - beta2) * (g**2 - v)
    r = m / (1 - beta1**step) / (np.sqrt(v / (1 - beta2**step)) + epsilon) + weight_decay * w
    size, length = np.linalg.norm(w), np.linalg.norm(r)
    return w - learning_rate * (size / length if size * length > 0 else 1.0) * r, m, v
