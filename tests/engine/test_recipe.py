"""Tables' recipe, each part and all together: rates of their own, a scale, a blend; against NumPy, in float64."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import reference
from networks import epoch_order, make_engine, make_plan, same_tensors, train_alike

import numbann
from numbann.components.component import PLAIN, Tuning
from numbann.errors import DeviceError, ShapeError, SpecError
from numbann.network.plan import Plan

SIZES = [5, 70, 33, 3]
ROWS, STEPS = 61, 20
DECAY = 0.02
PARTS: dict[str, dict[str, Any]] = {
    "width": {"width_rates": True},
    "biases": {"bias_rate": 0.1},
    "biases without decay": {"bias_decay": False},
    "layer": {"between": [{"rate": 0.25}]},
    "scale": {"input_scale": 6.0},
    "blend": {"blend": True},
}
ALL = {name: value for part in PARTS.values() for name, value in part.items()}


def planned(batch: int = 9, **options: Any) -> Plan:
    given = {"optimizer": "adamw", "beta2": 0.95, "weight_decay": DECAY, "batch": batch, **options}
    return make_plan(SIZES, "mish", "mse", **given)


def rates_of(made: Plan, options: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Each tensor's rate and decay as the options say, beside what the plan says."""
    found = {}
    for k, inputs in enumerate(SIZES[:-1]):
        layer = options.get("between", [{}])[0].get("rate", 1.0) if k == 0 else 1.0
        width = 1 / sqrt(inputs) if options.get("width_rates") else 1.0
        found[f"layers.{k}.weight"] = layer * width, DECAY
        found[f"layers.{k}.bias"] = layer * options.get("bias_rate", 1.0), DECAY * options.get("bias_decay", True)
        found[f"layers.{k}.activation.blend"] = layer, DECAY
    found["input.scale"] = options.get("input_scale", 1.0), DECAY
    return {name: found[name] for name in made.tensors}


class Twin:
    """The network and its training in NumPy."""

    def __init__(self, made: Plan, tensors: Mapping[str, np.ndarray], ways: Mapping[str, tuple[float, float]]) -> None:
        self.made, self.ways, self.step = made, ways, 0
        self.tensors = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}
        self.states = {name: [np.zeros_like(tensor)] * 2 for name, tensor in self.tensors.items()}

    def gradients(self, x: np.ndarray, t: np.ndarray) -> tuple[float, dict[str, np.ndarray]]:
        """The loss and its gradient to each tensor."""
        one, kept, count = self.tensors, [], len(self.made.layers)
        given, x = x, x * one.get("input.scale", 1.0)
        for k in range(count):
            z = x @ one[f"layers.{k}.weight"] + one[f"layers.{k}.bias"]
            f = reference.mish(z) if k + 1 < count else z
            a = z + one.get(f"layers.{k}.activation.blend", 1.0) * (f - z)
            kept.append((x, z, f, a))
            x = a
        d, found = 2 * (x - t) / t.size, {}
        for k, (x, z, f, _) in reversed(list(enumerate(kept))):
            blend = one.get(f"layers.{k}.activation.blend", 1.0)
            found[f"layers.{k}.activation.blend"] = (d * (f - z)).sum(0)
            slope = reference.mish_backward(1.0, z, f) if k + 1 < count else 1.0
            d = d * (1 + blend * (slope - 1))
            found[f"layers.{k}.weight"], found[f"layers.{k}.bias"] = x.T @ d, d.sum(0)
            d = d @ one[f"layers.{k}.weight"].T
        found["input.scale"] = (d * given).sum(0)
        return float(((kept[-1][3] - t) ** 2).mean()), {name: found[name] for name in one}

    def train(self, x: np.ndarray, t: np.ndarray, rate: float) -> float:
        """A step of AdamW."""
        loss, found = self.gradients(x, t)
        self.step += 1
        for name, g in found.items():
            times, decay = self.ways[name]
            self.tensors[name], *self.states[name] = reference.adamw_step(
                self.tensors[name], g, *self.states[name], self.step, rate * times, beta2=0.95, weight_decay=decay
            )
        return loss


@pytest.mark.parametrize("options", [*PARTS.values(), ALL], ids=[*PARTS, "all"])
@pytest.mark.parametrize("how", [{}, {"clip_norm": 1e6}, {"batch": 1100}], ids=["at once", "stored", "by groups"])
def test_twenty_steps_are_those_of_the_twin(options: dict[str, Any], how: dict[str, Any]) -> None:
    """In every way in which a gradient reaches the optimizer."""
    made = planned(**{**options, **how})
    rows = ROWS if made.batch_size == 9 else 2300
    engine, x, t = make_engine(made, rows)
    starts = range(0, rows, made.batch_rows(rows))
    with engine:
        twin = Twin(made, engine.parameters(), rates_of(made, options))
        for epoch in range(-(-STEPS // len(starts))):
            rates, order = np.linspace(0.02, 0.01, len(starts)), epoch_order(made, epoch, rows)
            batches = [order[start : start + starts.step] for start in starts]
            losses = [twin.train(x[one], t[one], rate) for rate, one in zip(rates, batches, strict=True)]
            assert engine.epoch(epoch, rates) == pytest.approx(np.mean(losses), rel=1e-9)
        for name, tensor in engine.parameters().items():
            np.testing.assert_allclose(tensor, twin.tensors[name], rtol=1e-9, atol=1e-11, err_msg=name)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("batch", "rows"), [(7, 23), (1100, 2300)])
def test_any_number_of_threads_gives_the_same_bytes(batch: int, rows: int, dtype: str) -> None:
    train_alike(planned(batch, dtype=dtype, **ALL), rows)


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


def test_a_gpu_refuses_them() -> None:
    pytest.importorskip("numba_cuda")
    from numbann.cuda.engine import stages

    for part in ({"width_rates": True}, {"bias_rate": 0.5}, {"bias_decay": False}, {"between": [{"rate": 0.5}]}):
        with pytest.raises(DeviceError, match="weights or biases with a rate or a decay of their own"):
            stages.require(make_plan(SIZES, **part))


# ---- in a spec

OPTIMIZER = {"type": "adamw", "learning_rate": 0.01, "rates": "width", "bias_rate": 0.1, "bias_decay": False}
MODEL = {"input": {"scale": {"rate": 6}}, "layers": [{"units": 8, "rate": 0.5}, 4]}


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
    assert spec["model"]["input"] == MODEL["input"]
    plain = numbann.train(write_spec(model={"layers": [8]}, train={"epochs": 1}), output="plain")
    spec = json.loads((plain.path / "spec.resolved.json").read_text())
    assert not {"rates", "bias_rate", "bias_decay"} & set(spec["optimizer"])


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
    ],
)
def test_what_a_spec_may_not_say(write_spec: Callable[..., Path], given: dict[str, Any], told: str) -> None:
    with pytest.raises(SpecError, match=told):
        numbann.train(write_spec(**given))
