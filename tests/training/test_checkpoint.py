"""A checkpoint gives back exactly what went in, and refuses what it cannot use."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from pathlib import Path

import numpy as np
import pytest

from numbann.errors import RunDirectoryError
from numbann.fit.state import State
from numbann.fit.stopping import Best
from numbann.training.checkpoint import StoredSnapshot, load_state, to_bytes


def make_state(keeps_best: bool) -> State:
    random = np.random.default_rng(0)
    tensors = {"layers.0.weight": random.random((3, 2)), "layers.0.bias": random.random(2)}
    history = [{"epoch": 1, "train_loss": 0.1 + 0.2}, {"epoch": 2, "train_loss": 1e-300}]
    best = {name: 2 * tensor for name, tensor in tensors.items()} if keeps_best else None
    engine = {"steps": np.array([7]), "m.layers.0.weight": random.random((3, 2))}
    best_kept = None if best is None else StoredSnapshot(best, {})
    return State(StoredSnapshot(tensors, engine), history, Best(1, 0.1 + 0.2, 1), best_kept, (0.1 + 0.2, inf))


@pytest.mark.parametrize("keeps_best", [False, True])
def test_round_trip(here: Path, keeps_best: bool) -> None:
    state = make_state(keeps_best)
    (here / "c").write_bytes(to_bytes(state, "spec"))
    loaded = load_state(here / "c", "spec")
    assert (loaded.epoch, loaded.history, loaded.best) == (2, state.history, state.best)
    assert loaded.schedule == state.schedule
    assert set(loaded.kept.state()) == set(state.kept.state())
    parts = (loaded.kept.state(), state.kept.state()), (loaded.kept.parameters(), state.kept.parameters())
    for loaded_part, part in parts:
        assert all(np.array_equal(loaded_part[name], part[name]) for name in part)
    assert (loaded.best_kept is not None) == keeps_best


def test_equal_states_give_equal_bytes() -> None:
    assert to_bytes(make_state(True), "spec") == to_bytes(make_state(True), "spec")


def test_another_spec_is_refused(here: Path) -> None:
    (here / "c").write_bytes(to_bytes(make_state(False), "spec"))
    with pytest.raises(RunDirectoryError, match="another spec"):
        load_state(here / "c", "other")


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content[: len(content) // 2],
        lambda _: b"",
        lambda content: b"\xff" * 20 + content,
        lambda content: content.replace(b"history", b"histerx"),
    ],
)
def test_a_damaged_file_is_refused(here: Path, damage: Callable[[bytes], bytes]) -> None:
    (here / "c").write_bytes(damage(to_bytes(make_state(False), "spec")))
    with pytest.raises(RunDirectoryError, match="not a numbann checkpoint, or a damaged one"):
        load_state(here / "c", "spec")


def test_an_older_format_is_refused(here: Path) -> None:
    (here / "c").write_bytes(to_bytes(make_state(False), "spec").replace(b'"format\\": 4', b'"format\\": 3'))
    with pytest.raises(RunDirectoryError, match="has format 3; this numbann reads format 4; train anew"):
        load_state(here / "c", "spec")


def test_a_missing_file_is_refused(here: Path) -> None:
    with pytest.raises(RunDirectoryError, match="no checkpoint"):
        load_state(here / "c", "spec")
