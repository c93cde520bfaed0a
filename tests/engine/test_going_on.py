"""An epoch that is left between two steps goes on, in the same engine or in another, to the same bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from networks import Made, make_data, make_plan

from numbann.components.component import Origin
from numbann.components.declare import optimizer
from numbann.components.registry import Registry
from numbann.engine.cpu.engine import Engine
from numbann.engine.cpu.thread_tuning import ThreadTuner
from numbann.engine.shared import feeding, report
from numbann.network.plan import Plan

ROWS, BATCH, STEPS = 61, 4, 16
OPTIMIZERS = Registry()


@optimizer(form="matrix", shapes={"left": "II", "total": "1"}, predicts="mean")
def whole(w, g, mean, left, total, step, learning_rate=0.1):
    """Whole: states of three shapes, sums over the network, and a mean that predicts."""
    left += g @ g.T
    total += yield np.trace(left)
    w -= learning_rate * g / (1 + total / step)
    mean += (w - mean) / step


OPTIMIZERS.register(whole, Origin("test", "", "test"))
RATES = [np.linspace(0.1, 0.01, STEPS), np.linspace(0.05, 0.02, STEPS)]
CASES: dict[str, dict[str, Any]] = {
    "adam": {"optimizer": "adam"},
    "dropout, batch norm": {"between": [{"norm": "batch", "dropout": 0.3}], "optimizer": "momentum"},
    "average, clipped": {"average": 0.9, "clip_norm": 0.1, "optimizer": "adamw", "dtype": "float32"},
    "matrix": {"optimizer": "lamb", "average": 0.9},
    "states of any shape": {"optimizer": "whole", "optimizers": OPTIMIZERS, "dtype": "float32"},
    "trained activation": {"activation": "prelu", "optimizer": "rmsprop"},
    "weights": {"weighted": True},
    "a loss of whole batches": {"loss": "cox", "weighted": True, "blocks": True},
    "whole groups": {"loss": "ranknet", "weighted": True, "blocks": True, "group": np.arange(ROWS) // 2},
    "blocks": {"blocks": True, "optimizer": "adam", "dtype": "float32"},
}


class Stopped(Exception):
    """Ends an epoch."""


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of at most three steps, blocks of four batches, and a report after each piece."""
    monkeypatch.setattr(report, "SECONDS", 0)
    monkeypatch.setattr(feeding, "BLOCK_BYTES", 4 * BATCH * 3 * 4)
    monkeypatch.setattr(ThreadTuner, "next", lambda tuner, left: (1, min(left, 3)))


def loaded(case: dict[str, Any]) -> Engine:
    """An engine with data, at its initial weights."""
    given = {key: value for key, value in case.items() if key not in ("weighted", "blocks", "group")}
    made: Plan = make_plan([3, 5, 1 if case.get("loss") == "cox" else 2], batch=BATCH, **given)
    engine = Engine(made, 1)
    x, t = make_data(made, ROWS)
    weight = np.linspace(0, 2, ROWS) if case.get("weighted") else None
    engine.initialize(made.seed)
    engine.load_data(Made(x) if case.get("blocks") else x, t, weight, None, case.get("group"))
    return engine


def stop_after(least: int) -> Callable[[int, int], None]:
    """A progress function that ends the epoch once so many steps are done."""

    def progress(done: int, steps: int) -> None:
        assert steps == STEPS
        if done >= least:
            raise Stopped

    return progress


def everything(engine: Engine) -> dict[str, bytes]:
    """Weights, states and losses."""
    found = {**engine.parameters(), **engine.state(), "losses": engine.step_losses()}
    return {name: array.tobytes() for name, array in found.items()}


def train_in_parts(case: dict[str, Any], anew: bool, parts: np.random.Generator) -> tuple[dict[str, bytes], int]:
    """Train both epochs with stops at random places; anew: go on in a new engine.  Also how often it stopped."""
    engine, stops = loaded(case), 0
    for index in range(2):
        losses: np.ndarray = np.empty(0)
        while True:
            begun = engine.steps_done - len(losses)
            try:
                engine.epoch(index, RATES[index], stop_after(len(losses) + int(parts.integers(1, 9))), losses)
                break
            except Stopped:
                stops += 1
            losses = engine.step_losses().copy()
            assert len(losses) == engine.steps_done - begun
            if anew:
                parameters, state, engine = engine.parameters(), engine.state(), loaded(case)
                engine.set_parameters(parameters)
                engine.restore(state)
    return everything(engine), stops


@pytest.mark.parametrize("anew", [False, True], ids=["here", "anew"])
@pytest.mark.parametrize("name", CASES)
def test_the_bits_do_not_depend_on_where_it_stopped(name: str, anew: bool) -> None:
    whole = loaded(CASES[name])
    for index in range(2):
        loss = whole.epoch(index, RATES[index])
        assert loss == whole.step_losses().mean()
    for seed in range(3):
        found, stops = train_in_parts(CASES[name], anew, np.random.default_rng(seed))
        assert found == everything(whole)
        assert stops > 2


def test_an_epoch_whose_steps_are_all_done_only_has_its_loss() -> None:
    engine, other = loaded(CASES["adam"]), loaded(CASES["adam"])
    loss = engine.epoch(0, RATES[0])
    other.set_parameters(engine.parameters())
    other.restore(engine.state())
    before = everything(engine)
    assert other.epoch(0, RATES[0], None, engine.step_losses()) == loss
    assert everything(other) == before


def test_weights_that_are_not_finite_are_seen() -> None:
    engine = loaded({"between": [{"norm": "batch"}]})
    assert engine.is_finite()
    for name, tensor in engine.parameters().items():
        bad = tensor.copy()
        bad.flat[-1] = np.inf
        engine.set_parameters({**engine.parameters(), name: bad})
        assert not engine.is_finite()
        engine.set_parameters({**engine.parameters(), name: tensor})
    assert engine.is_finite()


def test_the_squares_are_those_of_the_weights_alone() -> None:
    engine = loaded({"between": [{"norm": "batch"}]})
    engine.epoch(0, RATES[0])
    weights = [tensor for name, tensor in engine.parameters().items() if name.endswith(".weight")]
    assert engine.squares() == pytest.approx(sum(np.square(w, dtype=np.float64).sum() for w in weights), rel=1e-6)
