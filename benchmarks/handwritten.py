"""Activations, losses and optimizers as a programmer writes them by hand, one loop each, for components.py.

Each takes the arguments of the engine's kernels of its kind and is compiled alone.  So both go over the same arrays
with the same flags and the same vector functions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from numbann.simd import jit, single_math
from numbann.simd import op as layout
from numbann.simd.machine import prefer_wide
from numbann.simd.pointer import view

F = np.float32
FIRST = layout.FIRST_PARAMETER
HALF, ROOT = F(0.5), F(math.sqrt(0.5))
exp, erfc, log, log1p, expm1 = (getattr(single_math, name) for name in ("exp", "erfc", "log", "log1p", "expm1"))
KEPT: list[Any] = []  # compiled loops, which live as long as their addresses are used


# ---- activations, forward and back over all elements of a block; p is the parameter of those that have one


def relu(z, p):
    return F(0) if z < F(0) else z


def relu_back(z, a, p):
    return F(1) if a > F(0) else F(0)


def sigmoid(z, p):
    e = exp(-abs(z))
    return (e if z < F(0) else F(1)) / (F(1) + e)


def sigmoid_back(z, a, p):
    return a * (F(1) - a)


def tanh(z, p):
    return single_math.tanh(z)


def tanh_back(z, a, p):
    return F(1) - a * a


def gelu(z, p):
    return HALF * z * erfc(-z * ROOT)


def gelu_back(z, a, p):
    return HALF * erfc(-z * ROOT) + F(0.3989422804) * z * exp(-HALF * z * z)


def silu(z, p):
    e = exp(-abs(p * z))
    return z * (e if z < F(0) else F(1)) / (F(1) + e)


def silu_back(z, a, p):
    e = exp(-abs(p * z))
    s = (e if z < F(0) else F(1)) / (F(1) + e)
    return s + p * a * (F(1) - s)


def elu(z, p):
    return p * expm1(z) if z < F(0) else z


def elu_back(z, a, p):
    return F(1) if z > F(0) else a + p


def softplus(z, p):
    return (F(0) if z < F(0) else z) + log1p(exp(-abs(p * z))) / p


def softplus_back(z, a, p):
    e = exp(-abs(p * z))
    return (e if z < F(0) else F(1)) / (F(1) + e)


def mish(z, p):
    e = exp(-abs(z))
    n = e * (e + F(2)) if z < F(0) else F(1) + F(2) * e
    return z * n / (n + (F(2) if z < F(0) else F(2) * e * e))


def mish_back(z, a, p):
    e = exp(-abs(z))
    n, r = (e * (e + F(2)) if z < F(0) else F(1) + F(2) * e), (F(2) if z < F(0) else F(2) * e * e)
    g = n / (n + r)
    return g + z * (r / (n + r) * (F(1) + g) * (e if z < F(0) else F(1)) / (F(1) + e))


ACTIVATIONS = {
    "relu": (relu, relu_back),
    "sigmoid": (sigmoid, sigmoid_back),
    "tanh": (tanh, tanh_back),
    "gelu": (gelu, gelu_back),
    "silu": (silu, silu_back),
    "elu": (elu, elu_back),
    "softplus": (softplus, softplus_back),
    "mish": (mish, mish_back),
}


def activation_addresses(forward: Callable[..., Any], back: Callable[..., Any]) -> list[int]:
    """The addresses of the loops a = f(z) and d = d f'(z)."""
    f, slope = jit.inner_safe(forward), jit.inner_safe(back)

    def ahead(op, first, last, step, scratch):
        prefer_wide()
        count, p = last * op.Z_ROW, op.PARAMETERS[0]
        z, a = view(op.Z, 0, count), view(op.A, 0, count)
        for i in range(count):
            a[i] = f(z[i], p)

    def backwards(op, first, last, step, scratch):
        prefer_wide()
        count, p = last * op.Z_ROW, op.PARAMETERS[0]
        z, a = view(op.Z, 0, count), view(op.A, 0, count)
        d = view(op.D, 0, count)
        for i in range(count):
            d[i] = d[i] * slope(z[i], a[i], p)

    return [address(ahead), address(backwards)]


def address(function: Callable[..., Any]) -> int:
    """A loop's address, compiled as kernels are but kept nowhere."""
    kernel = numba.cfunc(jit.kernel_signature(numba.float32), fastmath=jit.SAFE, error_model="numpy")(function)
    KEPT.append(kernel)
    return int(kernel.address)


# ---- losses, row by row


def mse_loss(op, first, last, step, scratch):
    prefer_wide()
    outputs = op.OUTPUTS
    losses, share = view(op.ROW_LOSS, 0, last), F(1) / F(outputs)
    scale = share / F(step[layout.BATCH])
    for r in range(first, last):
        y = view(op.A, r * op.A_ROW, outputs)
        d = view(op.D, r * op.D_ROW, outputs)
        t = view(op.TARGET, r * op.TARGET_ROW, outputs)
        total = F(0)
        for k in range(outputs):
            e = y[k] - t[k]
            total += e * e
            d[k] = F(2) * e * scale
        losses[r] = total * share


