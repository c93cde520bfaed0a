"""Regression: one real value per target, standardized for a loss that takes any real number, and bent before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from numbann.data.ordered import medians
from numbann.data.quantiles import normal_levels, quantile_knots
from numbann.data.table import Raw
from numbann.data.tasks.task import Outcome, Task, TooLargeTarget, narrow
from numbann.errors import DataError
from numbann.records import dataclass

IN_UNITS = {  # from scaled numbers to those of the data, by the unit of what a loss gives
    "target": lambda y, shift, scale: y * scale + shift,
    "difference": lambda y, shift, scale: y * scale,
    "square": lambda y, shift, scale: y * scale * scale,
    "none": lambda y, shift, scale: y,
}
FROM_UNITS = {  # and back
    "target": lambda v, shift, scale: (v - shift) / scale,
    "difference": lambda v, shift, scale: v / scale,
    "square": lambda v, shift, scale: v / scale / scale,
    "none": lambda v, shift, scale: v,
}


@dataclass(frozen=True)
class Regression(Task):
    """Regression of one or several targets.

    shift, scale (T,): t = (target - shift) / scale; empty for no scaling.  bend: what happens to the target before:
    "log", sign(x) log(1 + |x|); "quantile", the normal distribution by the `knots` of each target; or "".
    low, high (T,): predictions are between these; empty for any.
    """

    shift: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    bend: str = ""
    knots: tuple[tuple[float, ...], ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()

    name = "regression"
    loss = "mse"
    metrics = ("rmse", "r2")
    roles = ("value",)
    forms = MappingProxyType(
        dict.fromkeys(("real", "unshifted", "nonnegative", "positive", "share", "columns"), "real")
    )
    standardized = "real"
    several_outputs = True

    @classmethod
    def of(cls, raws: Mapping[str, Raw]) -> Regression:
        found = cls(tuple(raws["train"].targets))
        for raw in raws.values():
            found.original(raw)  # refuses text
        return found

    def fit(self, raw_target: np.ndarray, target_scale: str) -> Regression:
        if target_scale == "none":
            return self
        if target_scale != "standard":
            knots = [quantile_knots(column) for column in raw_target.T] if target_scale == "quantile" else []
            bent = replace(self, bend=target_scale, knots=tuple(tuple(one.tolist()) for one in knots))
            return bent._standardized(bent._bent(raw_target))
        return self._standardized(raw_target)

    def bounded(self, raw_target: np.ndarray) -> Regression:
        return replace(self, low=tuple(raw_target.min(0).tolist()), high=tuple(raw_target.max(0).tolist()))

    def _standardized(self, raw_target: np.ndarray) -> Regression:
        with np.errstate(over="ignore", invalid="ignore"):
            mean, deviation = raw_target.mean(axis=0), raw_target.std(axis=0)
        for column in np.flatnonzero(~np.isfinite(deviation)):
            row = int(np.abs(raw_target[:, column]).argmax())
            what = f"the target {raw_target[row, column]:g} is too large to be scaled; divide all by a power of ten"
            raise TooLargeTarget(row, self.names[column], what)
        constant = raw_target.max(axis=0) == raw_target.min(axis=0)
        return replace(self, shift=tuple(mean.tolist()), scale=tuple(np.where(constant, 1.0, deviation).tolist()))

    def encode(self, raw_target: np.ndarray, form: str, dtype: str) -> np.ndarray:
        values = self.truth(raw_target)
        shift, scale = self._affine
        with np.errstate(over="ignore"):
            return narrow(self, values, (self._bent(values) - shift) / scale, dtype)

    def _bent(self, values: np.ndarray) -> np.ndarray:
        """Return values (N, T) of targets after the bend."""
        if self.bend == "log":
            return np.copysign(np.log1p(np.abs(values)), values)
        columns = [np.interp(values[:, k], *normal_levels(knots)) for k, knots in enumerate(self.knots)]
        return np.stack(columns, axis=1) if columns else values

    def _unbent(self, values: np.ndarray) -> np.ndarray:
        """Return what _bent makes of values (N, T), as values of the targets."""
        if self.bend == "log":
            with np.errstate(over="ignore"):
                return np.copysign(np.expm1(np.abs(values)), values)
        columns = [np.interp(values[:, k], *normal_levels(knots)[::-1]) for k, knots in enumerate(self.knots)]
        return np.stack(columns[: values.shape[1]], axis=1) if columns else values

    def values(self, found: Outcome) -> np.ndarray:
        """Return the predicted values (N, T) in the target's own unit: the first T of the outputs."""
        shift, scale = self._affine
        values = self._unbent(np.asarray(found.y[:, : len(self._predicted(found))], np.float64) * scale + shift)
        return np.clip(values, self.low[: values.shape[1]], self.high[: values.shape[1]]) if self.low else values

    def _predicted(self, found: Outcome) -> tuple[str, ...]:
        """Return the targets that are predicted: the first, where the columns of one have roles of their own."""
        return self.names[:1] if found.columns else self.names

    def predictions(self, found: Outcome) -> np.ndarray:
        values = self.values(found)
        return values[:, 0] if values.shape[1] == 1 else values

    def columns(self, found: Outcome) -> dict[str, np.ndarray]:
        """Return TARGET_OUTPUT, such as price_mean, price_variance; TARGET alone where there is one output for it."""
        given = self._given(found) or {"": self.values(found)}
        return {
            f"{target}_{name}".removesuffix("_" * (not name)): block[:, k]
            for k, target in enumerate(self._predicted(found))
            for name, block in given.items()
        }

    def in_units(self, found: Outcome) -> np.ndarray:
        return np.hstack(self._in_units(found))

    def from_units(self, found: Outcome) -> np.ndarray:
        bent = [(unit, self._bent(block) if unit == "target" else block) for unit, block in self._blocks(found)]
        return np.hstack([FROM_UNITS[unit](block, *self._affine) for unit, block in bent])

    def _blocks(self, found: Outcome) -> list[tuple[str, np.ndarray]]:
        """Return the outputs (N, T) of each name, with their unit; what a loss takes and does not give has none."""
        count = found.y.shape[1] // len(self._predicted(found))
        units = [*(found.units or {"": "target"}).values()]
        blocks = np.split(np.asarray(found.y, np.float64), count, axis=1)
        return [(units[k] if k < len(units) else "none", block) for k, block in enumerate(blocks)]

    def _in_units(self, found: Outcome) -> list[np.ndarray]:
        """Return the outputs (N, T) of each name in its unit."""
        scaled = [(unit, IN_UNITS[unit](block, *self._affine)) for unit, block in self._blocks(found)]
        return [self._unbent(values) if unit == "target" else values for unit, values in scaled]

    def _given(self, found: Outcome) -> dict[str, np.ndarray]:
        """Return what the loss gives (N, T), by name."""
        return dict(zip(found.units, self._in_units(found), strict=False))  # it may give less than it takes

    def probabilities(self, found: Outcome) -> np.ndarray:
        raise DataError("a regression has no probabilities; use predict")

    def truth(self, raw_target: np.ndarray) -> np.ndarray:
        return np.asarray(raw_target, np.float64).reshape(len(raw_target), len(self.names))

    def measurable(self, found: Outcome, truth: np.ndarray) -> dict[str, np.ndarray]:
        values = self.values(found)
        columns = {role: truth[:, [k]] for k, role in enumerate(found.columns)}
        return {**self._given(found), **columns, "t": truth[:, : values.shape[1]], "value": values}

    def usual(self, raw_target: np.ndarray) -> tuple[tuple[float, ...], ...]:
        """Return the mean of each target, which no constant beats in squares, and the median, in absolute errors."""
        with np.errstate(over="ignore", invalid="ignore"):
            found = [raw_target.mean(0), medians(raw_target)]
        return tuple(tuple(one.tolist()) for one in found if np.isfinite(one).all())

    def guess(self, usual: np.ndarray, t: np.ndarray) -> dict[str, np.ndarray]:
        return {"t": t, "value": np.broadcast_to(usual[: t.shape[1]], t.shape)}

    @property
    def _affine(self) -> tuple[np.ndarray, np.ndarray]:
        return np.array(self.shift or (0.0,)), np.array(self.scale or (1.0,))

    def __str__(self) -> str:
        return self.name


TASK = Regression
