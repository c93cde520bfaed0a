"""Batches of whole groups: how they are drawn, the same bits for any threads and sources, and what they learn."""

from __future__ import annotations

import os
from typing import Any

import batch_losses_of_papers as papers
import numpy as np
import pytest
import reference
from networks import Made, flat, make_data, make_plan, same_bytes, set_weights, twin, weights_of

from numbann.components.built_in import built_in
from numbann.components.component import Origin
from numbann.components.registry import Registry
from numbann.engine.cpu.engine import Engine
from numbann.engine.devices import device_of
from numbann.engine.shared import feeding
from numbann.engine.shared.batches import Grouping, count_steps, whole_groups
from numbann.errors import ShapeError
from numbann.fit import Job, Rows, fit
from numbann.network.plan import Plan

CASES = int(os.environ.get("NUMBANN_GROUP_CASES", "200"))
LOSSES = Registry()
papers.numbann_register(lambda component: LOSSES.register(component, Origin("test", "", "test")))


def some_groups(rows: int, random: np.random.Generator, most: int = 9) -> np.ndarray:
    """The groups of rows, of one to `most` rows each, whose rows are not together."""
    found = np.repeat(np.arange(rows), random.integers(1, most + 1, rows))[:rows]
    return random.permutation(7 * found - 3)


def loaded(made: Plan, rows: int, group: np.ndarray, threads: int = 1, source: Any = np.asarray, **more: Any) -> Engine:
    """An engine with rows in groups; a source makes the inputs of them."""
    engine = Engine(made, threads, exactly=True)
    x, t = make_data(made, rows)
    engine.initialize(made.seed)
    random = np.random.default_rng(1)
    set_weights(engine, [(w, 0.1 * random.standard_normal(b.shape)) for w, b in weights_of(engine)])
    engine.load_data(source(x), t, group=group, **more)
    return engine


def plan_of(loss: str, batch: int | None, **more: Any) -> Plan:
    return make_plan([5, 7, 1], "tanh", loss, losses=LOSSES if loss == "listnet" else None, batch=batch, **more)


# ---- how batches are drawn


