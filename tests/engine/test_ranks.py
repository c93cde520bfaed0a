"""One training over ranks: the bits of one process, for any number of ranks and of threads of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from networks import Made, make_data, make_plan, same_bytes, set_weights, weights_of
from worlds import World, on_ranks

from numbann.engine.cpu import groups
from numbann.engine.cpu.engine import Engine
from numbann.engine.cpu.groups import count_groups
from numbann.engine.cpu.ranks import refuse_ranks
from numbann.engine.devices import make_engine
from numbann.engine.interface import Paused
from numbann.engine.shared import feeding
from numbann.engine.shared.batches import Stripes, equal_bounds
from numbann.engine.shared.epochs import Epochs
from numbann.errors import DeviceError, ShapeError, TrainingError
from numbann.network.plan import Plan

EPOCHS, DRAWS = 2, 60
Trained = tuple[list[float], bytes, list[tuple[np.ndarray, np.ndarray]], dict[str, np.ndarray]]


def trained(
    made: Plan,
    rows: int,
    world: World | None = None,
    threads: int = 1,
    weighted: bool = False,
    source: Callable[[np.ndarray], Any] = np.asarray,
    begin: Callable[[], None] = lambda: None,
) -> Trained:
    """Losses of epochs and steps, weights and states after some epochs, before each of which begin is called."""
    x, t = make_data(made, rows)
    weight = np.linspace(0, 2, rows) if weighted else None
    steps = -(-rows // made.batch_rows(rows))
    with Engine(made, threads, exactly=True, ranks=world) as engine:
        engine.initialize(made.seed)
        random = np.random.default_rng(1)
        set_weights(engine, [(w, 0.1 * random.standard_normal(b.shape)) for w, b in weights_of(engine)])
        engine.load_data(source(x), t, weight)
        losses = []
        for epoch in range(EPOCHS):
            begin()
            losses.append(engine.epoch(epoch, np.full(steps, 0.01)))
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
    "stripes": (2500, 1100, {"shuffle": "stripes", "dtype": "float32"}),
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


@pytest.mark.parametrize("shuffle", [None, "stripes"])
def test_a_rank_makes_the_rows_of_its_part_alone(shuffle: str | None) -> None:
    """Rows that come by blocks, to the bits of rows in memory; with stripes a rank has the same ones in all epochs."""
    made = make_plan([5, 17, 3], "tanh", optimizer="adam", batch=1100, dtype="float32", shuffle=shuffle)
    expected = trained(made, 2500)

    def fed(world: World | None) -> tuple[Trained, list[set[int]]]:
        made_rows: list[set[int]] = []

        class Watched(Made):
            def take(self, places: np.ndarray, out: np.ndarray) -> None:
                made_rows[-1].update(places.tolist())
                super().take(places, out)

        found = trained(made, 2500, world, source=Watched, begin=lambda: made_rows.append(set()))
        return found, made_rows

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feeding, "BLOCK_BYTES", 100 * 5 * 4)
        assert same(fed(None)[0], expected)
        found = on_ranks(4, fed)
    assert all(same(one, expected) for one, _ in found)
    for epoch in range(EPOCHS):
        rows = [made_rows[epoch] for _, made_rows in found]
        assert sum(map(len, rows)) == len(set().union(*rows)) == 2500
        assert max(map(len, rows)) <= 2500 / 4 + 3
    unchanged = all(made_rows[0] == made_rows[1] for _, made_rows in found)
    assert unchanged == (shuffle is not None)


def test_stripes_mix_rows_within_pieces_of_the_data() -> None:
    random = np.random.default_rng(0)
    for _ in range(DRAWS):
        rows, batch = int(random.integers(1, 400)), int(random.integers(1, 100))
        bounds, orders = equal_bounds(rows, batch), np.empty((2, rows), np.int64)
        stripes = Stripes(bounds)
        for epoch, order in enumerate(orders):
            stripes.draw(order, 7, epoch)
            assert sorted(order) == [*range(rows)]
        ends = [size * np.arange(1, 17) // 16 for size in np.diff(bounds)]
        of = np.concatenate([np.searchsorted(one, np.arange(one[-1]), "right") for one in ends])
        pieces = [np.sort(orders[0][of == stripe]) for stripe in range(16)]
        for first, end in ((0, 4), (4, 8), (8, 16)):
            own = np.sort(np.concatenate([orders[1][(of >= first) & (of < end)]]))
            assert np.array_equal(own, np.sort(np.concatenate(pieces[first:end])))
            assert not len(own) or own[-1] - own[0] == len(own) - 1
        assert rows < 100 or (orders[0] != orders[1]).any()


def test_stripes_cut_no_groups() -> None:
    made = make_plan([5, 7, 1], shuffle="stripes", batch=4)
    with pytest.raises(ShapeError, match="shuffle: batches hold whole groups"):
        Epochs(made, 8, None, None, np.arange(8) // 2)
    with pytest.raises(ShapeError, match="shuffle 'rows' is unknown"):
        make_plan([5, 7, 1], shuffle="rows")


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


def test_gpus_train_without_ranks() -> None:
    with pytest.raises(DeviceError, match=r'ranks do not train on "cuda"; give train.device "cpu", or no ranks'):
        make_engine(make_plan([5, 7, 1]), "cuda", ranks=object())


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
