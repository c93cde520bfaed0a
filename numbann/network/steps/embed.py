"""An embedding of inputs that are numbers: several numbers for each, made by trained parameters of its own."""

from __future__ import annotations

from numbann.components.built_in import built_in
from numbann.components.component import Configured
from numbann.components.declare import freeze
from numbann.components.kinds.embedding import OUTPUTS, RATE
from numbann.components.parameter import LearnableMark, Tuning
from numbann.network.description import Embedding, Network
from numbann.network.steps.enter import Enter, require_no_residual
from numbann.network.steps.step import TOTALS, Vector
from numbann.records import dataclass


@dataclass(frozen=True, kw_only=True)
class Embed(Enter):
    """The numbers are made of a feature by an embedding, with trained numbers of the feature's own."""

    asked_by = "model.input.embedding"
    configured: Configured

    @classmethod
    def of(cls, network: Network, given: Embedding, numbers: tuple[int, ...], others: tuple[int, ...]) -> Embed:
        """Several numbers for each of the network's inputs that are numbers."""
        require_no_residual(network, "input_embedding")
        return cls(
            configured=given.configured,
            columns=(*numbers, *others),
            features=len(numbers),
            outputs=int(given.configured.values[OUTPUTS]),
            vectors=vectors_of(given.configured, len(numbers)),
        )

    @property
    def mixed(self) -> int:
        """How many of them are no copy of it."""
        return self.outputs - bool(self.configured.component.traits["passes"])

    @property
    def terms(self) -> int:
        """How many numbers each of the functions of terms makes of a feature."""
        return terms_of(self.configured)


def vectors_of(chosen: Configured, features: int) -> tuple[Vector, ...]:
    """What an embedding trains: numbers of each term, weights of terms (terms, outputs), numbers of each output.

    A feature has all of its numbers side by side.
    """
    component, terms = chosen.component, terms_of(chosen)
    own, mixed = component.output.learnable, int(chosen.values[OUTPUTS]) - bool(component.traits["passes"])
    mixing = max(1, terms * len(component.terms)), mixed
    of_terms = [_learned(chosen, name, features, terms, (1, terms)) for name in component.marks if name not in own]
    weights = [_weights(chosen, features, mixing)] if component.terms else []
    return (*of_terms, *weights, *(_learned(chosen, name, features, mixed, mixing) for name in own))


def _learned(chosen: Configured, name: str, features: int, size: int, shape: tuple[int, int]) -> Vector:
    """A trained parameter; a start that is not the default takes the place of the initializer."""
    mark, start = chosen.component.marks[name], chosen.values[name]
    init = _start_of(chosen, mark) if start == chosen.component.defaults()[name] else None
    tuning = mark.tuning.times(chosen.values[RATE])
    whole = f"input.embedding.{name}", features * size, start, TOTALS, init, tuning, mark.low, mark.high
    return Vector(*whole, shape=shape, parts=features)


def _weights(chosen: Configured, features: int, shape: tuple[int, int]) -> Vector:
    """The weights of the terms in each output."""
    init = built_in().configured("initializer", chosen.component.traits["init"])
    size, tuning = features * shape[0] * shape[1], Tuning(rate=chosen.values[RATE])
    return Vector("input.embedding.mix", size, 0.0, TOTALS, init, tuning, shape=shape, parts=features)


def terms_of(embedding: Configured) -> int:
    """How many numbers each function of terms of an embedding makes of one."""
    return int(embedding.values[embedding.component.traits["terms"]]) if embedding.component.terms else 0


def _start_of(chosen: Configured, mark: LearnableMark) -> Configured | None:
    """The initializer of what is trained; its parameters take values of those of the same names."""
    if mark.start is None:
        return None
    component = freeze(mark.start)
    return component.configured(**{name: chosen.values[name] for name in component.defaults() if name in chosen.values})
