"""The best epoch, and the end of waiting for a better one; the loop asks."""

from __future__ import annotations

from math import inf, isnan

from numbann.records import dataclass


@dataclass(frozen=True)
class Watch:
    """The key of the history that is watched, the better direction, and how long to wait (None: for ever).

    last_of_equals: of epochs with the same value the last one counts as the best, and not the first.
    """

    key: str
    higher_is_better: bool = False
    min_delta: float = 0.0
    patience: int | None = None
    last_of_equals: bool = False


@dataclass(frozen=True)
class Best:
    """The best epoch so far (0: none yet), its value, and the number of epochs since."""

    epoch: int = 0
    value: float = inf
    waited: int = 0


def update_best(watch: Watch, best: Best, epoch: int, value: float) -> Best:
    """The best after one more epoch, which must beat the old one by more than min_delta; an equal one ends no wait."""
    gain = value - best.value if watch.higher_is_better else best.value - value
    if best.epoch == 0 or isnan(best.value) or gain > watch.min_delta:
        return Best(epoch, value)
    if watch.last_of_equals and gain == 0:
        return Best(epoch, value, best.waited + 1)
    return Best(best.epoch, best.value, best.waited + 1)


def exhausted(watch: Watch, best: Best) -> bool:
    """Whether the patience is used up."""
    return watch.patience is not None and best.waited >= watch.patience
