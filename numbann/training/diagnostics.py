"""Diagnostics of layers after each epoch: dead and saturated units, vanishing and exploding gradients.

They are measured on a fixed sample of the training rows, and leave the training unchanged.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isfinite, nan
from typing import Any

import numpy as np

from numbann.components.component import Component, call
from numbann.derivation import derivative_of
from numbann.engine.interface import Engine
from numbann.engine.shared.batches import whole_groups
from numbann.fit.job import Rows
from numbann.network import random
from numbann.network.chain import Layer
from numbann.network.plan import Plan
from numbann.records import dataclass
from numbann.training.callbacks import Callback, Warned
from numbann.training.preparation import Prepared

ROWS = 1024  # of the sample: enough for stable shares of units, and cheaper than a small epoch
FLAT = 0.05  # of the activation's largest slope: sigmoid beyond +-4.4, tanh beyond +-2.2
NEARLY_ALL = 0.95  # of the rows; a unit that is steep on a tenth of the rows still learns from them
GRID = np.linspace(-10.0, 10.0, 401)  # of z, wide enough that sigmoid is flat at both ends

MANY = 0.5  # the share of units from which a layer is reported; a few dead or saturated units are normal
VANISHED = 1e-4  # of the last layer's gradient, each divided by the root of its number of weights: a plain step of the
# first layer is then lost in the noise of the last one's
EXPLODED = 1e3  # times the largest gradient of the initial weights: a sound training lowers gradients.  The largest,
# because a layer that starts with hardly any gradient may well have a thousand times as much later

KEY = "diagnostics"  # of the history

Record = dict[str, Any]


@dataclass(frozen=True)
class LayerFinding:
    """A fault of a layer (counted from 1): its kind, and a text that ends with the remedy."""

    kind: str
    layer: int
    text: str


class Diagnosis:
    """Diagnoses the layers of an engine after every epoch.  Creating it measures the initial weights and keeps them."""

    def __init__(self, engine: Engine, prepared: Prepared) -> None:
        self._engine, self._plan = engine, prepared.plan
        rows = sample(prepared.job.train, self._plan.seed)
        self._rows = np.asarray(rows.x), rows.t, rows.weight, rows.group
        engine.initialize(self._plan.seed)
        self._watcher = Watcher(self._plan, prepared.resolved.applied, self._records())

    def recall(self, history: Iterable[Mapping[str, Any]]) -> None:
        """Mark the findings of earlier epochs as reported."""
        for record in history:
            self._watcher.new(record.get(KEY, ()))

    def of_epoch(self, tell: Callback, epoch: int) -> dict[str, list[Record]]:
        """Return the records of a completed epoch for the history, and report new findings."""
        records = self._records()
        for finding in self._watcher.new(records):
            tell(Warned(epoch, finding.kind, finding.layer, finding.text))
        return {KEY: records}

    def _records(self) -> list[Record]:
        return measure_layers(self._plan, self._engine.probe(*self._rows))


# ---- measuring


def sample(rows: Rows, seed: int) -> Rows:
    """Draw the sample of rows, or of whole groups of them, the same after every epoch."""
    count, generator = min(ROWS, len(rows)), random.generator(seed, random.SAMPLE)
    if rows.group is not None:
        return rows.at(whole_groups(rows.group, count, generator))
    return rows.at(np.sort(generator.choice(len(rows), count, replace=False)))


def measure_layers(plan: Plan, facts: Iterable[Any]) -> list[Record]:
    """Return one record per layer: the shares of dead and saturated units, and the gradient's norm for w and b.

    dead: the slope is exactly 0 on every row, so that no row changes the unit's weights.  This is measured for
    activations with a stretch of slope 0, such as relu.  saturated: on NEARLY_ALL rows the slope is below FLAT times
    the activation's largest slope, so that the unit's value hardly depends on its inputs and it hardly learns.  This is
    measured for activations that are flat on both sides, such as sigmoid; flatness on one side, as of elu, is intended.
    A unit that is steep on some rows is not saturated.  None where a share is not measured.
    """
    return [_record(k, layer, fact) for k, (layer, fact) in enumerate(zip(plan.layers, facts, strict=True), start=1)]


def _record(number: int, layer: Layer, fact: Any) -> Record:
    squares = float(np.square(fact.dw, dtype=np.float64).sum() + np.square(fact.db, dtype=np.float64).sum())
    dead: float | None = None
    saturated: float | None = None
    if fact.slopes is not None and layer.activation is not None:
        dies, flat = character(layer.activation.component, tuple(layer.activation.values.items()))
        dead = _share(fact.slopes == 0, 1.0) if dies else None
        saturated = None if flat is None else _share(np.abs(fact.slopes) < flat, NEARLY_ALL)
    return {"layer": number, "dead": dead, "saturated": saturated, "gradient_norm": float(np.sqrt(squares))}


@functools.cache
def character(component: Component, values: tuple[tuple[str, Any], ...]) -> tuple[bool, float | None]:
    """Return whether units of an activation can die, and the slope below which they are flat if they can saturate."""
    slopes = np.abs([_slope(component, dict(values), z) for z in GRID.tolist()])
    dies = bool(((slopes[1:] == 0) & (slopes[:-1] == 0)).any())
    flat = FLAT * float(np.nanmax(slopes))
    return dies, flat if slopes[0] < flat and slopes[-1] < flat else None


def _slope(component: Component, values: Mapping[str, Any], z: float) -> float:
    """Compute da/dz in plain Python; NaN where it overflows."""
    function, derivative = component.function, derivative_of(component)
    given = {"z": z, "u": 0.5, **values}
    try:
        given["a"] = call(function, **given)
        return float(call(derivative, **given))
    except ArithmeticError:
        return nan


def _share(flags: np.ndarray, rows: float) -> float:
    """Return the share of units (columns) whose flag is set on at least this share of the rows."""
    return float((flags.mean(0) >= rows).mean())


# ---- finding faults


class Watcher:
    """Finds faults in the layers of a network, and reports each once.

    names: each layer's activation.  first: the records of the initial weights.
    """

    def __init__(self, plan: Plan, names: Sequence[str], first: Sequence[Mapping[str, Any]]) -> None:
        self._plan, self._names = plan, names
        self._first = max(_norms(first))
        self._told: set[tuple[str, int]] = set()

    def new(self, records: Sequence[Mapping[str, Any]]) -> list[LayerFinding]:
        """Return the faults that an epoch's records show for the first time."""
        findings = [*self._units(records), *self._exploding(_norms(records)), *self._vanishing(records)]
        fresh = [finding for finding in findings if (finding.kind, finding.layer) not in self._told]
        self._told |= {(finding.kind, finding.layer) for finding in fresh}
        return fresh

    def _units(self, records: Sequence[Mapping[str, Any]]) -> Iterator[LayerFinding]:
        """Find layers that die or saturate; a dead layer is not reported as saturated too."""
        for record in records:
            number, dead, saturated = record["layer"], record["dead"] or 0.0, record["saturated"] or 0.0
            named, activation, init = self._name(number), self._key(number, "activation"), self._key(number, "init")
            if dead > MANY:
                yield LayerFinding(
                    "dead",
                    number,
                    f"{named}: {dead:.0%} of its units are dead, their slope is 0 for every row and they learn nothing "
                    f"more; try a smaller optimizer.learning_rate, leaky_relu or elu as {activation}, or he_normal as "
                    f"{init}",
                )
            elif saturated > MANY:
                yield LayerFinding(
                    "saturated",
                    number,
                    f"{named}: {saturated:.0%} of its units are saturated, they are flat for nearly every row and "
                    f"hardly learn; try standard as data.scale, a smaller optimizer.learning_rate, xavier_normal as "
                    f"{init}, or relu as {activation}",
                )

    def _exploding(self, norms: Sequence[float]) -> Iterator[LayerFinding]:
        """Find layers whose gradient has exploded since the start."""
        for number, norm in enumerate(norms, start=1):
            if isfinite(norm) and not norm > EXPLODED * self._first > 0:
                continue
            grown = f"is {norm / self._first:.0e} times the largest of the beginning"
            yield LayerFinding(
                "exploding",
                number,
                f"{self._name(number)}: its gradient {grown if isfinite(norm) else 'is not finite'}, gradients "
                "explode; try a smaller optimizer.learning_rate, train.clip_norm, or xavier_normal or he_normal as "
                f"{self._key(number, 'init')}",
            )

    def _vanishing(self, records: Sequence[Mapping[str, Any]]) -> Iterator[LayerFinding]:
        """Find gradients that vanish between the last layer and the first, where no dead layer cuts them off."""
        if len(records) < 2 or any((record["dead"] or 0.0) > MANY for record in records):
            return
        first, last = (_norms(records)[k] / _parameters(self._plan.layers[k]) ** 0.5 for k in (0, -1))
        if first < VANISHED * last:
            yield LayerFinding(
                "vanishing",
                1,
                f"{self._name(1)}: its gradient is {first / last:.0e} of the last layer's, a weight on average, "
                "gradients vanish; try relu as activation of the layers, he_normal as model.init, or fewer layers",
            )

    def _name(self, number: int) -> str:
        """Return a layer in words: "layer 2 (relu)"."""
        return f"layer {number} ({self._names[number - 1]})"

    def _key(self, number: int, key: str) -> str:
        """Return the spec's key of a layer."""
        if number < len(self._names):
            return f"model.layers[{number - 1}].{key}"
        return "model.output_activation" if key == "activation" else "model.init"


def _norms(records: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return each layer's norm; a file holds null for one that is not finite."""
    return [nan if record["gradient_norm"] is None else record["gradient_norm"] for record in records]


def _parameters(layer: Layer) -> int:
    return (layer.inputs + 1) * layer.outputs