def test_batches_are_whole_groups() -> None:
    random = np.random.default_rng(0)
    for _ in range(CASES):
        rows, batch = int(random.integers(1, 60)), int(random.integers(1, 60))
        group, order = some_groups(rows, random, int(random.integers(1, 20))), np.empty(rows, np.int64)
        grouping, seed = Grouping(group, batch), int(random.integers(99))
        steps, count = count_steps(rows, batch, group), len(np.unique(group))
        assert steps == min(-(-rows // batch), count)
        for epoch in range(2):
            grouping.draw(order, seed, epoch)
            assert sorted(order) == [*range(rows)]
            assert len(grouping.bounds) == steps + 1
            assert (grouping.bounds[0], grouping.bounds[-1]) == (0, rows)
            parts = np.split(group[order], grouping.bounds[1:-1])
            found = [set(part) for part in parts]
            assert sum(map(len, found)) == count == len(set().union(*found))
            assert max(map(len, found)) - min(map(len, found)) <= 1
            assert max(map(len, parts)) <= grouping.most
            for place, (first, end) in enumerate(grouping.extents):
                assert set(group[order[first:end]]) == {group[order[place]]}
                assert (np.diff(order[first:end]) > 0).all()


def test_epochs_draw_other_batches_and_one_batch_keeps_its_order() -> None:
    group, order = np.arange(40) // 4, np.empty(40, np.int64)
    found = []
    for batch in (8, 40):
        for epoch in range(2):
            Grouping(group, batch).draw(order, 0, epoch)
            found.append(order.copy())
    assert (found[0] != found[1]).any()
    np.testing.assert_array_equal(found[2], np.arange(40))
    np.testing.assert_array_equal(found[3], np.arange(40))


def test_a_sample_of_whole_groups() -> None:
    random = np.random.default_rng(0)
    group = some_groups(100, random)
    for rows in (1, 30, 99, 100, 200):
        taken = whole_groups(group, rows, random)
        assert len(taken) >= min(rows, 100)
        assert not set(group[taken]) & set(np.delete(group, taken))
    assert len(whole_groups(np.arange(100), 30, random)) == 30


# ---- training and evaluation


def value_of(name: str, y: np.ndarray, t: np.ndarray, group: np.ndarray) -> tuple[float, np.ndarray]:
    """The loss of a batch, the mean over its rows, and its gradient, group by group."""
    value, dy = 0.0, np.zeros_like(y)
    for one in np.unique(group):
        here = group == one
        values, dy[here] = getattr(reference, name)(y[here], t[here])
        value += values.sum() / len(y)
    return value, dy / len(y)


@pytest.mark.parametrize("batch", [None, 12])
def test_training_follows_the_twin(batch: int | None) -> None:
    group, made = some_groups(53, np.random.default_rng(2)), plan_of("ranknet", batch)
    engine, (x, t) = loaded(made, 53, group), make_data(made, 53)
    layers, order = twin(engine), np.empty(53, np.int64)
    grouping = Grouping(group, batch or 53)
    grouping.draw(order, made.seed, 0)
    expected = []
    for rows in np.split(order, grouping.bounds[1:-1]):

        def loss(y: Any, t: Any, rows: np.ndarray = rows) -> Any:
            value, dy = value_of("ranknet", y, t, group[rows])
            return np.full(len(y), value), dy * len(y)

        def update(w: Any, g: Any) -> Any:
            return (w - 0.1 * g,)

        value, layers, _ = reference.training_step(layers, x[rows], t[rows], loss, update, [((), ())] * 2)
        expected.append(value)
    with engine:
        engine.epoch(0, np.full(len(expected), 0.1))
        np.testing.assert_allclose(engine.step_losses(), expected, rtol=1e-12)
        for (w, b), layer in zip(weights_of(engine), layers, strict=True):
            np.testing.assert_allclose(w, layer.w, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(b, layer.b, rtol=1e-9, atol=1e-12)


MANY: dict[str, tuple[int, int | None, dict[str, Any]]] = {
    "ranknet": (83, 16, {"optimizer": "adam", "dtype": "float32"}),
    "all rows at once": (1100, None, {"loss": "listnet"}),
    "batch norm": (83, 16, {"loss": "listnet", "between": [{"norm": "batch"}]}),
    "huge batches of a loss of rows": (2600, 1100, {"loss": "mse", "dtype": "float32"}),
    "an optimizer in NumPy": (83, 16, {"optimizer": "lamb"}),
    "noise, weights": (83, 16, {"between": [{"dropout": 0.3}], "weighted": True}),
}


@pytest.mark.parametrize("name", MANY)
def test_any_number_of_threads_and_any_source(name: str) -> None:
    """Rows in memory and rows that come by blocks."""
    rows, batch, more = MANY[name]
    more = {"loss": "ranknet", **more}
    weight = np.linspace(0, 2, rows) if more.pop("weighted", False) else None
    made, group = plan_of(batch=batch, **more), some_groups(rows, np.random.default_rng(3))
    steps, found = count_steps(rows, made.batch_rows(rows), group), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feeding, "BLOCK_BYTES", 40 * 5 * 4)
        for threads, source in ((1, np.asarray), (2, np.asarray), (3, np.asarray), (2, Made)):
            with loaded(made, rows, group, threads, source, weight=weight) as engine:
                losses = [engine.epoch(k, np.full(steps, 0.01)) for k in range(2)]
                x, t = make_data(made, rows)
                value, outputs = engine.evaluate(source(x), t, weight, group)
                found.append((losses, engine.step_losses().tobytes(), value, outputs.tobytes(), weights_of(engine)))
    for other in found[1:]:
        assert other[:4] == found[0][:4]
        assert same_bytes(other[4], found[0][4])


def test_evaluation_goes_by_groups() -> None:
    """The mean over batches by their rows; outputs come in the order of the rows; a torn group would change it."""
    made, group = plan_of("ranknet", 8), np.arange(30) // 5
    x, t = make_data(made, 30)
    with loaded(made, 30, group) as engine:
        value, outputs = engine.evaluate(x, t, None, group)
        np.testing.assert_array_equal(outputs, engine.predict(x))
        assert value == pytest.approx(value_of("ranknet", outputs, t, group)[0], rel=1e-12)
        places = np.random.default_rng(0).permutation(30)
        assert engine.evaluate(x[places], t[places], None, group[places])[0] == pytest.approx(value, rel=1e-12)
        assert engine.evaluate(x, t)[0] != pytest.approx(value, rel=1e-3)


def test_without_groups_a_batch_is_one() -> None:
    made = plan_of("ranknet", None)
    x, t = make_data(made, 30)
    with loaded(made, 30, np.zeros(30, int)) as engine:
        assert engine.evaluate(x, t)[0] == pytest.approx(engine.evaluate(x, t, None, np.zeros(30, int))[0])


def test_a_probe_is_the_gradient_of_a_step() -> None:
    made, group = plan_of("ranknet", None), some_groups(41, np.random.default_rng(5))
    x, t = make_data(made, 41)
    with loaded(made, 41, group, 2) as engine:
        before, facts = weights_of(engine), engine.probe(x, t, None, group)
        engine.epoch(0, np.ones(1))
        for (w, b), (w_after, b_after), fact in zip(before, weights_of(engine), facts, strict=True):
            np.testing.assert_allclose(fact.dw, w - w_after, rtol=1e-9, atol=1e-14)
            np.testing.assert_allclose(fact.db, b - b_after, rtol=1e-9, atol=1e-14)


def test_a_weight_of_two_is_a_row_twice() -> None:
    made, found, group = plan_of("ranknet", None), [], np.arange(9) // 3
    for twice in (False, True):
        x, t = make_data(made, 9)
        weight: np.ndarray | None = np.where(np.arange(9) == 4, 2.0, 1.0)
        own = group
        with loaded(made, 9, group) as engine:
            if twice:
                x, t, weight, own = np.vstack([x, x[4:5]]), np.vstack([t, t[4:5]]), None, np.append(group, group[4])
            engine.load_data(x, t, weight, None, own)
            engine.epoch(0, np.ones(1))
            found.append(flat(weights_of(engine)))
    np.testing.assert_allclose(*found, rtol=1e-10)


# ---- fit


def test_some_of_the_rows() -> None:
    """Training on some rows has the bits of training on these alone."""
    made, group = plan_of("ranknet", 8, dtype="float32"), some_groups(60, np.random.default_rng(4))
    x, t = make_data(made, 60)
    t, chosen = t.astype("f4"), np.flatnonzero(group % 2)
    schedule = built_in().configured("schedule", "cosine")
    whole = fit(Job(made, Rows(x, t, None, group), epochs=3, schedule=schedule), rows=chosen, threads=1)
    alone = fit(Job(made, Rows(x[chosen], t[chosen], None, group[chosen]), epochs=3, schedule=schedule), threads=1)
    assert all(whole.tensors[name].tobytes() == alone.tensors[name].tobytes() for name in whole.tensors)


@pytest.mark.parametrize("group", [np.zeros(4, int), np.zeros(5), [["a"]] * 5])
def test_groups_are_whole_numbers_of_the_rows(group: Any) -> None:
    with pytest.raises(ShapeError, match=r"group is .*; give whole numbers \(5,\)"):
        Job(plan_of("ranknet", 8), Rows(np.zeros((5, 5)), np.zeros((5, 1)), None, group))


def test_a_gpu_makes_no_such_batches() -> None:
    assert 'give train.device "cpu"' in device_of("cuda").group_refusal
    assert device_of("cpu").group_refusal == ""


def test_documents_of_a_query() -> None:
    """Grades that a query lifts or lowers as a whole, which x does not tell: pairs within it order documents better.

    The measure is the NDCG of the three that come first, on queries that were not trained on.
    """
    random = np.random.default_rng(0)
    query = np.repeat(np.arange(90), random.integers(4, 17, 90))
    rows, train = len(query), query < 60
    x = random.standard_normal((rows, 6)).astype("f4")
    worth = np.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2]
    grade = worth + 6 * random.standard_normal(90)[query] + 0.3 * random.standard_normal(rows)
    found, ndcg = {}, built_in().get("metric", "ndcg").function
    for name in ("ranknet", "listnet", "mse"):
        made = make_plan([6, 24, 1], "tanh", name, "adam", batch=100, dtype="float32", losses=_registry(name))
        given = Rows(x[train], grade[train, None].astype("f4"), None, query[train])
        fitted = fit(Job(made, given, epochs=60, learning_rate=0.01), threads=1)
        best = worth[~train] - worth.min()
        found[name] = ndcg(best[:, None], fitted.predict(x[~train]), query[~train], np.ones((~train).sum()), 3)
    assert min(found["ranknet"], found["listnet"]) > found["mse"] + 0.1


def _registry(name: str) -> Registry | None:
    return LOSSES if name == "listnet" else None
