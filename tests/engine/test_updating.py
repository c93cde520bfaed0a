"""The last phase of a step: threads share the units of all layers, and tiles ask for weights that lie far away."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from networks import make_engine, make_plan, same_tensors

from numbann.components.built_in import built_in
from numbann.engine.cpu import updating
from numbann.engine.cpu.memory import Arena
from numbann.engine.cpu.operands import Operands
from numbann.engine.cpu.update import update_at_once
from numbann.engine.cpu.updating import update_ops
from numbann.network.description import Dense, Network
from numbann.network.plan import Plan, build

WIDTHS = (32, 64, 64, 64, 2)


def plan(**more: Any) -> Plan:
    get = built_in().configured
    layers = (*(Dense(units, get("activation", "prelu")) for units in WIDTHS[1:-1]), Dense(WIDTHS[-1]))
    loss, adam = get("loss", "softmax_cross_entropy"), get("optimizer", "adam")
    return build(Network(inputs=WIDTHS[0], layers=layers, loss=loss, optimizer=adam, batch_size=64, **more))


@pytest.mark.parametrize("threads", [1, 2, 3, 4])
def test_threads_share_all_units_in_a_row(threads: int) -> None:
    arena = Arena(plan(), 2)
    operands = Operands(arena, 64, training=True)
    hyper = {tuning: np.zeros((1, 12), np.float32) for tuning in arena.plan.tunings}
    ops = update_ops(operands, update_at_once(arena, hyper), [False] * 4, threads)
    borders = np.array([columns["BORDERS"] for _, _, columns in ops])
    units = np.array([units for _, units, _ in ops])
    assert (borders[:, 0] == 0).all()
    assert (borders[:, -1] == units).all()
    assert (np.diff(borders) >= 0).all()
    # In the order of all units a thread begins where the one before it ends
    owners = np.concatenate([np.repeat(np.arange(threads), np.diff(each)) for each in borders])
    assert (np.diff(owners) >= 0).all()
    assert set(owners) == set(range(threads))
    work = np.zeros(threads)
    for each, (_, _, columns) in zip(borders, ops, strict=True):
        if "UNIT" in columns:  # rows of w, and of b after those of each panel
            ends = [*range(0, columns["INPUTS"], columns["UNIT"]), columns["INPUTS"]]
            rows = np.tile([*np.diff(ends), 0], units.max())
            work += [columns["COLUMNS"] * rows[begin:end].sum() for begin, end in itertools.pairwise(each)]
    assert work.max() < 1.35 * work.mean()


def test_one_thread_has_the_largest_units() -> None:
    """Each unit costs a call of the optimizer."""
    arena = Arena(make_plan([64, 32, 10], "relu", optimizer="adam", batch=32), 2)
    operands = Operands(arena, 32, training=True)
    hyper = {tuning: np.zeros((1, 12), arena.values.dtype) for tuning in arena.plan.tunings}
    ops = update_ops(operands, update_at_once(arena, hyper), [False] * 2, 1)
    assert [units for _, units, _ in ops] == [2, 2]  # the weights at once, and the bias


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("rows", [9, 300])
def test_a_tile_asks_for_weights_and_states_that_lie_far_away(
    monkeypatch: pytest.MonkeyPatch, dtype: str, rows: int
) -> None:
    """All lines of its 6 rows, in order; over a short depth some of each array."""
    monkeypatch.setattr(updating, "FAR", 0)
    arena = Arena(plan(dtype=dtype), 2)
    operands = Operands(arena, rows, training=True)
    hyper = {tuning: np.zeros((1, 12), arena.values.dtype) for tuning in arena.plan.tunings}
    ops = update_ops(operands, update_at_once(arena, hyper), [False] * 4, 1)
    layout = arena.layout
    lines = np.arange(3)[:, None] * layout.stride + np.arange(6 * 4) * layout.lanes
    weights = [columns for _, _, columns in ops if "UNIT" in columns]
    assert [bool(columns["AHEAD_SWEEP"]) for columns in weights] == [True, True, True, False]
    for columns in weights[:3]:
        assert len(columns["AHEAD"]) == (-(-rows // 2) if dtype == "bfloat16" else rows)
        asked = np.unique(columns["AHEAD"])
        assert set(asked) <= set(lines.flat)
        assert len(asked) == min(lines.size, len(columns["AHEAD"]))
        assert (np.diff(columns["AHEAD"]) >= 0).all()


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("more", [{}, {"clip_norm": 0.1}, {"average": 0.9}], ids=str)
def test_where_weights_lie_changes_no_bit(monkeypatch: pytest.MonkeyPatch, dtype: str, more: dict[str, Any]) -> None:
    found = []
    for far in (1 << 40, 0):
        monkeypatch.setattr(updating, "FAR", far)
        made = make_plan([70, 130, 64, 3], "relu", optimizer="adam", batch=25, dtype=dtype, **more)
        engine, _, _ = make_engine(made, 101)
        with engine:
            engine.epoch(0, np.full(5, 0.01))
            found.append(engine.parameters())
    assert same_tensors(*found)
