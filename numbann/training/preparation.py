"""From a spec to a job that is ready to train: spec checked, data read, network planned.  It writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numbann.data.contract import DELIMITERS, Facts
from numbann.data.memory import available
from numbann.data.source import Dataset
from numbann.data.source import load as load_data
from numbann.data.streaming import Streamed
from numbann.errors import DataError, Fault, SpecError
from numbann.model.outputs import Reading
from numbann.network import plan as planning
from numbann.network.plan import Plan
from numbann.spec import Loaded, Resolved, resolve, to_json
from numbann.spec import load as load_spec
from numbann.training.callbacks import Callback, DataRead, Planned
from numbann.training.rates import Rates
from numbann.training.stopping import Watch

STREAMED = "the inputs are large for the memory: their rows stay in the file, and every epoch reads them anew"
Given = str | Path | Mapping[str, Any]


@dataclass(frozen=True)
class Job:
    """All that a run needs before it starts."""

    loaded: Loaded
    resolved: Resolved
    facts: Facts
    dataset: Dataset
    plan: Plan

    @property
    def rates(self) -> Rates:
        """The learning rate of each step."""
        resolved, rows = self.resolved, len(self.dataset.train.x)
        steps, epochs = -(-rows // self.plan.batch_rows(rows)), resolved.spec.train.epochs
        return Rates(resolved.schedule, resolved.learning_rate, resolved.warmup_epochs, epochs, steps)

    @property
    def watch(self) -> Watch:
        """What early stopping watches; without it the loss, of the validation part if there is one."""
        stopping = self.resolved.spec.train.early_stopping
        if stopping is None:
            return Watch("train_loss" if self.dataset.validation is None else "validation_loss")
        higher = [metric.name for metric in self.resolved.metrics if metric.traits["better"] == "higher"]
        upwards = stopping.monitor.removeprefix("validation_") in higher
        return Watch(stopping.monitor, upwards, stopping.min_delta, stopping.patience)

    @property
    def reading(self) -> Reading:
        """How the network's outputs are read."""
        resolved, preprocessing = self.resolved, self.dataset.preprocessing
        return Reading(resolved.spec.data.task, resolved.target, resolved.output_activation.name, preprocessing)


def prepare(spec: Given, overrides: Mapping[str, Any] | None, tell: Callback) -> Job:
    """Check the spec, read the data and plan the network; every fault of them is raised here."""
    loaded = load_spec(spec, overrides)
    try:
        return _prepared(loaded, tell)
    except DataError as error:
        raise _at_its_key(error, loaded) from None


def _prepared(loaded: Loaded, tell: Callback) -> Job:
    spec = loaded.spec
    if spec.train.device.startswith("cuda"):
        _require(spec.train.device)
    source = load_data(to_json(spec.data), loaded.source.base, spec.seed)
    resolved = resolve(loaded, source.facts)
    dataset = _settled(
        source.facts,
        source.prepare(
            target=resolved.target,
            scale=resolved.spec.data.scale,
            target_scale=resolved.spec.data.target_scale,
            dtype=spec.model.dtype,
            positive=resolved.loss.component.traits["target"] == "positive",
        ),
    )
    streamed = isinstance(dataset.train.x, Streamed)
    tell(DataRead((*source.facts.notes, *((STREAMED,) if streamed else ())), dataset.warnings))
    plan = planning.build(resolved, dataset.preprocessing.inputs)
    if streamed:
        _check_batch(plan, len(dataset.train.x))
    tell(Planned(to_json(spec), resolved, plan))
    return Job(loaded, resolved, source.facts, dataset, plan)


def _require(device: str) -> None:
    """DeviceError, before data is read, unless a GPU is there."""
    from numbann.engine import require  # with it comes numba, which need not be there to look at data

    require(device)


def _settled(facts: Facts, dataset: Dataset) -> Dataset:
    """The dataset with what was found about its file, so that a model's bytes do not tell what was given as `auto`.

    A usual delimiter stays open: a file to predict may have another one.
    """
    delimiter = "auto" if facts.delimiter in (None, *DELIMITERS) else facts.delimiter
    reading = dataset.preprocessing.reading
    found = replace(reading, format=facts.format, delimiter=delimiter, origin=Path(reading.origin).name)
    return replace(dataset, preprocessing=replace(dataset.preprocessing, reading=found))


def _check_batch(plan: Plan, rows: int) -> None:
    """Refuse a batch that does not fit in memory, of so many rows that do not."""
    rows = plan.batch_rows(rows)
    size = rows * plan.inputs * planning.ITEMSIZE[plan.dtype]
    if size > available() / 2:
        raise DataError(
            f"a batch of {rows} rows takes {size / 1e9:.1f} GB, too much for memory; take fewer", key="train.batch_size"
        )


def _at_its_key(error: DataError, loaded: Loaded) -> Exception:
    """The same error with the line of the spec's key that is to blame, where there is one."""
    if error.key is None:
        return error
    return SpecError([Fault(error.key, str(error), loaded.source.line(error.key))], loaded.source.name)
