"""Runs in MLflow, on a server or where MLflow keeps them: parameters, metrics by epoch, and the files of the run."""

from __future__ import annotations

from pathlib import Path
from time import monotonic, time

from mlflow import MlflowClient
from mlflow.entities import Metric, Param

from numbann.training.callbacks import Finished, Started
from numbann.training.rundir import METRICS, MODEL, RESOLVED
from numbann.training.trackers.tracker import Tracker, Values, flat, measures

PAUSE = 1.0  # seconds between two calls
MOST = 100  # parameters in a call, and ten times as many metrics
LONGEST = 500  # characters of a parameter that every server takes


class MLflow(Tracker):
    """Writes a run in MLflow.  name: by default that of the run directory; tracking_uri: as MLflow is set up."""

    name = "mlflow"

    def __init__(self, experiment: str = "numbann", name: str | None = None, tracking_uri: str | None = None) -> None:
        super().__init__()
        self._experiment, self._title = experiment, name
        self._client, self._run = MlflowClient(tracking_uri), ""
        self._waiting: list[Metric] = []
        self._sent = 0.0

    def open(self, event: Started, path: Path, known: str | None) -> str:
        if known is not None:
            self._client.update_run(known, status="RUNNING")
            self._run = known
            return known
        found = self._client.get_experiment_by_name(self._experiment)
        number = self._client.create_experiment(self._experiment) if found is None else found.experiment_id
        self._run = self._client.create_run(number, run_name=self._title or path.resolve().name).info.run_id
        spec = [Param(name, str(value)[:LONGEST]) for name, value in flat(event.spec).items()]
        for first in range(0, len(spec), MOST):
            self._client.log_batch(self._run, params=spec[first : first + MOST])
        return self._run

    def last(self, prefix: str) -> int:
        history = self._client.get_metric_history(self._run, f"{prefix}train/loss")
        return max((metric.step for metric in history), default=0)

    def log(self, prefix: str, epoch: int, values: Values) -> None:
        now = int(time() * 1000)
        self._waiting += [Metric(f"{prefix}{name}", value, now, epoch) for name, value in values.items()]
        if monotonic() - self._sent > PAUSE:
            self._send()

    def _send(self) -> None:
        """Send the metrics that wait."""
        waiting, self._waiting = self._waiting, []
        for first in range(0, len(waiting), 10 * MOST):
            self._client.log_batch(self._run, metrics=waiting[first : first + 10 * MOST])
        self._sent = monotonic()

    def finish(self, event: Finished) -> None:
        self.log("", event.weights_epoch, measures(event.metrics))
        self._send()
        assert event.path is not None
        for name in (RESOLVED, METRICS, MODEL):
            self._client.log_artifact(self._run, str(event.path / name))
        self._client.set_terminated(self._run, "FINISHED")

    def fail(self, *, interrupted: bool) -> None:
        self._send()
        self._client.set_terminated(self._run, "KILLED" if interrupted else "FAILED")
