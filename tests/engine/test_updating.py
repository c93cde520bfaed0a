"""The last phase of a step: threads share the units of all layers, each about as much work."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from numbann.components.built_in import built_in
from numbann.engine.cpu.memory import Arena
from numbann.engine.cpu.operands import Operands
from numbann.engine.cpu.update import update_at_once
from numbann.engine.cpu.updating import update_ops
from numbann.network.description import Dense, Network
from numbann.network.plan import Plan, build

WIDTHS = (32, 64, 64, 64, 2)


def plan() -> Plan:
    get = built_in().configured
    layers = (*(Dense(units, get("activation", "prelu")) for units in WIDTHS[1:-1]), Dense(WIDTHS[-1]))
    loss, adam = get("loss", "softmax_cross_entropy"), get("optimizer", "adam")
    return build(Network(inputs=WIDTHS[0], layers=layers, loss=loss, optimizer=adam, batch_size=64))


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
