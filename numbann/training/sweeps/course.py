"""A sweep in progress: trials are asked for, trained, and kept as they end; then the best of them is trained again."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property, partial
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any

import numbann
from numbann.data.wording import short
from numbann.engine.devices import DEFAULT, device_of
from numbann.engine.shared.processors import available_cpus
from numbann.errors import LostClusterError, RunDirectoryError, SpecError, SpecFault, TrainingError, shown
from numbann.records import dataclass
from numbann.runner import Done, Line, run
from numbann.runner.parcel import Work
from numbann.runner.pools import Pool, check_executor
from numbann.spec.loading import Loaded
from numbann.spec.model import to_json
from numbann.training.beside import told
from numbann.training.callbacks import Callback, Event, SweepStarted, TrialEnded
from numbann.training.execution import Run, warm_up
from numbann.training.folding import room_for
from numbann.training.interruption import Interrupted
from numbann.training.preparation import Prepared, engine_of
from numbann.training.rundir import BEST, json_text
from numbann.training.runs import train
from numbann.training.sweeps.plan import Plan
from numbann.training.sweeps.search import Asked, Told
from numbann.training.sweeps.specs import portable
from numbann.training.sweeps.store import BEST_SPEC, FORMAT, Row, Store, best_of, last_rungs
from numbann.training.sweeps.trial import VALIDATION, Trials, head_of, train_trial

ALONE = ("grid", "random")  # searches whose trials do not depend on each other
Key = tuple[int, int | None]  # of a row: trial and rung
_NO_TIME = "no trial has ended in time; give more sweep.minutes"


@dataclass(frozen=True, repr=False)
class Sweep:
    """A complete sweep.

    table: a row for each trial, by its number: `trial`, `parameters`, `value`, `validation`, `best_epoch`,
    `weights_epoch` if the weights are of another epoch, `epochs`, `seconds` and `history`, or `error`.  best: the row
    of the best.  spec: its spec, which trains `run` again, to the same bits.
    """

    path: Path
    table: Sequence[Mapping[str, Any]]
    best: Mapping[str, Any]
    spec: Mapping[str, Any]
    run: Run

    def __repr__(self) -> str:
        failed = f", {len(self.failed)} failed" * bool(self.failed)
        given = ", ".join(f"{path} {shown(value)}" for path, value in self.best["parameters"].items())
        best = f"best {self.best['trial']} with {short(self.best['value'], 4)}, {given}"
        return f"<numbann.Sweep {self.path}: {len(self.table)} trials{failed}; {best}>"

    @property
    def failed(self) -> list[Mapping[str, Any]]:
        """The rows of trials that failed."""
        return [row for row in self.table if "error" in row]

    def to_json(self) -> dict[str, Any]:
        """Return everything but histories and the run as JSON values."""
        rows = [{key: value for key, value in row.items() if key not in ("history", "folds")} for row in self.table]
        best = next(row for row in rows if row["trial"] == self.best["trial"])
        return {"path": str(self.path), "best": best, "trials": rows}


@dataclass(frozen=True)
class Share:
    """Where trials are trained: so many at a time, with so many threads each.  No bit depends on it."""

    executor: Executor | str
    workers: int
    threads: int

    @classmethod
    def of(cls, loaded: Loaded, executor: Executor | str, workers: int | None, threads: int | None) -> Share:
        """Share out threads: one a trial, unless there are more.  A GPU trains one trial at a time.

        In an Executor of the user's each trial has all threads, one by default.
        """
        check_executor(executor)
        whole = threads or available_cpus()
        if device_of(loaded.spec.train.device) is not DEFAULT:
            return cls(executor, 1, whole)
        if isinstance(executor, Executor):
            return cls(executor, workers or 1, threads or 1)
        count = workers or whole
        return cls(executor, count, max(1, whole // count))


class Course:
    """A sweep in progress."""

    def __init__(self, loaded: Loaded, given: Any, share: Share, tell: Callback) -> None:
        sweep = loaded.spec.sweep
        assert sweep is not None
        self._loaded, self._given, self._share, self._tell, self._sweep = loaded, given, share, tell, sweep
        self._trials = Trials(loaded, given)
        self._best: Row | None = None  # so far

    def check_alone(self, trial: int) -> None:
        """Refuse to train a trial alone that there is not, or that follows from the results of others."""
        kind, trials = self._sweep.search.type, Plan.of(self._loaded.spec).trials
        if kind not in ALONE:
            what = (
                f"its trials follow from the results of others; only those of {' and '.join(ALONE)} are trained alone"
            )
            raise SpecError([SpecFault("sweep.search", f"{kind}: {what}")], self._loaded.source.name)
        if trial < 1 or (trials is not None and trial > trials):
            last = "" if trials is None else f" to {trials}"
            raise SpecError([SpecFault("--trial", f"there is no trial {trial}; give a number from 1{last}")])

    def prepare(self) -> Prepared:
        """Prepare the spec itself: its data are read, its kernels compiled, and all of its faults raised."""
        self._base = base = self._trials.prepare_base(self._tell)
        self._plan = Plan.of(base.resolved.spec)
        with engine_of(base, self._tell) as engine:
            self._warmup, self._device, self._gpu = warm_up(engine, base), engine.device, engine.gpu
        return base

    @cached_property
    def _lower(self) -> bool:
        """Whether less of the metric is better."""
        measured = self._base.resolved.measures.get(self._sweep.metric.removeprefix(VALIDATION))
        return measured is None or measured.component.traits["better"] != "higher"

    def manifest(self) -> dict[str, Any]:
        """Return what the sweep is, as its file has it."""
        written = to_json(self._sweep)
        return {
            "format": FORMAT,
            "versions": {"numbann": numbann.__version__, "python": platform.python_version()},
            **{key: written[key] for key in ("parameters", "search", "metric")},
            "better": "lower" if self._lower else "higher",
            "folds": self._sweep.folds,
            "trials": self._plan.trials,
            "data": [{"path": path, "sha256": digest} for path, digest in self._base.facts.files],
            "started": _now(),
            "finished": None,
            "best": None,
        }

    # ---- trials

    def run(self, files: Store, manifest: Mapping[str, Any]) -> Sweep:
        """Train all trials that have not ended, and then the best of all of them again."""
        known = {(row["trial"], row.get("rung")): row for row in files.rows()}
        try:
            self._tell_start(files, len(known), self._plan.trials, self._plan.asked)
            with Pool(self._share.executor, self._share.workers, room_for(self._base)) as pool:
                line = Line()
                self._search(_Places(pool, line, *self._works(line)), files, known)
            return self._finish(files, manifest)
        except KeyboardInterrupt as interruption:
            path, code = files.path, getattr(interruption, "exit_code", 130)
            raise Interrupted(path, code, f"the trials that have ended are kept in {path}") from interruption
        except LostClusterError as error:
            kept = f"the trials that have ended are kept in {files.path}\nresume with: numbann resume {files.path}"
            raise LostClusterError(f"{error}\n{kept}") from None

    def run_alone(self, files: Store, trial: int) -> Row:
        """Train one trial, and write its row into a file of its own."""
        asked = Asked(trial, self._plan.point(trial))
        self._tell_start(files, 0, 1, 1)
        (done,) = run(self._works(line := Line())[0], [asked], idle=partial(self._hear, line), stop=line.stop.set)
        row = _row(done, asked)
        self._tell_end(row)
        files.write_alone(row)
        return row

    def _search(self, places: _Places, files: Store, known: dict[Key, Row]) -> None:
        """Train batch by batch, until the search has no more, or time is up."""
        search = self._plan.search()
        with suppress(StopIteration):
            batch = next(search)
            deadline = monotonic() + 60 * (self._sweep.minutes or inf)
            while self._train(places, files, batch, known, lambda: monotonic() < deadline):
                batch = search.send([self._told(known[asked.trial, asked.rung]) for asked in batch])
                files.keep_states([asked.trial for asked in batch])

    def _train(
        self, places: _Places, files: Store, batch: Sequence[Asked], known: dict[Key, Row], more: Callable[[], bool]
    ) -> bool:
        """Train the trials of a batch that have not ended; return whether all have."""
        _verify_known(batch, known, files.path)
        left = _Jobs(files, [asked for asked in batch if (asked.trial, asked.rung) not in known])

        def keep(done: Done) -> None:
            asked = left.asked[done.place]
            row = _row(done, asked)
            if done.error is None and asked.until is not None:
                files.write_states(asked.trial, done.value.states)
            files.append(row)
            known[asked.trial, asked.rung] = row

        for done in run(
            places.work,
            left,
            places.pool,
            idle=partial(self._hear, places.line),
            stop=places.line.stop.set,
            ended=keep,
            more=more,
            whole=lambda: places.whole,
        ):
            asked = left.asked[done.place]
            self._tell_end(known[asked.trial, asked.rung])
        return all((asked.trial, asked.rung) in known for asked in batch)

    def _works(self, line: Line) -> tuple[Work, Work]:
        """Return what trains a trial, and the same with the data files in it."""
        own, whole = (
            partial(train_trial, trials, line, self._share.threads) for trials in (self._trials, self._trials.whole())
        )
        return own, whole

    def _told(self, row: Row) -> Told:
        """Return what the search is told of a row."""
        value = row.get("value")
        return Told(row["trial"], value if value is None or self._lower else -value)

    # ---- the best

    def _finish(self, files: Store, manifest: Mapping[str, Any]) -> Sweep:
        """Train the best trial again, as a run of its own, and write that the sweep is complete."""
        rows = files.rows()
        best, table = best_of(rows, self._lower), last_rungs(rows)
        if best is None:
            first = next((row["error"] for row in table if "error" in row), "its figure is not a number")
            raise TrainingError(f"{files.path}: all trials failed; the first: {first}" if table else _NO_TIME)
        spec = portable(self._loaded, best["parameters"])
        files.keep_states([])
        files.write_best(spec)
        alone: dict[str, Any] = {"callbacks": []}  # which are for runs that are trained by themselves
        found = train(files.path / BEST_SPEC, data=self._given, output=files.path / BEST, force=True, overrides=alone)
        if self._sweep.folds == 1 and json_text(found.metrics.get("validation", {})) != json_text(best["validation"]):
            what = (
                f"trial {best['trial']} has {best['validation']}, and trained again {found.metrics.get('validation')}"
            )
            raise TrainingError(f"{files.path}: {what}: another machine or version has trained it; train {BEST_SPEC}")
        files.write_manifest({**manifest, "finished": _now(), "best": best["trial"]})
        return Sweep(files.path, table, best, spec, found)

    # ---- events

    def _tell_start(self, files: Store, done: int, trials: int | None, asked: int | None) -> None:
        self._tell(
            SweepStarted(
                path=files.path,
                trials=trials,
                asked=asked,
                done=done,
                workers=self._share.workers,
                threads=self._share.threads,
                parameters=to_json(self._sweep.parameters),
                metric=self._sweep.metric,
                lower=self._lower,
                epochs=self._base.resolved.spec.train.epochs,
                device=self._device,
                compiled=self._warmup.compiled,
                compile_seconds=self._warmup.seconds,
                gpu=self._gpu,
            )
        )

    def _tell_end(self, row: Row) -> None:
        rows = [row] if self._best is None else [self._best, row]
        better = best_of(rows, self._lower) is row
        self._best = row if better else self._best
        self._say(TrialEnded(row, better))

    def _hear(self, line: Line) -> None:
        for event in line.heard():
            self._say(event)

    def _say(self, event: Event) -> None:
        """Tell an event of a trial; TrainingError if a callback asks to stop."""
        if asked := self._tell(event):
            raise TrainingError(f"a callback stopped the sweep: {asked.reason}; the trials that have ended are kept")


@dataclass(frozen=True)
class _Places:
    """Where all batches are trained, and by what: each worker is sent it once."""

    pool: Pool
    line: Line
    work: Work
    whole: Work


class _Jobs(Sequence[Asked]):
    """Trials that are asked for, each with the states that it goes on from, which are read when it begins."""

    def __init__(self, files: Store, asked: Sequence[Asked]) -> None:
        self._files, self.asked = files, asked

    def __len__(self) -> int:
        return len(self.asked)

    def __getitem__(self, place: Any) -> Any:
        asked = self.asked[place]
        return replace(asked, states=self._files.states(asked.trial)) if (asked.rung or 1) > 1 else asked


def _row(done: Done, asked: Asked) -> Row:
    """Return the row of a trial that has ended, well or not."""
    if done.error is None:
        row: Row = done.value.row
        return row
    return {**head_of(asked), "error": told(done.error)}


def _verify_known(batch: Sequence[Asked], known: Mapping[Key, Row], path: Path) -> None:
    """Refuse rows that are not of the trials asked for."""
    for asked in batch:
        row = known.get((asked.trial, asked.rung))
        if row is not None and row["parameters"] != asked.parameters:
            what = (
                f"trial {asked.trial} has {shown(row['parameters'])}, and the search asks for {shown(asked.parameters)}"
            )
            raise RunDirectoryError(f"{path}: {what}: another version has begun it; sweep anew")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
