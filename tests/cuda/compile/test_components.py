"""Components' functions as training uses them, on a GPU or in its simulator: trained vectors, and what is added."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba_cuda")

from rows_of_all_shapes import FUNCTIONS, component_of

from numbann.components.built_in import built_in
from numbann.cuda.compile import components as compiled
from numbann.cuda.threads import lanes
from numbann.cuda.threads.device import SIMULATED, blocks, cuda, kernel, launcher
from numbann.simd import op

pytestmark = [
    pytest.mark.skipif(not SIMULATED and not cuda.is_available(), reason="needs a GPU or its simulator"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # of NumPy in the simulator
]

put = cuda.to_device
ROWS, COLUMNS = 3, 5


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
    """By the functions, which have a number for each unit, and by the kernel of the slopes, which has one."""
    z, d, vectors = numbers(ROWS, COLUMNS), numbers(ROWS * COLUMNS, seed=1), numbers(1, COLUMNS, seed=2)
    module = compiled.activation(built_in().get("activation", "prelu"), "float32")
    value, slope, to_alpha = module.value, module.slope, module.slope_0

    @kernel
    def all_of_them(z, vectors, found):
        for r in range(z.shape[0]):
            for c in range(z.shape[1]):
                found[0, r, c] = value(z[r, c], 0, (0,), vectors, c)
                found[1, r, c] = slope(z[r, c], 0, 0, (0,), vectors, c)
                found[2, r, c] = to_alpha(z[r, c], 0, 0, (0,), vectors, c)

    found = put(np.zeros((3, ROWS, COLUMNS), np.float32))
    launcher(all_of_them, 1, 1)(put(z), put(vectors), found)
    expected = [np.where(z < 0, vectors * z, z), np.where(z < 0, vectors, 1), np.where(z < 0, z, 0)]
    np.testing.assert_allclose(found.copy_to_host(), expected, rtol=1e-6)
    dp = put(np.zeros((1, ROWS * COLUMNS), np.float32))
    launcher(module.slopes, 2)(put(d), put(z.ravel()), put(z.ravel()), put(np.float32([0.25])), dp)
    np.testing.assert_allclose(dp.copy_to_host()[0], np.where(z.ravel() < 0, z.ravel() * d, 0), rtol=1e-6)


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


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_rows_of_all_shapes(function: Callable[..., None]) -> None:
    """More elements than lanes and fewer, on lanes that go their own ways between barriers."""
    module = compiled.activation(component_of(function), "float32")
    for columns in (3, lanes.COUNT + 1):
        z, expected = numbers(2, columns), np.zeros((2, columns), np.float32)
        for r in range(2):
            function(z[r], expected[r])
        a = put(np.zeros_like(z))
        launcher(module.forward, 1, lanes.COUNT)(put(z), a, (np.float32(0),))
        np.testing.assert_allclose(a.copy_to_host(), expected, rtol=1e-5, atol=1e-5)
