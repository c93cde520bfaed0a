"""Runs in memory: the models and figures of a run with a directory, and no file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import numbann
from numbann.callbacks import Stop
from numbann.data.tasks import classification
from numbann.data.tasks.labels import index_of
from numbann.errors import TrainingError
from numbann.training.callbacks import EpochEnded, Event, Finished, FromModel, Started

X = np.random.default_rng(0).normal(size=(120, 4))
ROWS = (X, np.where(X[:, 0] + X[:, 1] > 0, "yes", "no"))
SPEC: dict[str, Any] = {"data": {}, "model": {"layers": [6]}, "train": {"epochs": 4}}
SEVERAL = {**SPEC, "ensemble": {"folds": 3}}
REFITTED = {**SPEC, "ensemble": {"folds": 3, "refit": True}}
DIAGNOSED = {**SPEC, "train": {"epochs": 4, "diagnostics": True, "early_stopping": 2}}


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A folder in which nothing may appear."""
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    yield
    assert not list(folder.iterdir())


def without_time(history: Any) -> list[dict[str, Any]]:
    return [{key: value for key, value in record.items() if key != "seconds"} for record in history]


def timeless(metrics: Any) -> Any:
    models = {key: without_time(metrics[key]) for key in ("models", "refitted") if key in metrics}
    return {**metrics, **models}


@pytest.mark.parametrize("spec", [SPEC, SEVERAL, REFITTED, DIAGNOSED])
def test_it_is_the_run_that_would_be_written(tmp_path: Path, spec: dict[str, Any]) -> None:
    written = numbann.train(spec, data=ROWS, output=tmp_path / "run")
    run = numbann.train({**spec, "output": "elsewhere"}, data=ROWS, output=False)
    assert run.path is None
    assert repr(run).startswith("<numbann.Run in memory: test loss")
    assert without_time(run.history) == without_time(written.history)
    assert timeless(run.metrics) == timeless(written.metrics)
    assert run.model.tensors.keys() == written.model.tensors.keys()
    for name, tensor in written.model.tensors.items():
        assert run.model.tensors[name].tobytes() == tensor.tobytes(), name
    assert list(run.model.predict(X)) == list(written.model.predict(X))


@pytest.mark.parametrize("spec", [SPEC, SEVERAL])
def test_labels_are_looked_up_once_for_all_epochs(spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[int] = []

    def counted(labels: np.ndarray, *given: Any) -> np.ndarray:
        looked_up.append(len(labels))
        return index_of(labels, *given)

    monkeypatch.setattr(classification, "index_of", counted)
    counts = []
    for epochs in (2, 7):
        numbann.train(spec, data=ROWS, output=False, overrides={"train.epochs": epochs})
        counts.append(len(looked_up))
    assert counts[1] == 2 * counts[0]


@pytest.mark.parametrize("spec", [SPEC, SEVERAL])
def test_callbacks_hear_of_it(spec: dict[str, Any]) -> None:
    heard: list[Event] = []
    numbann.train(spec, data=ROWS, output=False, callbacks=[lambda event: heard.append(event)])
    started, finished = (next(one for one in heard if isinstance(one, kind)) for kind in (Started, Finished))
    assert (started.path, finished.path) == (None, None)
    epochs = [one for one in heard if isinstance(one, EpochEnded | FromModel)]
    assert len([one for one in epochs if isinstance(getattr(one, "event", one), EpochEnded)]) == finished.epochs_done


def test_a_callback_stops_it() -> None:
    def stop(event: Event) -> Stop | None:
        return Stop("enough") if isinstance(event, EpochEnded | FromModel) else None

    run = numbann.train(SPEC, data=ROWS, output=False, callbacks=[stop])
    assert (len(run.history), run.metrics["stopped"]) == (1, "enough")
    with pytest.raises(TrainingError, match=r"^a callback stopped the run: enough$"):
        numbann.train(SEVERAL, data=ROWS, output=False, callbacks=[stop])


def test_a_model_that_fails_is_named() -> None:
    spec = {**SEVERAL, "optimizer": {"type": "sgd", "learning_rate": 1e30}}
    with pytest.raises(TrainingError, match=r"^model 1 \(fold 1\): .*not finite") as caught:
        numbann.train(spec, data=ROWS, output=False)
    assert "kept in" not in str(caught.value)


def test_a_callback_of_the_spec_that_writes_runs_says_so() -> None:
    pytest.importorskip("tensorboardX")
    with pytest.raises(TrainingError, match="it writes runs, and nothing of this training is written"):
        numbann.train({**SPEC, "callbacks": ["tensorboard"]}, data=ROWS, output=False)
