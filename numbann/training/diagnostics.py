"""What a course warns of, per layer and epoch: dead and saturated units, vanishing and exploding gradients.

It looks at a fixed sample of the training rows when an epoch is over, and judges.  It changes no weight.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import Any

import numpy as np

from numbann.components.component import Component, call
from numbann.derivation import derivative_of
from numbann.engine.interface import Engine
from numbann.fit.job import Rows
from numbann.network import random
from numbann.network.chain import Layer
from numbann.network.plan import Plan
from numbann.training.callbacks import Callback, Warned
from numbann.training.preparation import Prepared

ROWS = 1024  # of the sample: a share of dead units does not change with more, and they cost less than a small epoch
FLAT = 0.05  # of the activation's largest slope: sigmoid beyond +-4.4, tanh beyond +-2.2
NEARLY_ALL = 0.95  # of the rows; a unit that is steep for a tenth of them still learns from those
GRID = np.linspace(-10.0, 10.0, 401)  # of z, where an activation shows what it is: sigmoid is flat at its ends

MANY = 0.5  # the share of a layer's units from which it is said to die or to saturate: some always do
VANISHED = 1e-4  # of the last layer's gradient, each divided by the root of its number of weights: a plain step of the
# first layer is then lost in the noise of the last one's
EXPLODED = 1e3  # times the largest gradient of the initial weights: a sound training lowers gradients.  The largest,
# because a layer that starts with hardly any gradient may well have a thousand times as much later

KEY = "diagnostics"  # of the history

Record = dict[str, Any]


@dataclass(frozen=True)
class Finding:
    """A layer (from 1) with what is wrong with it: its kind, and words that end in the remedy."""

    kind: str
    layer: int
    text: str


class Diagnosis:
    """An engine's layers, looked at after every epoch.  It begins with the initial weights, and leaves them there."""

    def __init__(self, engine: Engine, prepared: Prepared) -> None:
        self._engine, self._plan = engine, prepared.plan
        rows = sample(prepared.job.train, self._plan.seed)
        self._rows = np.asarray(rows.x), rows.t, rows.weight
        engine.initialize(self._plan.seed)
        self._watcher = Watcher(self._plan, prepared.resolved.applied, self._records())

    def recall(self, history: Iterable[Mapping[str, Any]]) -> None:
        """Take what earlier epochs have shown as told."""
        for record in history:
            self._watcher.new(record.get(KEY, ()))

    def of_epoch(self, tell: Callback, epoch: int) -> dict[str, list[Record]]:
        """The records of an epoch that is over, for its line of the history; what they show is told."""
        records = self._records()
        for finding in self._watcher.new(records):
            tell(Warned(epoch, finding.kind, finding.layer, finding.text))
        return {KEY: records}

    def _records(self) -> list[Record]:
        return measured(self._plan, self._engine.probe(*self._rows))


# ---- measuring


def sample(rows: Rows, seed: int) -> Rows:
    """The rows that are looked at, the same ones after every epoch."""
    count = min(ROWS, len(rows))
    return rows.at(np.sort(random.generator(seed, random.SAMPLE).choice(len(rows), count, replace=False)))