def huber_loss(op, first, last, step, scratch):
    prefer_wide()
    outputs, delta = op.OUTPUTS, op.PARAMETERS[0]
    losses, share = view(op.ROW_LOSS, 0, last), F(1) / F(outputs)
    scale = share / F(step[layout.BATCH])
    for r in range(first, last):
        y = view(op.A, r * op.A_ROW, outputs)
        d = view(op.D, r * op.D_ROW, outputs)
        t = view(op.TARGET, r * op.TARGET_ROW, outputs)
        total = F(0)
        for k in range(outputs):
            e = y[k] - t[k]
            size = abs(e)
            total += HALF * e * e if size <= delta else delta * (size - HALF * delta)
            d[k] = (delta if e > delta else (-delta if e < -delta else e)) * scale
        losses[r] = total * share


def sigmoid_loss(op, first, last, step, scratch):
    prefer_wide()
    outputs = op.OUTPUTS
    losses, share = view(op.ROW_LOSS, 0, last), F(1) / F(outputs)
    scale = share / F(step[layout.BATCH])
    for r in range(first, last):
        y = view(op.A, r * op.A_ROW, outputs)
        d = view(op.D, r * op.D_ROW, outputs)
        t = view(op.TARGET, r * op.TARGET_ROW, outputs)
        total = F(0)
        for k in range(outputs):
            e = exp(-abs(y[k]))
            total += (F(0) if y[k] < F(0) else y[k]) - y[k] * t[k] + log1p(e)
            d[k] = ((e if y[k] < F(0) else F(1)) / (F(1) + e) - t[k]) * scale
        losses[r] = total * share


def softmax_loss(op, first, last, step, scratch):
    prefer_wide()
    outputs = op.OUTPUTS
    losses, labels = view(op.ROW_LOSS, 0, last), op.LABELS
    scale = F(1) / F(step[layout.BATCH])
    for r in range(first, last):
        y = view(op.A, r * op.A_ROW, outputs)
        d = view(op.D, r * op.D_ROW, outputs)
        largest, total = y[0], F(0)
        for k in range(1, outputs):
            largest = max(largest, y[k])
        for k in range(outputs):
            d[k] = exp(y[k] - largest)
        for k in range(outputs):
            total += d[k]
        losses[r] = log(total) + largest - y[labels[r]]
        for k in range(outputs):
            d[k] = d[k] / total * scale
        d[labels[r]] -= scale


LOSSES = {
    "mse": mse_loss,
    "huber": huber_loss,
    "sigmoid_cross_entropy": sigmoid_loss,
    "softmax_cross_entropy": softmax_loss,
}


# ---- optimizers, over a unit of weights and their states


def sgd(w, g, count, stride, hyper):
    weights, gradients = numba.carray(w, count), numba.carray(g, count)
    rate, decay = hyper[0], hyper[1]
    for i in range(count):
        weights[i] -= rate * (gradients[i] + decay * weights[i])


def momentum(w, g, count, stride, hyper):
    both, gradients = numba.carray(w, 2 * count), numba.carray(g, count)
    rate, decay, past = hyper[0], hyper[1], hyper[FIRST]
    for i in range(count):
        both[count + i] = past * both[count + i] + gradients[i] + decay * both[i]
        both[i] -= rate * both[count + i]


def adam(w, g, count, stride, hyper):
    all_of, gradients = numba.carray(w, 3 * count), numba.carray(g, count)
    rate, decay, step, beta1, beta2, epsilon = (
        hyper[0],
        hyper[1],
        hyper[2],
        hyper[FIRST],
        hyper[FIRST + 1],
        hyper[FIRST + 2],
    )
    first, second = F(1) / (F(1) - beta1**step), F(1) / (F(1) - beta2**step)
    for i in range(count):
        gradient = gradients[i] + decay * all_of[i]
        m = beta1 * all_of[count + i] + (F(1) - beta1) * gradient
        v = beta2 * all_of[2 * count + i] + (F(1) - beta2) * gradient * gradient
        all_of[count + i], all_of[2 * count + i] = m, v
        all_of[i] -= rate * (m * first) / (F(math.sqrt(v * second)) + epsilon)


def rmsprop(w, g, count, stride, hyper):
    both, gradients = numba.carray(w, 2 * count), numba.carray(g, count)
    rate, decay, rho, epsilon = hyper[0], hyper[1], hyper[FIRST], hyper[FIRST + 1]
    for i in range(count):
        gradient = gradients[i] + decay * both[i]
        v = rho * both[count + i] + (F(1) - rho) * gradient * gradient
        both[count + i] = v
        both[i] -= rate * gradient / (F(math.sqrt(v)) + epsilon)


def lion(w, g, count, stride, hyper):
    both, gradients = numba.carray(w, 2 * count), numba.carray(g, count)
    rate, decay, beta1, beta2 = hyper[0], hyper[1], hyper[FIRST], hyper[FIRST + 1]
    for i in range(count):
        mixed = beta1 * both[count + i] + (F(1) - beta1) * gradients[i]
        sign = F(1) if mixed > F(0) else (F(-1) if mixed < F(0) else mixed)
        both[count + i] = beta2 * both[count + i] + (F(1) - beta2) * gradients[i]
        both[i] -= rate * (sign + decay * both[i])


OPTIMIZERS = {"sgd": sgd, "momentum": momentum, "adam": adam, "rmsprop": rmsprop, "lion": lion}


def update_address(function: Callable[..., Any]) -> int:
    """An optimizer's loop, alike."""
    signature = jit.update_signature(numba.float32)
    kernel = numba.cfunc(signature, fastmath=jit.SAFE, error_model="numpy")(function)
    KEPT.append(kernel)
    return int(kernel.address)
