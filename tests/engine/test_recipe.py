"""The recipe for tables, each part and all together: rates of their own, a scale, a blend, numbers that change while
training; against NumPy, in float64.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import reference
from networks import configured, epoch_order, make_engine, make_plan, same_tensors, train_alike

import numbann
from numbann.components.parameter import PLAIN, Tuning
from numbann.engine.shared.random import noise_keys
from numbann.errors import DeviceError, RunDirectoryError, ShapeError, SpecError
from numbann.network.description import Course
from numbann.network.plan import Plan
from numbann.network.steps import Drop

SIZES = [5, 70, 33, 3]
ROWS, STEPS = 61, 20
DECAY = 0.02
PARTS: dict[str, dict[str, Any]] = {
    "width": {"width_rates": True},
    "biases": {"bias_rate": 0.1},
    "biases without decay": {"bias_decay": False},
    "layer": {"between": [{"rate": 0.25}]},
    "scale": {"input_scale": 6.0},
    "blend": {"blend": 0.1},
    "decay": {"courses": ["weight_decay"]},
    "dropout": {"between": [{"dropout": 0.3}, {"dropout": 0.1}], "courses": ["layers.0.dropout"]},
    "smoothing of yes and no": {"loss": "sigmoid_cross_entropy", "courses": ["label_smoothing"]},
    "smoothing": {"loss": "softmax_cross_entropy", "courses": ["label_smoothing"]},
}
COURSE = Course(configured("schedule", "linear"))  # whatever it is: these tests give the engine its numbers
ALL = {name: value for part in PARTS.values() for name, value in part.items()} | {
    "between": [{"dropout": 0.3, "rate": 0.25}, {"dropout": 0.1}],
    "courses": ["weight_decay", "layers.0.dropout", "layers.1.dropout", "label_smoothing"],
}


def planned(batch: int = 9, courses: Sequence[str] = (), **options: Any) -> Plan:
    given = {"optimizer": "adamw", "beta2": 0.95, "weight_decay": DECAY, "batch": batch, "loss": "mse", **options}
    return make_plan(SIZES, "mish", courses=dict.fromkeys(courses, COURSE), **given)


def numbers_of(made: Plan, epoch: int, steps: int) -> dict[str, np.ndarray]:
    """Other numbers at each step of an epoch, between 0 and 0.6."""
    random = np.random.default_rng(epoch)
    return {name: random.uniform(0, 0.6, steps) for name in made.courses}


def rates_of(made: Plan, options: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Each tensor's rate and decay as the options say, beside what the plan says."""
    found = {}
    for k, inputs in enumerate(SIZES[:-1]):
        layer = options.get("between", [{}])[0].get("rate", 1.0) if k == 0 else 1.0
        width = 1 / sqrt(inputs) if options.get("width_rates") else 1.0
        found[f"layers.{k}.weight"] = layer * width, DECAY
        found[f"layers.{k}.bias"] = layer * options.get("bias_rate", 1.0), DECAY * options.get("bias_decay", True)
        found[f"layers.{k}.activation.blend"] = layer * options.get("blend", 1.0), DECAY
    found["input.scale"] = options.get("input_scale", 1.0), DECAY
    return {name: found[name] for name in made.tensors}


