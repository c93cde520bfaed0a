"""The output of a run for people: lines about data, model and kernels, a row per epoch, and a summary.

On a terminal, a progress bar runs below the rows; a file or a pipe gets the rows alone.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from numbann.data.contract import PARTS
from numbann.simd.cache import cache_lasts
from numbann.simd.objects import has_features
from numbann.training.callbacks import (
    CallbackFailed,
    Compiling,
    DataRead,
    EpochEnded,
    Event,
    Finished,
    FromModel,
    ModelEnded,
    Planned,
    Started,
    StepsDone,
    SweepStarted,
    TrialEnded,
    Warned,
)
from numbann.training.rundir import json_text
from numbann.training.telling import CallbackError
from numbann_cli.grid import console_width
from numbann_cli.group import Settings, stop_writing
from numbann_cli.models_table import ModelRows, mean_line
from numbann_cli.progress import Bar
from numbann_cli.prose import json_lines
from numbann_cli.rows import HistoryRows, baseline_line, columns, format_measures, network, resolved_keys
from numbann_cli.signals import terminable
from numbann_cli.sweep_table import TrialRows, best_lines, values_line


class Narrator:
    """A callback that prints the events of a run, on stderr if stdout is for JSON.

    quiet: print only warnings and the summary.  verbose: also print the value of every resolved "auto".
    """

    def __init__(self, *, quiet: bool = False, verbose: bool = False, as_json: bool = False) -> None:
        self.quiet, self.verbose, self.as_json = quiet, verbose, as_json
        self.stream = sys.stderr if as_json else sys.stdout
        self.bar = Bar(self.stream) if self.stream.isatty() and not quiet else None
        self.rows: HistoryRows | None = None
        self.models: ModelRows | None = None
        self.trials: TrialRows | None = None
        self.sweep: SweepStarted | None = None
        self.progress: dict[int, float] = {}  # of each of several models, the share that is done
        self.ended = 0  # trainings of a sweep, with those of an earlier start
        self.epochs, self.trained, self.seconds, self.task = 0, 0, 0.0, ""
        self.warnings: list[str] = []
        self.findings: list[str] = []
        self.findings_of_data: list[dict[str, str]] = []

    def __call__(self, event: Event) -> None:
        """Print one event."""
        match event:
            case DataRead():
                self._data(event)
            case Planned():
                self._plan(event)
            case Compiling():
                self._tell(f"first  compiling kernels, which takes some seconds{' once' * cache_lasts()} ...")
            case Started():
                self._start(event)
            case StepsDone() if self.bar:
                self.bar.advance(event.epoch - 1 + event.done / event.steps)
            case Warned():
                self._warn(f"epoch {event.epoch}: {event.text}")
                self.findings.append(f"layer {event.layer} {event.kind} (epoch {event.epoch})")
            case EpochEnded():
                self._epoch(event)
            case FromModel():
                self._from_model(event.model, event.event)
            case ModelEnded():
                self._model(event)
            case SweepStarted():
                self._start_sweep(event)
            case TrialEnded():
                self._trial(event)
            case CallbackFailed():
                self._warn(event.text)
            case Finished():
                self._summary(event)

    def source(self, spec: Path | dict[str, Any]) -> None:
        """Print a spec that was made for a data file, a line for each of its parts."""
        if isinstance(spec, Path):
            return
        width = self._width()
        parts = (line for key, value in spec.items() for line in json_lines(value, width and width - 7, f'"{key}": '))
        for place, line in enumerate(parts):
            self._tell(f"{'spec ' if not place else '':<5}  {line}")

    def result(self, run: Any) -> None:
        """Print a complete run as one JSON object on stdout, if --json is given."""
        if self.as_json:
            metrics = dict(run.metrics)
            head = {"path": str(run.path), "epochs": len(run.history), "best_epoch": metrics.pop("best_epoch")}
            more = {key: metrics.pop(key) for key in list(metrics) if key not in PARTS}
            found = {**head, "metrics": metrics, **more, "warnings": self.warnings, "findings": self.findings_of_data}
            self._print(json_text(found), sys.stdout)

    def validated(self, found: Any, written: Path | None) -> None:
        """Print the result of a cross-validation.  written: the file of its predictions."""
        self.close()
        failed = len(found.failed)
        note = f"  ({failed} of {len(found.folds)} models failed)" if failed else ""
        self._tell("")
        for line in format_measures({"mean": found.mean, "deviation": found.deviation}):
            self._tell(line + note, important=True)
        self._tell(f"time       {self.seconds:.1f} s of training")
        if written:
            self._tell(f"written    {written}", important=True)
        if self.as_json:
            path = None if written is None else str(written)
            more = {"predictions": path, "warnings": self.warnings, "findings": self.findings_of_data}
            self._print(json_text({**found.to_json(), **more}), sys.stdout)

    def trial(self, row: Any, output: Path) -> None:
        """Print what a trial that was trained alone has left."""
        self.close()
        self._tell(f"\nwritten    {output / 'trials' / str(row['trial'])}.json", important=True)
        self._tell(f"next       numbann resume {output}, once all trials have ended")
        if self.as_json:
            self._print(json_text({"path": str(output), **row}), sys.stdout)

    def swept(self, found: Any) -> None:
        """Print the result of a sweep."""
        self.close()
        assert self.sweep is not None
        self._tell("")
        rungs = any("rung" in row for row in found.table)
        rows = TrialRows(self.sweep.parameters, self.sweep.metric, rungs, self._width())
        for line in best_lines(found.table, rows, self.sweep.lower):
            self._tell(line)
        self._tell(f"\nbest       trial {found.best['trial']}: {values_line(found.best['parameters'])}", important=True)
        measured = found.run.metrics
        parts = {part: measured[part] for part in ("validation", "test") if part in measured}
        if "folds" in found.best:  # these figures are of the run of the best alone
            parts = {"mean": found.best["validation"], **parts}
        for line in format_measures({"fold mean" if part == "mean" else part: parts[part] for part in parts}):
            self._tell(line, important=True)
        self._tell(f"time       {sum(row.get('seconds', 0.0) for row in found.table):.1f} s of training")
        self._tell(f"written    {found.path}{os.sep}", important=True)
        self._tell(
            f"next       numbann show {found.path / 'best'}\n           numbann train {found.path / 'best.json'}"
        )
        if self.as_json:
            more = {"metrics": parts, "warnings": self.warnings, "findings": self.findings_of_data}
            self._print(json_text({**found.to_json(), **more}), sys.stdout)

    def dry_run(self, job: Any) -> None:
        """Print the result of a dry run."""
        self.close()
        self._tell("dry run: everything fits; nothing was trained or written", important=True)
        if self.as_json:
            print(json.dumps({"parameters": job.plan.parameters, "spec": job.resolved.to_json()}))

    def close(self) -> None:
        """Remove the progress bar."""
        if self.bar:
            self.bar.close()

    def _data(self, event: DataRead) -> None:
        for note in event.notes:
            self._tell(f"data   {note}")
        for warning in event.warnings:
            self._warn(warning)
        for finding in event.findings:
            self._tell(f"found  {finding.text}")
            self.findings_of_data.append(finding._asdict())

    def _warn(self, warning: str) -> None:
        self.warnings.append(warning)
        self._tell(f"warning: {warning}", important=True)

    def _plan(self, event: Planned) -> None:
        self.task = event.resolved.spec.data.task
        for place, (section, filled) in enumerate(event.filled.items()):
            self._tell(f"{'preset' if not place else '':<6} {section}: {json.dumps(filled, ensure_ascii=False)}")
        self._tell(f"model  {network(event.plan, event.resolved)}")
        if event.plan.products == "bfloat16" and not has_features("avx512f", "avx512bf16"):
            self._tell("found  bfloat16 is slower than float32 here: the processor has no AVX512_BF16")
        if self.verbose:
            for key, value in sorted(resolved_keys(event.given, event.resolved.to_json())):
                self._tell(f"auto   {key} = {json.dumps(value)}")
        if self.bar:
            self.bar.wait(f"preparing kernels (compiled ones are {_kept()}) ...")

    def _built(self, event: Started | SweepStarted) -> None:
        if event.compiled:
            kernels = "1 kernel" if event.compiled == 1 else f"{event.compiled} kernels"
            self._tell(f"built  {kernels} in {event.compile_seconds:.1f} s ({_kept()})")

    def _start(self, event: Started) -> None:
        self._built(event)
        threads = "1 thread" if event.threads == 1 else f"up to {event.threads} threads"
        after = f", going on after epoch {event.epochs_done}" if event.epochs_done else ""
        if event.ranks > 1:
            threads = f"{event.ranks} ranks of {threads}"
        where = f"{event.gpu} ({event.device})" if event.gpu else f"{threads} on {event.device}"
        what = event.path or f"{event.models} models"
        self._tell(f"run    {what}, {where}{after}\n")
        self.epochs = event.epochs
        if self.bar and event.models > 1:
            self.bar.start(0, event.models, "model")
        elif self.bar:
            self.bar.start(event.epochs_done, event.epochs)

    def _epoch(self, event: EpochEnded) -> None:
        self.trained, self.seconds = self.trained + 1, self.seconds + event.record["seconds"]
        if self.rows is None:
            self.rows = HistoryRows(columns(event.record), self._width())
            self._tell(self.rows.header())
        self._tell(self.rows.row(event.record, event.best))
        if self.bar:
            self.bar.advance(event.record["epoch"])

    def _from_model(self, model: int, event: Event) -> None:
        """Note how far one of several models is."""
        match event:
            case Warned():
                self._warn(f"model {model}, epoch {event.epoch}: {event.text}")
            case StepsDone():
                self._advance(model, (event.epoch - 1 + event.done / event.steps) / self.epochs)
            case EpochEnded():
                self.trained, self.seconds = self.trained + 1, self.seconds + event.record["seconds"]
                self._advance(model, event.record["epoch"] / self.epochs)

    def _advance(self, model: int, share: float) -> None:
        self.progress[model] = share
        if self.bar:
            self.bar.advance(self.ended + sum(self.progress.values()))

    def _model(self, event: ModelEnded) -> None:
        if self.models is None and not event.error:
            self.models = ModelRows(tuple(event.measures))
            self._tell(self.models.header())
        if event.error:
            self._warn(f"model {event.model} (fold {event.fold}) failed: {event.error}")
            return
        assert self.models is not None
        self._tell(self.models.row({**vars(event), **event.measures}))
        self._advance(event.model, 1.0)

    def _start_sweep(self, event: SweepStarted) -> None:
        self._built(event)
        self.sweep, self.epochs, self.ended = event, event.epochs, event.done
        trials = "1 trial" if event.trials == 1 else f"{event.trials} trials"
        count = "as many trials as time allows" if event.trials is None else trials
        after = f", going on after {event.done} trainings" if event.done else ""
        where = f"{event.gpu} ({event.device})" if event.gpu else event.device
        self._tell(f"sweep  {event.path}, {count}{after}, {event.workers} at a time on {where}\n")
        if self.bar:
            self.bar.start(event.done, event.asked or 0, "training")

    def _trial(self, event: TrialEnded) -> None:
        """Print the row of a trial of a sweep."""
        row = event.row
        if "error" in row:
            self._warn(f"trial {row['trial']} failed: {row['error']}")
        else:
            if self.trials is None:
                assert self.sweep is not None
                self.trials = TrialRows(self.sweep.parameters, self.sweep.metric, "rung" in row, self._width())
                self._tell(self.trials.header())
            self._tell(self.trials.row(row, event.best))
        self.ended += 1
        self.progress.pop(row["trial"], None)
        if self.bar:
            self.bar.advance(self.ended + sum(self.progress.values()))

    def _summary(self, event: Finished) -> None:
        self.close()
        for warning in event.warnings:
            self._warn(warning)
        if self.models is not None:
            self._tell(f"\n{mean_line(event.metrics)}", important=True)
            self._results(event)
            return
        early = f", stopped early after {event.epochs_done}" if event.epochs_done < self.epochs else ""
        early += f": {event.stopped}" if event.stopped else ""
        self._tell(f"\nbest       epoch {event.metrics['best_epoch']} of {self.epochs}{early}", important=True)
        if event.weights_epoch != event.metrics["best_epoch"]:
            self._tell(f"weights    of epoch {event.weights_epoch}, the last, as none is chosen by a validation part")
        self._results(event)

    def _results(self, event: Finished) -> None:
        """Print the figures, the times, and what to do next."""
        parts = [part for part in ("validation", "test") if part in event.metrics]
        for line in format_measures({part: event.metrics[part] for part in parts}):
            self._tell(line, important=True)
        for line in baseline_line(event.metrics, self.task):
            self._tell(line, important=True)
        if self.findings:
            self._tell(f"warnings   {', '.join(self.findings)}", important=True)
        path = event.path
        speed = f", {self._rows_trained(event) / self.seconds:,.0f} rows a second" if self.seconds else ""
        share = f" ({event.exchanged / self.seconds:.0%} exchange)" if event.exchanged and self.seconds else ""
        self._tell(f"time       {event.seconds:.1f} s, {self.seconds:.1f} s of training{share}{speed}")
        self._tell(f"written    {path}{os.sep}", important=True)
        self._tell(f"next       numbann show {path}\n           numbann predict {path} DATA -o predictions.csv")

    def _rows_trained(self, event: Finished) -> float:
        """Return how many rows were trained; of folds, each model leaves one out."""
        models = event.metrics.get("models")
        left = 1 if models is None else 1 - 1 / max(one["fold"] for one in models)
        return event.rows * left * self.trained

    def _tell(self, line: str, important: bool = False) -> None:
        if self.quiet and not important:
            return
        if self.bar:
            self.bar.above(line)
        else:
            self._print(line, self.stream)

    def _print(self, line: str, stream: TextIO) -> None:
        """Print a line.  A reader that has left, or a full disk, ends the output and not the run."""
        try:
            print(line, file=stream, flush=True)
        except OSError as error:
            stop_writing(stream)
            if not isinstance(error, BrokenPipeError):
                with suppress(OSError):
                    print(f"numbann: no more output: {error.strerror}", file=sys.stderr, flush=True)

    def _width(self) -> int | None:
        return os.get_terminal_size(self.stream.fileno()).columns if self.bar else console_width()


def _kept() -> str:
    """Return what becomes of compiled kernels."""
    return "kept for the next run" if cache_lasts() else "not kept; NUMBANN_CACHE_DIR names a folder for them"


@contextmanager
def shown(show: Callable[[Any], None]) -> Iterator[None]:
    """Show the result of a training that callbacks have failed in, before the error is reported."""
    try:
        yield
    except CallbackError as error:
        show(error.result)
        raise


@contextmanager
def narrate(settings: Settings, as_json: bool) -> Iterator[Narrator]:
    """Provide a narrator during a run; on SIGTERM, the run saves its checkpoint before it ends."""
    narrator = Narrator(quiet=settings.quiet, verbose=settings.verbose, as_json=as_json)
    with terminable():
        try:
            yield narrator
        finally:
            narrator.close()
