"""Trackers: what they write, that no step comes twice, and that a run goes on to be written where it was.

TensorBoard's files are read back; stand-ins take the place of the other packages.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import numbann
from numbann import callbacks
from numbann.errors import NumbannError, SpecError, TrainingError
from numbann.training.trackers import make
from numbann.training.trackers.tracker import figures, flat, measures

WriteSpec = Callable[..., Path]
STAND_INS = {
    "trackio": """
        calls = []
        class Run:
            def __init__(self, name): self.name = name
            def log(self, values, step): calls.append(("log", step, dict(values)))
            def finish(self): calls.append(("finish",)); print("finished")
        def init(project, name, config, resume):
            calls.append(("init", project, name, config, resume)); print("begun")
            return Run(name)
    """,
    "wandb": """
        calls = []
        class Run:
            id, step, summary = "id-1", 0, {}
            def define_metric(self, name, step_metric): calls.append(("define", name, step_metric))
            def log(self, values, step=None): calls.append(("log", step, dict(values)))
            def finish(self, exit_code): calls.append(("finish", exit_code))
        def init(**given):
            calls.append(("init", given))
            return Run()
    """,
    "mlflow": """
        from types import SimpleNamespace
        calls, sent = [], []
        class MlflowClient:
            def __init__(self, uri): calls.append(("client", uri))
            def get_experiment_by_name(self, name): return None
            def create_experiment(self, name): calls.append(("experiment", name)); return "7"
            def create_run(self, number, run_name):
                calls.append(("run", number, run_name)); return SimpleNamespace(info=SimpleNamespace(run_id="r1"))
            def update_run(self, run, status): calls.append(("update", run, status))
            def log_batch(self, run, metrics=(), params=()):
                assert len(params) <= 100 and len(metrics) <= 1000
                sent.extend(metrics); calls.append(("params", len(params)) if params else ("metrics", len(metrics)))
            def get_metric_history(self, run, key): return [one for one in sent if one.key == key]
            def log_artifact(self, run, path): calls.append(("artifact", path.rpartition("/")[2]))
            def set_terminated(self, run, status): calls.append(("end", status))
    """,
}
ENTITIES = """
from dataclasses import dataclass
@dataclass
class Metric:
    key: str
    value: float
    timestamp: int
    step: int
@dataclass
class Param:
    key: str
    value: str
"""


@pytest.fixture
def stand_in(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Put a stand-in in the place of a package, and return it."""

    def forget() -> None:
        for name in [*sys.modules]:
            top, _, inner = name.removeprefix("numbann.training.trackers.").partition(".")
            if top in STAND_INS and (inner == "" or name.startswith("mlflow.")):
                del sys.modules[name]

    def made(name: str) -> Any:
        folder = here / "site" / name
        folder.mkdir(parents=True)
        indent = "\n" + " " * 8
        (folder / "__init__.py").write_text(STAND_INS[name].replace(indent, "\n").strip() + "\n")
        (folder / "entities.py").write_text(ENTITIES)
        monkeypatch.syspath_prepend(here / "site")
        forget()
        return importlib.import_module(name)

    yield made
    forget()


def interrupt_after(epoch: int) -> Callable[[callbacks.Event], None]:
    def interrupt(event: callbacks.Event) -> None:
        if isinstance(event, callbacks.EpochEnded) and event.record["epoch"] == epoch:
            raise KeyboardInterrupt

    return interrupt


# ---- what every tracker writes


def test_names_of_figures() -> None:
    record = {
        **{"epoch": 3, "train_loss": 0.5, "validation_loss": None, "validation_roc_auc": 0.75, "learning_rate": 0.1},
        "diagnostics": [{"layer": 1, "dead": 0.25, "saturated": None, "gradient_norm": 2.0}],
    }
    assert dict(figures(record)) == {
        **{"train/loss": 0.5, "validation/roc_auc": 0.75, "learning_rate": 0.1},
        **{"layers/1/dead": 0.25, "layers/1/gradient_norm": 2.0},
    }
    found = measures({"best_epoch": 2, "test": {"loss": 1.0, "accuracy": float("nan")}, "classes": []})
    assert found == {"final/test/loss": 1.0}


def test_a_spec_as_flat_values() -> None:
    spec = {"seed": 0, "model": {"layers": [{"units": 8, "norm": None}], "bias": True}, "plugins": [], "empty": {}}
    assert flat(spec) == {
        **{"seed": 0, "model.layers.0.units": 8, "model.layers.0.norm": "null", "model.bias": True},
        **{"plugins": "[]", "empty": "{}"},
    }


