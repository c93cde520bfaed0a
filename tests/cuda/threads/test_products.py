"""The products of layers on a GPU or in its simulator, against NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba_cuda")

from numbann.cuda.threads import op, products, tiling
from numbann.cuda.threads.batches import FROM_WORK, IN_ORDER, SHUFFLED
from numbann.cuda.threads.device import SIMULATED, cuda, inner, launcher
from numbann.cuda.threads.tiling import Tile

pytestmark = pytest.mark.skipif(not SIMULATED and not cuda.is_available(), reason="needs a GPU or its simulator")

TILES = (Tile(8, 8, 4, 2, 2), Tile(16, 8, 8, 4, 2), Tile(8, 8, 8, 1, 1))
SIZES = ((1, 1, 1), (3, 5, 2), (9, 8, 17), (8, 16, 8))  # rows, inputs, outputs
RESULT = op.WIDTH - 2  # the column of a layer's row that these tests write to


@inner
def keep(arena, work, data, ints, places, step, m, n, total):
    """Store the product, in rows as long as those of `RESULT + 1`."""
    work[places[RESULT] + m * places[RESULT + 1] + n] = total


def run(
    make: Callable[..., Any], size: tuple[int, int], tile: Tile, arrays: dict[str, np.ndarray], **fields: int
) -> Any:
    """Launch a kernel on layer 1 at step 1, and give its result."""
    ints = np.zeros(op.HEAD + 2 * op.WIDTH, np.int64)
    ints[op.TOTAL], ints[op.BATCH], ints[op.ORDER] = fields.pop("total"), fields.pop("batch"), len(ints)
    at = op.HEAD + op.WIDTH
    for name, value in fields.items():
        ints[at + getattr(op, name)] = value
    ints[at + RESULT], ints[at + RESULT + 1] = len(arrays["work"]), size[1]
    ints = np.append(ints, arrays["order"])
    work = np.append(arrays["work"], np.full(size[0] * size[1], 7, arrays["work"].dtype))
    given = [cuda.to_device(one) for one in (arrays["arena"], work, arrays["data"], ints)]
    launcher(make, tile.blocks(*size), tile.threads)(*given, 1, 1)
    return given[1].copy_to_host()[len(arrays["work"]) :].reshape(size)


@pytest.fixture(params=SIZES, ids=str)
def numbers(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Two batches of a layer: the second one is smaller by a row, where it has more than one."""
    rows, inputs, outputs = request.param
    random = np.random.default_rng(0)
    total = 2 * rows - (rows > 1)
    w, b = random.standard_normal((inputs, outputs)), random.standard_normal((1, outputs))
    x, d = random.standard_normal((total, inputs)), random.standard_normal((rows, outputs))
    return {"w": np.concatenate([w, b]), "x": x, "d": d, "order": random.permutation(total), "rows": rows}


@pytest.mark.parametrize(("source", "tile"), list(zip((FROM_WORK, IN_ORDER, SHUFFLED), TILES, strict=True)))
def test_forward_and_gradient(numbers: dict[str, Any], source: int, tile: Tile) -> None:
    x, d, w, order = (numbers[name] for name in ("x", "d", "w", "order"))
    rows, inputs, outputs = numbers["rows"], x.shape[1], w.shape[1]
    here = {FROM_WORK: np.arange(len(x) - rows), IN_ORDER: np.arange(rows, len(x)), SHUFFLED: order[rows:]}[source]
    work = np.concatenate([x.ravel(), d.ravel()]) if source == FROM_WORK else np.append([0.0], d.ravel())
    arrays = {"arena": w.ravel(), "work": work, "data": x.ravel(), "order": order}
    fields = {"total": len(x), "batch": rows, "X": 0, "INPUTS": inputs, "OUTPUTS": outputs, "W": 0}
    fields["D"] = x.size if source == FROM_WORK else 1
    if tile == TILES[1]:
        arrays = {name: array if name == "order" else array.astype(np.float32) for name, array in arrays.items()}
    dtype = str(arrays["arena"].dtype)
    exact = {"rtol": 1e-4, "atol": 1e-5} if dtype == "float32" else {"rtol": 1e-11, "atol": 1e-12}

    found = run(products.forward(keep, dtype, tile, source), (rows, outputs), tile, arrays, **fields)
    np.testing.assert_allclose(found[: len(here)], x[here] @ w[:-1] + w[-1], **exact)
    assert (found[len(here) :] == 7).all()  # rows that the last batch does not have

    found = run(products.gradient(keep, dtype, tile, source), (inputs + 1, outputs), tile, arrays, **fields)
    ones = np.ones((len(here), 1))
    np.testing.assert_allclose(found, np.hstack([x[here], ones]).T @ d[: len(here)], **exact)


def test_delta(numbers: dict[str, Any]) -> None:
    d, w, order, rows = (numbers[name] for name in ("d", "w", "order", "rows"))
    inputs, outputs = w.shape[0] - 1, w.shape[1]
    arrays = {"arena": w.ravel(), "work": d.ravel(), "data": d.ravel(), "order": order}
    fields = {"total": len(order), "batch": rows, "OUTPUTS": inputs, "NEXT_OUTPUTS": outputs, "NEXT_W": 0, "NEXT_D": 0}
    found = run(products.delta(keep, "float64", TILES[0]), (rows, inputs), TILES[0], arrays, **fields)
    last = len(order) - rows
    np.testing.assert_allclose(found[:last], d[:last] @ w[:-1].T, rtol=1e-11)


def test_the_largest_tile_that_keeps_all_processors_busy() -> None:
    assert tiling.choose_tile(4096, 4096, 132) == tiling.TILES[0]
    assert tiling.choose_tile(128, 256, 132) == tiling.TILES[-1]
    assert tiling.choose_tile(256, 1024, 132) == tiling.TILES[2]
    assert tiling.choose_tile(1, 1, 1) == tiling.TILES[0]


def test_slices_where_blocks_are_few() -> None:
    """All of the depth, by no more blocks than are good; large products are not cut, nor those of little depth."""
    assert tiling.divide(4096, 4096, 4096, 132)[1] is tiling.divide(32, 64, 64, 132)[1] is None
    for rows, columns, depth, layers in ((32, 128, 784, 1), (33, 32, 10_000, 3), (16, 1000, 4000, 1)):
        tile, cut = tiling.divide(rows, columns, depth, 132, layers)
        assert cut is not None
        assert cut.slices > 1
        assert cut.length % tile.depth == 0
        assert (cut.slices - 1) * cut.length < depth <= cut.slices * cut.length
