"""Losses of whole batches: gradients, evaluation by batches, weights, going on, and the same bits for any threads."""

from __future__ import annotations

from typing import Any

import batch_losses_of_papers as papers
import numpy as np
import pytest
import reference
from differences import check_gradient
from networks import Made, make_engine, make_plan, same_bytes, train_alike, twin, weights_of

from numbann.components.built_in import built_in
from numbann.components.component import Origin
from numbann.components.declare import freeze, loss
from numbann.components.registry import Registry
from numbann.engine.devices import device_of
from numbann.engine.shared import feeding
from numbann.errors import PluginError, ShapeError
from numbann.fit import Job, Rows, fit
from numbann.network.description import Dense, Network
from numbann.network.plan import Plan, build

LOSSES = Registry()
papers.numbann_register(lambda component: LOSSES.register(component, Origin("test", "", "test")))
WIDTHS = {"ranknet": 1, "listnet": 1, "cox": 1, "contrastive": 2, "supervised_contrastive": 3, "concordance_loss": 2}


def plan_of(name: str, width: int = 0, **more: Any) -> Plan:
    return make_plan(
        [5, 7, width or WIDTHS[name]], "tanh", name, losses=None if name in ("cox", "ranknet") else LOSSES, **more
    )


@pytest.mark.parametrize("name", ["contrastive", "supervised_contrastive", "concordance_loss", "listnet"])
def test_the_gradient_of_the_network(name: str) -> None:
    check_gradient(plan_of(name))


@pytest.mark.parametrize("name", WIDTHS)
@pytest.mark.parametrize("batch", [16, None])
def test_any_number_of_threads(name: str, batch: int | None) -> None:
    """Batches of 16 rows and a last one of 3, and all rows as one batch, which others would cut into groups."""
    train_alike(plan_of(name, batch=batch, optimizer="adam", dtype="float32"), 83 if batch else 1100)


