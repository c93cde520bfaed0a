"""Optimizers whose step is an orthogonal matrix, in plain NumPy."""

from __future__ import annotations

import numpy as np

from numbann import Fraction, NonNegative, Positive, hookimpl, optimizer

A, B, C = 3.4445, -4.7750, 2.0315  # of p(s) = A s + B s^3 + C s^5; applied five times, it takes s in (0, 1] close to 1
ADAM_LIKE = 0.2  # the root mean square of Adam's steps, in units of the rate


@optimizer(form="matrix")
def muon(
    w,
    g,
    m,
    v,
    step,
    learning_rate: Positive = 1e-3,
    momentum: Fraction = 0.95,
    nesterov: bool = True,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
    weight_decay: NonNegative = 0.0,
):
    """Muon: w - learning_rate (0.2 sqrt(max(I, O)) U + weight_decay w), U the orthogonal matrix nearest to a mean of g.

    The mean is m = momentum m + (1 - momentum) g; with nesterov it takes g in once more.  Five Newton-Schulz iterations
    p(X) = a X + (b X X' + c (X X')^2) X bring its singular values close to 1, so that rare directions count as much as
    common ones.  The factor makes steps as long as Adam's; Adam's rates and decay suit.  Biases, and matrices of one
    row, move by AdamW with beta1, beta2 and epsilon.  A step costs more than 10 min(I, O)^2 max(I, O) multiplications,
    which pays for wide layers and large batches.  Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/; the
    factor: Liu et al. 2025, https://arxiv.org/abs/2502.16982; as torch.optim.Muon with adjust_lr_fn "match_rms_adamw".
    """
    if len(w) == 1:
        m += (1 - beta1) * (g - m)
        v += (1 - beta2) * (g * g - v)
        direction = m / (1 - beta1**step) / (np.sqrt(v / (1 - beta2**step)) + epsilon)
    else:
        m += (1 - momentum) * (g - m)
        direction = ADAM_LIKE * max(w.shape) ** 0.5 * _orthogonal(g + momentum * (m - g) if nesterov else m)
    w -= learning_rate * (direction + weight_decay * w)


def _orthogonal(x):
    """Approximately the orthogonal matrix nearest to x; a zero matrix stays zero.

    Singular values above a hundredth of x's norm end between 0.47 and 1.21.
    """
    wide = x if len(x) <= x.shape[1] else x.T
    wide = wide / (np.linalg.norm(wide) + 1e-7)
    for _ in range(5):
        square = wide @ wide.T
        wide = A * wide + (B * square + C * square @ square) @ wide
    return wide if len(x) <= x.shape[1] else wide.T


@hookimpl
def numbann_register(register):
    register(muon)
