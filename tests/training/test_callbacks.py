"""Callbacks: the events of a run, a request to stop, and callbacks that raise: no run is lost by one."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import numbann
from numbann import callbacks
from numbann.callbacks import CallbackError, CallbackFailed, EpochEnded, Event, Failed, Finished, Started, Stop
from numbann.errors import NumbannError, TrainingError
from numbann.training.results import read_result
from numbann.training.sweeps.sweep import resume_sweep

WriteSpec = Callable[..., Path]


def of(kind: type, events: list[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def stop_after(epoch: int, kind: type = EpochEnded) -> Callable[[Event], Stop | None]:
    def ask(event: Event) -> Stop | None:
        record = event.event.record if isinstance(event, callbacks.FromModel) else getattr(event, "record", {})
        return Stop("it is good enough") if isinstance(event, kind) and record.get("epoch") == epoch else None

    return ask


def fail_at(kind: type, epoch: int = 0) -> Callable[[Event], None]:
    def broken(event: Event) -> None:
        if isinstance(event, kind) and (not epoch or event.record["epoch"] == epoch):
            raise ValueError("no\nluck")

    return broken


# ---- events


def test_the_events_of_a_run(write_spec: WriteSpec) -> None:
    events: list[Event] = []
    run = numbann.train(write_spec(), callbacks=[events.append])
    (begun,) = of(Started, events)
    assert begun.spec == {**begun.spec, **{"seed": 0, "callbacks": []}}
    assert begun.spec["loss"]["type"] == "softmax_cross_entropy"
    assert begun.parameters == run.model.plan.parameters
    assert begun.rows == {"train": 84, "validation": 18, "test": 18}
    assert begun.history == ()
    records = of(EpochEnded, events)
    assert [event.record for event in records] == list(run.history)
    assert [event.record["epoch"] for event in records if event.best][-1] == run.metrics["best_epoch"]
    (ended,) = of(Finished, events)
    assert (ended.metrics, ended.path, ended.stopped) == (run.metrics, run.path, "")
    assert of(Failed, events) == []


def test_events_are_frozen() -> None:
    kinds = [getattr(callbacks, name) for name in callbacks.__all__]
    events = [kind for kind in kinds if dataclasses.is_dataclass(kind)]
    assert len(events) == 15
    assert all(kind.__dataclass_params__.frozen and kind.__doc__ for kind in events)


def test_a_run_that_fails(write_spec: WriteSpec) -> None:
    data = {"target": "sum", "drop": ["colour"], "target_scale": "none"}
    spec, events = write_spec(data=data, optimizer={"type": "sgd", "learning_rate": 1e30}), []
    with pytest.raises(TrainingError):
        numbann.train(spec, output="run", callbacks=[events.append])
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert (failed.path, failed.interrupted) == (Path("run"), False)
    assert failed.error.startswith("epoch 1")


def test_a_run_that_is_interrupted(write_spec: WriteSpec) -> None:
    def interrupt(event: Event) -> None:
        if isinstance(event, EpochEnded):
            raise KeyboardInterrupt

    events: list[Event] = []
    with pytest.raises(numbann.Interrupted):
        numbann.train(write_spec(), output="run", callbacks=[events.append, interrupt])
    assert events[-1] == Failed(Path("run"), events[-1].error, True)
    events.clear()
    numbann.resume("run", callbacks=[events.append])
    (begun,) = of(Started, events)
    assert begun.epochs_done == 1
    assert [record["epoch"] for record in begun.history] == [1]


def test_a_spec_that_is_wrong_is_no_run_that_failed(write_spec: WriteSpec) -> None:
    events: list[Event] = []
    with pytest.raises(numbann.SpecError):
        numbann.train(write_spec(loss="nonsense"), callbacks=[events.append])
    assert events == []


# ---- to stop


def test_one_that_asks_to_stop(write_spec: WriteSpec) -> None:
    spec, events = write_spec(), []
    run = numbann.train(spec, output="run", callbacks=[stop_after(2), events.append])
    assert len(run.history) == 2
    assert run.metrics["stopped"] == "it is good enough"
    assert of(Finished, events)[0].stopped == "it is good enough"
    assert read_result("run").state == "finished"
    whole = numbann.train(spec, output="whole")
    assert "stopped" not in whole.metrics
    again = numbann.resume("run")  # goes on, to the same bits
    assert (again.path / "model.safetensors").read_bytes() == (whole.path / "model.safetensors").read_bytes()
    assert "stopped" not in again.metrics


def test_one_that_asks_in_the_beginning_gets_an_epoch(write_spec: WriteSpec) -> None:
    run = numbann.train(write_spec(), callbacks=[lambda event: Stop("at once")])
    assert (len(run.history), run.metrics["stopped"]) == (1, "at once")


def test_one_that_asks_at_the_end_stops_nothing(write_spec: WriteSpec) -> None:
    run = numbann.train(write_spec(), callbacks=[stop_after(4)])
    assert "stopped" not in run.metrics


def test_several_models_end_together(write_spec: WriteSpec) -> None:
    ask = stop_after(2, callbacks.FromModel)

    def asked(event: Event) -> Stop | None:
        return ask(event) if isinstance(event, callbacks.FromModel) and isinstance(event.event, EpochEnded) else None

    message = "a callback stopped the run: it is good enough\nthe checkpoints of all models are kept in run"
    spec = write_spec(ensemble=2, train={"epochs": 500})
    with pytest.raises(TrainingError, match=message):
        numbann.train(spec, output="run", callbacks=[asked])
    assert read_result("run").remark == "a callback stopped the run: it is good enough"
    with pytest.raises(TrainingError, match="a callback stopped the cross-validation: it is good enough"):
        numbann.cross_validate(write_spec(train={"epochs": 500}), callbacks=[asked])


def test_a_sweep_ends(write_spec: WriteSpec) -> None:
    def asked(event: Event) -> Stop | None:
        return Stop("enough") if isinstance(event, callbacks.TrialEnded) else None

    spec = write_spec(sweep={"parameters": {"optimizer.learning_rate": [0.01, 0.02, 0.03]}})
    with pytest.raises(TrainingError, match="a callback stopped the sweep: enough; the trials that have ended are kep"):
        numbann.sweep(spec, output="sweep", callbacks=[asked])
    assert len(resume_sweep("sweep").table) == 3


# ---- that raise


def test_one_that_raises_later_loses_no_run(write_spec: WriteSpec) -> None:
    spec, events, broken = write_spec(), [], fail_at(EpochEnded, 2)
    calls: list[Event] = []

    def counted(event: Event) -> None:
        calls.append(event)
        broken(event)

    with pytest.raises(CallbackError) as error:
        numbann.train(spec, output="run", callbacks=[counted, events.append])
    assert str(error.value).endswith("counted failed after epoch 2: ValueError: no luck; the training is complete")
    assert isinstance(error.value.__cause__, ValueError)
    assert error.value.exit_code == 1
    assert error.value.result.metrics == json.loads(Path("run/metrics.json").read_text())
    assert len(of(EpochEnded, calls)) == 2  # and no more
    (failed,) = of(CallbackFailed, events)
    assert failed.epoch == 2
    assert failed.text.endswith("the run goes on without it")
    assert len(of(EpochEnded, events)) == 4
    assert len(of(Finished, events)) == 1
    whole = numbann.train(spec, output="whole")
    assert Path("run/model.safetensors").read_bytes() == (whole.path / "model.safetensors").read_bytes()


@pytest.mark.parametrize("kind", [callbacks.DataRead, callbacks.Planned, Started])
def test_one_that_raises_before_training_ends_the_run(write_spec: WriteSpec, here: Path, kind: type) -> None:
    events: list[Event] = []
    with pytest.raises(TrainingError, match="broken failed: ValueError: no luck; nothing is trained") as error:
        numbann.train(write_spec(), output="run", callbacks=[events.append, fail_at(kind)])
    assert not isinstance(error.value, CallbackError)
    assert not (here / "run").exists()
    assert len(of(Failed, events)) == (kind is Started)


def test_one_that_raises_at_the_end(write_spec: WriteSpec) -> None:
    with pytest.raises(CallbackError, match="the training is complete"):
        numbann.train(write_spec(), output="run", callbacks=[fail_at(Finished)])
    assert read_result("run").state == "finished"


def test_ones_that_raise_while_a_run_fails_hide_nothing(write_spec: WriteSpec) -> None:
    data = {"target": "sum", "drop": ["colour"], "target_scale": "none"}
    spec, told = write_spec(data=data, optimizer={"type": "sgd", "learning_rate": 1e30}), []
    with pytest.raises(TrainingError, match="epoch 1"):
        numbann.train(spec, callbacks=[fail_at(Failed), told.append])
    assert isinstance(told[-1], Failed)


def test_one_that_raises_loses_no_cross_validation(write_spec: WriteSpec) -> None:
    with pytest.raises(CallbackError) as error:
        numbann.cross_validate(write_spec(), folds=2, callbacks=[fail_at(callbacks.ModelEnded)])
    assert len(error.value.result.folds) == 2


def test_several_that_raise_are_all_named(write_spec: WriteSpec) -> None:
    with pytest.raises(CallbackError) as error:
        numbann.train(write_spec(), callbacks=[fail_at(EpochEnded, 1), fail_at(EpochEnded, 3)])
    assert [line.rpartition(" failed")[2][:14] for line in str(error.value).splitlines()] == [
        *(" after epoch 1", " after epoch 3")
    ]


# ---- what is no callback


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (fail_at(Started), "callbacks is fail_at.<locals>.broken; give a list of functions of one event"),
        ("tensorboard", "callbacks is 'tensorboard'; give a list"),
        (None, "callbacks is None; give a list"),
        (["tensorboard"], "callbacks[0]: 'tensorboard' is what a spec names; make it by numbann.callbacks"),
        ([print, Stop], "callbacks[1]: Stop is a class; give a function of one event"),
        ([Stop("now")], "callbacks[0]: Stop(reason='now') is no function"),
    ],
)
def test_what_is_no_callback(write_spec: WriteSpec, given: Any, message: str) -> None:
    with pytest.raises(NumbannError) as caught:
        numbann.train(write_spec(), output="run", callbacks=given)
    assert str(caught.value).startswith(message)
    assert not Path("run").exists()


def test_an_answer_that_would_be_ignored(write_spec: WriteSpec) -> None:
    answer: Any = "stop"
    with pytest.raises(TrainingError, match=r"it returns 'stop'; return None, or Stop\(reason\) to stop; nothing is"):
        numbann.train(write_spec(), callbacks=[lambda event: answer])
    with pytest.raises(callbacks.CallbackError, match="it returns False; return None"):
        numbann.train(write_spec(), callbacks=[lambda event: False if isinstance(event, EpochEnded) else None])


# ---- what results look like


def test_results_are_short(write_spec: WriteSpec) -> None:
    found = [
        numbann.train(write_spec(), output="run"),
        numbann.train(write_spec(ensemble=2), output="both"),
        numbann.cross_validate(write_spec(), folds=2),
        numbann.sweep(write_spec(sweep={"parameters": {"optimizer.learning_rate": [0.01]}}), output="sweep"),
    ]
    starts = ["<numbann.Run run: test loss ", "<numbann.Run both: test loss ", "<numbann.CrossValidation of 2 models: "]
    starts += ["<numbann.Sweep sweep: 1 trials; best 1 with "]
    assert [repr(one)[: len(start)] for one, start in zip(found, starts, strict=True)] == starts
    assert all(len(repr(one)) < 300 for one in found)
