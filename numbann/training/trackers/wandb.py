"""Runs in Weights & Biases; with the mode "offline" in files on this machine, which `wandb sync` sends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import wandb

from numbann.training.callbacks import Finished, Started
from numbann.training.trackers.tracker import Tracker, Values, flat, measures


class WandB(Tracker):
    """Writes a run in W&B.  name: by default that of the run directory; entity and mode: as W&B is set up."""

    name = "wandb"

    def __init__(
        self, project: str = "numbann", name: str | None = None, entity: str | None = None, mode: Any = None
    ) -> None:
        super().__init__()
        self._settings = {"project": project, "entity": entity, "mode": mode}
        self._title = name
        self._run: Any = None

    def open(self, event: Started, path: Path, known: str | None) -> str:
        self._run = wandb.init(
            **self._settings,
            name=self._title or path.resolve().name,
            id=known,
            resume="allow",
            reinit="create_new",
            config=flat(event.spec),
        )
        for model in range(1, event.models + 1) if event.models > 1 else ():  # each counts its own epochs
            self._run.define_metric(f"model_{model}/*", step_metric=f"model_{model}/epoch")
        return str(self._run.id)

    def last(self, prefix: str) -> int:
        return super().last(prefix) if prefix else max(super().last(prefix), self._run.step - 1)

    def log(self, prefix: str, epoch: int, values: Values) -> None:
        if prefix:
            self._run.log({f"{prefix}{name}": value for name, value in {**values, "epoch": epoch}.items()})
        else:
            self._run.log(dict(values), step=epoch)

    def finish(self, event: Finished) -> None:
        self._run.summary.update(measures(event.metrics))
        self._run.finish(exit_code=0)

    def fail(self, *, interrupted: bool) -> None:
        self._run.finish(exit_code=1)
