"""A learning-rate range test: a short training whose rate grows step by step shows where the loss falls fastest.

Smith 2015, https://arxiv.org/abs/1506.01186.  It writes nothing, and the weights it trains are thrown away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from numbann.engine.interface import Engine
from numbann.errors import SpecError, SpecFault, TrainingError
from numbann.network import random
from numbann.training.callbacks import Callback, to_all
from numbann.training.preparation import Given, Prepared, engine_of, prepare, settings

LOWEST, HIGHEST, STEPS = 1e-7, 10.0, 200
FEWEST = 20  # steps
WINDOW = 20  # a share 1 / WINDOW of the steps is averaged: less than half of a power of ten
EXPLODED = 4.0  # times the lowest loss
NOISE = 6.0  # standard errors that a loss falls at least: the lowest and highest of many means differ by 4 or 5


@dataclass(frozen=True)
class RangeTest:
    """The rate of each step, its loss, and the loss averaged over the steps around it; up to where it exploded.

    suggestion: the rate at which the averaged loss falls fastest.  cautious: a tenth of the rate at its lowest.
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggestion: float
    cautious: float


def find_learning_rate(
    spec: Given,
    *,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
    steps: int = STEPS,
    device: str | None = None,
    threads: int | None = None,
    seed: int | None = None,
    overrides: Mapping[str, Any] | None = None,
    callbacks: Sequence[Callback] = (),
) -> RangeTest:
    """Try rates from lowest to highest, each a constant factor above the one before, in so many steps of training.

    The spec's own rate and schedule are left out.  The steps take batches of the training part, of as many rows as
    they need, again and again if there are fewer.  TrainingError if the loss falls at no rate.
    """
    if not (0 < lowest < highest and isfinite(highest) and steps >= FEWEST):
        raise ValueError(f"rates must grow, from above 0, in at least {FEWEST} steps: {lowest}, {highest}, {steps}")
    tell = to_all(tuple(callbacks))
    prepared = prepare(spec, {**(overrides or {}), **settings(device=device, threads=threads, seed=seed)}, tell)
    _require_rate(prepared)
    rates = np.geomspace(lowest, highest, steps)
    with engine_of(prepared, tell) as engine:
        return judge(rates, _losses(prepared, engine, rates))


def _require_rate(prepared: Prepared) -> None:
    """Refuse an optimizer that chooses the length of its steps itself."""
    component = prepared.resolved.optimizer.component
    if component.form == "solver" or "learning_rate" not in component.roles:
        raise SpecError(
            [
                SpecFault(
                    "optimizer", f'"{component.name}" finds the length of its steps itself and has no rate to test'
                )
            ],
            prepared.loaded.source.name,
        )


def _losses(prepared: Prepared, engine: Engine, rates: np.ndarray) -> np.ndarray:
    """The loss of every step, until one is far too large."""
    plan, part = prepared.plan, prepared.job.train
    rows = _enough(prepared, len(rates))
    count = -(-len(rows) // plan.batch_rows(len(rows)))
    losses = np.empty(0)
    engine.load_data(part.x, part.t, part.weight, rows)
    engine.initialize(plan.seed)
    for epoch, some in enumerate(_portions(rates, count)):
        engine.epoch(epoch, some)
        losses = np.append(losses, engine.step_losses())
        if _end(losses, _width(len(rates))) < len(losses):
            break
    return losses[: len(rates)]


def _enough(prepared: Prepared, steps: int) -> np.ndarray:
    """The numbers of the training rows, or of a sample of them if the steps do not come to their end."""
    count, plan = len(prepared.job.train), prepared.plan
    rows = steps * plan.batch_rows(count)
    if rows >= count:
        return np.arange(count)
    return np.sort(random.generator(plan.seed, random.SAMPLE).permutation(count)[:rows])


def _portions(rates: np.ndarray, count: int) -> Iterator[np.ndarray]:
    """The rates by epochs of so many steps; the last one is filled up with its last rate."""
    for first in range(0, len(rates), count):
        some = rates[first : first + count]
        yield np.append(some, np.full(count - len(some), some[-1]))


# ---- judging


def judge(rates: np.ndarray, losses: np.ndarray) -> RangeTest:
    """What the losses of a test say; TrainingError if they do not fall."""
    width = _width(len(rates))
    end = _end(losses, width)
    if end < FEWEST // 2:
        raise TrainingError(
            f"the loss explodes or is no number from the start, at a rate of {rates[end]:.0e}; test smaller rates, "
            'and check that data.scale is not "none"'
        )
    rates, losses = rates[:end], losses[:end]
    smooth = smoothed(losses, width)
    low = int(smooth.argmin())
    noise = (losses - smooth)[: low + 1].std() / width**0.5
    if smooth[: low + 1].max() - smooth[low] <= NOISE * noise or low == 0:
        raise TrainingError(
            f"the loss falls at no rate from {rates[0]:.0e} to {rates[-1]:.0e}; test larger rates or more steps"
        )
    slopes = np.gradient(smoothed(smooth, width), np.log(rates))
    steepest = int(slopes[: low + 1].argmin())
    return RangeTest(rates, losses, smooth, _rounded(rates[steepest]), _rounded(rates[low] / 10))


def smoothed(losses: np.ndarray, width: int) -> np.ndarray:
    """The mean over so many steps around each; over fewer at the ends."""
    ones = np.ones(min(width, len(losses)))
    return np.convolve(losses, ones, "same") / np.convolve(np.ones(len(losses)), ones, "same")


def _width(steps: int) -> int:
    """How many steps are averaged, an odd number."""
    return steps // WINDOW // 2 * 2 + 1


def _end(losses: np.ndarray, width: int) -> int:
    """How many steps there are until the loss is no number, or its mean more than EXPLODED times its lowest."""
    finite = int(np.argmin(np.append(np.isfinite(losses), False)))
    if finite == 0:
        return 0
    smooth = smoothed(losses[:finite], width)
    best = np.minimum.accumulate(smooth)
    return int(np.argmax(np.append(smooth - best > (EXPLODED - 1) * np.abs(best), True)))


def _rounded(rate: float) -> float:
    """A rate in two digits."""
    return float(f"{rate:.1e}")
