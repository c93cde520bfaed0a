"""An ensemble: several trained networks as one model, which predicts the mean of what they predict.

Each has the preprocessing that was fitted to its own training rows.  Their outputs are averaged in the target's own
unit, probabilities as such.  What is said of the ensemble as a whole (features, categories, classes) is that of all
training rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from numbann.components.registry import Registry
from numbann.data.preprocessing import NewData, Preprocessing
from numbann.data.table import Raw
from numbann.model.assessment import Assessment, assess
from numbann.model.file import ModelFile, usable
from numbann.model.model import Model, restore_network, restore_shared
from numbann.model.outputs import outcome_of
from numbann.model.preprocessing import restore_preprocessing
from numbann.network.states import add_prefix, select_part
from numbann.records import dataclass
from numbann.spec.resolution import Resolved

OWN = ("encoding", "target", "class_weights")  # what each network has for itself in the preprocessing


def prefix(number: int) -> str:
    """The prefix of the tensors of a network, counted from 0."""
    return f"models.{number}"


@dataclass(frozen=True)
class Rows:
    """Rows as they were read: each network makes inputs of them in its own way."""

    raw: Raw

    def __len__(self) -> int:
        return len(self.raw.table)


@dataclass(frozen=True, eq=False, repr=False)
class Ensemble(Model):
    """Several networks as one model.  plan: of the first; tensors: of all, with a prefix each."""

    networks: tuple[Model, ...] = ()

    @classmethod
    def of(cls, networks: Iterable[Model], preprocessing: Preprocessing) -> Self:
        """Return the ensemble of some networks.  preprocessing: fitted to all training rows."""
        every = tuple(networks)
        tensors = {
            name: tensor
            for number, one in enumerate(every)
            for name, tensor in add_prefix(prefix(number), one.tensors).items()
        }
        first = every[0]
        return cls(first.resolved, first.plan, preprocessing, tensors, first.threads, first.device, every)

    @classmethod
    def restored(
        cls, file: ModelFile, registry: Registry, place: Path, threads: int | str = "auto", device: str = "auto"
    ) -> Self:
        """Restore the ensemble of a file; RunDirectoryError whatever it says."""
        with usable(place):
            resolved, preprocessing = restore_shared(file, registry)
            networks = [
                _network(file, number, resolved, preprocessing, threads, device) for number in range(len(file.models))
            ]
            found = cls.of(networks, preprocessing)
            for name in sorted(file.tensors.keys() ^ found.tensors.keys()):
                raise ValueError(f"the tensor {name} is of none of its networks")
        return found

    @property
    def unrounded(self) -> Self:
        """As of `Model`."""
        return replace(self, networks=tuple(one.unrounded for one in self.networks))

    @property
    def models(self) -> tuple[Model, ...]:
        """The networks, each a model of its own."""
        return self.networks

    @property
    def weights(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Each network has its own: AttributeError."""
        raise AttributeError("an ensemble has the weights of each of its models: model.models[0].weights")

    def describe(self, raw: Raw, need_target: bool) -> NewData:
        """Return rows as they were read for `outputs` and `measure`."""
        return self.preprocessing.describe(raw, Rows(raw), need_target)

    def outputs(self, x: Any) -> np.ndarray:
        """Compute the mean outputs (N, O) for rows that `read` returned."""
        return self.mean(one.outputs(one.preprocessing.inputs(x.raw)) for one in self.networks)

    def mean(self, outputs: Iterable[np.ndarray]) -> np.ndarray:
        """Return the mean of each network's outputs (N, O), in order, as outputs of the ensemble."""
        total: Any = 0.0
        for one, y in zip(self.networks, outputs, strict=True):
            total = total + in_units(one.resolved, one.preprocessing, y)
        return from_units(self.resolved, self.preprocessing, total / len(self.networks))

    def measure(
        self, x: Any, raw_target: np.ndarray, weight: np.ndarray | None = None, group: np.ndarray | None = None
    ) -> Assessment:
        """Assess the ensemble on rows that `read` returned; its loss is the mean of its networks' losses."""
        found = [one.evaluated(one.preprocessing.inputs(x.raw), raw_target, weight, group) for one in self.networks]
        loss = sum(loss for loss, _ in found) / len(found)
        y = self.mean(y for _, y in found)
        return assess(self.resolved, self.preprocessing, loss, y, raw_target, weight=weight, group=group)

    def quick_outputs(self, X: Any) -> np.ndarray | None:
        """Compute the mean outputs (N, O) for an array of finite numbers, if each network just scales them."""
        quick = [y for one in self.networks if (y := one.quick_outputs(X)) is not None]
        return self.mean(quick) if len(quick) == len(self.networks) else None

    def _inputs(self, X: Any) -> Rows:
        return Rows(self.preprocessing.raw(X))

    @property
    def file(self) -> ModelFile:
        """What a model file holds."""
        own = [one.preprocessing.to_dict() for one in self.networks]
        return replace(super().file, models=[{key: one[key] for key in OWN} for one in own])

    def __repr__(self) -> str:
        return f"<numbann.Ensemble of {len(self.networks)}, {self.task}: {self.plan}>"


def in_units(resolved: Resolved, preprocessing: Preprocessing, y: np.ndarray) -> np.ndarray:
    """Return outputs y (N, O) of a network in the target's own unit."""
    return preprocessing.task.in_units(outcome_of(resolved, y))


def from_units(resolved: Resolved, preprocessing: Preprocessing, values: np.ndarray) -> np.ndarray:
    """Return values (N, O) in the target's own unit as outputs that go with a preprocessing."""
    return preprocessing.task.from_units(outcome_of(resolved, values))


def _network(
    file: ModelFile, number: int, resolved: Resolved, shared: Preprocessing, threads: int | str, device: str
) -> Model:
    """Restore a network; ValueError if it does not agree with what is shared."""
    own = restore_preprocessing({**file.preprocessing, **{key: file.models[number][key] for key in OWN}})
    if (own.encoding.features, own.task.subjects) != (shared.encoding.features, shared.task.subjects):
        raise ValueError(f"models[{number}] has other features or classes than the ensemble")
    tensors = select_part(prefix(number), file.tensors)
    return Model(resolved, restore_network(resolved, own, tensors), own, tensors, threads, device)