class Twin:
    """The network and its training in NumPy."""

    def __init__(self, made: Plan, tensors: Mapping[str, np.ndarray], ways: Mapping[str, tuple[float, float]]) -> None:
        self.made, self.ways, self.step = made, ways, 0
        self.tensors = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}
        self.states = {name: [np.zeros_like(tensor)] * 2 for name, tensor in self.tensors.items()}

    def gradients(
        self, x: np.ndarray, t: np.ndarray, draws: Sequence[np.ndarray], number: Mapping[str, float]
    ) -> tuple[float, dict[str, np.ndarray]]:
        """The loss and its gradient to each tensor; draws: each layer's for dropout."""
        one, kept, count = self.tensors, [], len(self.made.layers)
        given, x = x, x * one.get("input.scale", 1.0)
        for k in range(count):
            z = x @ one[f"layers.{k}.weight"] + one[f"layers.{k}.bias"]
            f = reference.mish(z) if k + 1 < count else z
            a = z + one.get(f"layers.{k}.activation.blend", 1.0) * (f - z)
            drop = self.made.layers[k].training.step(Drop)
            rate = number.get(f"layers.{k}.dropout", drop.rate if drop else 0.0)
            factor = np.where(draws[k] < rate, 0.0, 1 / (1 - rate))
            kept.append((x, z, f, factor))
            x = a * factor
        if self.made.loss.name == "mse":
            loss, d = ((x - t) ** 2).mean(), 2 * (x - t) / t.size
        else:
            values, d = getattr(reference, self.made.loss.name)(
                x, t, label_smoothing=number.get("label_smoothing", 0.0)
            )
            loss, d = values.mean(), d / len(x)
        found = {}
        for k, (x, z, f, factor) in reversed(list(enumerate(kept))):
            d = d * factor
            blend = one.get(f"layers.{k}.activation.blend", 1.0)
            found[f"layers.{k}.activation.blend"] = (d * (f - z)).sum(0)
            slope = reference.mish_backward(1.0, z, f) if k + 1 < count else 1.0
            d = d * (1 + blend * (slope - 1))
            found[f"layers.{k}.weight"], found[f"layers.{k}.bias"] = x.T @ d, d.sum(0)
            d = d @ one[f"layers.{k}.weight"].T
        found["input.scale"] = (d * given).sum(0)
        return float(loss), {name: found[name] for name in one}

    def train(
        self, x: np.ndarray, t: np.ndarray, draws: Sequence[np.ndarray], rate: float, number: Mapping[str, float]
    ) -> float:
        """A step of AdamW."""
        loss, found = self.gradients(x, t, draws, number)
        self.step += 1
        for name, g in found.items():
            times, decay = self.ways[name]
            decay *= number.get("weight_decay", DECAY) / DECAY
            self.tensors[name], *self.states[name] = reference.adamw_step(
                self.tensors[name], g, *self.states[name], self.step, rate * times, beta2=0.95, weight_decay=decay
            )
        return loss

    def epoch(self, index: int, x: np.ndarray, t: np.ndarray, rates: np.ndarray) -> float:
        """An epoch with the numbers of `numbers_of`; the mean of its losses."""
        keys = noise_keys(self.made.seed, index, 2 * len(self.made.layers))[1::2]
        draws = [reference.draws(key, len(x), units) for key, units in zip(keys, SIZES[1:], strict=True)]
        order, numbers = epoch_order(self.made, index, len(x)), numbers_of(self.made, index, len(rates))
        losses = []
        for k, rate in enumerate(rates):
            place = slice(k * self.made.batch_rows(len(x)), (k + 1) * self.made.batch_rows(len(x)))
            number = {name: values[k] for name, values in numbers.items()}
            rows = order[place]
            losses.append(self.train(x[rows], t[rows], [drawn[place] for drawn in draws], rate, number))
        return float(np.mean(losses))


