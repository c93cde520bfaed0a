"""Solvers: optimizers that evaluate the loss on all rows themselves, and search for the length of each step.

Each call is one epoch.  w is one float64 vector of all parameters, which the call changes in place.  evaluate(w) first
rounds w in place to the model's precision, then returns the loss and its gradient.  memory is a dict of arrays, empty
at first, which persists between epochs and in checkpoints; its arrays are replaced, never changed in place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import copysign, inf, isfinite, sqrt
from typing import Annotated, Any

from annotated_types import Ge

from numbann.components.declare import optimizer
from numbann.components.parameter import NonNegative, Positive

FALL, FLATTER = 1e-4, 0.9  # the strong Wolfe conditions: the loss falls by a share of the slope, the slope to a share
LONGER = 2.0  # how much longer the next trial is while nothing speaks against it
MARGIN = 0.1  # of an interval, which a trial inside of it keeps from both ends
CURVED = 1e-10  # a step along which the gradient changes less than this is not remembered


@optimizer(form="solver")
def lbfgs(
    w,
    evaluate,
    memory,
    learning_rate: Positive = 1.0,
    history: Annotated[int, Ge(1)] = 10,
    max_evaluations: Annotated[int, Ge(1)] = 20,
    tolerance: NonNegative = 1e-6,
):
    """L-BFGS: w - a H g, where H g is built from the last `history` steps and the changes of g along them.

    Each epoch is one step on all rows.  The length a meets the strong Wolfe conditions and is found in at most
    max_evaluations of the loss.  The first trial is learning_rate (divided by |g| in the first epoch, if that exceeds
    1).  Once no element of g exceeds tolerance, or no step lowers the loss, w stays and further epochs cost nothing.
    weight_decay |w|^2 / 2 is added to the loss.

    Example: lbfgs(w=[3, 1], loss="w0^2 + 4 * w1^2", epochs=4) = [[2.4, 0.2], [1.228, -0.230], [0.151, -0.103], [0.0020,
    0.0043]]
    Use: small data and smooth losses, such as linear models and small tanh networks.
    For: far fewer passes over the data than other optimizers, and hardly a number to choose.
    Against: every step sees all rows, and the numbers of `history` steps are kept.
    Trouble: with kinks (relu, mae) it may end early; take silu, tanh or huber.  On much data take adam.
    Reference: Liu and Nocedal 1989, https://doi.org/10.1007/BF01589116; Nocedal and Wright 2006,
    https://doi.org/10.1007/978-0-387-40065-5, algorithms 7.4 and 7.5, line search 3.5 and 3.6.
    """
    if "ended" in memory:
        return
    loss, gradient = (float(memory["loss"][0]), memory["gradient"]) if memory else evaluate(w)
    here = _Trial(0.0, w, loss, gradient, -inf)
    pairs = list(zip(memory.get("steps", ()), memory.get("changes", ()), strict=True))
    found = None
    if abs(gradient).max() > tolerance:
        found = _search(evaluate, here, _direction(pairs, gradient), learning_rate, max_evaluations)
        if found is None and pairs:  # what is remembered misleads
            pairs = []
            found = _search(evaluate, here, _direction(pairs, gradient), learning_rate, max_evaluations)
    if found is not None:
        step, change = found.w - w, found.gradient - gradient
        if _dot(step, change) > CURVED * _dot(change, change):
            pairs = [*pairs, (step, change)][-history:]
        w[:] = found.w
    _remember(memory, here if found is None else found, pairs, ended=found is None)


@dataclass(frozen=True)
class _Trial:
    """A trial step: its length along the direction, the loss, the gradient, and the slope along the direction."""

    size: float
    w: Any
    loss: float
    gradient: Any
    slope: float


def _direction(pairs: list[tuple[Any, Any]], gradient: Any) -> Any:
    """Compute -H g by two loops over the pairs of steps s and changes y; H starts as the last s'y / y'y."""
    q, bends, weights = -gradient, [_dot(s, y) for s, y in pairs], []
    for (s, y), bend in zip(reversed(pairs), reversed(bends), strict=True):
        weights.append(_dot(s, q) / bend)
        q -= weights[-1] * y
    if pairs:
        q *= bends[-1] / _dot(pairs[-1][1], pairs[-1][1])
    else:
        q *= min(1.0, 1 / sqrt(_dot(q, q)))
    for (s, y), bend, weight in zip(pairs, bends, reversed(weights), strict=True):
        q += (weight - _dot(y, q) / bend) * s
    return q


def _search(
    evaluate: Callable[[Any], tuple[float, Any]], start: _Trial, direction: Any, first: float, most: int
) -> _Trial | None:
    """Find a trial that meets the strong Wolfe conditions, else the lowest trial; None if no trial lowers the loss.

    `low` is the lowest trial so far with a sufficient decrease, `high` the other end of an interval with a solution.
    """
    begin = _dot(start.gradient, direction)
    low, high, size = _Trial(0.0, start.w, start.loss, start.gradient, begin), None, first
    for _ in range(most if begin < 0 else 0):
        w = start.w + size * direction
        loss, gradient = evaluate(w)
        trial = _Trial(size, w, loss, gradient, _dot(gradient, direction))
        if not loss <= start.loss + FALL * size * begin or loss >= low.loss:
            high = trial
        elif abs(trial.slope) <= -FLATTER * begin:
            return trial
        else:
            if trial.slope * (inf if high is None else high.size - low.size) >= 0:
                high = low
            low = trial
        size = LONGER * size if high is None else _between(low, high)
    return low if low.size > 0 else None


def _between(low: _Trial, high: _Trial) -> float:
    """Return the minimum of the cubic through two trials' losses and slopes, away from both ends; else the middle."""
    width, share = high.size - low.size, 0.5
    if isfinite(high.loss) and isfinite(high.slope):
        a = low.slope + high.slope - 3 * (high.loss - low.loss) / width
        square = a * a - low.slope * high.slope
        b = copysign(sqrt(max(square, 0.0)), width)
        if square >= 0 and high.slope - low.slope + 2 * b != 0:
            share = 1 - (high.slope + b - a) / (high.slope - low.slope + 2 * b)
    return low.size + width * min(max(share, MARGIN), 1 - MARGIN)


def _remember(memory: dict[str, Any], here: _Trial, pairs: list[tuple[Any, Any]], ended: bool) -> None:
    """Store the state for the next epoch."""
    import numpy as np

    memory.clear()
    memory |= {"loss": np.array([here.loss]), "gradient": here.gradient}
    if pairs:
        memory |= {"steps": np.stack([step for step, _ in pairs]), "changes": np.stack([change for _, change in pairs])}
    if ended:
        memory["ended"] = np.ones(1)


def _dot(x: Any, y: Any) -> float:
    """Return the sum of products, in an order that, unlike that of x @ y, does not depend on threads."""
    return float((x * y).sum())
