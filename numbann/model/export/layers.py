"""From the inputs of a network to its outputs: the steps of `numbann.network.steps`, in the steps of a format.

Letters: N rows, I inputs, O outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Generic

import numpy as np

from numbann.components.component import Component, Configured, arguments_of
from numbann.derivation.terms import Term
from numbann.errors import ExportError, PluginError
from numbann.model.export import formulas
from numbann.model.export.formulas import formula
from numbann.model.export.rows import write_rows
from numbann.model.export.writer import V, Writer
from numbann.network.steps import (
    Activation,
    AddInputs,
    Embed,
    Enter,
    Link,
    Norm,
    PickRows,
    Product,
    ScaleInputs,
    ScaleMembers,
    Step,
    TakeOwn,
)
from numbann.simd.sizes import NORM_EPSILON

if TYPE_CHECKING:
    from numbann.model.model import Model

NO_NOISE = {"u": 0.5}  # what predictions take for random numbers


def write_outputs(model: Model, x: V, writer: Writer[V]) -> V:
    """Write the outputs (N, O) of a network for its inputs: the mean of its members, each a network of its own."""
    return mean([Member(model, number, writer).outputs(x) for number in range(model.plan.members)], writer)


def mean(values: Sequence[V], writer: Writer[V]) -> V:
    """Write the mean of values."""
    if len(values) == 1:
        return values[0]
    whole = reduce(lambda x, y: writer.apply(formula(formulas.total), {"x": x, "y": y}), values)
    return writer.apply(formula(formulas.product, factor=1 / len(values)), {"x": whole})


class Member(Generic[V]):
    """One of the networks that share the weights of a model; a model without members has one."""

    def __init__(self, model: Model, number: int, writer: Writer[V]) -> None:
        self.plan, self.tensors, self.number, self.writer = model.plan, model.tensors, number, writer
        self.gives = model.resolved.loss if model.resolved.loss.component.gives else None

    def outputs(self, x: V) -> V:
        """Write all layers, and the link behind the last one."""
        x = self.entered(x)
        for k, layer in enumerate(self.plan.layers):
            below = x
            for step in layer.predicting.steps:
                below = x if isinstance(step, Product) else below
                x = x if isinstance(step, Enter) else self.step(step, k, x, below)
        link = self.plan.layers[-1].predicting.step(Link)
        if self.gives:
            return self.given(self.gives, x)
        return x if link is None else self.activated(link.configured, x, {}, self.plan.outputs)

    def step(self, step: Step, k: int, x: V, below: V) -> V:
        """Write one step of layer k.  below: the inputs of its product."""
        writer = self.writer
        match step:
            case ScaleInputs():
                return self.times(x, self.tensors["input.scale"])
            case ScaleMembers():
                return self.times(x, self.tensors["input.members"].reshape(step.members, -1)[self.number])
            case Product():
                w, b = self.tensors[f"layers.{k}.weight"], self.tensors[f"layers.{k}.bias"]
                own = self.own(k)
                return writer.product(x, w[:, own], b[own])
            case Norm(batch=True):
                names = ("mean", "variance", "scale", "shift")
                given = {name: self.vector(k, f"norm.{name}") for name in names}
                return writer.apply(formula(formulas.by_statistics, epsilon=NORM_EPSILON), {"x": x, **given})
            case Norm():
                given = {name: self.vector(k, f"norm.{name}") for name in ("scale", "shift")}
                return writer.apply(formula(formulas.line), {"x": writer.standardized(x, NORM_EPSILON), **given})
            case Activation():
                learned = step.configured.component.marks
                trained = {name: self.vector(k, f"activation.{name}") for name in learned}
                return self.activated(step.configured, x, trained, len(self.vector(k, "bias")))
            case AddInputs():
                return writer.apply(formula(formulas.total), {"x": x, "y": below})
            case TakeOwn():
                return x  # the product gave the member's own alone
        raise ExportError(f"{step.asked_by}: {type(step).__name__} cannot be exported")

    def own(self, k: int) -> slice:
        """The units of layer k that are the member's own: all but in the last layer."""
        if self.plan.members == 1 or k + 1 < len(self.plan.layers):
            return slice(None)
        width = self.plan.outputs
        return slice(self.number * width, (self.number + 1) * width)

    def vector(self, k: int, name: str) -> np.ndarray:
        """Return numbers of layer k, one for each unit, or one for all."""
        found = self.tensors[f"layers.{k}.{name}"]
        return found if len(found) == 1 else found[self.own(k)]

    def times(self, x: V, factor: np.ndarray) -> V:
        """Write a product with a number for each column."""
        return self.writer.apply(formula(formulas.product), {"x": x, "factor": factor})

    def activated(self, activation: Configured, z: V, learned: dict[str, np.ndarray], width: int) -> V:
        """Write an activation; learned: the numbers that were trained in it, by name."""
        component = activation.component
        if component.form == "row":
            return self.of_rows(activation, z, learned, width)
        term = term_of(component, activation, NO_NOISE, learned)
        try:
            return self.writer.apply(term, {"z": z, **learned}, known_as=activation)
        except ExportError as error:
            raise ExportError(f"{component.told}: {error}") from None

    def of_rows(self, activation: Configured, z: V, learned: dict[str, np.ndarray], width: int) -> V:
        """Write an activation of rows: a built-in one as the format has it, one of a plugin from its source."""
        component = activation.component
        if component.plugin is None:
            return self.writer.row_activation(activation, z)
        try:
            return write_rows(component, activation.values, learned, z, width, activation.width(width), self.writer)
        except PluginError as error:
            raise ExportError(f"{component.told} cannot be exported: {error}") from None

    def entered(self, x: V) -> V:
        """Write several numbers for some of the inputs: those of one step beside those of another."""
        steps = [step for step in self.plan.layers[0].predicting.steps if isinstance(step, Enter)]
        found = [self.embedded(step, x) if isinstance(step, Embed) else self.picked(step, x) for step in steps]
        return self.writer.join(found) if found else x

    def picked(self, step: Enter, x: V) -> V:
        """Write the rows of a trained table that codes pick, and the other inputs behind them."""
        if not isinstance(step, PickRows):
            raise ExportError(f"{step.asked_by}: {type(step).__name__} cannot be exported")
        writer, table = self.writer, self.tensors["input.categories"].reshape(-1, step.outputs)
        found = []
        for column, rows in zip(step.columns, np.split(table, np.cumsum(step.counts)[:-1]), strict=False):
            code = writer.apply(formula(formulas.after), {"x": writer.select(x, [column])})
            with_none = np.vstack((np.zeros_like(rows[:1]), rows))  # for the code before the first
            found.append(writer.rows(writer.whole(code), with_none))
        others = step.columns[step.features :]
        return writer.join([*found, *([writer.select(x, others)] if others else [])])

    def embedded(self, step: Embed, x: V) -> V:
        """Write several numbers for each number among the inputs, and the others behind them."""
        writer, features, mixed = self.writer, step.features, step.mixed
        output, numbers = step.configured.component.output, step.columns[:features]
        own = {name: self.of_features(step, name).ravel() for name in output.learnable}
        given: dict[str, V | np.ndarray] = {**own}
        if step.configured.component.terms:
            given["z"] = writer.products(
                self.waves(step, x), self.of_features(step, "mix").reshape(features, -1, mixed)
            )
        if "x" in output.roles:
            given["x"] = writer.select(x, np.repeat(numbers, mixed).tolist())
        blocks = [writer.apply(term_of(output, step.configured, {}, own), given)]
        order = np.arange(features * mixed).reshape(features, mixed)
        if step.outputs > mixed:  # the number itself is the last of its numbers
            blocks.append(writer.select(x, numbers))
            order = np.hstack((order, features * mixed + np.arange(features)[:, None]))
        if others := step.columns[features:]:
            blocks.append(writer.select(x, others))
        if len(blocks) == 1:
            return blocks[0]
        return writer.select(writer.join(blocks), [*order.ravel().tolist(), *range(order.size, step.width)])

    def waves(self, step: Embed, x: V) -> V:
        """Write the terms of an embedding: for each number those of one function after those of another."""
        writer, functions = self.writer, step.configured.component.terms
        repeated = writer.select(x, np.repeat(step.columns[: step.features], step.terms).tolist())
        found = []
        for one in functions:
            trained = {name: self.of_features(step, name).ravel() for name in one.marks}
            found.append(writer.apply(term_of(one, step.configured, {}, trained), {"x": repeated, **trained}))
        if len(found) == 1:
            return found[0]
        places = np.arange(len(functions) * step.features * step.terms).reshape(len(functions), step.features, -1)
        return writer.select(writer.join(found), places.transpose(1, 0, 2).ravel().tolist())

    def of_features(self, step: Embed, name: str) -> np.ndarray:
        """Return the trained numbers (features, n) of an embedding by their name."""
        return self.tensors[f"input.embedding.{name}"].reshape(step.features, -1)

    def given(self, loss: Configured, y: V) -> V:
        """Write what a loss of named outputs gives, for each name the numbers of all targets side by side."""
        component, writer = loss.component, self.writer
        assert component.gives is not None
        targets = self.plan.outputs // len(component.outputs)
        outputs = {
            name: writer.select(y, range(j * targets, (j + 1) * targets)) for j, name in enumerate(component.outputs)
        }
        found = read_or_refuse(component, component.gives, loss.values)
        return writer.join([writer.apply(term, outputs) for term in found])


def term_of(component: Component, chosen: Configured, given: Mapping[str, float], trained: Iterable[str]) -> Term:
    """Return the formula of a component with the values chosen, but for what is trained."""
    values = {name: value for name, value in chosen.values.items() if name not in set(trained)}
    return read_or_refuse(component, component.function, {**values, **given})[0]


def read_or_refuse(
    component: Component, function: Callable[..., object], values: Mapping[str, float]
) -> tuple[Term, ...]:
    """Return the formulas of a function; ExportError if its source is not one."""
    try:
        return formulas.formulas(function, {name: values[name] for name in arguments_of(function) if name in values})
    except PluginError as error:
        raise ExportError(f"{component.told} cannot be exported: {error}") from None
