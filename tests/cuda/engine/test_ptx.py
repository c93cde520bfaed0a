"""Every kernel of the CUDA engine compiled to PTX, which is the check of types that the simulator is not.

In single precision no instruction may touch a number of double precision, and no kernel may use memory for registers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba_cuda")

from networks import make_plan
from numba import types

from numbann.cuda.compile.components import double_precision
from numbann.cuda.engine.launches import Launch
from numbann.cuda.engine.steps import Builder
from numbann.cuda.threads import cublas, elements, fused_sizes, op, products, tiling
from numbann.cuda.threads.batches import SHUFFLED
from numbann.cuda.threads.device import CAPABILITIES, DTYPES, SIMULATED, assemble, ptx
from numbann.cuda.threads.tiling import Cut, Tile
from numbann.engine.shared.hyperparameters import hyper_width

pytestmark = pytest.mark.skipif(SIMULATED, reason="the simulator compiles nothing")
SEEN: set[int] = set()  # kernels that several networks share

NETWORKS: dict[str, dict[str, Any]] = {
    "plain": {"sizes": (3, 5, 2), "optimizer": "adam", "loss": "softmax_cross_entropy"},
    "noise and norms": {
        "sizes": (3, 5, 5, 2),
        "activation": "rrelu",
        "between": [{"norm": "layer", "dropout": 0.3}, {"norm": "batch", "residual": True}],
        "clip_norm": 1.0,
    },
    "a wide first layer": {"sizes": (300, 20, 2), "loss": "softmax_cross_entropy"},
    "rows, trained": {"sizes": (3, 5, 2), "activation": "softmax", "output": "prelu", "average": 0.9},
    "by cuBLAS": {"sizes": (3, 5, 2), "optimizer": "adam"},
}


def arguments(dtype: str) -> tuple[Any, ...]:
    """The types of a kernel's arguments."""
    numbers, whole = types.Array(DTYPES[dtype], 1, "C"), types.Array(types.int64, 1, "C")
    return numbers, numbers, numbers, whole, types.int64, types.int64


def check(kernel: Any) -> str:
    """A kernel in single precision for every capability; its text for the last one."""
    text = ""
    for capability in CAPABILITIES:
        text = ptx(kernel, arguments("float32"), capability)
        assert double_precision(text) == []
        assert ".local" not in text
    return text


@pytest.mark.parametrize("tile", tiling.TILES, ids=str)
def test_products(tile: Tile) -> None:
    finish = elements.store(op.Y)
    for kernel in (
        products.forward(finish, "float32", tile, SHUFFLED),
        products.delta(finish, "float32", tile),
        products.gradient(finish, "float32", tile, SHUFFLED),
    ):
        found = assemble(check(kernel), CAPABILITIES[-1])
        assert found is None or found["spills"] == 0


@pytest.mark.parametrize("name", NETWORKS)
def test_steps_of_networks(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiling, "TILES", tiling.TILES[-1:])
    if name == "by cuBLAS":
        monkeypatch.setattr(cublas, "pays", lambda size: True)
        monkeypatch.setattr(fused_sizes, "WIDEST", 0)
    plan = make_plan(batch=64, dtype="float32", **NETWORKS[name])
    training = Builder(plan, 64, True, 8).train(2, np.zeros((2, hyper_width(plan))), name == "plain")
    inference = Builder(plan, 64, False, 1).evaluate(True).launches if name == "plain" else []
    for launch in (*training.launches, *inference):
        if isinstance(launch, Launch) and id(launch.kernel) not in SEEN:
            SEEN.add(id(launch.kernel))
            check(launch.kernel)


def test_slices_of_the_gradients() -> None:
    check(products.gradients(None, "float32", tiling.TILES[-1], Cut(3, 64)))
    check(products.sum_parts(elements.store(op.Y), "float32", Cut(3, 64), True))


def test_double_precision() -> None:
    plan = make_plan((3, 5, 2), batch=64)
    launch = Builder(plan, 64, True, 1).train(2, np.zeros((2, hyper_width(plan))), False).launches[0]
    assert double_precision(ptx(launch.kernel, arguments("float64"), CAPABILITIES[0]))
