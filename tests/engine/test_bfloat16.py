"""Networks whose products are of bfloat16: their numbers, and the same bits whatever runs them."""

from __future__ import annotations

import itertools
from typing import Any

import bfloat_twin as twin
import numpy as np
import pytest
from networks import configured, go_on_alike, make_engine, make_plan, same_tensors, set_weights, train_alike, weights_of
from processes import NARROW, run

from numbann.engine.cpu.engine import Engine
from numbann.engine.devices import device_of
from numbann.network.description import Embedding

WIDE = [70, 130, 33, 3]
NETWORKS = [  # rows, and what is not usual; from 1024 rows on a batch goes by groups
    (50, {"sizes": [5, 17, 3], "batch": 16}),
    (101, {"sizes": WIDE}),
    (101, {"sizes": WIDE, "batch": 25, "optimizer": "adam"}),
    (1101, {"sizes": WIDE, "optimizer": "adam"}),
    (101, {"sizes": WIDE, "clip_norm": 0.1, "average": 0.9}),
    (101, {"sizes": WIDE, "bias_rate": 2.0, "l1": 0.01, "clip_value": 0.1}),
    (101, {"sizes": WIDE, "between": [{"norm": "batch"}, {"norm": "layer", "dropout": 0.5}], "batch": 40}),
    (101, {"sizes": [33, 33, 3], "between": [{"residual": True}]}),
    (101, {"sizes": [7, 33, 3], "activation": "softmax", "input_scale": 1.0}),
    (101, {"sizes": [7, 33, 3], "embedding": Embedding(configured("embedding", "pbld")), "input_scale": 1.0}),
    (51, {"sizes": [7, 33, 3], "members": 2, "batch": 20}),
    (101, {"sizes": WIDE, "optimizer": "lamb", "average": 0.9}),
    (101, {"sizes": WIDE, "optimizer": "lbfgs"}),
]
IDS = [str({"rows": rows, **{key: str(value)[:30] for key, value in more.items()}}) for rows, more in NETWORKS]


def plan_of(dtype: str = "bfloat16", **more: Any) -> Any:
    return make_plan(**{"activation": "relu", **more}, dtype=dtype)


@pytest.mark.parametrize(("rows", "network"), NETWORKS, ids=IDS)
def test_the_bits_do_not_depend_on_threads(rows: int, network: dict[str, Any]) -> None:
    train_alike(plan_of(**network), rows)


@pytest.mark.parametrize(("rows", "network"), NETWORKS, ids=IDS)
def test_going_on_changes_no_bit(rows: int, network: dict[str, Any]) -> None:
    """Also where weights have moved in float32 that are rounded anew: all ways to move them are here."""
    go_on_alike(plan_of(**network), rows)


@pytest.mark.parametrize(("rows", "network"), NETWORKS, ids=IDS)
def test_products_alone_differ_from_float32(rows: int, network: dict[str, Any]) -> None:
    """By some 2^-9 of each factor."""
    found = []
    for dtype in ("float32", "bfloat16"):
        engine, x, t = make_engine(plan_of(dtype, **{"activation": "tanh", **network}), rows)
        with engine:
            facts = engine.probe(x, t)
            found.append([engine.predict(x), *(fact.dw for fact in facts), *(fact.db for fact in facts)])
    for one, other in zip(*found, strict=True):
        assert 0 < np.abs(one - other).max() < 0.03 * np.abs(one).max()


@pytest.mark.parametrize("rows", [1, 2, 17, 300])
def test_outputs_are_those_of_numpy(rows: int) -> None:
    """Bit for bit: x and w are rounded, and each sum begins with b."""
    engine, x, _ = make_engine(plan_of(sizes=[13, 70, 6, 3]), rows)
    with engine:
        found = engine.predict(x)
        for w, bias in weights_of(engine):
            even = [np.pad(factor, [(0, len(factor) % 2), (0, 0)]) for factor in (x.T, w)]
            a, b = (twin.pairs(*(twin.rounded(factor[start::2]) for start in (0, 1))) for factor in even)
            h = twin.product(np.broadcast_to(bias, (rows, len(bias))).copy(), a.T, b)
            x = np.maximum(h, 0)
        np.testing.assert_array_equal(found, h)


def whole(dtype: str, rows: int, more: dict[str, Any], threads: int) -> dict[str, np.ndarray]:
    """The parameters after a step whose factors are whole numbers times a power of two, which bfloat16 holds."""
    sizes = [21, 70, 33, 4]
    engine, random = Engine(plan_of(dtype, sizes=sizes, **more), threads, exactly=True), np.random.default_rng(0)
    with engine:
        engine.initialize(0)
        weights = [
            (random.integers(-1, 2, size) * (random.random(size) < 3 / size[0]), random.integers(-1, 2, size[1]))
            for size in itertools.pairwise(sizes)
        ]
        set_weights(engine, [(w.astype(np.float32), b.astype(np.float32)) for w, b in weights])
        x, t = (random.integers(-2, 3, (rows, width)).astype(np.float32) for width in (sizes[0], sizes[-1]))
        counted = 1 << (rows.bit_length() - 1)
        weight = np.zeros(rows)
        weight[random.permutation(rows)[:counted]] = 1  # so that a row's share of the loss is a power of two
        engine.load_data(x, t, weight)
        engine.epoch(0, np.full(1, 0.25))
        return engine.parameters()


@pytest.mark.parametrize("more", [{}, {"clip_norm": 1e9}, {"bias_rate": 2.0}], ids=str)
@pytest.mark.parametrize("rows", [32, 37, 1063])
def test_a_step_of_numbers_that_bfloat16_holds_is_that_of_float32(rows: int, more: dict[str, Any]) -> None:
    expected = whole("float32", rows, more, 1)
    for threads in (1, 2, 3):
        assert same_tensors(whole("bfloat16", rows, more, threads), expected)


@pytest.mark.slow
def test_processors_without_the_instruction_train_to_the_same_bits() -> None:
    given = ("train_once.py", "", "tanh", "bfloat16")
    here, narrow = run(*given), run(*given, **NARROW)
    assert narrow["digest"] == here["digest"]


def test_arrays_are_float32() -> None:
    engine, x, _ = make_engine(plan_of(sizes=[3, 4, 2]), 5)
    with engine:
        engine.epoch(0, np.full(1, 0.1))
        arrays = [engine.predict(x), *engine.parameters().values()]
    assert {str(array.dtype) for array in arrays} == {"float32"}
    assert "bfloat16" in str(engine.plan)


def test_gpus_refuse_it() -> None:
    assert device_of("cuda").precision_refusal("bfloat16") == (
        '"bfloat16" is not for train.device "cuda"; give train.device "cpu", or "float32" or "float64"'
    )
    assert not device_of("cpu").precision_refusal("bfloat16")