def test_a_tracker_is_for_runs(write_spec: WriteSpec, stand_in: Callable[[str], Any]) -> None:
    stand_in("trackio")
    with pytest.raises(TrainingError, match="callback trackio failed: it writes runs, and nothing of th"):
        numbann.cross_validate(write_spec(), callbacks=[callbacks.trackio()])


# ---- TensorBoard


def entries(folder: Path) -> Iterator[Any]:
    """The entries of all files of a folder, in their order, read by the format of records."""
    event = pytest.importorskip("tensorboardX.proto.event_pb2").Event
    for path in sorted(folder.glob("events.out.tfevents.*"), key=lambda one: one.stat().st_mtime):
        content, at = path.read_bytes(), 0
        while at < len(content):
            length = int.from_bytes(content[at : at + 8], "little")
            yield event.FromString(content[at + 12 : at + 12 + length])
            at += 16 + length


def scalars(folder: Path, tag: str) -> list[tuple[int, float]]:
    return [
        (one.step, value.simple_value) for one in entries(folder) for value in one.summary.value if value.tag == tag
    ]


def test_tensorboard(write_spec: WriteSpec) -> None:
    pytest.importorskip("tensorboardX")
    run = numbann.train(write_spec(callbacks=["tensorboard"]), output="run")
    folder = Path("run/tensorboard")
    for key in ("train_loss", "validation_loss", "validation_accuracy"):
        expected = [(record["epoch"], pytest.approx(record[key])) for record in run.history]
        assert scalars(folder, key.replace("_", "/", 1)) == expected
    final = scalars(folder, "final/test/accuracy")
    assert final == [(run.metrics["best_epoch"], pytest.approx(run.metrics["test"]["accuracy"]))]
    tags = {value.tag for one in entries(folder) for value in one.summary.value}
    assert {"_hparams_/session_start_info", "learning_rate", "seconds"} <= tags


def test_callbacks_change_no_bit(write_spec: WriteSpec) -> None:
    pytest.importorskip("tensorboardX")
    plain, told = (
        numbann.train(write_spec(callbacks=given), output=f"run-{len(given)}") for given in ([], ["tensorboard"])
    )
    assert (plain.path / "model.safetensors").read_bytes() == (told.path / "model.safetensors").read_bytes()
    assert b"callbacks" not in (told.path / "model.safetensors").read_bytes()


def test_tensorboard_goes_on(write_spec: WriteSpec) -> None:
    """A run that is resumed, and a complete one that is trained on: no step is missing or twice."""
    pytest.importorskip("tensorboardX")
    spec = write_spec(callbacks=["tensorboard"], train={"epochs": 6})
    with pytest.raises(KeyboardInterrupt):
        numbann.train(spec, output="run", callbacks=[interrupt_after(3)])
    numbann.resume("run")
    numbann.resume("run", epochs=8)
    assert [step for step, _ in scalars(Path("run/tensorboard"), "train/loss")] == [*range(1, 9)]
    numbann.train(spec, output="run", force=True)
    assert [step for step, _ in scalars(Path("run/tensorboard"), "train/loss")] == [*range(1, 7)]


