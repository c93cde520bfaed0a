"""Optimizers without a schedule: an average of all weights so far predicts, and gradients are taken near it."""

from __future__ import annotations

from math import sqrt

from numbann import Fraction, NonNegative, Positive, hookimpl, optimizer


@optimizer(predicts="x")
def schedule_free_adamw(
    w,
    g,
    x,
    z,
    v,
    total,
    step,
    learning_rate: Positive = 2.5e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
    weight_decay: NonNegative = 0.0,
):
    """Schedule-free AdamW: z - learning_rate (g / (sqrt(v_hat) + epsilon) + weight_decay w), x a mean of all z.

    The gradient is that at w = (1 - beta1) z + beta1 x; x predicts.  The mean's weights are the squares of the rates,
    so a warm-up counts little.  As good as with a schedule that falls to zero, at every epoch of the training; choose a
    larger rate than for adamw, with warmup_epochs, and no schedule.  A batch norm's running statistics are those of w.
    Defazio et al. 2024, https://arxiv.org/abs/2405.15682; as schedulefree.AdamWScheduleFree while no rate falls.
    """
    z = w if step == 1 else z
    v = beta2 * v + (1 - beta2) * g * g
    z = z - learning_rate * (g / (sqrt(v / (1 - beta2**step)) + epsilon) + weight_decay * w)
    square = learning_rate * learning_rate
    total = total + square
    x = x + (square / total if total > 0 else 0) * (z - x)
    return (1 - beta1) * z + beta1 * x, x, z, v, total


@hookimpl
def numbann_register(register):
    register(schedule_free_adamw)
