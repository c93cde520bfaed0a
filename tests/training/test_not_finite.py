"""Trainings that go wrong: numbers that are not finite and plugins that fail end a run with what, where and why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from failing import EAGER, MODEL

import numbann
from numbann.errors import TrainingError

WriteSpec = Callable[..., Path]


# ---- numbers that are not finite


REGRESSION = {"target": "sum", "drop": ["colour"], "task": "regression", "scale": "none", "target_scale": "none"}


@pytest.mark.parametrize(("optimizer", "rate"), [("sgd", 3e38), ("rmsprop", 3e38)])
def test_weights_that_are_not_finite_are_never_a_model(write_spec: WriteSpec, optimizer: str, rate: float) -> None:
    """One step on all rows and no validation part: no loss is measured after it."""
    spec = write_spec(
        data={**REGRESSION, "split": {"validation": 0, "test": 0}},
        optimizer={"type": optimizer, "learning_rate": rate},
        train={"epochs": 1, "batch_size": "full"},
    )
    with pytest.raises(TrainingError, match=r"(?s)epoch 1: after step 1 of 1: .*layer.*e\+38.*epoch 0 is kept in out"):
        numbann.train(spec, output="out")
    assert not Path("out", MODEL).exists()


def test_numbers_of_an_embedding_that_are_not_finite_are_told(write_spec: WriteSpec) -> None:
    spec = write_spec(
        data=REGRESSION,
        model={"layers": [3], "input": {"embedding": "linear_relu"}},
        optimizer={"type": "sgd", "learning_rate": 3e38},
        train={"epochs": 1},
    )
    with pytest.raises(TrainingError, match=r"the weights of (all layers|the inputs|layers? [12]) are not finite"):
        numbann.train(spec, output="out")


def test_weights_that_give_no_finite_loss_are_no_model(write_spec: WriteSpec) -> None:
    """Though they are finite: the step was as long as the largest number."""
    spec = write_spec(
        data={**REGRESSION, "split": {"validation": 0, "test": 0}},
        optimizer={"type": "lion", "learning_rate": 3e38},
        train={"epochs": 1, "batch_size": "full"},
    )
    with pytest.raises(TrainingError, match=r"epoch 1: the loss on all training rows is \w+: all weights are finite"):
        numbann.train(spec, output="out")
    assert not Path("out", MODEL).exists()


@pytest.mark.usefixtures("pieces")
def test_a_run_ends_within_a_piece_of_the_epoch(write_spec: WriteSpec) -> None:
    """And names the step; the checkpoint before is kept, and goes on with other settings or the same end."""
    spec = write_spec(data=REGRESSION, optimizer={"type": "sgd", "learning_rate": 1e30}, train=EAGER)
    with pytest.raises(
        TrainingError, match=r"(?s)epoch 1: .* step 2 of 6: .*all layers are not finite.*and 1 of 6"
    ) as caught:
        numbann.train(spec, output="out")
    with pytest.raises(TrainingError) as again:
        numbann.resume("out")
    assert str(again.value) == str(caught.value)


PLUGIN = '''
from math import nan
from numbann import hookimpl, optimizer, schedule, metric, initializer
import numpy as np

@optimizer
def late(w, g, step, learning_rate=0.01):
    """Fails at the tenth step."""
    return w - learning_rate * g if step < 10 else w * nan

@schedule
def broken_schedule(step):
    """Fails in the second epoch."""
    return 1.0 / (step < 6)

@metric
def broken_metric(t, label):
    """Fails."""
    return t.no_such_thing

@metric
def leaving_metric(t, label):
    """Leaves."""
    raise SystemExit

@metric
def text_metric(t, label):
    """Is no number."""
    return "good"

@schedule
def text_schedule(step):
    """Is no number."""
    return "fast"

@initializer
def broken_start(shape, random):
    """Fails."""
    return np.full(shape, np.nan)

@optimizer(form="matrix")
def broken_matrix(w, g, step, learning_rate=0.01):
    """Fails at the third step."""
    w -= learning_rate * g[:, :1 + 10 * (step < 3)] if step < 3 else g["x"]

@hookimpl
def numbann_register(register):
    for one in (late, broken_schedule, broken_metric, leaving_metric, text_metric, text_schedule):
        register(one)
    for one in (broken_start, broken_matrix):
        register(one)
'''


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"optimizer": {"type": "late"}}, r"epoch 2: .*not finite.*optimizer \"bad.py:late\" of .*\n.*after epoch 1 "),
        (
            {"schedule": "broken_schedule"},
            r"schedule \"broken_schedule\" of .*ZeroDivisionError.*bad\.py:14.*\n.*epoch 1 ",
        ),
        ({"train": {"metrics": ["broken_metric"]}}, r"metric \"broken_metric\" of .*AttributeError.*bad\.py:19"),
        ({"model": {"init": "broken_start"}}, r"the initial weights of all layers are not finite"),
        ({"optimizer": {"type": "broken_matrix"}}, r"optimizer \"broken_matrix\" of .*IndexError.*bad\.py:44"),
        ({"train": {"metrics": ["text_metric"]}}, r"metric \"text_metric\" of .*float: 'good' \(.*bad\.py:26\)"),
        ({"schedule": "text_schedule"}, r"schedule \"text_schedule\" of .*float: .*fast.*bad\.py:31\)"),
        ({"train": {"metrics": ["leaving_metric"]}}, r"metric \"leaving_metric\" of .*SystemExit.*bad\.py:24"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_a_plugin_that_fails_is_named(write_spec: WriteSpec, here: Path, changes: Any, words: str) -> None:
    (here / "bad.py").write_text(PLUGIN)
    with pytest.raises(TrainingError, match=f"(?s){words}"):
        numbann.train(write_spec(**changes, plugins=["bad.py"]), output="out")
    assert not (here / "out" / MODEL).exists()
