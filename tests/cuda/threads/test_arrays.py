"""The products of ordinary arrays compiled to PTX; what they give is tested in tests/cuda/test_kernels.py."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("numba_cuda")

from numba import types

from numbann.cuda.compile.components import double_precision
from numbann.cuda.threads import arrays
from numbann.cuda.threads.device import CAPABILITIES, SIMULATED, assemble, ptx
from numbann.cuda.threads.tiling import TILES

pytestmark = pytest.mark.skipif(SIMULATED, reason="the simulator compiles nothing")

LINE, SIZE = types.Array(types.float32, 1, "C"), types.UniTuple(types.int64, 3)
ARGUMENTS = (LINE, LINE, LINE, LINE, SIZE, types.int64, types.int64)
PRODUCTS = {
    "forward": ((True, False), arrays._store_with_bias),
    "delta": ((True, True), arrays._store),
    "gradient": ((False, False), arrays._store_with_sums, True),
}


def test_what_joins_products_of_cublas() -> None:
    for kernel, given in (
        (arrays._add_bias, (LINE, LINE)),
        (arrays._column_sums("float32"), (LINE, types.int64, LINE)),
    ):
        assert double_precision(ptx(kernel, given, CAPABILITIES[0])) == []


@pytest.mark.parametrize("made", PRODUCTS.values(), ids=PRODUCTS)
def test_single_precision_for_every_capability(made: tuple[Any, ...]) -> None:
    for capability in CAPABILITIES:
        text = ptx(arrays._product("float32", TILES[-1], *made), ARGUMENTS, capability)
        assert double_precision(text) == []
        found = assemble(text, capability)
        assert found is None or found["spills"] == 0
