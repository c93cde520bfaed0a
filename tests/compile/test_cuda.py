"""Kernels made from components as training uses them, on a GPU or in its simulator: vectors, noise, orders, shares."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba_cuda")

from numbann import reference
from numbann.compile import cuda as compiled
from numbann.discovery import built_in
from numbann.simd import op
from numbann.simd.noise import noise, row_key
from numbann.simt.device import SIMULATED, blocks, cuda, kernel, launcher

pytestmark = [
    pytest.mark.skipif(not SIMULATED and not cuda.is_available(), reason="needs a GPU or its simulator"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # of NumPy in the simulator
]

put = cuda.to_device
ROWS, COLUMNS = 3, 5
NONE = np.zeros(1, np.float32)  # for parameters that are not there


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    """Normal numbers in single precision."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def hyper(*parameters: float, **named: float) -> np.ndarray:
    """The numbers of a step."""
    found = np.zeros(op.FIRST_PARAMETER + len(parameters), np.float32)
    found[op.FIRST_PARAMETER :] = parameters
    for name, value in named.items():
        found[getattr(op, name)] = value
    return found


def test_what_is_trained_of_each_unit() -> None:
    z, d, vectors = numbers(ROWS, COLUMNS), numbers(ROWS, COLUMNS, seed=1), numbers(1, COLUMNS, seed=2)
    module = compiled.activation(built_in().get("activation", "prelu"), "float32", training=True)
    a, dz, slopes = put(np.zeros_like(z)), put(d), put(np.zeros((1, ROWS, COLUMNS), np.float32))
    launcher(module.forward, ROWS, 2)(put(z), a, put(NONE), put(vectors), 0, 0)
    np.testing.assert_allclose(a.copy_to_host(), np.where(z < 0, vectors * z, z), rtol=1e-6)
    launcher(module.backward, ROWS, 2)(dz, put(z), a, put(NONE), dz, put(vectors), 0, 0, slopes)
    np.testing.assert_allclose(dz.copy_to_host(), np.where(z < 0, vectors * d, d), rtol=1e-6)
    np.testing.assert_allclose(slopes.copy_to_host()[0], np.where(z < 0, z * d, 0), rtol=1e-6)


@pytest.mark.parametrize("training", [False, True])
def test_noise_is_that_of_the_cpu(training: bool) -> None:
    z, key, place = -np.ones((ROWS, COLUMNS), np.float32), 77, 12
    component = built_in().get("activation", "rrelu")
    module, own = compiled.activation(component, "float32", training), np.float32(list(component.defaults().values()))
    a, dz, slopes = put(z), put(z), put(np.zeros((1, ROWS, COLUMNS), np.float32))
    launcher(module.forward, 2, 2)(put(z), a, put(own), put(np.zeros((1, 1), np.float32)), key, place)
    u = [[noise(*row_key(key, place + r), c) / 2**24 for c in range(COLUMNS)] for r in range(ROWS)]
    expected = -(own[0] + (own[1] - own[0]) * (np.array(u) if training else 0.5))
    np.testing.assert_allclose(a.copy_to_host(), np.broadcast_to(expected, z.shape), rtol=1e-6)
    none = put(np.zeros((1, 1), np.float32))
    launcher(module.backward, 2, 2)(dz, put(z), a, put(own), dz, none, key, place, slopes)
    np.testing.assert_allclose(dz.copy_to_host(), a.copy_to_host(), rtol=1e-6)


@pytest.mark.parametrize("name", ["mse", "softmax_cross_entropy"])
@pytest.mark.parametrize("weighted", [False, True])
def test_rows_in_an_order_with_shares_of_the_batch(name: str, weighted: bool) -> None:
    start, total = 2, 6
    component, random = built_in().get("loss", name), np.random.default_rng(0)
    order, shares = random.permutation(total), random.random(total).astype(np.float32)
    y, labels = numbers(ROWS, COLUMNS), name == "softmax_cross_entropy"
    t = random.integers(0, COLUMNS, total) if labels else numbers(total, COLUMNS, seed=1)
    dy, losses = put(np.zeros_like(y)), put(np.zeros(total, np.float32))
    run = launcher(compiled.loss(component, "float32", weighted).loss, blocks(ROWS))
    run(put(y), put(t), put(order), start, put(shares), ROWS, dy, losses, put(NONE))
    here = slice(start, start + ROWS)
    expected, slope = getattr(reference, name)(y.astype("f8"), t[order[here]])
    np.testing.assert_allclose(losses.copy_to_host(), [0, 0, *expected, 0], rtol=1e-5)
    share = shares[here, None] if weighted else 1 / ROWS
    np.testing.assert_allclose(dy.copy_to_host(), slope * share, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("extras", [(), ("clip_value",), ("l1",), ("average",), ("clip_value", "l1", "average")])
def test_what_is_added_to_an_optimizer(extras: tuple[str, ...]) -> None:
    w, v, g, mean = (numbers(7, seed=k) for k in range(4))
    added = {"CLIP_VALUE": 0.25, "L1": 0.125, "KEPT": 0.5}
    given = hyper(0.9, 0, 0, LEARNING_RATE=0.5, WEIGHT_DECAY=0.25, STEP=2, **added)
    chosen = built_in().get("optimizer", "sgd").configured(momentum=0.9)
    module = compiled.optimizer(chosen.component, "float32", chosen.stored_states, extras)
    arrays = put(np.stack([w, v, mean]))
    launcher(module.update, blocks(7))(arrays, put(g), put(given))
    gradient = np.clip(g, -0.25, 0.25) if "clip_value" in extras else g
    gradient = gradient + 0.25 * w + (0.125 * np.sign(w) if "l1" in extras else 0)
    velocity = 0.9 * v + gradient
    moved = w - 0.5 * velocity
    average = 0.5 * mean + 0.5 * moved if "average" in extras else mean
    np.testing.assert_allclose(arrays.copy_to_host(), [moved, velocity, average], rtol=1e-5, atol=1e-6)


def test_the_mathematics_alone_in_a_kernel_of_ones_own() -> None:
    huber: Any = built_in().get("loss", "huber")
    value = compiled.device_function(huber.function, huber, "float32")
    slope = compiled.device_function(huber.derivative, huber, "float32")

    @kernel
    def both(y, found):
        found[0], found[1] = value(y[0], y[1], y[2]), slope(y[0], y[1], y[2])

    found = put(np.zeros(2, np.float32))
    launcher(both, 1, 1)(put(np.float32([3, 1, 0.5])), found)
    np.testing.assert_allclose(found.copy_to_host(), [0.5 * (2 - 0.25), 0.5])
