"""The chain of a layer: which step follows which in a network, forward and back, for any device.

Each step (numbann/network/steps) makes one value of a layer from the value before it:

    x -> product -> h -> norm -> z -> activation -> a -> dropout, added inputs -> out, the x of the layer above

Steps may also make x, by way of e, from the inputs that the network is given.  A value that no step makes is the same
as the one before it.  A value has a buffer of its own if the step that makes it must not write over what it reads:
`Chain.buffers` says which values share a buffer.  The way back goes through the steps in reverse order, with one
gradient d that each of them changes in place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TypeVar

from numbann.components.component import Configured
from numbann.errors import ShapeError
from numbann.network.description import Network
from numbann.network.steps import (
    Activation,
    AddInputs,
    Drop,
    Embed,
    Enter,
    Link,
    Loss,
    Norm,
    PickRows,
    Product,
    ScaleInputs,
    ScaleMembers,
    Step,
    TakeOwn,
    Vector,
)
from numbann.network.steps.step import GIVEN, VALUES, WEIGHTS
from numbann.records import dataclass

SomeStep = TypeVar("SomeStep", bound=Step)


@dataclass(frozen=True)
class Chain:
    """The steps of a layer, in training or in predictions, and the buffer that each value is in.

    ends: what follows the last layer.
    """

    steps: tuple[Step, ...]
    ends: tuple[Step, ...]
    buffers: Mapping[str, str]

    def step(self, kind: type[SomeStep]) -> SomeStep | None:
        """The chain's step of a kind, or None."""
        return next((step for step in (*self.steps, *self.ends) if isinstance(step, kind)), None)

    @property
    def scopes(self) -> set[str]:
        """The scopes of its steps."""
        return {step.scope for step in self.steps}

    @property
    def kept(self) -> set[str]:
        """The buffers that the way back reads."""
        return {self.buffers[value] for step in self.steps for value in step.keeps}

    @property
    def skips(self) -> bool:
        """Whether a gradient goes past the layer, to the one below."""
        return any(isinstance(step, AddInputs) and step.returns for step in self.steps)


def chain_of(steps: tuple[Step, ...], ends: tuple[Step, ...]) -> Chain:
    """The chain of some steps; decides which values share a buffer."""
    placed: list[Step] = []
    buffers, buffer = {}, GIVEN
    for value in VALUES:
        for step in steps:
            if step.value == value:
                before, buffer = buffer, value if step.apart else buffer
                placed.append(replace(step, reads=before, writes=buffer))
        buffers[value] = buffer
    return Chain(tuple(placed), tuple(replace(step, reads=buffer, writes=step.value) for step in ends), buffers)


@dataclass(frozen=True)
class Layer:
    """A layer's sizes and its chains, for training and for predictions."""

    inputs: int
    outputs: int
    training: Chain
    predicting: Chain

    @cached_property
    def width(self) -> int:
        """The width of the layer's output; an activation of rows may change it."""
        own = self.training.step(TakeOwn)
        width = self.activation.width(self.outputs) if self.activation else self.outputs
        return width // own.members if own else width

    @property
    def product(self) -> Product:
        """The layer's product."""
        step = self.training.step(Product)
        assert step is not None
        return step

    @property
    def vectors(self) -> tuple[Vector, ...]:
        """The trained vectors beside w and b."""
        return tuple(vector for step in self.training.steps for vector in step.vectors)

    @property
    def sloped(self) -> tuple[Vector, ...]:
        """The vectors for which the way back leaves gradients."""
        return tuple(vector for vector in self.vectors if vector.gradient != WEIGHTS)

    @property
    def statistics(self) -> tuple[Vector, ...]:
        """The statistics that training gathers."""
        return tuple(vector for step in self.training.steps for vector in step.statistics)

    @property
    def activation(self) -> Configured | None:
        """The layer's activation, or None."""
        step = self.training.step(Activation)
        return step.configured if step else None

    @property
    def noisy(self) -> bool:
        """Whether training draws random numbers in the layer."""
        return any(getattr(step, "key", None) is not None for step in self.training.steps)


def layer_of(network: Network, k: int, link: Configured | None) -> Layer:
    """The layer k of a network; link: turns outputs into predictions."""
    dense, inputs = network.layers[k], network.layers[k - 1].width if k else network.inputs
    before = steps_of_inputs(network) if k == 0 else ()
    inputs = width_of(before, inputs)
    members = network.members if k + 1 == len(network.layers) else 1
    dense = replace(dense, units=dense.units * members)
    returns = any(isinstance(step, Enter | ScaleMembers) for step in before)
    own = (
        Product.of(network, dense, inputs, members, returns),
        Norm.of(dense, k),
        Activation.of(dense, k),
        Drop.of(dense, k),
        AddInputs.of(dense, k),
        TakeOwn.of(members),
    )
    training = (*before, *(step.at_rate(dense.rate) for step in own if step))
    predicting = tuple(step for step in (step.predicting() for step in training) if step)
    behind = (Loss.of(network.loss), Link.of(link)) if k + 1 == len(network.layers) else ()
    ends = tuple(step for step in behind if step)
    return Layer(inputs, dense.units, chain_of(training, ends), chain_of(predicting, ends))


def steps_of_inputs(network: Network) -> tuple[Step, ...]:
    """The steps from the network's inputs to what the first product gets."""
    first = enter(network)
    width = width_of(first, network.inputs)
    scale = ScaleMembers.of(network, width) if network.members > 1 else ScaleInputs.of(network, width, bool(first))
    return (*first, scale) if scale else first


def width_of(steps: tuple[Step, ...], inputs: int) -> int:
    """The width of what the first product gets, behind these steps of the network's inputs."""
    return sum(step.width for step in steps if isinstance(step, Enter)) or inputs


def enter(network: Network) -> tuple[Enter, ...]:
    """The steps that make several numbers of an input; the last one lets the other inputs through."""
    given, coded = network.input_embedding, network.input_categories
    counts = coded.counts if coded else {}
    every = tuple(column for column in range(network.inputs) if column not in counts)
    numbers = () if given is None else every if given.columns is None else given.columns
    chosen = set(numbers)
    others = tuple(column for column in every if column not in chosen)
    if len(numbers) + len(counts) + len(others) != network.inputs or not chosen <= set(every):
        raise ShapeError(f"input_embedding, input_categories: name each of the {network.inputs} inputs once at most")
    found: tuple[Enter, ...] = ()
    if given and numbers:
        found = (Embed.of(network, given, numbers, () if counts else others),)
    if coded and counts:
        found = (*found, PickRows.of(network, coded, others, sum(step.width for step in found)))
    return found