@pytest.mark.parametrize("rows", [4, 23])
def test_evaluation_goes_by_batches(rows: int) -> None:
    """The mean over the batches that the seed draws, by their rows; outputs come in the order of the rows."""
    made = plan_of("cox", batch=8, dtype="float64", seed=3)
    engine, x, t = make_engine(made, rows)
    with engine:
        value, outputs = engine.evaluate(x, t)
        np.testing.assert_allclose(outputs, reference.forward(twin(engine), x), rtol=1e-12)
        np.testing.assert_array_equal(outputs, engine.predict(x))
        engine.epoch(0, np.zeros(-(-rows // 8)))  # the first epoch draws the same batches
        steps = engine.step_losses()
    sizes = [8] * (rows // 8) + [rows % 8] * (rows % 8 > 0)
    assert value == pytest.approx(np.average(steps, weights=sizes), rel=1e-12)


def test_rows_from_a_file_are_evaluated_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "BLOCK_BYTES", 2 * 8 * 5 * 4)
    engine, x, t = make_engine(plan_of("contrastive", batch=8, dtype="float32"), 61)
    with engine:
        value, outputs = engine.evaluate(x, t)
        other, others = engine.evaluate(Made(x), t)
    assert value == other
    assert outputs.tobytes() == others.tobytes()


def test_a_weight_of_two_is_a_row_twice() -> None:
    """All rows in one batch: the same gradient."""
    made, found = plan_of("cox"), []
    for twice in (False, True):
        engine, x, t = make_engine(made, 9)
        weight = np.where(np.arange(9) == 4, 2.0, 1.0)
        with engine:
            if twice:
                x, t, weight = np.vstack([x, x[4:5]]), np.vstack([t, t[4:5]]), None
            engine.load_data(x, t, weight)
            engine.epoch(0, np.ones(1))
            found.append(np.concatenate([part.ravel() for pair in weights_of(engine) for part in pair]))
    np.testing.assert_allclose(*found, rtol=1e-10)


def test_weights_in_evaluation() -> None:
    """A row of weight 0 is not there, and batches count by the weights of their rows."""
    engine, x, t = make_engine(plan_of("cox", batch=8), 24)
    with engine:
        ones, plain = engine.evaluate(x, t, np.full(24, 3.0)), engine.evaluate(x, t)
        assert ones[0] == pytest.approx(plain[0], rel=1e-12)
        assert np.isfinite(engine.evaluate(x, t, (np.arange(24) < 2).astype(float))[0])
        assert engine.evaluate(x, t, np.zeros(24))[0] == 0


def test_weights_that_a_loss_does_not_ask_for() -> None:
    made = plan_of("contrastive")
    rows = Rows(np.zeros((3, 5)), np.zeros((3, 1)), np.ones(3))
    with pytest.raises(ShapeError, match=r"contrastive does not say what a row's weight does; leave weight out"):
        Job(made, rows)


def test_a_network_must_have_its_outputs() -> None:
    with pytest.raises(ShapeError, match="cox takes 1 outputs; give the last layer so many, not 3"):
        plan_of("cox", width=3)


def test_the_width_of_an_embedding_is_a_parameter() -> None:
    wide = LOSSES.configured("loss", "contrastive", size=5)
    layers = (Dense(7, built_in().configured("activation", "tanh")), Dense(5))
    sgd = built_in().configured("optimizer", "sgd")
    made = build(Network(inputs=6, layers=layers, loss=wide, optimizer=sgd, batch_size=8))
    x, identity = np.random.default_rng(0).standard_normal((20, 6)), (np.arange(20.0) % 3)[:, None]
    fitted = fit(Job(made, Rows(x, identity), epochs=3))
    assert fitted.predict(x).shape == (20, 5)
    assert fitted.history[-1]["train_loss"] < fitted.history[0]["train_loss"]
    with pytest.raises(ShapeError, match="contrastive takes 5 outputs; give the last layer so many, not 2"):
        build(Network(inputs=6, layers=(Dense(2),), loss=wide, optimizer=sgd))


def test_a_gpu_refuses_it() -> None:
    component = make_plan([5, 1], loss="cox").loss.component
    assert "loss of whole batches" in device_of("cuda").refusal(component)
    assert device_of("cpu").refusal(component) == ""


def test_training_follows_the_twin() -> None:
    """An epoch of plain descent over a batch of all rows."""
    engine, x, t = make_engine(plan_of("cox"), 15)
    layers = twin(engine)
    with engine:
        value = engine.epoch(0, np.full(1, 0.1))

        def update(w: Any, g: Any) -> Any:
            return (w - 0.1 * g,)

        expected, layers, _ = reference.training_step(layers, x, t, reference.cox, update, [((), ())] * 2)
        assert value == pytest.approx(expected, rel=1e-12)
        for (w, b), layer in zip(weights_of(engine), layers, strict=True):
            np.testing.assert_allclose(w, layer.w, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(b, layer.b, rtol=1e-9, atol=1e-12)


def test_neighbours_of_one_identity() -> None:
    """Five identities in a plane: contrastive puts each row beside one of its own, where its inputs do not."""
    random = np.random.default_rng(0)
    identity = np.arange(600) % 5
    angle = 2 * np.pi * (identity + random.uniform(0, 0.8, 600)) / 5
    x = np.column_stack([np.cos(angle), np.sin(angle), 3 * random.standard_normal((600, 4))]).astype("f4")
    made = make_plan([6, 32, 2], "tanh", "contrastive", "adam", batch=64, dtype="float32", losses=LOSSES)
    rows = Rows(x[:500], identity[:500, None].astype("f4"))
    fitted = fit(Job(made, rows, epochs=30, learning_rate=0.01))
    assert share_of_neighbours(fitted.predict(x[500:]), identity[500:]) > 0.85
    assert share_of_neighbours(x[500:], identity[500:]) < 0.5


def share_of_neighbours(points: np.ndarray, identity: np.ndarray) -> float:
    """The share of points whose nearest other point has their identity."""
    far = ((points[:, None] - points) ** 2).sum(2) + 1e9 * np.eye(len(points))
    return float((identity[far.argmin(1)] == identity).mean())


# ---- what is refused


def refused(match: str, **traits: Any) -> Any:
    """Expect that a function is refused as a loss of batches."""

    def check(function: Any) -> None:
        with pytest.raises(PluginError, match=match):
            freeze(loss(form="batch", **traits)(function))

    return check


def test_declarations() -> None:
    @refused("asks for 'row'")
    def lost(y, t, dy):
        return 0

    @refused("asks for 'dy'")
    def flat(row, y, t):
        return 0

    @refused("for `t` or for `label`")
    def both(row, y, t, label, dy):
        return 0

    @refused("outputs=0: give a whole number", outputs=0)
    def none(row, y, t, dy):
        return 0

    @refused("outputs=2: give a whole number, or .*for a target whose columns have names", outputs=2)
    def two(row, y, t, dy):
        return 0

    @refused("outputs='margin': give a whole number, or", target={"identity": "real"}, outputs="margin")
    def named(row, y, identity, dy, margin: float = 2.0):
        return 0

    with pytest.raises(PluginError, match='is for form="batch"; other losses name'):
        loss(outputs=2)


def test_numbers_of_each_row_are_of_their_own_name() -> None:
    @loss(form="batch")
    def taken(row, y, t, dy):
        return 0

    taken.each("weight")(lambda row, y: 0)
    with pytest.raises(PluginError, match="weight is another argument"):
        freeze(taken)

    @loss(form="row")
    def rows(y, t, dy):
        return 0

    rows.each("total")(lambda row, y: 0)
    with pytest.raises(PluginError, match=r"is for a loss of whole batches"):
        freeze(rows)


def test_only_dy_is_set() -> None:
    @loss(form="batch")
    def greedy(row, y, t, dy):
        """Greedy."""
        y[row, 0] = 0
        dy[0] = 0
        return 0

    registry = Registry()
    registry.register(greedy, Origin("test", "", "test"))
    with pytest.raises(PluginError, match=r"sets 'y\[row, 0\]', which other rows read"):
        make_engine(make_plan([2, 1], loss="greedy", losses=registry), 4)


def test_rows_are_no_arrays_to_compute_with() -> None:
    @loss(form="batch")
    def whole_rows(row, y, t, dy):
        """Whole rows."""
        e = y[row] - t[row]
        dy[0] = 2 * e[0]
        return e[0] * e[0]

    registry = Registry()
    registry.register(whole_rows, Origin("test", "", "test"))
    with pytest.raises(PluginError, match="is an array; work on elements"):
        make_engine(make_plan([2, 1], loss="whole_rows", losses=registry), 4)


def test_two_runs() -> None:
    made = plan_of("concordance_loss", batch=16)
    found = []
    for _ in range(2):
        engine, _, _ = make_engine(made, 50, "auto")
        with engine:
            engine.epoch(0, np.full(4, 0.1))
            found.append(weights_of(engine))
    assert same_bytes(*found)
