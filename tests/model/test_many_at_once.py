"""One model in many threads and processes: each gets its own predictions, with the same bits, before and after."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import numbann
from numbann.engine.shared.processors import available_cpus

ROWS = (1, 7, 16, 17, 5000)  # by the way for a few rows, by one thread, by several


@pytest.fixture
def run(write_spec: Callable[..., Path]) -> Path:
    """A run directory."""
    model = {"layers": [{"units": 64}, {"units": 64}]}
    return numbann.train(write_spec(model=model, train={"epochs": 1})).path.absolute()


def answers(model: numbann.Model) -> list[bytes]:
    """The bytes of its probabilities for some rows."""
    random = np.random.default_rng(0)
    return [model.predict_proba(random.standard_normal((rows, 2)).astype(np.float32)).tobytes() for rows in ROWS]


def work(model: numbann.Model, output: str, queue: multiprocessing.Queue[list[bytes]]) -> None:
    """What another process does."""
    found = answers(model)
    trained = numbann.train("spec.json", output=output).path / "model.safetensors"
    queue.put([*found, trained.read_bytes()])


@pytest.mark.parametrize("models", [1, 3])
def test_eight_threads(run: Path, models: int) -> None:
    loaded = [numbann.load(run) for _ in range(models)]
    expected = answers(numbann.load(run))
    wrong: list[Any] = []

    def predict(which: int) -> None:
        for _ in range(10):
            if answers(loaded[which % models]) != expected:
                wrong.append(which)

    threads = [threading.Thread(target=predict, args=(which,), daemon=which % 2 == 0) for which in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
@pytest.mark.parametrize(("method", "count"), [("fork", 2), ("spawn", 1)])
def test_in_other_processes_after_it_has_predicted(run: Path, method: str, count: int) -> None:
    """They train too, as this one did."""
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("not on this system")
    model = numbann.load(run)
    expected = [*answers(model), (run / "model.safetensors").read_bytes()]
    others: Any = multiprocessing.get_context(method)
    queue = others.Queue()
    children = [others.Process(target=work, args=(model, f"there-{k}", queue)) for k in range(count)]
    for child in children:
        child.start()
    assert answers(model) == expected[:-1]
    assert [queue.get(timeout=60) for _ in children] == [expected] * count
    for child in children:
        child.join()
        assert child.exitcode == 0


def test_two_trainings_in_two_threads(write_spec: Callable[..., Path], here: Path) -> None:
    spec = write_spec(model={"layers": [{"units": 33, "activation": "softplus"}]}, optimizer="nadam")
    one_after_the_other = numbann.train(spec, output="alone")
    runs: dict[int, Any] = {}
    threads = [
        threading.Thread(target=lambda k=k: runs.update({k: numbann.train(spec, output=f"run-{k}")})) for k in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    whole = (one_after_the_other.path / "model.safetensors").read_bytes()
    assert [(runs[k].path / "model.safetensors").read_bytes() for k in range(2)] == [whole] * 2


def test_models_that_are_dropped_leave_no_threads(run: Path) -> None:
    def threads() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if thread.name.startswith("numbann-")}

    before = threads()
    for _ in range(10):
        model = numbann.load(run, threads=2)
        answers(model)
        assert threads() - before or available_cpus() == 1
        del model
    for thread in threads() - before:
        thread.join(timeout=60)
    assert threads() <= before
