"""`fit_many` trains many jobs in one call; each has the bits that it has alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from networks import make_plan

from numbann import turns
from numbann.components.built_in import built_in
from numbann.errors import DeviceError, ShapeError, TrainingError
from numbann.fit import Fitted, Job, Rows, Watch, fit, fit_many, many

RANDOM = np.random.default_rng(5)
X, LABELS, WEIGHT = RANDOM.standard_normal((240, 6)), RANDOM.integers(0, 3, 240), RANDOM.uniform(0.5, 2.0, 240)
HALF = RANDOM.permutation(240)[:150]
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "dropout": {"between": [{"dropout": 0.3}]},
    "batch norm": {"between": [{"norm": "batch"}]},
    "layer norm and members": {"between": [{"norm": "layer"}], "members": 2},
    "clipped": {"clip_norm": 0.5, "average": 0.9},
    "one batch": {"batch": None},
}


@pytest.fixture(autouse=True)
def four_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """More threads than a small machine has, and turns as often as there can be."""
    monkeypatch.setattr(many, "available_cpus", lambda: 4)
    monkeypatch.setattr(turns, "PIECE", 0.0)


def make_job(dtype: str = "float32", **kind: Any) -> Job:
    """Classes of random rows, with a schedule that looks at the loss, and an end when the loss no longer falls."""
    given = {"batch": 16, **kind}
    plan = make_plan([6, 9, 3], "tanh", "softmax_cross_entropy", "adam", dtype=dtype, **given)
    x, schedule = X.astype(dtype), built_in().configured("schedule", "plateau", patience=1)
    return Job(
        plan,
        Rows(x, LABELS, WEIGHT),
        Rows(x[:60], LABELS[::-1][:60].copy()),
        epochs=12,
        learning_rate=0.02,
        schedule=schedule,
        watch=Watch("validation_loss", patience=3),
        keep_best=True,
        measure=lambda outputs: {"largest": float(outputs.max())},
    )


def others(job: Job) -> list[Job]:
    """Jobs of one plan that differ in seed and rate."""
    return [
        replace(job, plan=replace(job.plan, seed=seed), learning_rate=0.01 * (1 + seed), epochs=12 - seed)
        for seed in range(6)
    ]


def endless() -> list[Job]:
    """Jobs that end when they are told to."""
    return [replace(job, watch=Watch("train_loss"), epochs=1_000_000) for job in others(make_job())]


def same(one: Fitted, other: Fitted) -> bool:
    """Whether two trainings have the same bits."""
    histories = ([{**record, "seconds": 0} for record in each.history] for each in (one, other))
    tensors = [{name: tensor.tobytes() for name, tensor in each.tensors.items()} for each in (one, other)]
    first, second = histories
    return first == second and tensors[0] == tensors[1] and one.best_epoch == other.best_epoch


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_has_the_bits_that_it_has_alone(kind: str, dtype: str) -> None:
    jobs = others(make_job(dtype, **KINDS[kind]))
    rows = [None, HALF, np.sort(HALF), X[:, 0] > 0, np.arange(100), None]
    found = fit_many(jobs, rows=rows)
    assert len({len(one.history) for one in found}) > 1
    for job, own, one in zip(jobs, rows, found, strict=True):
        assert same(one, fit(job, rows=own))


def test_those_of_other_plans_and_numbers_of_threads() -> None:
    jobs = [*others(make_job())[:3], make_job(**KINDS["one batch"])]
    alone = [fit(job) for job in jobs]
    for threads in (1, 3, "auto"):
        assert all(map(same, fit_many(jobs, threads=threads), alone))
    assert fit_many([]) == []
    assert same(*fit_many(jobs[:1]), alone[0])


def test_an_error_names_its_job_and_ends_the_others() -> None:
    jobs = endless()
    jobs[3] = replace(jobs[3], learning_rate=3e38)
    with pytest.raises(TrainingError, match=r"^job 4 of 6: epoch 1: .*; try a smaller learning_rate or clip_norm, "):
        fit_many(jobs)


def test_jobs_from_anything_that_gives_them() -> None:
    jobs = others(make_job())[:2]
    assert all(map(same, fit_many(iter(jobs)), fit_many(jobs)))
    for given, words in (
        ([jobs[0], jobs[0].plan], "job 2 of 2 is a Plan; give Jobs"),
        (["m.json"], "job 1 of 1 is a str; give Jobs"),
        ("m.json", "jobs is a str; give a list of Jobs"),
        (jobs[0], "jobs is a Job; give a list of Jobs"),
    ):
        with pytest.raises(TypeError, match=words):
            fit_many(given)  # type: ignore[arg-type]


@pytest.mark.parametrize("threads", [0, -1, 1.5, "many", None])
def test_numbers_of_threads_that_there_are_not(threads: Any) -> None:
    for call in (lambda: fit_many([make_job()], threads=threads), lambda: fit(make_job(), threads=threads)):
        with pytest.raises(DeviceError, match=r'^threads is .*; give a whole number from 1, or "auto"'):
            call()


def test_rows_that_do_not_fit() -> None:
    jobs = others(make_job())
    with pytest.raises(ShapeError, match="rows are those of 2 jobs; give those of 6, or None for all rows"):
        fit_many(jobs, rows=[HALF, HALF])
    with pytest.raises(ShapeError, match="job 1 of 6: rows holds 240"):
        fit_many(jobs, rows=[np.array([240])] * 6)


def test_an_interrupt_ends_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes out in the thread that waits."""

    def interrupted(*given: Any, **more: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(many, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit_many(endless())
