"""The tree-structured Parzen estimator of Optuna: values are drawn where those of good trials lie.

Trials are asked for in batches of a fixed size and told in the order of asking, by one process: so the search is the
same however many workers train them.  Bergstra and others 2011,
https://papers.nips.cc/paper/4443-algorithms-for-hyper-parameter-optimization.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numbann.network import random
from numbann.spec.model import Values
from numbann.training.sweeps.search import Asked, Search
from numbann.training.sweeps.space import Point, Space

SEEDS = 1 << 32  # that Optuna takes


def estimate(space: Space, batch: int, trials: int | None) -> Search:
    """Ask for trials, batch by batch.  trials: how many in all, None for no end."""
    import optuna  # an extra

    seed = int(random.generator(space.seed, random.TRIALS).integers(SEEDS))
    with _quiet(optuna):
        sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)
        study = optuna.create_study(sampler=sampler, direction="minimize")
    kinds = {path: _distribution(optuna, given) for path, given in space.parameters.items()}
    done = 0
    while trials is None or done < trials:
        count = batch if trials is None else min(batch, trials - done)
        with _quiet(optuna):
            asked = [study.ask(kinds) for _ in range(count)]
        told = yield [Asked(done + 1 + place, _point(space, one.params)) for place, one in enumerate(asked)]
        with _quiet(optuna):
            for one, result in zip(asked, told, strict=True):
                failed = optuna.trial.TrialState.FAIL if result.cost is None else None
                study.tell(one, result.cost, state=failed)
        done += count


@contextmanager
def _quiet(optuna: Any) -> Iterator[None]:
    """Keep Optuna from talking, and from warning of what is meant."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(before)


def _distribution(optuna: Any, given: Values) -> Any:
    """Return a key's values as Optuna knows them; of listed ones the places in the list."""
    if given.values is not None:
        return optuna.distributions.CategoricalDistribution(range(len(given.values)))
    if given.integer:
        return optuna.distributions.IntDistribution(int(given.low or 0), int(given.high or 0), log=given.log)
    return optuna.distributions.FloatDistribution(given.low, given.high, log=given.log)


def _point(space: Space, found: dict[str, Any]) -> Point:
    return {
        path: given.values[found[path]] if given.values is not None else found[path]
        for path, given in space.parameters.items()
    }
