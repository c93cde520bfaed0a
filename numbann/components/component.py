"""Defines what a component is: plain mathematics with a kind, a name, parameters and roles.

A component's signature says what each argument is.  An argument named in ROLES of roles.py is a role, which core
fills.  An argument with a default is a parameter; its annotation and default are its schema.  In an optimizer or a
schedule every other argument is a state: it is zero at first, and returned after the result in the same order.  In a
loss every other argument is an output of the network for one target, and in a metric what such outputs give, by name.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from functools import cached_property
from typing import Any

from numbann.components.names import normalize
from numbann.components.parameter import LearnableMark, Parameter
from numbann.errors import NumbannError, PluginError, TrainingError
from numbann.records import dataclass

Function = Callable[..., Any]  # a function of mathematics, with its own arguments


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
        """The width of an activation's output over that of its input, as a fraction: (1, 2) if it halves a row."""
        given = self.component.traits.get("width", 1)
        return (1, int(self.values[given])) if isinstance(given, str) else given.as_integer_ratio()

    def width(self, units: int) -> int:
        """The width of an activation's output for a number of units; PluginError if it would be no whole number."""
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
