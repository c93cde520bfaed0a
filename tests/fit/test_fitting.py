"""`fit` trains in memory: on some rows, with any number of threads, beside other trainings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from networks import make_plan

from numbann.components.built_in import built_in
from numbann.engine.cpu.engine import Engine
from numbann.errors import ShapeError, TrainingError
from numbann.fit import Fitted, Job, Rows, Watch, fit
from numbann.network.description import Course


def same(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> bool:
    """Whether two sets of tensors have the same bits."""
    return list(one) == list(other) and all(one[name].tobytes() == other[name].tobytes() for name in one)


def without_seconds(fitted: Fitted) -> list[dict[str, Any]]:
    return [{key: value for key, value in record.items() if key != "seconds"} for record in fitted.history]


def make_job(rows: int = 200, batch: int | None = 16, weighted: bool = False, **changes: Any) -> Job:
    """Classes of random rows, by a network of 6-9-3."""
    random = np.random.default_rng(3)
    x = random.standard_normal((rows, 6)).astype(np.float32)
    weight = random.uniform(0.5, 2.0, rows) if weighted else None
    plan = make_plan([6, 9, 3], "tanh", "softmax_cross_entropy", batch=batch, dtype="float32")
    return Job(plan, Rows(x, random.integers(0, 3, rows), weight), epochs=4, learning_rate=0.01, **changes)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("batch", [16, None])
def test_some_rows_are_trained_on_as_if_they_were_all(batch: int | None, weighted: bool) -> None:
    job = make_job(batch=batch, weighted=weighted)
    places = np.random.default_rng(0).permutation(200)[:111]
    one, other = fit(job, rows=places), fit(dataclasses.replace(job, train=job.train.at(places)))
    assert without_seconds(one) == without_seconds(other)
    assert same(one.tensors, other.tensors)


def test_trainings_beside_each_other_have_the_bits_of_trainings_alone() -> None:
    job = make_job()
    folds = [np.setdiff1d(np.arange(200), np.arange(k, 200, 5)) for k in range(5)]
    alone = [fit(job, rows=rows) for rows in folds]
    with ThreadPoolExecutor(5) as pool:
        beside = list(pool.map(lambda rows: fit(job, rows=rows, threads=1), folds))
    for one, other in zip(alone, beside, strict=True):
        assert without_seconds(one) == without_seconds(other)
        assert same(one.tensors, other.tensors)


def test_the_best_epoch_predicts_where_it_is_kept() -> None:
    job = make_job(keep_best=True, watch=Watch("validation_loss", patience=3))
    job = dataclasses.replace(job, validation=job.train.at(np.arange(50)), epochs=60, learning_rate=0.5)
    fitted = fit(job)
    losses = [record["validation_loss"] for record in fitted.history]
    assert len(losses) == fitted.best_epoch + 3 < 60
    assert losses[fitted.best_epoch - 1] == min(losses)
    last = fit(dataclasses.replace(job, keep_best=False, watch=Watch("train_loss"), epochs=fitted.best_epoch))
    assert same(fitted.tensors, last.tensors)


def test_measures_of_outputs_join_the_history() -> None:
    job = make_job(measure=lambda outputs: {"largest": float(outputs.max())})
    fitted = fit(dataclasses.replace(job, validation=job.train))
    assert fitted.history[-1]["validation_largest"] == fitted.predict(job.train.x).max()


def test_the_rate_is_the_optimizer_s_own_where_none_is_given() -> None:
    job = dataclasses.replace(make_job(), learning_rate=None)
    assert fit(job).history[0]["learning_rate"] == job.plan.optimizer.component.defaults()["learning_rate"]


def test_a_schedule_and_a_warm_up() -> None:
    schedule = built_in().get("schedule", "linear").configured()
    fitted = fit(dataclasses.replace(make_job(), schedule=schedule, warmup_epochs=1))
    rates = [record["learning_rate"] for record in fitted.history]
    assert rates[0] == 0.01
    assert rates[1] > rates[2] > rates[3]


LABELS = np.arange(200) % 3


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (Rows(np.zeros((200, 5), np.float32), LABELS), r"x is \(200, 5\); give an array \(rows, 6\)"),
        (Rows(np.zeros(6, np.float32), LABELS[:6]), r"x is \(6,\)"),
        (Rows(np.zeros((200, 6), np.float32), LABELS[:-1]), r"t is \(199,\); give an array \(200,\) for 200 rows"),
        (Rows(np.zeros((200, 6), np.float32), np.eye(3)[LABELS]), r"t is \(200, 3\)"),
        (Rows(np.zeros((200, 6), np.float32), LABELS + 1), "whole numbers from 0 to 2"),
        (Rows(np.zeros((200, 6), np.float32), LABELS - 1), "whole numbers from 0 to 2"),
        (Rows(np.zeros((200, 6), np.float32), LABELS * 1.0), "whole numbers from 0 to 2"),
        (Rows(np.zeros((200, 6), np.float32), LABELS, np.ones(7)), r"weight has the shape \(7,\)"),
        (Rows(np.zeros((200, 6), np.float32), LABELS, -np.ones(200)), "weight holds -1; give numbers from 0"),
        (Rows(np.zeros((200, 6), np.float32), LABELS, np.full(200, np.nan)), "weight holds NaN or infinite"),
        (Rows(np.zeros((0, 6), np.float32), LABELS[:0]), "x has no rows"),
    ],
)
def test_rows_that_the_network_cannot_take(rows: Rows, words: str) -> None:
    """Kernels would read beside the arrays."""
    job = make_job()
    with pytest.raises(ShapeError, match=words):
        dataclasses.replace(job, train=rows)
    with pytest.raises(ShapeError, match=words):
        dataclasses.replace(job, validation=rows)


def test_weights_that_are_all_0() -> None:
    with pytest.raises(ShapeError, match=r"^weight is 0 for all rows of Job\.train; "):
        Job(make_job().plan, Rows(np.zeros((200, 6), np.float32), LABELS, np.zeros(200)))


def test_targets_that_are_no_numbers() -> None:
    """A sum may pass what numbers hold without one of them being infinite."""
    x, t = np.zeros((200, 6), np.float32), np.full((200, 1), 1e38, np.float32)
    plan = make_plan([6, 1], "tanh", "mse", dtype="float32")
    Job(plan, Rows(x, t))
    t[7] = np.nan
    with pytest.raises(ShapeError, match=r"^t holds NaN or infinite values; "):
        Job(plan, Rows(x, t))


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        ([0, 200], "holds 200"),
        ([0, -1], "holds -1"),
        ([], "names no row"),
        (np.zeros(200, bool), "names no row"),
        ([1.0, 2.0], r"is float64 \(2,\)"),
        ([[1, 2]], r"is int64 \(1, 2\)"),
        ([[1], [2, 3]], "is object"),
        (np.ones(199, bool), r"is bool \(199,\)"),
    ],
)
def test_rows_that_there_are_not(rows: Any, wrong: str) -> None:
    with pytest.raises(ShapeError, match=f"^rows {wrong}.*; give whole numbers from 0 to 199, or a mask of 200"):
        fit(make_job(), rows=rows)


@pytest.mark.parametrize(
    "wrong",
    [{"learning_rate": one} for one in (-0.1, np.nan, np.inf, "0.1")] + [{"epochs": one} for one in (0, -1, 1.5)],
    ids=str,
)
def test_numbers_that_a_job_cannot_have(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ShapeError, match=rf"^Job\.{name} is .*; give a "):
        dataclasses.replace(make_job(), **wrong)


def test_a_mask_is_rows() -> None:
    mask = np.arange(200) % 4 > 0
    assert same(fit(make_job(), rows=mask).tensors, fit(make_job(), rows=np.flatnonzero(mask)).tensors)


def test_inputs_that_it_cannot_predict() -> None:
    with pytest.raises(ShapeError, match=r"x is \(6,\)"):
        fit(make_job()).predict(np.zeros(6, np.float32))


def test_a_key_that_is_not_in_the_history() -> None:
    with pytest.raises(TrainingError, match='"val_loss" is no key of the history; its keys are epoch, train_loss'):
        fit(make_job(watch=Watch("val_loss")))


def test_numbers_with_courses_of_their_own() -> None:
    """The engine gets the numbers that schedules and warm-ups make, and the rate beside them."""
    job = dataclasses.replace(make_job(), epochs=3)
    steps = job.rates().steps
    course = Course(built_in().configured("schedule", "flat_cosine"), warmup_epochs=1)
    plan = dataclasses.replace(job.plan, weight_decay=0.3, courses={"weight_decay": course})
    fitted = fit(dataclasses.replace(job, plan=plan))
    t = np.arange(2 * steps) / (2 * steps)
    flat = (1 + np.cos(np.pi * (np.maximum(1, 2 * t) - 1))) / 2
    decays = 0.3 * np.concatenate([np.arange(1, steps + 1) / steps, flat]).reshape(3, steps)
    rates = np.full(steps, 0.01)
    with Engine(plan, 1) as engine:
        engine.load_data(job.train.x, job.train.t, job.train.weight)
        engine.initialize(plan.seed)
        for epoch in range(3):
            engine.epoch(epoch, rates, numbers={"weight_decay": decays[epoch]})
        assert same(engine.parameters(), fitted.tensors)
