"""Plans, data and NumPy twins of small networks, without a spec."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import reference

from numbann.components.built_in import built_in
from numbann.components.component import Component, Configured
from numbann.components.registry import Registry
from numbann.engine.cpu.engine import Engine
from numbann.engine.interface import NO_NUMBERS
from numbann.engine.shared.random import shuffle_epoch
from numbann.fit import Job, Rows, fit
from numbann.network import plan
from numbann.network.description import Categories, Course, Dense, Embedding, Network
from numbann.network.steps import PickRows


class Made:
    """Rows of an array, made when asked for."""

    def __init__(self, x: np.ndarray) -> None:
        self.x, self.width, self.dtype = x, x.shape[1], str(x.dtype)

    def __len__(self) -> int:
        return len(self.x)

    def take(self, places: np.ndarray, out: np.ndarray) -> None:
        """Write rows into out."""
        out[:] = self.x[places]


def weights_of(engine: Engine) -> list[tuple[np.ndarray, np.ndarray]]:
    """Each layer's w (I, O) and b (O,), those that predict."""
    found = engine.parameters()
    return [(found[f"layers.{k}.weight"], found[f"layers.{k}.bias"]) for k in range(len(engine.plan.layers))]


def set_weights(engine: Engine, weights: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
    """Set each layer's w (I, O) and b (O,), and leave everything else as it is."""
    given = {f"layers.{k}.weight": w for k, (w, _) in enumerate(weights)}
    given |= {f"layers.{k}.bias": b for k, (_, b) in enumerate(weights)}
    engine.set_parameters(engine.parameters() | given)


def configured(kind: str, name: str, registry: Registry | None = None, **values: Any) -> Configured:
    """A component with its parameters, a built-in one if no registry is given."""
    return (registry or built_in()).get(kind, name).configured(**values)


def width_of(loss: str, about: int) -> int:
    """Roughly as many outputs, which a loss takes for whole targets."""
    component = built_in().get("loss", loss)
    if component.form == "batch" and component.columns:
        return component.outputs_by()
    each = len(component.outputs) or 1
    return max(1, about // each) * each


def make_plan(
    sizes: Sequence[int],
    activation: str = "tanh",
    loss: str = "mse",
    optimizer: str = "sgd",
    *,
    output: str = "identity",
    batch: int | None = None,
    shuffle: str | None = None,
    dtype: str = "float64",
    seed: int = 0,
    weight_decay: float = 0.0,
    l1: float = 0.0,
    clip_value: float | None = None,
    clip_norm: float | None = None,
    average: float | None = None,
    embedding: Embedding | None = None,
    categories: Categories | None = None,
    input_scale: float = 0.0,
    width_rates: bool = False,
    bias_rate: float = 1.0,
    bias_decay: bool = True,
    courses: Mapping[str, Course] | None = None,
    blend: float = 0.0,
    members: int = 1,
    registry: Registry | None = None,
    optimizers: Registry | None = None,
    losses: Registry | None = None,
    between: Sequence[Mapping[str, Any]] = (),
    **parameters: Any,
) -> plan.Plan:
    """The plan of a network of these sizes; parameters are the optimizer's, batch None is all rows.

    blend: the rate of a blend in all activations; 0: there is none.
    between: what stands between layers (norm, dropout, residual), for the first ones.
    """
    link = configured("loss", loss, losses).component.traits["link"]
    names = [activation] * (len(sizes) - 2) + [output if link == "identity" else "identity"]
    init = configured("initializer", "xavier_normal")

    def chosen(name: str) -> Configured:
        found = configured("activation", name, registry)
        return (
            Configured(found.component, {**found.values, "blend": True, "blend_rate": float(blend)}) if blend else found
        )

    layers = [
        Dense(units, chosen(name), **{"init": init, **extra})
        for units, name, extra in zip(sizes[1:], names, [*between, *[{}] * (len(names) - len(between))], strict=True)
    ]
    network = Network(
        inputs=sizes[0],
        layers=tuple(layers),
        loss=configured("loss", loss, losses),
        optimizer=configured("optimizer", optimizer, optimizers, **parameters),
        dtype=dtype,
        seed=seed,
        batch_size=batch,
        shuffle=shuffle,
        weight_decay=weight_decay,
        l1=l1,
        clip_value=clip_value,
        clip_norm=clip_norm,
        average=average,
        input_embedding=embedding,
        input_categories=categories,
        input_scale=input_scale,
        width_rates=width_rates,
        bias_rate=bias_rate,
        bias_decay=bias_decay,
        courses=courses or {},
        members=members,
    )
    return plan.build(network)


def make_targets(loss: Component, rows: int, outputs: int, random: np.random.Generator) -> np.ndarray:
    """Targets that a loss accepts: classes (B,), or rows (B, T) of its kind of number, T the outputs or a share."""
    if "label" in loss.roles:
        return random.integers(0, loss.classes(outputs), rows)
    groups = outputs // loss.traits["outputs"] if loss.form != "batch" or not loss.columns else 1
    draw = {
        "real": lambda: random.standard_normal((rows, groups)),
        "unshifted": lambda: random.uniform(0.5, 3.0, (rows, groups)),
        **dict.fromkeys(("nonnegative", "positive"), lambda: random.uniform(0.5, 3.0, (rows, groups))),
        "share": lambda: random.uniform(0.1, 0.9, (rows, groups)),
        "binary": lambda: random.uniform(0.0, 1.0, (rows, groups)),
        "distribution": lambda: random.dirichlet(np.ones(groups), rows),
    }
    found = np.hstack([draw[kind]() for kind in loss.columns.values() or [loss.traits["target"]]])
    return (
        np.round(2 * found) / 2 if loss.form == "batch" else found
    )  # rows of such a loss are compared: some are equal


def make_data(made: plan.Plan, rows: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (B, I) and targets for a plan."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((rows, made.inputs)).astype(made.dtype)
    if coded := made.layers[0].training.step(PickRows):
        for column, count in zip(coded.columns, coded.counts, strict=False):  # -1: no category
            x[:, column] = random.integers(-1, count, rows)
    return x, make_targets(made.loss.component, rows, made.outputs, random)


def make_engine(
    made: plan.Plan, rows: int, threads: int | str = 1, seed: int = 1
) -> tuple[Engine, np.ndarray, np.ndarray]:
    """An engine with initial weights and data, and that data.  Biases are drawn too, so that they are tested.

    A number of threads is exact, even if there are fewer processors.
    """
    engine = Engine(made, threads, exactly=threads != "auto")
    engine.initialize(made.seed)
    random = np.random.default_rng(seed)
    set_weights(engine, [(w, 0.1 * random.standard_normal(b.shape)) for w, b in weights_of(engine)])
    x, t = make_data(made, rows, seed)
    engine.load_data(x, t)
    return engine, x, t


def epoch_order(made: plan.Plan, epoch: int, rows: int) -> np.ndarray:
    """The order in which an epoch visits the rows."""
    order = np.arange(rows, dtype=np.int64)
    if made.batch_rows(rows) < rows:
        shuffle_epoch(order, made.seed, epoch)
    return order


def twin(engine: Engine) -> list[reference.Layer]:
    """The engine's network in NumPy and float64."""
    layers = []
    for layer, (w, b) in zip(engine.plan.layers, weights_of(engine), strict=True):
        name, values = (layer.activation.name, layer.activation.values) if layer.activation else ("identity", {})
        forward, backward = getattr(reference, name), getattr(reference, f"{name}_backward")
        pair = functools.partial(forward, **values), functools.partial(backward, **values)
        layers.append(reference.Layer(w.astype(np.float64), b.astype(np.float64), *pair))
    return layers


def twin_loss(made: plan.Plan) -> reference.Loss:
    """The plan's loss in NumPy."""
    return functools.partial(getattr(reference, made.loss.name), **made.loss.values)


def flat(weights: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """All weights and biases as one vector."""
    return np.concatenate([part.ravel() for pair in weights for part in pair])


def same_bytes(one: list[tuple[np.ndarray, np.ndarray]], other: list[tuple[np.ndarray, np.ndarray]]) -> bool:
    """Whether two sets of weights are equal to the last bit."""
    return flat(one).tobytes() == flat(other).tobytes()


def same_tensors(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> bool:
    """Whether two sets of tensors are equal to the last bit."""
    return one.keys() == other.keys() and all(one[name].tobytes() == other[name].tobytes() for name in one)


def go_on_alike(
    made: plan.Plan, rows: int, make: Callable[..., tuple[Engine, np.ndarray, np.ndarray]] = make_engine
) -> None:
    """Parameters and state after an epoch bring another engine to the same bits."""
    (one, _, _), (other, _, _) = make(made, rows), make_engine(made, rows, seed=1)
    rates = np.full(-(-rows // made.batch_rows(rows)), 0.01)
    with one, other:
        one.epoch(0, rates)
        other.set_parameters(one.parameters())
        other.restore(one.state())
        assert one.epoch(1, rates) == other.epoch(1, rates)
        assert same_tensors(one.parameters(), other.parameters())


def stream_alike(made: plan.Plan) -> None:
    """Rows that stay in their file give the bits of those in memory."""
    found = []
    for streamed in (False, True):
        engine, x, t = make_engine(made, 90)
        with engine:
            engine.load_data(Made(x) if streamed else x, t)
            engine.epoch(0, np.full(6, 0.01))
            found.append(engine.parameters())
            assert engine.predict(Made(x) if streamed else x).tobytes() == engine.predict(x).tobytes()
    assert same_tensors(*found)


def fit_side_by_side(made: plan.Plan) -> None:
    """Several trainings at once have the bits of one."""
    x, t = make_data(made, 100)

    def train(seed: int) -> Mapping[str, np.ndarray]:
        return fit(Job(replace(made, seed=seed), Rows(x, t), epochs=3), threads=1).tensors

    alone = [train(seed) for seed in range(3)]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(train, range(3)))
    assert all(same_tensors(one, other) for one, other in zip(alone, together, strict=True))


def predict_raw_alike(engine: Engine, x: np.ndarray) -> None:
    """Raw numbers, few rows of them and many, predict what the inputs do that they become."""
    shift, scale = np.linspace(-1, 1, x.shape[1]), np.linspace(0.5, 2, x.shape[1])
    for rows in (3, 400):
        inputs = ((x[:rows] - shift) / scale).astype(engine.plan.dtype)
        raw = engine.predict_raw(np.ascontiguousarray(x[:rows]), shift, scale)
        assert raw is not None
        assert raw.tobytes() == engine.predict(inputs).tobytes()


def train_alike(
    made: plan.Plan,
    rows: int,
    make: Callable[..., tuple[Engine, np.ndarray, np.ndarray]] = make_engine,
    numbers: Mapping[str, np.ndarray] = NO_NUMBERS,
) -> dict[str, np.ndarray]:
    """The tensors after two epochs, which one, two and three threads bring to the same bytes, as losses and outputs."""
    rates, found = np.full(-(-rows // made.batch_rows(rows)), 0.01), []
    for threads in (1, 2, 3):
        engine, x, _ = make(made, rows, threads)
        with engine:
            losses = [engine.epoch(k, rates, numbers=numbers) for k in range(2)]
            found.append((losses, engine.parameters(), engine.predict(x)))
    for losses, tensors, outputs in found[1:]:
        assert losses == found[0][0]
        assert same_tensors(tensors, found[0][1])
        assert outputs.tobytes() == found[0][2].tobytes()
    return found[0][1]
