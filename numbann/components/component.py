"""Defines what a component is: plain mathematics with a kind, a name, parameters and roles.

A component's signature says what each argument is.  An argument named in ROLES is a role, which core fills.  An
argument with a default is a parameter; its annotation and default are its schema.  In an optimizer or a schedule every
other argument is a state: it is zero at first, and returned after the result in the same order.  In a loss every other
argument is an output of the network for one target, and in a metric what such outputs give, by name.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import field, fields, replace
from functools import cached_property
from math import inf, isfinite
from typing import Annotated, Any, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt

from numbann.components.names import normalize
from numbann.errors import NumbannError, PluginError, TrainingError, did_you_mean
from numbann.records import dataclass

Function = Callable[..., Any]  # a function of mathematics, with its own arguments


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
    start: Function | None = None

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
    start: Function | None = None,
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

KINDS = ("activation", "embedding", "loss", "optimizer", "schedule", "initializer", "metric")
ROLES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("activation", "elementwise"): ("z", "u"),
    ("activation", "row"): ("z", "a", "u"),
    ("embedding", "elementwise"): ("x", "z"),
    ("term", "elementwise"): ("x",),  # of an embedding
    ("loss", "elementwise"): ("y", "t"),
    ("loss", "row"): ("y", "dy", "t", "label"),
    ("loss", "outputs"): ("t",),  # or the target's columns by their names
    ("loss", "batch"): ("row", "y", "dy", "t", "label", "weight", "group", "group_end"),  # or columns in the place of t
    ("optimizer", "elementwise"): ("w", "g", "step", "learning_rate", "weight_decay", "batch_size"),
    ("optimizer", "matrix"): ("w", "g", "step", "learning_rate", "weight_decay", "batch_size", "layer", "layers"),
    ("optimizer", "solver"): ("w", "evaluate", "memory", "step", "learning_rate"),
    ("schedule", "elementwise"): ("monitor", "step", "steps", "epoch", "epochs"),
    ("initializer", "elementwise"): ("shape", "random", "layer", "layers", "x", "z"),
    ("metric", "elementwise"): ("t", "weight", "group", "label", "probability", "value"),
}
TAKEN = {  # names that core fills in other functions of a component, or gives to what it trains
    "activation": ("a", "da", "dz"),
    "embedding": ("a", "mix"),
    "term": ("a", "z", "mix"),
    "loss": ("dy",),
}
MAIN = {
    "activation": "z",
    "term": "x",
    "loss": "y",
    "optimizer": "w",
    "initializer": "shape",
}  # what every one asks for
SETTINGS = ("learning_rate", "weight_decay")  # roles of an optimizer that also have a default, and hence a schema
STATEFUL = ("optimizer", "schedule")
TARGETS = {  # what a target must be, by the name that a loss gives it
    "real": "any number; a single one is scaled to mean 0 and deviation 1",
    "unshifted": "any number, in the data's own unit: its 0 means something",
    "nonnegative": "0 or more",
    "positive": "more than 0",
    "share": "between 0 and 1, without 0 and 1",
    "binary": "0 and 1, or a probability",
    "distribution": "the probabilities of all classes, with the sum 1",
    "order": "one of ordered classes",
    "above": "more than the column before it, for one of several columns",
}
UNITS = {  # of what a loss gives, by the name that a plugin writes
    "target": "the target's unit",
    "difference": "the unit of a difference of targets",
    "square": "the square of the target's unit",
    "none": "no unit",
}


@dataclass(frozen=True)
class Origin:
    """Where a component comes from: its distribution or file, the distribution's version, and the module."""

    owner: str
    version: str
    module: str

    @property
    def label(self) -> str:
        """The owner in names such as "numbann-curves:snake": the distribution, or the file without its folder."""
        return re.split(r"[/\\]", self.owner)[-1]

    def is_called(self, owner: str) -> bool:
        """Whether an owner in a name means this one."""
        return normalize(owner) in (normalize(self.label), normalize(self.owner))

    def __str__(self) -> str:
        return f"{self.owner} {self.version}".strip()


def _is_mark(item: Any) -> bool:
    """Whether an item of an annotation is the mark of a trained parameter, with parentheses or without."""
    return isinstance(item, LearnableMark) or item is learnable


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