def measured(plan: Plan, facts: Iterable[Any]) -> list[Record]:
    """One record a layer, from 1: the shares of dead and saturated units and the norm of the gradient to w and b.

    dead: the slope is exactly 0 on every row, so that no row moves the unit's weights.  It means something for
    activations that have such a stretch, as relu does.  saturated: the slope is below FLAT of the activation's largest
    one on NEARLY_ALL rows: the unit says the same whatever it sees, and hardly learns.  It means something for
    activations that flatten to both sides, as sigmoid does; one that is flat on one side, as elu, is made for it, and
    units that are steep for some rows are the sharp ones that a network needs.  None where it means nothing.
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
    """Whether units of an elementwise activation can die, and below which slope they are flat if they can saturate."""
    slopes = np.abs([_slope(component, dict(values), z) for z in GRID.tolist()])
    dies = bool(((slopes[1:] == 0) & (slopes[:-1] == 0)).any())
    flat = FLAT * float(np.nanmax(slopes))
    return dies, flat if slopes[0] < flat and slopes[-1] < flat else None


def _slope(component: Component, values: Mapping[str, Any], z: float) -> float:
    """da/dz in plain Python; NaN where that overflows."""
    function, derivative = component.function, derivative_of(component)
    given = {"z": z, "u": 0.5, **values}
    try:
        given["a"] = call(function, **given)
        return float(call(derivative, **given))
    except ArithmeticError:
        return nan


def _share(flags: np.ndarray, rows: float) -> float:
    """The share of units (columns) whose flag is set for at least this share of the rows."""
    return float((flags.mean(0) >= rows).mean())


# ---- judging


class Watcher:
    """Finds what is wrong with a network's layers, each thing once.

    names: each layer's activation.  first: the records of the initial weights.
    """

    def __init__(self, plan: Plan, names: Sequence[str], first: Sequence[Mapping[str, Any]]) -> None:
        self._plan, self._names = plan, names
        self._first = max(_norms(first))
        self._told: set[tuple[str, int]] = set()

    def new(self, records: Sequence[Mapping[str, Any]]) -> list[Finding]:
        """What an epoch's records show for the first time."""
        findings = [*self._units(records), *self._exploding(_norms(records)), *self._vanishing(records)]
        fresh = [finding for finding in findings if (finding.kind, finding.layer) not in self._told]
        self._told |= {(finding.kind, finding.layer) for finding in fresh}
        return fresh

    def _units(self, records: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
        """Layers that die or saturate; a dead one is not called saturated too."""
        for record in records:
            number, dead, saturated = record["layer"], record["dead"] or 0.0, record["saturated"] or 0.0
            named, activation, init = self._named(number), self._key(number, "activation"), self._key(number, "init")
            if dead > MANY:
                yield Finding(
                    "dead",
                    number,
                    f"{named}: {dead:.0%} of its units are dead, their slope is 0 for every row and they learn nothing "
                    f"more; try a smaller optimizer.learning_rate, leaky_relu or elu as {activation}, or he_normal as "
                    f"{init}",
                )
            elif saturated > MANY:
                yield Finding(
                    "saturated",
                    number,
                    f"{named}: {saturated:.0%} of its units are saturated, they are flat for nearly every row and "
                    f"hardly learn; try standard as data.scale, a smaller optimizer.learning_rate, xavier_normal as "
                    f"{init}, or relu as {activation}",
                )

    def _exploding(self, norms: Sequence[float]) -> Iterator[Finding]:
        """Layers whose gradient is out of all proportion to those of the beginning."""
        for number, norm in enumerate(norms, start=1):
            if isfinite(norm) and not norm > EXPLODED * self._first > 0:
                continue
            grown = f"is {norm / self._first:.0e} times the largest of the beginning"
            yield Finding(
                "exploding",
                number,
                f"{self._named(number)}: its gradient {grown if isfinite(norm) else 'is not finite'}, gradients "
                "explode; try a smaller optimizer.learning_rate, train.clip_norm, or xavier_normal or he_normal as "
                f"{self._key(number, 'init')}",
            )

    def _vanishing(self, records: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
        """Gradients that fade on their way from the last layer to the first, where no dead layer cuts them off."""
        if len(records) < 2 or any((record["dead"] or 0.0) > MANY for record in records):
            return
        first, last = (_norms(records)[k] / _parameters(self._plan.layers[k]) ** 0.5 for k in (0, -1))
        if first < VANISHED * last:
            yield Finding(
                "vanishing",
                1,
                f"{self._named(1)}: its gradient is {first / last:.0e} of the last layer's, a weight on average, "
                "gradients vanish; try relu as activation of the layers, he_normal as model.init, or fewer layers",
            )

    def _named(self, number: int) -> str:
        """A layer in words: "layer 2 (relu)"."""
        return f"layer {number} ({self._names[number - 1]})"

    def _key(self, number: int, key: str) -> str:
        """The spec's key of a layer."""
        if number < len(self._names):
            return f"model.layers[{number - 1}].{key}"
        return "model.output_activation" if key == "activation" else "model.init"


def _norms(records: Sequence[Mapping[str, Any]]) -> list[float]:
    """Each layer's norm; one that is not finite is null in a file."""
    return [nan if record["gradient_norm"] is None else record["gradient_norm"] for record in records]


def _parameters(layer: Layer) -> int:
    return (layer.inputs + 1) * layer.outputs
