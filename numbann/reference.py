"""The obvious NumPy twin of every kernel and component: whole arrays, textbook formulas, one screen each.

Tests compare compiled code with it, and a reader sees in it what numbann computes.  It shares no line with the
components, knows no registry and is not made to be fast.

Letters: B rows, I inputs, O outputs, K classes; x, w, b, z = x w + b, a = f(z), y logits, t target, dw = dL/dw.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

Array = np.ndarray
at_the_limits = np.errstate(over="ignore", invalid="ignore")  # exp(1000) = inf and 0 * inf = NaN are meant

# ---- products


def matmul(a: Array, b: Array) -> Array:
    """a b: a (B, I), b (I, O) -> (B, O)."""
    return np.einsum("bi,io->bo", a, b)


def dense_forward(x: Array, w: Array, b: Array) -> Array:
    """z = x w + b: x (B, I), w (I, O), b (O,) -> (B, O)."""
    return matmul(x, w) + b


def dense_backward(x: Array, w: Array, dy: Array) -> tuple[Array, Array, Array]:
    """dx = dy w' (B, I), dw = x' dy (I, O) and db, the sum of dy's rows (O,), for dy (B, O)."""
    return matmul(dy, w.T), matmul(x.T, dy), dy.sum(axis=0)


# ---- activations: a = f(z), and dz from da.  z, a, da, dz: (B, O), or any one shape where f is of one unit


def identity(z: Array) -> Array:
    """a = z."""
    return z


def identity_backward(da: Array, z: Array, a: Array) -> Array:
    """dz = da."""
    return da


@at_the_limits
def sigmoid(z: Array) -> Array:
    """a = 1 / (1 + exp(-z))."""
    return 1 / (1 + np.exp(-z))


def sigmoid_backward(da: Array, z: Array, a: Array) -> Array:
    """dz = da a (1 - a)."""
    return da * a * (1 - a)


def tanh(z: Array) -> Array:
    """a = tanh(z)."""
    return np.tanh(z)


def tanh_backward(da: Array, z: Array, a: Array) -> Array:
    """dz = da (1 - a^2), factored so that it keeps its digits where a is near 1."""
    return da * (1 - a) * (1 + a)


def relu(z: Array) -> Array:
    """a = max(z, 0)."""
    return np.maximum(z, 0)


def relu_backward(da: Array, z: Array, a: Array) -> Array:
    """dz = da where z > 0, else 0."""
    return da * (z > 0)


@at_the_limits
def leaky_relu(z: Array, alpha: float = 0.01) -> Array:
    """a = z where z > 0, else alpha z."""
    return np.where(z > 0, z, alpha * z)


def leaky_relu_backward(da: Array, z: Array, a: Array, alpha: float = 0.01) -> Array:
    """dz = da where z > 0, else alpha da."""
    return da * np.where(z > 0, 1, alpha)


@at_the_limits
def elu(z: Array, alpha: float = 1.0) -> Array:
    """a = z where z > 0, else alpha (exp(z) - 1)."""
    return np.where(z > 0, z, alpha * np.expm1(z))


@at_the_limits
def elu_backward(da: Array, z: Array, a: Array, alpha: float = 1.0) -> Array:
    """dz = da where z > 0, else da alpha exp(z)."""
    return da * np.where(z > 0, 1, alpha * np.exp(z))


def softmax(z: Array) -> Array:
    """a_k = exp(z_k) / sum_j exp(z_j) in each row.  z: (B, K)."""
    return np.exp(log_softmax(z))


def softmax_backward(da: Array, z: Array, a: Array) -> Array:
    """dz = J da in each row, with the Jacobian J = diag(a) - a a'."""
    jacobian = a[:, :, None] * (np.eye(a.shape[1]) - a[:, None, :])
    return np.einsum("bkj,bj->bk", jacobian, da)


def log_softmax(z: Array) -> Array:
    """log softmax(z) = z - log sum_j exp(z_j) in each row."""
    return z - np.logaddexp.reduce(z, axis=1, keepdims=True)


# ---- losses: each row's value (B,), and dy = dvalue/dy (B, K).  A batch's loss is the mean of the rows' values


def mse(y: Array, t: Array) -> tuple[Array, Array]:
    """value = mean_k (y_k - t_k)^2, dy = 2 (y - t) / K."""
    return ((y - t) ** 2).mean(axis=1), 2 * (y - t) / y.shape[1]


def softmax_cross_entropy(y: Array, label: Array, label_smoothing: float = 0.0) -> tuple[Array, Array]:
    """value = -sum_k t_k log softmax(y)_k, where t is (1 - s) for the label plus s / K everywhere; label: (B,)."""
    classes = y.shape[1]
    return soft_cross_entropy(y, (1 - label_smoothing) * np.eye(classes)[label] + label_smoothing / classes)


def soft_cross_entropy(y: Array, t: Array) -> tuple[Array, Array]:
    """value = -sum_k t_k log softmax(y)_k, dy = softmax(y) sum_k t_k - t.  t: (B, K)."""
    return -(t * log_softmax(y)).sum(axis=1), softmax(y) * t.sum(axis=1, keepdims=True) - t