@dataclass(frozen=True, eq=False)
class Component:
    """A piece of mathematics with everything that core knows about it; immutable, compared by identity.

    function: the author's function.  derivative: da/dz of an activation or dvalue/dy of a loss, if the author gave it.
    slopes: the derivatives with respect to learnable parameters, or to a loss's outputs, that the author gave, by name.
    numbann.derivation derives the others.  backward: the backward function of a row activation.  outputs: the outputs
    that a loss or a metric names.  gives: the function from a loss's outputs to what predictions give.  named: the loss
    of named outputs that this loss of rows is written from.  each: the functions from a row of a batch to a number that
    a loss of batches asks for, by its name, in their order.  terms: the functions whose mixture an embedding gets as z;
    their trained parameters are among its own.  plugin: who registered it, if a plugin.
    """

    kind: str
    name: str
    function: Function
    form: str = "elementwise"
    aliases: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    states: tuple[str, ...] = ()
    derivative: Function | None = None
    slopes: Mapping[str, Function] = field(default_factory=dict)
    backward: Function | None = None
    outputs: tuple[str, ...] = ()
    gives: Function | None = None
    named: Component | None = None
    each: Mapping[str, Function] = field(default_factory=dict)
    terms: tuple[Component, ...] = ()
    traits: Mapping[str, Any] = field(default_factory=dict)
    plugin: Origin | None = None

    @property
    def title(self) -> str:
        """The name that means this component whatever else is installed: "relu", "numbann-curves:snake"."""
        return f"{self.plugin.label}:{self.name}" if self.plugin else self.name

    @property
    def told(self) -> str:
        """The component in messages: kind, name, and the plugin that it is of."""
        return f'{self.kind} "{self.name}"' + (f" of {self.plugin}" if self.plugin else "")

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    @property
    def learnable(self) -> tuple[str, ...]:
        """The names of the parameters that are trained: first those with a number for each unit, then the others."""
        return tuple(self.marks)

    @property
    def marks(self) -> dict[str, LearnableMark]:
        """How each trained parameter is trained, by name, in the order of `learnable`."""
        found = {parameter.name: parameter.learnable for parameter in self.parameters if parameter.learnable}
        return dict(sorted(found.items(), key=lambda item: item[1].shared))

    @property
    def surrogate(self) -> bool:
        """Whether its derivative is on purpose not that of its function."""
        return bool(self.traits.get("surrogate"))

    @property
    def shapes(self) -> Mapping[str, str]:
        """The shapes of an optimizer's states that are not of w's shape, in letters: see matrices.py."""
        return self.traits.get("shapes", {})

    @property
    def predicts(self) -> str:
        """The state of an optimizer that predicts in the place of w; "" if w does."""
        return self.traits.get("predicts", "")

    @property
    def units(self) -> Mapping[str, str]:
        """What a loss of named outputs gives for each target, by name, with its unit, a key of UNITS."""
        return self.traits.get("units", {})

    @property
    def columns(self) -> Mapping[str, str]:
        """The columns of a loss's target that have roles of their own, by name, with what each is, one of TARGETS."""
        target = self.traits["target"] if self.kind == "loss" else ""
        return target if isinstance(target, Mapping) else {}

    def targets(self, outputs: int) -> int:
        """Return the number of columns of targets for a number of a loss's outputs."""
        if self.form == "batch" and self.columns:
            return len(self.columns)  # a row has each of them once, whatever its outputs
        return outputs // int(self.traits["outputs"]) * max(1, len(self.columns))

    def outputs_by(self, values: Mapping[str, Any] | None = None) -> int:
        """Return how many outputs a loss takes for each target, by its parameters, or by their defaults."""
        given = self.traits["outputs"]
        return int((values or self.defaults())[given] if isinstance(given, str) else given)

    def classes(self, outputs: int) -> int:
        """Return the number of classes that a loss of labels tells apart by its outputs."""
        return outputs + (self.traits["target"] == "order")

    @cached_property
    def output(self) -> Component:
        """An embedding's function from x and z to an output, without its terms and what is trained in them."""
        own = tuple(one for one in self.parameters if one.name in arguments_of(self.function))
        return replace(self, parameters=own, terms=())

    @property
    def gradients(self) -> dict[str, str]:
        """The names of the rows that a row activation's backward fills for trained parameters, by their names."""
        return {name: f"d{name}" for name in self.learnable} if self.form == "row" else {}

    @property
    def rows(self) -> dict[str, float]:
        """What a row activation gets as rows beside z: noise, and numbers of each unit; with their defaults."""
        if self.form != "row" or self.kind != "activation":
            return {}
        each = {name: self.defaults()[name] for name, mark in self.marks.items() if not mark.shared}
        return {**({"u": 0.5} if "u" in self.roles else {}), **each}

    def asks(self, *names: str) -> bool:
        """Whether the function, or a part of a loss of batches, has an argument of one of these names."""
        return any({*names} & {*arguments_of(one)} for one in (self.function, *self.each.values()))

    def defaults(self) -> dict[str, Any]:
        """Return every parameter's default by name."""
        return {parameter.name: parameter.default for parameter in self.parameters}

    def configured(self, **values: Any) -> Configured:
        """Return the component with values for its parameters, and defaults for the rest."""
        unknown = set(values) - set(self.defaults())
        if unknown:
            known = ", ".join(self.defaults()) or "none"
            raise PluginError(
                f"{self.kind} {self.name}: unknown parameter {sorted(unknown)[0]!r} (its parameters: {known})"
            )
        return Configured(self, {**self.defaults(), **values})


