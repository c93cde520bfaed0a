"""The activation of a layer, and what is trained in it."""

from __future__ import annotations

from dataclasses import replace

from numbann.components.component import Configured
from numbann.components.declare import freeze
from numbann.components.parameter import LearnableMark
from numbann.derivation import keeps_z
from numbann.derivation.blend import BLEND, with_blend
from numbann.network.description import Dense
from numbann.network.steps.step import ELEMENT, ROW, ROWS, SHARED, Step, Vector
from numbann.records import dataclass


@dataclass(frozen=True, kw_only=True)
class Activation(Step):
    """a = f(z).  key: the key of its random numbers, None if it draws none; its vectors are f's trained numbers."""

    value = "a"
    configured: Configured
    key: int | None = None

    @classmethod
    def of(cls, dense: Dense, k: int) -> Activation | None:
        """The activation of a layer k, with its blend if it has one; None for the identity alone."""
        if dense.activation is None or (dense.applies == "identity" and BLEND not in dense.activation.values):
            return None
        chosen = with_blend(dense.activation)
        component = chosen.component
        reads_z, key = keeps_z(component), 2 * k if "u" in component.roles else None
        vectors = tuple(
            learned(f"layers.{k}.activation.{name}", dense.units, mark, chosen.values[name], component.defaults()[name])
            for name, mark in component.marks.items()
        )
        keeps = ("z", "a") if reads_z else ("a",)
        return cls(configured=chosen, key=key, scope=scope_of(chosen), apart=reads_z, keeps=keeps, vectors=vectors)

    def predicting(self) -> Activation:
        """The activation without noise."""
        return replace(self, key=None)


def learned(name: str, units: int, mark: LearnableMark, start: float, default: float) -> Vector:
    """A trained parameter of an activation; a start that is not the default takes the place of the initializer."""
    size, gradient = (1, SHARED) if mark.shared else (units, ROWS)
    init = freeze(mark.start).configured() if mark.start is not None and start == default else None
    return Vector(name, size, start, gradient, init, mark.tuning, mark.low, mark.high)


def scope_of(activation: Configured) -> str:
    """What an element of an activation's value depends on."""
    return ROW if activation.component.form == "row" else ELEMENT