def sigmoid_cross_entropy(y: Array, t: Array) -> tuple[Array, Array]:
    """value = mean_k of -t log s - (1 - t) log(1 - s) with s = sigmoid(y), dy = (s - t) / K.

    As log s = -log(1 + exp(-y)), the value of one output is t log(1 + exp(-y)) + (1 - t) log(1 + exp(y)).
    """
    value = t * np.logaddexp(0, -y) + (1 - t) * np.logaddexp(0, y)
    return value.mean(axis=1), (sigmoid(y) - t) / y.shape[1]


# ---- optimizers: w and the states after a step; all arrays of one shape, step counts from 1


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
    beta2: float = 0.999, epsilon: float = 1e-8, weight_decay: float = 0.0,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Adam, in the order of torch.optim.Adam: one rate for the step, the root corrected before epsilon joins it."""
    g = g + weight_decay * w
    m = m + (1 - beta1) * (g - m)
    v = v + (1 - beta2) * (g**2 - v)
    rate = learning_rate / (1 - beta1**step)
    return w - rate * m / (np.sqrt(v) / np.sqrt(1 - beta2**step) + epsilon), m, v


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


def amsgrad_step(
    w: Array, g: Array, m: Array, v: Array, largest: Array, step: int, learning_rate: float = 1e-3, beta1: float = 0.9,
    beta2: float = 0.999, epsilon: float = 1e-8, weight_decay: float = 0.0,
) -> tuple[Array, Array, Array, Array]:  # fmt: skip
    """AMSGrad as torch.optim.Adam with amsgrad: the correction at the start is applied to the maximum."""
    _, m, v = adam_step(w, g, m, v, step, learning_rate, beta1, beta2, epsilon, weight_decay)
    largest = np.maximum(largest, v)
    size = np.sqrt(largest) / np.sqrt(1 - beta2**step) + epsilon
    return w - learning_rate / (1 - beta1**step) * m / size, m, v, largest


def adamw_step(
    w: Array, g: Array, m: Array, v: Array, step: int, learning_rate: float = 1e-3, beta1: float = 0.9,
    beta2: float = 0.999, epsilon: float = 1e-8, weight_decay: float = 0.01,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """AdamW: the weights shrink first, then Adam moves them."""
    moved, m, v = adam_step(w, g, m, v, step, learning_rate, beta1, beta2, epsilon)
    return moved - learning_rate * weight_decay * w, m, v


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


# ---- a network


@dataclass(frozen=True)
class Layer:
    """A dense layer and its activation: w (I, O), b (O,), a = f(z), dz = backward(da, z, a)."""

    w: Array
    b: Array
    activation: Callable[..., Array] = identity
    backward: Callable[..., Array] = identity_backward


Gradient = tuple[Array, Array]
Loss = Callable[[Array, Array], tuple[Array, Array]]
Update = Callable[..., tuple[Array, ...]]


def forward(layers: Sequence[Layer], x: Array) -> Array:
    """The network's output (B, O) for x (B, I)."""
    for layer in layers:
        x = layer.activation(dense_forward(x, layer.w, layer.b))
    return x


def gradients(layers: Sequence[Layer], x: Array, t: Array, loss: Loss) -> tuple[float, list[Gradient]]:
    """The mean loss over rows, and its gradient (dw, db) for each layer."""
    inputs, before, after = [], [], []
    for layer in layers:
        inputs.append(x)
        before.append(dense_forward(x, layer.w, layer.b))
        after.append(layer.activation(before[-1]))
        x = after[-1]
    values, dy = loss(x, t)
    da, found = dy / len(x), []
    for layer, x, z, a in zip(reversed(layers), reversed(inputs), reversed(before), reversed(after), strict=True):
        da, dw, db = dense_backward(x, layer.w, layer.backward(da, z, a))
        found.append((dw, db))
    return float(values.mean()), found[::-1]


def zero_states(layers: Sequence[Layer], count: int) -> list[list[list[Array]]]:
    """The states that an optimizer starts from: for each layer, for w and for b, `count` arrays of zeros."""
    return [[[np.zeros_like(p) for _ in range(count)] for p in (layer.w, layer.b)] for layer in layers]


def training_step(
    layers: Sequence[Layer], x: Array, t: Array, loss: Loss, update: Update, states: Sequence[Sequence[Sequence[Array]]]
) -> tuple[float, list[Layer], list[list[list[Array]]]]:
    """One step of a network: its loss before, the layers after, and the states after.

    update(w, g, *states) -> (w, *states) is an optimizer's step with its parameters bound.
    """
    value, found = gradients(layers, x, t, loss)
    moved_layers, moved_states = [], []
    for layer, (dw, db), (w_states, b_states) in zip(layers, found, states, strict=True):
        w, *w_after = update(layer.w, dw, *w_states)
        b, *b_after = update(layer.b, db, *b_states)
        moved_layers.append(replace(layer, w=w, b=b))
        moved_states.append([w_after, b_after])
    return value, moved_layers, moved_states