KILLED = """
import os, sys
import numbann
from numbann.callbacks import EpochEnded
from numbann.training.trackers import tensorboard
tensorboard.FLUSH = 0.0
def kill(event):
    if isinstance(event, EpochEnded) and event.record["epoch"] == 5:
        os.kill(os.getpid(), 9)
numbann.train(sys.argv[1], output="run", callbacks=[kill])
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_tensorboard_after_a_process_was_killed(write_spec: WriteSpec) -> None:
    """The files are ahead of the checkpoint, or behind it."""
    pytest.importorskip("tensorboardX")
    spec = write_spec(callbacks=["tensorboard"], train={"epochs": 8, "checkpoint_seconds": 1000})
    found = subprocess.run([sys.executable, "-c", KILLED, str(spec)], check=False)
    assert found.returncode == -signal.SIGKILL
    before = [step for step, _ in scalars(Path("run/tensorboard"), "train/loss")]
    numbann.resume("run")
    assert before[:1] == [1]
    assert [step for step, _ in scalars(Path("run/tensorboard"), "train/loss")] == [*range(1, 9)]


def test_tensorboard_elsewhere(write_spec: WriteSpec) -> None:
    pytest.importorskip("tensorboardX")
    spec = write_spec(callbacks=[{"type": "tensorboard", "dir": "boards"}])
    with pytest.raises(KeyboardInterrupt):
        numbann.train(spec, output="a/run", callbacks=[interrupt_after(2)])
    numbann.train(spec, output="b/run")
    with pytest.raises(numbann.RunDirectoryError, match='its callback tensorboard writes to "boards"; if you trust wh'):
        numbann.resume("a/run")
    numbann.resume("a/run", trust=True)
    for name in ("run", "run-2"):
        assert [step for step, _ in scalars(Path("boards") / name, "train/loss")] == [1, 2, 3, 4]


def test_tensorboard_of_several_models(write_spec: WriteSpec) -> None:
    pytest.importorskip("tensorboardX")
    spec = write_spec(ensemble=2)
    numbann.train(spec, output="run", callbacks=[callbacks.tensorboard()])
    for model in (1, 2):
        history = Path(f"run/models/{model}/history.jsonl").read_text().splitlines()
        losses = [(record["epoch"], pytest.approx(record["train_loss"])) for record in map(json.loads, history)]
        assert scalars(Path(f"run/tensorboard/model_{model}"), "train/loss") == losses
    assert len(scalars(Path("run/tensorboard"), "final/test/loss")) == 1


# ---- the others, as stand-ins


def test_trackio(write_spec: WriteSpec, stand_in: Callable[[str], Any], capsys: pytest.CaptureFixture[str]) -> None:
    calls = stand_in("trackio").calls
    spec = write_spec(callbacks=[{"type": "trackio", "project": "wine"}])
    with pytest.raises(KeyboardInterrupt):
        numbann.train(spec, output="run", callbacks=[interrupt_after(2)])
    (_, project, name, config, resume), *_, last = calls
    assert (project, name, resume, last) == ("wine", "run", "never", ("finish",))
    assert config["data.target"] == "colour"
    assert [call[1] for call in calls if call[0] == "log"] == [1]  # the second was interrupted on its way
    calls.clear()
    numbann.resume("run")
    assert calls[0][2::2] == ("run", "must")
    logs = [call for call in calls if call[0] == "log"]
    assert [step for _, step, _ in logs[:-1]] == [2, 3, 4]
    assert set(logs[0][2]) >= {"train/loss", "validation/loss", "validation/accuracy", "learning_rate"}
    assert "final/test/accuracy" in logs[-1][2]
    assert capsys.readouterr().out == ""  # which may be for JSON


def test_wandb(write_spec: WriteSpec, stand_in: Callable[[str], Any]) -> None:
    module = stand_in("wandb")
    spec = write_spec(callbacks=[{"type": "wandb", "mode": "offline", "name": "mine"}])
    run = numbann.train(spec, output="run")
    (kind, given), *logs, end = module.calls
    assert (kind, end) == ("init", ("finish", 0))
    assert (given["mode"], given["name"], given["id"], given["project"]) == ("offline", "mine", None, "numbann")
    assert [step for _, step, _ in logs] == [1, 2, 3, 4]
    assert logs[0][2]["train/loss"] == run.history[0]["train_loss"]
    assert module.Run.summary["final/test/loss"] == run.metrics["test"]["loss"]
    module.calls.clear()
    numbann.resume("run", epochs=5)
    assert module.calls[0][1]["id"] == "id-1"
    assert [call[1] for call in module.calls if call[0] == "log"] == [5]
    module.calls.clear()
    data = {"target": "sum", "drop": ["colour"], "target_scale": "none"}
    wrong = write_spec(data=data, optimizer={"type": "sgd", "learning_rate": 1e30}, callbacks=["wandb"])
    with pytest.raises(TrainingError):
        numbann.train(wrong)
    assert module.calls[-1] == ("finish", 1)


def test_wandb_of_several_models(write_spec: WriteSpec, stand_in: Callable[[str], Any]) -> None:
    module = stand_in("wandb")
    numbann.train(write_spec(callbacks=["wandb"], ensemble=2), output="run")
    assert ("define", "model_2/*", "model_2/epoch") in module.calls
    logs = [call for call in module.calls if call[0] == "log"]
    assert {step for _, step, _ in logs} == {None}
    assert [values["model_2/epoch"] for _, _, values in logs if "model_2/epoch" in values] == [1, 2, 3, 4]


def test_mlflow(write_spec: WriteSpec, stand_in: Callable[[str], Any]) -> None:
    module = stand_in("mlflow")
    spec = write_spec(callbacks=[{"type": "mlflow", "tracking_uri": "http://x"}])
    with pytest.raises(KeyboardInterrupt):
        numbann.train(spec, output="run", callbacks=[interrupt_after(2)])
    assert module.calls[:3] == [("client", "http://x"), ("experiment", "numbann"), ("run", "7", "run")]
    assert module.calls[-1] == ("end", "KILLED")
    module.calls.clear()
    with pytest.raises(numbann.RunDirectoryError, match=r"its callback mlflow writes to .http://x"):
        numbann.resume("run")
    assert module.calls == []
    numbann.resume("run", trust=True)
    assert module.calls[1] == ("update", "r1", "RUNNING")
    losses = [one for one in module.sent if one.key == "train/loss"]
    assert [one.step for one in losses] == [1, 2, 3, 4]
    assert {one.key for one in module.sent} >= {"validation/accuracy", "final/test/accuracy"}
    artifacts = [name for kind, name in (call[:2] for call in module.calls) if kind == "artifact"]
    assert artifacts == ["spec.resolved.json", "metrics.json", "model.safetensors"]
    assert module.calls[-1] == ("end", "FINISHED")


def test_trackio_after_a_process_was_killed(write_spec: WriteSpec, stand_in: Callable[[str], Any]) -> None:
    """It has steps that the checkpoint does not have."""
    module = stand_in("trackio")
    spec = write_spec(callbacks=["trackio"], train={"epochs": 6})
    with pytest.raises(KeyboardInterrupt):
        numbann.train(spec, output="run", callbacks=[interrupt_after(2)])
    kept = json.loads(Path("run/tracking.json").read_text())
    Path("run/tracking.json").write_text(json.dumps({"trackio": {**kept["trackio"], "written": None}}))
    module.Run._next_step = 5
    module.calls.clear()
    numbann.resume("run")
    assert [call[1] for call in module.calls if call[0] == "log"][:-1] == [5, 6]


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"trackio": 3}', '{"trackio": {"run": "a", "written": 5}}'])
def test_what_a_run_is_called_may_be_lost(write_spec: WriteSpec, stand_in: Callable[[str], Any], damage: str) -> None:
    """It is then written as a new one, from its first epoch."""
    calls = stand_in("trackio").calls
    numbann.train(write_spec(callbacks=["trackio"]), output="run")
    Path("run/tracking.json").write_text(damage)
    calls.clear()
    numbann.resume("run", epochs=5)
    assert calls[0][-1] == "never"
    assert [call[1] for call in calls if call[0] == "log"][:-1] == [1, 2, 3, 4, 5]


def test_one_that_is_added_later_gets_the_whole_history(write_spec: WriteSpec, stand_in: Callable[[str], Any]) -> None:
    calls = stand_in("trackio").calls
    numbann.train(write_spec(), output="run")
    numbann.resume("run", epochs=6, callbacks=[callbacks.trackio("p", "n")])
    assert calls[0][1:3] == ("p", "n")
    assert [call[1] for call in calls if call[0] == "log"][:-1] == [1, 2, 3, 4, 5, 6]


def test_one_that_cannot_be_made(write_spec: WriteSpec, here: Path, stand_in: Callable[[str], Any]) -> None:
    def refuse(uri: str) -> None:
        raise ValueError("no such scheme")

    stand_in("mlflow").MlflowClient.__init__ = lambda self, uri: refuse(uri)
    with pytest.raises(NumbannError, match="callback mlflow cannot be made: ValueError: no such scheme"):
        numbann.train(write_spec(callbacks=["mlflow"]))
    assert not (here / "runs").exists()


# ---- without their packages


@pytest.mark.parametrize("name", ["tensorboard", "trackio", "mlflow", "wandb"])
def test_without_its_package(write_spec: WriteSpec, here: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for module in ("numbann.spec.agreement", "numbann.training.trackers"):
        monkeypatch.setattr(f"{module}.find_spec", lambda name: None)
    spec, message = write_spec(callbacks=[name]), rf'"{name}" needs the package \w+: pip install "numbann\[{name}\]"'
    with pytest.raises(SpecError, match=rf"spec\.json:\d+  callbacks\[0\]: {message}"):
        numbann.train(spec)
    assert not (here / "runs").exists()
    with pytest.raises(NumbannError, match=message):
        make(name)
    with pytest.raises(NumbannError, match=message):
        getattr(callbacks, name)()
