"""Dropout and alpha dropout."""

from __future__ import annotations

from math import sqrt

from numbann.mathematics.activations.rectified import SELU_ALPHA, SELU_SCALE
from numbann.network.description import Dense
from numbann.network.steps.step import Step
from numbann.records import dataclass

SELU_LIMIT = -SELU_SCALE * SELU_ALPHA  # selu at -inf


@dataclass(frozen=True, kw_only=True)
class Drop(Step):
    """out: `dropped` with probability `rate`, else scale a + shift.  key: of its random numbers.

    Mean and, for alpha dropout, variance of the outputs stay what they are.
    """

    value = "out"
    rate: float
    scale: float
    shift: float = 0.0
    dropped: float = 0.0
    key: int

    @classmethod
    def of(cls, dense: Dense, k: int) -> Drop | None:
        """Dropout: outputs are 0 with probability `rate`, else a / (1 - rate).  Alpha dropout: they are selu's limit at
        -inf, s, with probability `rate`; then all go through the line p y + q, p = 1 / sqrt((1 - rate) (1 + rate s^2))
        and q = -p s rate, which keeps mean 0 and variance 1.

        Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov 2014,
        https://jmlr.org/papers/v15/srivastava14a.html; as torch.nn.Dropout.  Klambauer, Unterthiner, Mayr and
        Hochreiter 2017, https://arxiv.org/abs/1706.02515; as torch.nn.AlphaDropout.
        """
        key, rate = 2 * k + 1, dense.alpha_dropout
        if dense.dropout:
            return cls(rate=dense.dropout, scale=1 / (1 - dense.dropout), key=key)
        if not rate:
            return None
        scale = 1 / sqrt((1 - rate) * (1 + rate * SELU_LIMIT**2))
        shift = -scale * SELU_LIMIT * rate
        return cls(rate=rate, scale=scale, shift=shift, dropped=scale * SELU_LIMIT + shift, key=key)

    def predicting(self) -> None:
        """None: predictions drop nothing."""
