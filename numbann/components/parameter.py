"""Parameters of components: their annotations, which are their schema, and how trained ones are trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from math import inf, isfinite
from typing import Annotated, Any, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt

from numbann.errors import PluginError, did_you_mean
from numbann.records import dataclass


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """How numbers are trained.  rate: times the learning rate.  decay: their weight decay; None: that of the others."""

    rate: float = 1.0
    decay: float | None = None

    def times(self, rate: float) -> Tuning:
        """The same at another rate."""
        return Tuning(rate=self.rate * rate, decay=self.decay)


PLAIN = Tuning()  # of everything that says nothing else


@dataclass(frozen=True, kw_only=True)
class LearnableMark(Tuning):
    """Marks a parameter as trained: `alpha: Annotated[float, learnable(shared=True, low=0)] = 0.1`.

    shared: one number a layer, else one a unit of an activation, or one an output or a term of a number's embedding.
    low, high: bounds that each step keeps it within.  start: an initializer that draws its start; None: the default.
    """

    shared: bool = False
    low: float = -inf
    high: float = inf
    start: Callable[..., Any] | None = None

    @property
    def bounded(self) -> bool:
        """Whether it has a bound."""
        return (self.low, self.high) != (-inf, inf)

    @property
    def tuning(self) -> Tuning:
        """What it says about steps alone."""
        return Tuning(rate=self.rate, decay=self.decay)


def learnable(
    *,
    shared: bool = False,
    rate: float = 1.0,
    decay: float | None = None,
    low: float = -inf,
    high: float = inf,
    start: Callable[..., Any] | None = None,
    **unknown: Any,
) -> LearnableMark:
    """Return the mark of a trained parameter, for an annotation; see LearnableMark."""
    for word in unknown:
        known = [one.name for one in fields(LearnableMark)]
        raise PluginError(f"learnable has no {word!r}{did_you_mean(word, known)} (it takes {', '.join(known)})")
    for name, number in {"rate": rate, "decay": decay, "low": low, "high": high}.items():
        if type(number) not in (int, float) and not (name == "decay" and number is None):
            raise PluginError(f"learnable({name}={number!r}): give a number")
    return LearnableMark(shared=shared, rate=rate, decay=decay, low=low, high=high, start=start)


Positive = Annotated[float, Gt(0)]
NonNegative = Annotated[float, Ge(0)]
Fraction = Annotated[float, Ge(0), Lt(1)]
Learnable = Annotated[float, LearnableMark()]
Numbers = tuple[float, ...]  # for schedules only, which are not compiled


@dataclass(frozen=True)
class Parameter:
    """One parameter: its name, its default, and its annotation, which is its schema."""

    name: str
    default: Any
    annotation: Any

    @property
    def type(self) -> type:
        """The bare type: float, int, bool or Numbers."""
        return get_args(self.annotation)[0] if get_origin(self.annotation) is Annotated else self.annotation

    @property
    def constraints(self) -> tuple[Any, ...]:
        """The annotated-types that bound the value, such as Gt(0)."""
        found = get_args(self.annotation)[1:] if get_origin(self.annotation) is Annotated else ()
        mark = self.learnable or LearnableMark()
        bounds = [Ge(mark.low)] * isfinite(mark.low) + [Le(mark.high)] * isfinite(mark.high)
        return (*(item for item in found if not _is_mark(item)), *bounds)

    @property
    def learnable(self) -> LearnableMark | None:
        """How it is trained, if it is."""
        marks = (item for item in get_args(self.annotation)[1:] if _is_mark(item))
        return next((mark if isinstance(mark, LearnableMark) else LearnableMark() for mark in marks), None)


def _is_mark(item: Any) -> bool:
    """Whether an item of an annotation is the mark of a trained parameter, with parentheses or without."""
    return isinstance(item, LearnableMark) or item is learnable