@pytest.mark.parametrize("options", [*PARTS.values(), ALL], ids=[*PARTS, "all"])
@pytest.mark.parametrize("how", [{}, {"clip_norm": 1e6}, {"batch": 1100}], ids=["at once", "stored", "by groups"])
def test_twenty_steps_are_those_of_the_twin(options: dict[str, Any], how: dict[str, Any]) -> None:
    """In every way in which a gradient reaches the optimizer."""
    made = planned(**{**options, **how})
    rows = ROWS if made.batch_size == 9 else 2300
    engine, x, t = make_engine(made, rows)
    steps = -(-rows // made.batch_rows(rows))
    rates = np.linspace(0.02, 0.01, steps)
    with engine:
        twin = Twin(made, engine.parameters(), rates_of(made, options))
        for epoch in range(-(-STEPS // steps)):
            loss = engine.epoch(epoch, rates, numbers=numbers_of(made, epoch, steps))
            assert loss == pytest.approx(twin.epoch(epoch, x, t, rates), rel=1e-9)
        for name, tensor in engine.parameters().items():
            np.testing.assert_allclose(tensor, twin.tensors[name], rtol=1e-9, atol=1e-11, err_msg=name)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("batch", "rows"), [(7, 23), (1100, 2300)])
def test_any_number_of_threads_gives_the_same_bytes(batch: int, rows: int, dtype: str) -> None:
    made = planned(batch, dtype=dtype, **ALL)
    train_alike(made, rows, numbers=numbers_of(made, 0, -(-rows // batch)))


@pytest.mark.parametrize("optimizer", ["lamb", "adam"])
def test_whole_matrices_and_kernels_take_rates_alike(optimizer: str) -> None:
    """A rate of 0 leaves what it is for as it was, and moves all else as before."""
    free, held = (
        make_plan(SIZES, "tanh", "mse", optimizer, batch=9, bias_rate=rate, weight_decay=0.1) for rate in (1.0, 0.0)
    )
    found = []
    for made in (free, held):
        engine, _, _ = make_engine(made, 9)
        with engine:
            before = engine.parameters()
            engine.epoch(0, np.full(1, 0.1))
            found.append({name: before[name] - tensor for name, tensor in engine.parameters().items()})
    for name, moved in found[1].items():
        expected = np.zeros_like(moved) if name.endswith("bias") else found[0][name]
        assert same_tensors({name: moved}, {name: expected})


def test_how_many_ways_there_are() -> None:
    made = make_plan([4, 9, 9, 9, 3], width_rates=True, bias_rate=0.5)
    assert made.tunings == [PLAIN, Tuning(rate=1 / 2), Tuning(rate=1 / 3)]
    assert make_plan([4, 9, 3], between=[{"norm": "layer", "rate": 0.5}]).tunings == [PLAIN, Tuning(rate=0.5)]
    assert make_plan([4, 9, 3], "prelu", input_scale=1.0).tunings == [PLAIN]


def test_what_is_refused() -> None:
    for part in ({"width_rates": True}, {"bias_rate": 0.5}, {"input_scale": 2.0}, {"between": [{"rate": 0.5}]}):
        with pytest.raises(
            ShapeError, match="lbfgs moves all numbers at once; leave rates and decays of their own out"
        ):
            make_plan(SIZES, optimizer="lbfgs", **part)


def test_only_these_numbers_may_change() -> None:
    with pytest.raises(ShapeError, match=r"courses: 'layers\.0\.dropout' does not change .* numbers are weight_decay"):
        planned(courses=["layers.0.dropout"])


def test_a_gpu_refuses_them() -> None:
    pytest.importorskip("numba_cuda")
    from numbann.cuda.engine import stages

    for part in ({"width_rates": True}, {"bias_rate": 0.5}, {"bias_decay": False}, {"between": [{"rate": 0.5}]}):
        with pytest.raises(DeviceError, match="weights or biases with a rate or a decay of their own"):
            stages.require(make_plan(SIZES, **part))
    with pytest.raises(DeviceError, match=r"layers\.0\.dropout: does not change on a GPU"):
        stages.require(make_plan(SIZES, between=[{"dropout": 0.1}], courses={"layers.0.dropout": COURSE}))
    stages.require(make_plan(SIZES, courses={"weight_decay": COURSE}))


# ---- in a spec

OPTIMIZER = {"type": "adamw", "learning_rate": 0.01, "rates": "width", "bias_rate": 0.1, "bias_decay": False}
MOVED = {"value": 0.5, "schedule": "linear"}
SLOW = {"type": "mish", "blend": True, "blend_rate": 0.1}
MODEL = {"input": {"scale": {"rate": 6}}, "layers": [{"units": 8, "rate": 0.5}, 4], "activation": SLOW}
MODEL |= {"init": "unit_variance", "bias_init": "he5"}


def test_a_run_goes_on_with_them(write_spec: Callable[..., Path]) -> None:
    """The plan has what the spec says; the resolved spec says it too, and nothing where nobody asked."""
    given = {"model": MODEL, "optimizer": OPTIMIZER}
    whole = numbann.train(write_spec(**given), output="whole")
    part = numbann.train(write_spec(**given, train={"epochs": 2}), output="part")
    part = numbann.resume(part.path, epochs=4)
    one, other = numbann.load(whole.path), numbann.load(part.path)
    assert same_tensors(one.tensors, other.tensors)
    spec = json.loads((whole.path / "spec.resolved.json").read_text())
    assert {key: spec["optimizer"][key] for key in OPTIMIZER} == OPTIMIZER
    assert spec["model"]["input"] == {"embedding": None, "categories": None, **MODEL["input"]}
    assert spec["model"]["layers"][1]["activation"] == SLOW
    plain = numbann.train(write_spec(model={"layers": [8]}, train={"epochs": 1}), output="plain")
    spec = json.loads((plain.path / "spec.resolved.json").read_text())
    assert not {"rates", "bias_rate", "bias_decay"} & set(spec["optimizer"])


def test_a_run_goes_on_with_schedules_of_numbers(write_spec: Callable[..., Path]) -> None:
    """One that remembers the losses of epochs, too; the resolved spec says them."""
    waiting = {"type": "plateau", "patience": 0, "factor": 0.5, "threshold": 0.9}
    given = {
        "model": {"layers": [8], "dropout": {"value": 0.3, "schedule": {"type": "exponential", "factor": 0.5}}},
        "optimizer": {"type": "adamw", "learning_rate": 0.01, "weight_decay": {"value": 0.5, "schedule": waiting}},
        "loss": {"type": "softmax_cross_entropy", "label_smoothing": {"value": 0.2, "schedule": "inverse_time"}},
    }
    whole = numbann.train(write_spec(**given), output="whole")
    part = numbann.train(write_spec(**given, train={"epochs": 2}), output="part")
    part = numbann.resume(part.path, epochs=4)
    assert same_tensors(numbann.load(whole.path).tensors, numbann.load(part.path).tensors)
    plain = {**given, "optimizer": {**given["optimizer"], "weight_decay": 0.5}}
    other = numbann.train(write_spec(**plain), output="other")
    assert not same_tensors(numbann.load(whole.path).tensors, numbann.load(other.path).tensors)
    spec = json.loads((whole.path / "spec.resolved.json").read_text())
    moved = {"value": 0.3, "schedule": {"type": "exponential", "factor": 0.5, "warmup_epochs": 0}}
    assert spec["model"]["layers"][0]["dropout"] == moved
    assert spec["optimizer"]["weight_decay"]["schedule"]["patience"] == 0
    again = numbann.train(whole.path / "spec.resolved.json", output="again")
    assert same_tensors(numbann.load(whole.path).tensors, numbann.load(again.path).tensors)


def test_a_run_that_is_laid_out_over_its_epochs(write_spec: Callable[..., Path]) -> None:
    run = numbann.train(write_spec(model={"layers": [4], "dropout": {"value": 0.2, "schedule": "flat_cosine"}}))
    with pytest.raises(RunDirectoryError, match='its schedule "flat_cosine" is laid out over the epochs'):
        numbann.resume(run.path, epochs=9)


@pytest.mark.parametrize("scale", [True, False, 6, 0.5, None])
def test_short_forms_of_the_scale(write_spec: Callable[..., Path], scale: Any) -> None:
    run = numbann.train(write_spec(model={"input": {"scale": scale}, "layers": [3]}, train={"epochs": 1}))
    spec = json.loads((run.path / "spec.resolved.json").read_text())
    expected = None if not scale else {"rate": 1.0 if scale is True else scale}
    assert spec["model"]["input"]["scale"] == expected


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"optimizer": {**OPTIMIZER, "rates": "wide"}},
            'optimizer.rates: "wide" is not allowed; give "same" or "width"',
        ),
        ({"optimizer": {**OPTIMIZER, "bias_rate": -1}}, r"optimizer\.bias_rate"),
        ({"model": {"input": {"scale": 0}, "layers": []}}, r"model\.input\.scale\.rate"),
        ({"model": {"layers": [{"units": 3, "rate": 0}]}}, r"model\.layers\[0\]\.rate"),
        (
            {"optimizer": {**OPTIMIZER, "type": "lbfgs"}, "train": {}},
            "lbfgs moves all numbers at once; leave rates out",
        ),
        ({"optimizer": OPTIMIZER, "train": {"device": "cuda"}}, 'bias_decay: train.device "cuda" does not do this'),
        ({"model": MODEL, "train": {"device": "cuda"}}, r'layers\[0\]\.rate: train\.device "cuda" does not do this'),
        (
            {"model": {"layers": [4], "dropout": MOVED}, "train": {"device": "cuda"}},
            r'layers\[0\]\.dropout: train\.device "cuda" does not do this',
        ),
        (
            {"model": {"layers": [4], "activation": SLOW}, "train": {"device": "cuda"}},
            r'layers\[0\]\.activation\.blend_rate: train\.device "cuda" does not do this',
        ),
        (
            {"model": {"layers": [4], "activation": {"type": "mish", "blend_rate": 2}}},
            "blend_rate: there is no blend; give blend: true, too",
        ),
        (
            {"model": {"layers": [4], "dropout": {"value": 1}}},
            r"model\.dropout\.value: 1 is not allowed; give a number from 0",
        ),
        ({"model": {"layers": [4], "dropout": {"schedule": "linear"}}}, r"model\.dropout\.value: missing"),
        (
            {"model": {"layers": [4], "dropout": {**MOVED, "vlaue": 1}}},
            'model.dropout.vlaue: unknown key; did you mean "value"',
        ),
        (
            {"model": {"layers": [4], "dropout": 2}},
            r"model\.dropout: 2 is not allowed; .*or an object with the keys value",
        ),
        (
            {"loss": {"type": "softmax_cross_entropy", "label_smoothing": {"value": 0.1, "schedule": "cosin"}}},
            r'loss\.label_smoothing\.schedule: .*did you mean "cosine"',
        ),
        ({"optimizer": {"type": "adam", "learning_rate": MOVED}}, r"optimizer\.learning_rate"),
        (
            {"optimizer": {"type": "lbfgs", "weight_decay": MOVED}, "train": {}},
            "lbfgs needs the same loss each time it asks; give 0.5 alone",
        ),
        (
            {"model": {"layers": [4], "dropout": {"value": 0.1, "schedule": {"type": "cosine", "warmup_epochs": 9}}}},
            r"dropout\.schedule\.warmup_epochs: 9 of 4 epochs are warm-up",
        ),
    ],
)
def test_what_a_spec_may_not_say(write_spec: Callable[..., Path], given: dict[str, Any], told: str) -> None:
    with pytest.raises(SpecError, match=told):
        numbann.train(write_spec(**given))
