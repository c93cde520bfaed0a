"""The learning-rate range test: trains briefly with a growing rate to find where the loss falls fastest.

Smith 2015, https://arxiv.org/abs/1506.01186.  The trained weights are discarded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np

from numbann.engine.interface import Engine
from numbann.engine.shared.batches import whole_groups
from numbann.errors import SpecError, SpecFault, TrainingError
from numbann.network import random
from numbann.records import dataclass
from numbann.training.callbacks import Callback
from numbann.training.preparation import Given, Prepared, engine_of, prepare, settings
from numbann.training.telling import Telling

LOWEST, HIGHEST, STEPS = 1e-7, 10.0, 200
FEWEST = 20  # steps
WINDOW = 20  # one part in WINDOW of the steps is averaged: less than half a power of ten
EXPLODED = 4.0  # times the lowest loss
NOISE = 6.0  # standard errors that the loss must fall by: by chance, extremes of many means differ by 4 or 5


@dataclass(frozen=True, repr=False)
class RangeTest:
    """The rate of each step, its loss, and the loss averaged over nearby steps, up to where the loss exploded.

    suggestion: the rate at which the averaged loss falls fastest.  cautious: a tenth of the rate at its minimum.
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggestion: float
    cautious: float

    def __repr__(self) -> str:
        found = f"suggestion {self.suggestion:.4g}, cautious {self.cautious:.4g}"
        return f"<numbann.RangeTest of {len(self.rates)} rates: {found}>"


def find_learning_rate(
    spec: Given,
    *,
    data: Any = None,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
    steps: int = STEPS,
    device: str | None = None,
    threads: int | None = None,
    seed: int | None = None,
    overrides: Mapping[str, Any] | None = None,
    callbacks: Sequence[Callback] = (),
) -> RangeTest:
    """Train with rates from lowest to highest, each a constant factor above the one before.

    data: rows in Python, as `train` takes them.  steps: the number of rates.  The spec's own rate and schedule are
    ignored.  The steps take batches of the training part and start over when it is used up.  TrainingError if the loss
    falls at no rate.
    """
    if not (0 < lowest < highest and isfinite(highest) and steps >= FEWEST):
        raise ValueError(f"rates must grow, from above 0, in at least {FEWEST} steps: {lowest}, {highest}, {steps}")
    tell = Telling(callbacks)
    prepared = prepare(
        spec, {**(overrides or {}), **settings(device=device, threads=threads, seed=seed)}, tell, data=data
    )
    _require_rate(prepared)
    rates = np.geomspace(lowest, highest, steps)
    with engine_of(prepared, tell) as engine:
        return suggest(rates, _losses(prepared, engine, rates))


def _require_rate(prepared: Prepared) -> None:
    """Refuse an optimizer that chooses its own step length."""
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
    """Return the loss of every step, up to the first that is far too large."""
    plan, part = prepared.plan, prepared.job.train
    rows = _choose_rows(prepared, len(rates))
    count = prepared.job.rates(rows).steps
    losses = np.empty(0)
    engine.load_data(part.x, part.t, part.weight, rows, part.group)
    engine.initialize(plan.seed)
    for epoch, some in enumerate(_portions(rates, count)):
        engine.epoch(epoch, some)
        losses = np.append(losses, engine.step_losses())
        if _end(losses, _width(len(rates))) < len(losses):
            break
    return losses[: len(rates)]


def _choose_rows(prepared: Prepared, steps: int) -> np.ndarray:
    """Return the numbers of the training rows, or of a sample if the steps need fewer rows: of whole groups."""
    part, plan = prepared.job.train, prepared.plan
    count, generator = len(part), random.generator(plan.seed, random.SAMPLE)
    rows = steps * plan.batch_rows(count)
    if rows >= count:
        return np.arange(count)
    if part.group is not None:
        return whole_groups(part.group, rows, generator)
    return np.sort(generator.permutation(count)[:rows])


def _portions(rates: np.ndarray, count: int) -> Iterator[np.ndarray]:
    """Cut the rates into epochs of a number of steps; the last epoch is padded with its last rate."""
    for first in range(0, len(rates), count):
        some = rates[first : first + count]
        yield np.append(some, np.full(count - len(some), some[-1]))


# ---- the suggestion


def suggest(rates: np.ndarray, losses: np.ndarray) -> RangeTest:
    """Find the suggestion from the losses of a test; TrainingError if they do not fall."""
    width = _width(len(rates))
    end = _end(losses, width)
    if end < FEWEST // 2:
        raise TrainingError(
            f"the loss explodes or is no number from the start, at a rate of {rates[end]:.0e}; test smaller rates, "
            'and check that data.scale is not "none"'
        )
    rates, losses = rates[:end], losses[:end]
    averaged = smooth(losses, width)
    low = int(averaged.argmin())
    noise = (losses - averaged)[: low + 1].std() / width**0.5
    if averaged[: low + 1].max() - averaged[low] <= NOISE * noise or low == 0:
        raise TrainingError(
            f"the loss falls at no rate from {rates[0]:.0e} to {rates[-1]:.0e}; test larger rates or more steps"
        )
    slopes = np.gradient(smooth(averaged, width), np.log(rates))
    steepest = int(slopes[: low + 1].argmin())
    return RangeTest(rates, losses, averaged, _round(rates[steepest]), _round(rates[low] / 10))


def smooth(losses: np.ndarray, width: int) -> np.ndarray:
    """Return the mean over `width` steps around each step, over fewer at the ends."""
    ones = np.ones(min(width, len(losses)))
    return np.convolve(losses, ones, "same") / np.convolve(np.ones(len(losses)), ones, "same")


def _width(steps: int) -> int:
    """Return the number of steps to average, an odd number."""
    return steps // WINDOW // 2 * 2 + 1


def _end(losses: np.ndarray, width: int) -> int:
    """Return the number of steps before the loss is NaN, or its mean exceeds EXPLODED times its lowest."""
    finite = int(np.argmin(np.append(np.isfinite(losses), False)))
    if finite == 0:
        return 0
    averaged = smooth(losses[:finite], width)
    best = np.minimum.accumulate(averaged)
    return int(np.argmax(np.append(averaged - best > (EXPLODED - 1) * np.abs(best), True)))


def _round(rate: float) -> float:
    """Round a rate to two digits."""
    return float(f"{rate:.1e}")
