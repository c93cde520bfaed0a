"""Optimizers that use only the sign of the gradient."""

from __future__ import annotations

from numbann.components.declare import optimizer
from numbann.components.parameter import Fraction, NonNegative, Positive


@optimizer
def lion(
    w,
    g,
    m,
    learning_rate: Positive = 1e-4,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.99,
    weight_decay: NonNegative = 0.0,
):
    """Lion: w - learning_rate (sign(beta1 m + (1 - beta1) g) + weight_decay w), then m = beta2 m + (1 - beta2) g.

    Every weight moves by the rate, whatever the size of its gradient.

    Example: lion(w=1, g=[0.5, 0.01, -2], learning_rate=0.01) = [0.99, 0.98, 0.99]
    Use: large batches, and little memory.
    For: one number per weight, and the size of gradients does not matter.
    Against: steps do not shrink near the minimum.
    Trouble: at adam's rate it is far too fast: use a third to a tenth of it, three to ten times its decay, and a
    schedule.
    Reference: Chen et al. 2023, https://arxiv.org/abs/2302.06675.
    """
    direction = _sign(beta1 * m + (1 - beta1) * g)
    return w - learning_rate * (direction + weight_decay * w), beta2 * m + (1 - beta2) * g


@optimizer
def rprop(
    w,
    g,
    previous,
    size,
    step,
    learning_rate: Positive = 0.01,
    eta_minus: Fraction = 0.5,
    eta_plus: Positive = 1.2,
    min_step: Positive = 1e-6,
    max_step: Positive = 50.0,
):
    """Rprop: w - size sign(g); size grows by eta_plus while g keeps its sign, else shrinks by eta_minus and w waits.

    size starts at learning_rate and stays between min_step and max_step, so a schedule has no effect.

    Example: rprop(w=1, g=[0.5, 0.5, -0.5]) = [0.99, 0.978, 0.978]
    Use: full batches of small data.
    For: nearly no number to choose, and the size of gradients does not matter.
    Against: no use for small batches.
    Trouble: in small batches signs flip by chance and sizes collapse; set `train.batch_size` to full, or take adam.
    Reference: Riedmiller and Braun 1993, https://doi.org/10.1109/ICNN.1993.298623; as torch.optim.Rprop.
    """
    agreement = g * previous
    change = eta_plus if agreement > 0 else (eta_minus if agreement < 0 else 1.0)
    size = min(max((learning_rate if step == 1 else size) * change, min_step), max_step)
    g = 0.0 if agreement < 0 else g
    return w - size * _sign(g), g, size


def _sign(x):
    """Return 1 or -1, or x itself if it is 0 or NaN."""
    return 1.0 if x > 0 else (-1.0 if x < 0 else x)
