"""The engines that train estimators: `partial_fit` keeps its own from call to call, beside the estimator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from numbann.engine.devices import make_engine
from numbann.engine.interface import Engine
from numbann.network.plan import Plan
from numbann.sklearn.networks import tensors_of
from numbann.sklearn.parameters import threads_of


@dataclass
class _Trainer:
    """An engine of at most so many threads, and the estimator's optimizer whose states it has, newer than its own."""

    engine: Engine
    threads: int | str
    optimizer: Any


_KEPT: WeakKeyDictionary[Any, _Trainer] = WeakKeyDictionary()


@contextmanager
def trainer_of(estimator: Any, plan: Plan, incremental: bool) -> Iterator[Engine]:
    """An engine of a plan with the estimator's weights and the states of its optimizer, and no rows yet."""
    optimizer, threads = estimator._optimizer, threads_of(estimator)
    if incremental:
        yield _kept_engine(estimator, plan, threads, optimizer)
        return
    with make_engine(plan, threads=threads) as engine:
        engine.set_parameters(tensors_of(estimator))
        yield engine
        optimizer.state = engine.state()


def _kept_engine(estimator: Any, plan: Plan, threads: int | str, optimizer: Any) -> Engine:
    kept = _KEPT.get(estimator)
    if kept and (kept.engine.plan, kept.threads) == (plan, threads) and kept.optimizer is optimizer:
        engine, states = kept.engine, kept.engine.state() if plan.apart else {}
    else:
        store_states(estimator)
        engine, states = make_engine(plan, threads=threads), optimizer.state
    engine.set_parameters(tensors_of(estimator))
    if states:
        engine.restore(states)
    _KEPT[estimator] = _Trainer(engine, threads, optimizer)
    return engine


def store_states(estimator: Any) -> None:
    """Give the estimator's optimizer its states from the engine that has them."""
    kept = _KEPT.get(estimator)
    if kept and kept.optimizer is vars(estimator).get("_optimizer"):
        kept.optimizer.state = kept.engine.state()
