"""A checkpoint gives back exactly what went in, and refuses what it cannot use, naming the place."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import make_plan

from numbann.components.built_in import built_in
from numbann.engine.cpu.engine import Engine
from numbann.errors import RunDirectoryError
from numbann.fit.job import Job, Rows
from numbann.fit.state import State
from numbann.fit.stopping import Best
from numbann.model import tensor_file
from numbann.training.checkpoint import KIND, load_state, restore, to_parts

ROWS = Rows(np.zeros((10, 3)), np.zeros((10, 2)))  # five steps an epoch
JOB = Job(
    plan=make_plan([3, 4, 2], batch=2, optimizer="adam"),
    train=ROWS,
    schedule=built_in().configured("schedule", "plateau"),
)


def make_state(keeps_best: bool = True) -> State:
    """The state of an engine after seven steps, two of them in an epoch that is not complete."""
    with Engine(JOB.plan, 1) as engine:
        engine.initialize(JOB.plan.seed)
        engine.load_data(ROWS.x, ROWS.t)
        engine.epoch(0, np.full(5, 0.1))
        engine.steps_done = 7
        kept = engine.snapshot()
    record = {"epoch": 1, "train_loss": 0.1 + 0.2, "learning_rate": 1e-300, "seconds": 0.5, "validation_auc": nan}
    best = kept if keeps_best else None
    states = tuple(0.1 * k for k in range(len(JOB.schedule.component.states)))
    return State(kept, [record], Best(1, inf, 1), best, states, losses=np.array([0.1, 1 / 3]), seconds=0.25)


def write(path: Path, state: State) -> None:
    path.write_bytes(b"".join(to_parts(state, "spec")))


@pytest.mark.parametrize("keeps_best", [False, True])
def test_round_trip(here: Path, keeps_best: bool) -> None:
    state = make_state(keeps_best)
    write(here / "c", state)
    loaded = load_state(here / "c", "spec", JOB)
    assert (loaded.place, loaded.best, loaded.schedule, loaded.seconds) == ((1, 2), state.best, state.schedule, 0.25)
    assert json.dumps(loaded.history) == json.dumps(state.history)
    assert np.array_equal(loaded.losses, state.losses)
    assert (loaded.best_kept is not None) == keeps_best
    with Engine(JOB.plan, 1) as engine:
        restore(engine, loaded, here / "c")
        assert engine.steps_done == 7
        for found, part in ((engine.state(), state.kept.state()), (engine.parameters(), state.kept.parameters())):
            assert found.keys() == part.keys()
            assert all(np.array_equal(found[name], part[name]) for name in part)


def test_equal_states_give_equal_bytes() -> None:
    state = make_state()
    assert to_parts(state, "spec") == to_parts(state, "spec")


def test_another_spec_is_refused(here: Path) -> None:
    write(here / "c", make_state())
    with pytest.raises(RunDirectoryError, match="another spec"):
        load_state(here / "c", "other", JOB)


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
    (here / "c").write_bytes(damage(b"".join(to_parts(make_state(), "spec"))))
    with pytest.raises(RunDirectoryError, match=r"not a numbann checkpoint, or a damaged one"):
        load_state(here / "c", "spec", JOB)


# ---- a file whose digest was computed anew


def forge(path: Path, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> None:
    """Write a checkpoint whose metadata and tensors are changed, with a digest that is right."""
    write(path, make_state())
    metadata, tensors = tensor_file.read_tensors(path, KIND)
    change(metadata, tensors)
    path.write_bytes(b"".join(tensor_file.to_parts(tensors, KIND, metadata)))


NAUGHTY = [None, True, -1, 3, 2**70, 1e400, -0.5, nan, "", "\u00e9", [], {}, [[]], [None], {"a": 1}, [1] * 5]
PLACES: list[tuple[Any, ...]] = [
    ("history",), ("history", 0), ("best",), ("keeps_best",), ("schedule",), ("seconds",), ("schedule", 0),
    *(("history", 0, key) for key in ("epoch", "train_loss", "learning_rate", "seconds", "validation_auc")),
    *(("best", key) for key in ("epoch", "value", "waited")),
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_metadata_is_right_or_named(here: Path, place: tuple[Any, ...]) -> None:
    """Whatever stands there: a state that can go on, or one error that names the file and the place."""
    refused = []
    for value in NAUGHTY:

        def put(metadata: dict[str, Any], _: Any, value: Any = value) -> None:
            inner: Any = metadata
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = value

        forge(here / "c", put)
        try:
            assert load_state(here / "c", "spec", JOB).place == (1, 2)
        except RunDirectoryError as error:
            refused.append(str(error))
    assert len(refused) >= 10
    assert all(text.startswith(f"{here / 'c'}: ") for text in refused)
    named = (str(place[0]), "engine.steps", "best.epoch")
    assert all(any(name in text for name in named) for text in refused)


@pytest.mark.parametrize(
    ("name", "tensor", "words"),
    [
        ("model.layers.0.weight", np.zeros((4, 3)), r"layers\.0\.weight has the shape"),
        ("model.layers.0.weight", np.full((3, 4), nan), "not finite"),
        ("model.layers.7.weight", np.zeros(2), "not of this network"),
        ("model.layers.1.bias", None, r"layers\.1\.bias is missing"),
        ("best.layers.1.bias", None, r"layers\.1\.bias is missing"),
        ("losses", None, "engine.steps: 7 are not those"),
        ("losses", np.zeros(6), "losses has the shape"),
        ("losses", np.zeros(3), "engine.steps: 7 are not those"),
        ("losses", np.array([0.0, inf]), "losses has numbers that are not finite"),
        ("engine.steps", np.zeros((), np.int64), "engine.steps has the shape"),
        ("engine.steps", np.array([9]), "engine.steps: 9 are not those of 1 epochs"),
        ("engine.steps", None, "steps"),
        ("engine.m.layers.0.weight", np.zeros((3, 5)), r"m\.layers\.0\.weight is \(3, 5\)"),
        ("engine.m.layers.0.weight", np.zeros((3, 4), np.float32), "of float32 where"),
        ("engine.m.layers.0.weight", None, r"the state m\.layers\.0\.weight is missing"),
        ("engine.x.layers.0.weight", np.zeros((3, 4)), "not of this optimizer"),
    ],
)
def test_tensors_are_those_of_the_plan(here: Path, name: str, tensor: np.ndarray | None, words: str) -> None:
    def change(_: Any, tensors: dict[str, Any]) -> None:
        tensors.pop(name, None)
        if tensor is not None:
            tensors[name] = tensor

    forge(here / "c", change)
    with Engine(JOB.plan, 1) as engine, pytest.raises(RunDirectoryError, match=words) as caught:
        restore(engine, load_state(here / "c", "spec", JOB), here / "c")
    assert str(caught.value).startswith(f"{here / 'c'}: not a numbann checkpoint, or a damaged one")


def test_an_older_format_is_refused(here: Path) -> None:
    (here / "c").write_bytes(b"".join(to_parts(make_state(), "spec")).replace(b'"format\\": 4', b'"format\\": 3'))
    with pytest.raises(RunDirectoryError, match="has format 3; this numbann reads format 4; train anew"):
        load_state(here / "c", "spec", JOB)


def test_a_missing_file_is_refused(here: Path) -> None:
    with pytest.raises(RunDirectoryError, match="no checkpoint"):
        load_state(here / "c", "spec", JOB)
