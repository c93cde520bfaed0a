"""Callbacks: functions of the events of a run, what they may return, and those that write runs for other programs.

from numbann import callbacks

def watch(event: callbacks.Event) -> callbacks.Stop | None: ...

numbann.train(spec, callbacks=[watch, callbacks.tensorboard()])
"""

from __future__ import annotations

from pathlib import Path

from numbann.fit.loop import StepsDone
from numbann.training.callbacks import (
    Callback,
    CallbackFailed,
    Compiling,
    DataRead,
    EpochEnded,
    Event,
    Failed,
    Finished,
    FromModel,
    ModelEnded,
    Planned,
    Started,
    Stop,
    SweepStarted,
    TrialEnded,
    Warned,
)
from numbann.training.telling import CallbackError
from numbann.training.trackers import make

__all__ = [
    "Callback",
    "CallbackError",
    "CallbackFailed",
    "Compiling",
    "DataRead",
    "EpochEnded",
    "Event",
    "Failed",
    "Finished",
    "FromModel",
    "ModelEnded",
    "Planned",
    "Started",
    "StepsDone",
    "Stop",
    "SweepStarted",
    "TrialEnded",
    "Warned",
    "mlflow",
    "tensorboard",
    "trackio",
    "wandb",
]


def tensorboard(dir: str | Path | None = None) -> Callback:
    """Write files for TensorBoard.  dir: where the run gets a folder of its name; None: RUN/tensorboard.

    Needs tensorboardX: pip install "numbann[tensorboard]".
    """
    return make("tensorboard", dir=dir)


def trackio(project: str = "numbann", name: str | None = None) -> Callback:
    """Write a run in Trackio, on this machine.  name: of the run; None: that of its directory.

    Needs trackio: pip install "numbann[trackio]".
    """
    return make("trackio", project=project, name=name)


def mlflow(experiment: str = "numbann", name: str | None = None, tracking_uri: str | None = None) -> Callback:
    """Write a run in MLflow.  name: of the run; None: that of its directory.  tracking_uri: None: as MLflow is set up.

    Needs mlflow: pip install "numbann[mlflow]".
    """
    return make("mlflow", experiment=experiment, name=name, tracking_uri=tracking_uri)


def wandb(
    project: str = "numbann", name: str | None = None, entity: str | None = None, mode: str | None = None
) -> Callback:
    """Write a run in Weights & Biases.  name: of the run; None: that of its directory.

    entity, mode ("online", "offline", "disabled"): None: as W&B is set up.  Needs wandb: pip install "numbann[wandb]".
    """
    return make("wandb", project=project, name=name, entity=entity, mode=mode)