@dataclass(frozen=True)
class Configured:
    """A component with a value for each of its parameters."""

    component: Component
    values: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name that means the component whatever else is installed."""
        return self.component.title

    @property
    def ratio(self) -> tuple[int, int]:
        """How many numbers an activation of rows makes of how many: (1, 1), (1, 2) if it halves a row, (2, 1)."""
        given = self.component.traits.get("width", 1)
        return (1, int(self.values[given])) if isinstance(given, str) else given.as_integer_ratio()

    def width(self, units: int) -> int:
        """How many numbers an activation makes of a row of so many; PluginError if the row cannot be cut so."""
        made, of = self.ratio
        if of < 1 or units % of:
            raise PluginError(
                f"{self.component.told} makes {made} of {of} numbers; give a multiple of {of} units, not {units}"
            )
        return units // of * made

    @property
    def stored_states(self) -> tuple[str, ...]:
        """The states that an optimizer stores: all except optional ones whose parameter is zero."""
        optional = self.component.traits["optional"]
        return tuple(state for state in self.component.states if state not in optional or self.values[optional[state]])


def free_parameters(component: Component) -> list[str]:
    """The parameters that are no roles, and an optimizer's batch size, in the order in which the kernel finds them."""
    own = [parameter.name for parameter in component.parameters if parameter.name not in component.roles]
    return own + [role for role in component.roles if role == "batch_size"]


def arguments_of(function: Function) -> tuple[str, ...]:
    """Return the names of a function's arguments."""
    code = function.__code__
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def call(function: Callable[..., Any], /, **given: Any) -> Any:
    """Call a function with those of the given arguments that it asks for."""
    return function(**{name: given[name] for name in arguments_of(function) if name in given})


def run(component: Component, function: Callable[[], Any]) -> Any:
    """Run a component's Python code in a training; TrainingError names the component and its line."""
    try:
        return function()
    except NumbannError:
        raise
    except (Exception, SystemExit) as error:
        import traceback  # here, since only errors need it

        code = component.function.__code__
        lines = [one.lineno for one in traceback.extract_tb(error.__traceback__) if one.filename == code.co_filename]
        line = lines[-1] if lines else code.co_firstlineno  # none if what it returned is unfit
        raise TrainingError(
            f"{component.told} raised {type(error).__name__}: {error} "
            f"({code.co_filename}:{line}); correct it, or choose another, and train anew"
        ) from error


def place_of(function: Any) -> str:
    """Return where a function is defined, for errors: name and file:line."""
    code = getattr(function, "__code__", None)
    name = getattr(function, "__name__", repr(function))
    return f"{name} ({code.co_filename}:{code.co_firstlineno})" if code else name
