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
from dataclasses import dataclass, field
from typing import Annotated, Any, get_args, get_origin

from annotated_types import Ge, Gt, Lt

from numbann.errors import NumbannError, PluginError, TrainingError


@dataclass(frozen=True)
class LearnableMark:
    """Marks a parameter of an activation as trained: one value per unit, which starts from the default."""


Function = Callable[..., Any]  # a function of mathematics, with its own arguments
Positive = Annotated[float, Gt(0)]
NonNegative = Annotated[float, Ge(0)]
Fraction = Annotated[float, Ge(0), Lt(1)]
Learnable = Annotated[float, LearnableMark()]
Numbers = tuple[float, ...]  # for schedules only, which are not compiled

KINDS = ("activation", "loss", "optimizer", "schedule", "initializer", "metric")
ROLES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("activation", "elementwise"): ("z", "u"),
    ("activation", "row"): ("z", "a"),
    ("loss", "elementwise"): ("y", "t"),
    ("loss", "row"): ("y", "dy", "t", "label"),
    ("loss", "outputs"): ("t",),  # or the target's columns by their names
    ("optimizer", "elementwise"): ("w", "g", "step", "learning_rate", "weight_decay", "batch_size"),
    ("optimizer", "matrix"): ("w", "g", "step", "learning_rate", "weight_decay", "batch_size", "layer", "layers"),
    ("optimizer", "solver"): ("w", "evaluate", "memory", "step", "learning_rate"),
    ("schedule", "elementwise"): ("monitor", "step", "steps", "epoch", "epochs"),
    ("initializer", "elementwise"): ("shape", "random", "layer", "layers", "x", "z"),
    ("metric", "elementwise"): ("t", "weight", "label", "probability", "value"),
}
MAIN = {"activation": "z", "loss": "y", "optimizer": "w", "initializer": "shape"}  # the role that every one asks for
SETTINGS = ("learning_rate", "weight_decay")  # roles of an optimizer that also have a default, and hence a schema
STATEFUL = ("optimizer", "schedule")
TARGETS = ("real", "unshifted", "positive", "share", "binary", "distribution", "order")
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


def bare_name(name: str) -> str:
    """Return a component's name without its owner."""
    return name.rpartition(":")[2]


def normalize(name: str) -> str:
    """Return a distribution's name in the normal form of packaging, for comparisons."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


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
        return tuple(item for item in found if not isinstance(item, LearnableMark))

    @property
    def learnable(self) -> bool:
        """Whether one value per unit is trained."""
        return any(isinstance(item, LearnableMark) for item in get_args(self.annotation)[1:])


@dataclass(frozen=True, eq=False)
class Component:
    """A piece of mathematics with everything that core knows about it; immutable, compared by identity.

    function: the author's function.  derivative: da/dz of an activation or dvalue/dy of a loss, if the author gave it.
    slopes: the derivatives with respect to learnable parameters, or to a loss's outputs, that the author gave, by name.
    numbann.derivation derives the others.  backward: the backward function of a row activation.  outputs: the outputs
    that a loss or a metric names.  gives: the function from a loss's outputs to what predictions give.  plugin: who
    registered it, if a plugin.
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
        """The names of the parameters that are trained."""
        return tuple(parameter.name for parameter in self.parameters if parameter.learnable)

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
        return outputs // int(self.traits["outputs"]) * max(1, len(self.columns))

    def classes(self, outputs: int) -> int:
        """Return the number of classes that a loss of labels tells apart by its outputs."""
        return outputs + (self.traits["target"] == "order")

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
    def stored_states(self) -> tuple[str, ...]:
        """The states that an optimizer stores: all except optional ones whose parameter is zero."""
        optional = self.component.traits["optional"]
        return tuple(state for state in self.component.states if state not in optional or self.values[optional[state]])


def arguments_of(function: Function) -> tuple[str, ...]:
    """Return the names of a function's arguments."""
    code = function.__code__
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def call(function: Callable[..., Any], **given: Any) -> Any:
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
