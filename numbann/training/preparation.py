"""Prepares a run from a spec: `read` loads the data, `plan` builds the network and everything around it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from numbann.components.registry import Registry
from numbann.data.contract import CODED, Facts
from numbann.data.findings.target import of_scale
from numbann.data.given import place_of_given
from numbann.data.memory import available, check_room
from numbann.data.source import Dataset, Part, SplitData
from numbann.data.source import load as load_data
from numbann.data.streaming import Streamed
from numbann.engine.devices import make_engine, require
from numbann.engine.interface import Engine
from numbann.errors import DataError, SpecError
from numbann.fit.job import Job, Rows
from numbann.fit.stopping import Watch
from numbann.model.outputs import outcome_of, score
from numbann.model.provenance import components_of, record_of
from numbann.network import plan as planning
from numbann.network.plan import Plan
from numbann.records import dataclass
from numbann.simd.cache import cache_is_empty
from numbann.spec.checks import check_header
from numbann.spec.loading import Loaded, settle
from numbann.spec.loading import load as load_spec
from numbann.spec.model import Spec, to_json
from numbann.spec.resolution import Resolved, resolve
from numbann.training.callbacks import Callback, Compiling, DataRead, Planned
from numbann.training.habits import habits
from numbann.training.kept import Kept

STREAMED = "the inputs are large for the memory: their rows stay in the file, and every epoch reads them anew"
GROUPED = 1024  # rows from which a batch goes by groups, unless it is normalized
Given = str | Path | Mapping[str, Any]


@dataclass(frozen=True)
class Prepared:
    """Everything that a run needs before it starts.  source: the rows as they were read, if there are folds."""

    loaded: Loaded
    resolved: Resolved
    facts: Facts
    dataset: Dataset
    plan: Plan
    source: SplitData | None = None

    @cached_property
    def job(self) -> Job:
        """The job that the core trains."""
        resolved, dataset, train = self.resolved, self.dataset, self.resolved.spec.train
        return Job(
            plan=self.plan,
            train=rows_of(dataset.train),
            validation=None if dataset.validation is None else rows_of(dataset.validation),
            epochs=train.epochs,
            learning_rate=resolved.learning_rate,
            schedule=resolved.schedule,
            warmup_epochs=resolved.warmup_epochs,
            watch=self._watch,
            keep_best=not self._unwatched and (train.select is not None or train.early_stopping is not None),
            measure=self._measure,
        )

    @property
    def _watch(self) -> Watch:
        """The value that decides the best epoch: the one named, else the loss, of the validation part if any."""
        train = self.resolved.spec.train
        if self._unwatched:
            return Watch("train_loss")
        stopping, select = train.early_stopping, train.select
        named = stopping or select
        key = named.monitor if named else "train_loss" if self.dataset.validation is None else "validation_loss"
        measures = self.resolved.measures
        higher = [key for key, metric in measures.items() if metric.component.traits["better"] == "higher"]
        last = select is not None and select.ties == "last"
        watch = Watch(key, key.removeprefix("validation_") in higher, last_of_equals=last)
        return replace(watch, min_delta=stopping.min_delta, patience=stopping.patience) if stopping else watch

    @property
    def _unwatched(self) -> bool:
        """Whether it trains on the rows of all folds, so that nothing is left to tell the best epoch."""
        return self.resolved.spec.ensemble is not None and self.dataset.validation is None

    def _measure(self, outputs: np.ndarray) -> dict[str, float]:
        """Compute the metrics of outputs for the validation part."""
        assert self.dataset.validation is not None
        return self.score(self.dataset.validation, outputs)

    def score(self, part: Part, outputs: np.ndarray) -> dict[str, float]:
        """Compute the metrics of outputs for a part."""
        task = self.dataset.preprocessing.task  # with its scaling
        own = {"weight": part.weight, "group": part.group}
        own |= {"truth": self._truth} if part is self.dataset.validation else {}
        return score(self.resolved.metrics, task, outcome_of(self.resolved, outputs), part.raw_target, **own)

    @cached_property
    def _truth(self) -> np.ndarray:
        """The target of the validation part, as metrics read it after each epoch."""
        assert self.dataset.validation is not None
        return self.dataset.preprocessing.task.truth(self.dataset.validation.raw_target)

    @cached_property
    def components(self) -> list[dict[str, str]]:
        """The records of the components, as a model file stores them."""
        return [record_of(component) for component in components_of(self.resolved)]


def rows_of(part: Part) -> Rows:
    """Return a part as rows for the network."""
    return Rows(part.x, part.t, part.loss_weight, part.group)


def prepare(
    spec: Given,
    overrides: Mapping[str, Any] | None,
    tell: Callback,
    registry: Registry | None = None,
    data: Any = None,
) -> Prepared:
    """Check the spec, read the data and plan the network; all of their faults are raised here.

    registry: the components that it may use; None for those of the plugins that it names, too.  data: the rows, in
    place of the files.
    """
    return prepare_loaded(load(spec, overrides, registry, data), tell, data)


def load(
    spec: Given, overrides: Mapping[str, Any] | None = None, registry: Registry | None = None, data: Any = None
) -> Loaded:
    """Check a spec.  data: the rows, where they are given in Python."""
    return load_spec(spec, overrides, registry, {} if data is None else place_of_given(data))


def prepare_loaded(loaded: Loaded, tell: Callback, data: Any = None) -> Prepared:
    """Prepare a checked spec, as `prepare` does."""
    with placing(loaded, data):
        source = read(loaded, data)
        if loaded.spec.ensemble is None:
            return plan(loaded, source, tell)
        kept = Kept.of(source, of_folds=loaded.spec.ensemble.members > 1)
        kept.folds(loaded.spec.ensemble.folds)  # as many as there can be
        return replace(plan(loaded, kept, tell), source=kept)


@contextmanager
def placing(loaded: Loaded, data: Any) -> Iterator[None]:
    """Turn an error of data for which a key of the spec is to blame into one that says where that stands."""
    try:
        yield
    except DataError as error:
        if error.key is None:
            raise
        origin, first = loaded.source, (tuple(error.key.split(".")), str(error))
        others = check_header(loaded.spec.data, origin.base) if data is None else ()
        raise SpecError([origin.fault(*one) for one in dict.fromkeys([first, *others])], origin.name) from None


def read(loaded: Loaded, data: Any = None) -> SplitData:
    """Read and split the data of a spec, or rows given in Python."""
    spec = loaded.spec
    require(spec.train.device)  # before data is read
    section = to_json(spec.data)
    if spec.ensemble is not None:
        section["split"]["validation"] = 0.0  # folds take its place
    if spec.model.input is not None and spec.model.input.categories is not None:
        section[CODED] = spec.model.input.categories.over
    return load_data(section, loaded.source.base, spec.seed, data)


def plan(loaded: Loaded, source: SplitData, tell: Callback) -> Prepared:
    """Resolve every "auto", fit the preprocessing on the training part, and plan the network."""
    loaded = settle(loaded, source.facts.task)
    spec, resolved = loaded.spec, resolve(loaded, source.facts)
    dataset = source.prepare(
        target=resolved.target,
        scale=resolved.spec.data.scale,
        target_scale=resolved.spec.data.target_scale,
        dtype=spec.model.arrays,
        kinds=_kinds(resolved, source.facts),
        target_clip=spec.data.target_clip,
    )
    streamed = isinstance(dataset.train.x, Streamed)
    order = (f"order: {' < '.join(map(str, source.facts.task.subjects))}",) if resolved.target == "order" else ()
    folds = _folds_note(spec)
    notes = (*source.facts.notes, *order, *folds, *((STREAMED,) if streamed else ()), *_ungrouped(resolved))
    facts = replace(source.facts, findings=of_scale(source.facts.findings, resolved.spec.data.target_scale))
    tell(DataRead(notes, dataset.warnings, (*facts.findings, *habits(resolved, facts.task))))
    encoding = dataset.preprocessing.encoding
    network = planning.build(resolved.network(encoding.inputs, encoding.numbers, encoding.coded))
    if streamed:
        _check_batch(network, len(dataset.train.x))
    _check_network(network, len(dataset.train.x))
    tell(Planned(to_json(spec), resolved, network, loaded.filled))
    return Prepared(loaded, resolved, facts, dataset, network)


def _folds_note(spec: Spec) -> tuple[str, ...]:
    """Return a note of the folds, if there are any."""
    if spec.ensemble is None:
        return ()
    place = ", in the place of data.split.validation" if spec.data.split.validation else ""
    return (f"folds: the training rows are cut into {spec.ensemble.folds}{place}",)


def _ungrouped(resolved: Resolved) -> Iterator[str]:
    """Say what a loss by groups does without groups."""
    if resolved.spec.data.group is None and resolved.loss.component.asks("group", "group_end"):
        yield f"group: {resolved.loss.name} takes each batch for one group; data.group names a column of groups"


def _kinds(resolved: Resolved, facts: Facts) -> tuple[str, ...]:
    """Return what the loss asks of each column of a target of numbers."""
    loss = resolved.loss.component
    every = (loss.traits["target"],) * len(facts.task.names) if resolved.target == "real" else ()
    return tuple(loss.columns.values()) or every


_PATHS = {"device": "train.device", "threads": "train.threads", "seed": "seed", "epochs": "train.epochs"}


def settings(**given: str | int | None) -> dict[str, str | int]:
    """Return arguments as overrides of the spec."""
    return {_PATHS[name]: value for name, value in given.items() if value is not None}


def engine_of(prepared: Prepared, tell: Callback, ranks: Any = None) -> Engine:
    """Make the engine of a job, and announce it if everything has to be compiled.

    ranks: those that train together (ranks.Ranks), each with its share of the processors.
    """
    if cache_is_empty():
        tell(Compiling())
    train = prepared.resolved.spec.train
    if ranks is None:
        return make_engine(prepared.plan, train.device, train.threads)
    threads = ranks.threads if train.threads == "auto" else train.threads
    return make_engine(prepared.plan, train.device, threads, ranks.world)


def _check_network(network: Plan, rows: int) -> None:
    """Refuse a network that memory cannot hold: its parameters and states, with copies, and a batch's values."""
    copies = 3 * (1 + len(network.kept))  # at work, after the last step, and after the best epoch
    batch = network.batch_rows(rows) if network.whole_batches else min(network.batch_rows(rows), GROUPED)
    values = 2 * batch * sum(layer.outputs for layer in network.layers)  # with their gradients
    shaped = 2 * sum(map(prod, network.shaped.values()))
    size = (copies * network.parameters + shaped + values) * planning.ITEMSIZE[network.dtype]
    check_room(
        size, f"a network of {network.parameters} parameters", "model.layers", "take fewer units or rows a batch"
    )


def _check_batch(network: Plan, rows: int) -> None:
    """Refuse a batch whose inputs exceed half of the available memory."""
    rows = network.batch_rows(rows)
    size = rows * network.inputs * planning.ITEMSIZE[network.dtype]
    if size > available() / 2:
        raise DataError(
            f"a batch of {rows} rows takes {size / 1e9:.1f} GB, too much for memory; take fewer", key="train.batch_size"
        )
