"""One training over ranks: the bits of one process, for any number of ranks and of threads of each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from networks import make_data, make_plan, same_bytes, set_weights, weights_of
from worlds import World, on_ranks

from numbann.engine.cpu import groups
from numbann.engine.cpu.engine import Engine
from numbann.engine.cpu.groups import count_groups
from numbann.engine.cpu.ranks import refuse_ranks
from numbann.engine.interface import Paused
from numbann.errors import DeviceError, TrainingError
from numbann.network.plan import Plan

EPOCHS = 2
Trained = tuple[list[float], bytes, list[tuple[np.ndarray, np.ndarray]], dict[str, np.ndarray]]


def trained(made: Plan, rows: int, world: World | None = None, threads: int = 1, weighted: bool = False) -> Trained:
    """Losses of epochs and steps, weights and states after some epochs."""
    x, t = make_data(made, rows)
    weight = np.linspace(0, 2, rows) if weighted else None
    steps = -(-rows // made.batch_rows(rows))
    with Engine(made, threads, exactly=True, ranks=world) as engine:
        engine.initialize(made.seed)
        random = np.random.default_rng(1)
        set_weights(engine, [(w, 0.1 * random.standard_normal(b.shape)) for w, b in weights_of(engine)])
        engine.load_data(x, t, weight)
        losses = [engine.epoch(epoch, np.full(steps, 0.01)) for epoch in range(EPOCHS)]
        return losses, engine.step_losses().tobytes(), weights_of(engine), engine.state()


def same(one: Trained, other: Trained) -> bool:
    """Whether two trainings have the same bits."""
    states = one[3].keys() == other[3].keys() and all(
        one[3][key].tobytes() == other[3][key].tobytes() for key in one[3]
    )
    return one[:2] == other[:2] and same_bytes(one[2], other[2]) and states


CASES: dict[str, tuple[int, int | None, dict[str, Any]]] = {
    "adam": (4100, 2048, {"optimizer": "adam", "dtype": "float32"}),  # the last batch has fewer rows than groups
    "all rows": (3001, None, {"dtype": "float32"}),
    "float64": (2500, 1100, {"optimizer": "rmsprop"}),
    "clipped, decayed, averaged": (
        2500,
        1100,
        {"optimizer": "adam", "clip_norm": 0.01, "weight_decay": 0.1, "average": 0.9, "dtype": "float32"},
    ),
    "noise, a norm, trained numbers": (
        2500,
        1100,
        {"activation": "prelu", "between": [{"norm": "layer", "dropout": 0.3}], "dtype": "float32"},
    ),
    "a scale of inputs": (2500, 1100, {"input_scale": 2.0, "dtype": "float32"}),
    "bfloat16": (2500, 1100, {"dtype": "bfloat16", "optimizer": "adam"}),
    "bfloat16, clipped": (2500, 1100, {"dtype": "bfloat16", "clip_norm": 0.01}),
    "members": (800, 400, {"members": 3, "dtype": "float32"}),
    "weights of rows": (2500, 1100, {"weighted": True, "dtype": "float32"}),
    "matrices": (2500, 1100, {"optimizer": "lamb", "dtype": "float32"}),
    "a solver": (1500, None, {"optimizer": "lbfgs"}),
}


@pytest.mark.parametrize("name", CASES)
def test_any_number_of_ranks(name: str) -> None:
    rows, batch, more = CASES[name]
    weighted = more.get("weighted", False)
    given = {"activation": "tanh", "loss": "mse", **{key: value for key, value in more.items() if key != "weighted"}}
    made = make_plan([5, 33, 18, 3], batch=batch, **given)
    expected = trained(made, rows, weighted=weighted)
    assert same(trained(made, rows, threads=3, weighted=weighted), expected)
    for ranks, threads in ((1, 1), (2, 2), (4, 1), (16, 1)):
        found = on_ranks(ranks, lambda world, threads=threads: trained(made, rows, world, threads, weighted))
        assert all(same(one, expected) for one in found), ranks


def test_groups_depend_on_the_network_and_the_batch() -> None:
    large = groups.LARGE_ARENA
    assert count_groups(large - 1, 1024) == 16
    assert [count_groups(large, batch) for batch in (1024, 2048, 4095, 4096, 8192, 1 << 20)] == [4, 4, 4, 8, 16, 16]
    assert count_groups(1 << 25, 1 << 20) == 8
    assert count_groups(1 << 27, 1 << 20) == 4


REFUSED: dict[str, tuple[int | None, int, dict[str, Any], str]] = {
    "small batches": (1023, 2, {}, "ranks share the rows of batches of 1024 or more, and a batch has 1023 here"),
    "a batch norm": (1100, 2, {"between": [{"norm": "batch"}]}, "a batch norm needs all rows of a batch at once"),
    "a loss of whole batches": (1100, 2, {"loss": "ranknet"}, "the loss needs all rows of a batch at once"),
    "three": (1100, 3, {}, "3 ranks are no power of 2"),
    "too many": (1100, 32, {}, "are cut into 16 groups: start at most 16 ranks"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_ranks_cannot_train(name: str) -> None:
    batch, ranks, more, message = REFUSED[name]
    made = make_plan([5, 7, 1], batch=batch, **more)
    assert message in refuse_ranks(made, made.batch_rows(2000), 16, ranks)
    if ranks == 2:
        with pytest.raises(DeviceError, match=message):
            on_ranks(2, lambda world: trained(made, 2000, world))


def test_a_pause_that_one_rank_asks_for_is_one_of_all() -> None:
    made = make_plan([5, 17, 3], "tanh", optimizer="adam", batch=1024, dtype="float32")
    x, t = make_data(made, 5000)
    rates = np.full(5, 0.01)

    def paused(world: World | None) -> tuple[list[int], bytes, list[tuple[np.ndarray, np.ndarray]]]:
        """Paused by the last rank after each step; going on with the losses until then."""
        with Engine(made, 1, ranks=world) as engine, pytest.MonkeyPatch.context() as patch:
            patch.setattr("numbann.engine.shared.report.SECONDS", 0.0)
            engine.initialize(0)
            engine.load_data(x, t)
            done: list[int] = []

            def progress(count: int, steps: int) -> None:
                if world is not None and world.Get_rank() == 1:
                    raise Paused

            losses = np.empty(0)
            while len(losses) < 5:
                try:
                    engine.epoch(0, rates, progress, losses)
                except Paused:
                    done.append(engine.steps_done)
                losses = engine.step_losses()
            return done, losses.tobytes(), weights_of(engine)

    _, losses, weights = paused(None)
    for found in on_ranks(2, paused):
        assert found[:2] == ([1, 2, 3, 4, 5], losses)
        assert same_bytes(found[2], weights)


def test_ranks_that_compute_other_bits_are_told() -> None:
    made = make_plan([5, 7, 1], batch=1024)
    x, t = make_data(made, 1024)

    def differing(world: World) -> str:
        with Engine(made, 1, ranks=world) as engine:
            engine.initialize(world.Get_rank())
            engine.load_data(x, t)
            with pytest.raises(TrainingError) as error:
                engine.epoch(0, np.full(1, 0.1))
            return str(error.value)

    assert {found.partition(":")[0] for found in on_ranks(2, differing)} == {
        "the weights of the ranks differ, so their machines compute different bits"
    }
