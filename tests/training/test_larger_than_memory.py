"""Training on files that stay on the disk: the same model as in memory, and no more memory for a larger file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from processes import run

import numbann
from numbann.data import memory
from numbann.engine.shared import feeding
from numbann.errors import NumbannError
from numbann.training.callbacks import DataRead
from numbann.training.preparation import STREAMED

ROWS = 300


@pytest.fixture
def arrays(here: Path) -> Path:
    """x.npy and y.npy: three clouds of images."""
    random = np.random.default_rng(0)
    y = random.integers(0, 3, ROWS)
    np.save("x.npy", random.standard_normal((ROWS, 3, 4)).astype(np.float32) + y[:, None, None])
    np.save("y.npy", y)
    return here


def spec(**changes: Any) -> dict[str, Any]:
    return {
        "data": {"path": {"x": "x.npy", "y": "y.npy"}},
        "model": {"layers": [{"units": 8, "activation": "tanh"}]},
        "train": {"epochs": 3, "batch_size": 16, "early_stopping": {"patience": 3}, **changes},
    }


@pytest.fixture
def no_memory(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """no_memory(): from now on inputs stay in their files, and go to the engine in blocks of a few batches."""

    def begin() -> None:
        monkeypatch.setattr(memory, "SHARE", 0)
        monkeypatch.setattr(feeding, "BLOCK_BYTES", 4096)

    return begin


def contents(trained: numbann.Run) -> list[Any]:
    """What a run has found out: its model's bytes, its history but for the seconds, its metrics."""
    history = [{key: value for key, value in record.items() if key != "seconds"} for record in trained.history]
    return [(trained.path / "model.safetensors").read_bytes(), history, trained.metrics]


def test_the_model_is_the_same(arrays: Path, no_memory: Callable[[], None]) -> None:
    whole = numbann.train(spec(), output="whole")
    no_memory()
    events: list[Any] = []
    mapped = numbann.train(spec(), output="mapped", callbacks=[events.append])
    assert contents(mapped) == contents(whole)
    assert STREAMED in next(event for event in events if isinstance(event, DataRead)).notes


def test_a_resumed_run_is_the_same(arrays: Path, no_memory: Callable[[], None]) -> None:
    whole = numbann.train(spec(), output="whole")
    numbann.train(spec(epochs=1), output="mapped")
    no_memory()
    assert contents(numbann.resume("mapped", epochs=3))[1:] == contents(whole)[1:]


def test_new_files_are_predicted_and_measured(arrays: Path, no_memory: Callable[[], None]) -> None:
    model = numbann.train(spec(), output="run").model
    x, raw_target, _, _, _ = model.preprocessing.read({"x": "x.npy", "y": "y.npy"}, need_target=True)
    assert raw_target is not None
    outputs, measures = model.outputs(x), model.measure(x, raw_target)
    no_memory()
    x, _, _, _, _ = model.preprocessing.read("x.npy", need_target=False)
    assert not isinstance(x, np.ndarray)
    np.testing.assert_array_equal(model.outputs(x), outputs)
    assert model.measure(x, raw_target) == measures


def test_a_batch_that_does_not_fit_is_refused(arrays: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SHARE", 0)
    monkeypatch.setattr("numbann.training.preparation.available", lambda: 5000)
    numbann.train(spec(), output="run")
    with pytest.raises(NumbannError, match=r"train\.batch_size: a batch of 210 rows takes .* GB, too much for memory"):
        numbann.train(spec(batch_size="full"), output="full")


@pytest.mark.parametrize("layers", [[10**6, 10**6], [10**6] * 3])
def test_a_network_that_does_not_fit_is_refused(arrays: Path, layers: list[int]) -> None:
    changed = spec() | {"model": {"layers": [{"units": units} for units in layers]}}
    with pytest.raises(NumbannError, match=r"model\.layers: a network of \d+ parameters: .* GB are needed"):
        numbann.train(changed, output="run")
    assert not (arrays / "run").exists()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit a process's own memory")
@pytest.mark.parametrize(("scale", "share", "enough"), [("byte", 0, True), ("standard", 0, True), ("byte", 1, False)])
def test_memory_does_not_grow_with_the_file(here: Path, scale: str, share: int, enough: bool) -> None:
    """1 GB of bytes, which are 4 GB of inputs, train within 600 MB, and not if inputs are to be in memory."""
    assert run("train_in_little_memory.py", 1_000_000, 1000, scale, 600, share) == {"enough": enough}
