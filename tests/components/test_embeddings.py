"""Declared embeddings: their parts, and what is refused with a place and a remedy."""

from __future__ import annotations

from collections.abc import Callable
from math import cos
from typing import Annotated, Any

import pytest

from numbann import Learnable, embedding, learnable
from numbann.components.declare import freeze
from numbann.derivation import slopes_of
from numbann.errors import PluginError


def test_its_parts_know_their_own_parameters() -> None:
    @embedding(terms="waves", passes=True)
    def waves_of(x, z, offset: Learnable = 0.5, waves: int = 3, outputs: int = 4, turn: float = 2.0):
        """Waves."""
        return z * x + offset

    @waves_of.term
    def wave(x, turn, frequency: Learnable = 1.0):
        return cos(turn * frequency * x)

    found = freeze(waves_of)
    assert found.defaults() == {
        "offset": 0.5,
        "waves": 3,
        "outputs": 4,
        "turn": 2.0,
        "frequency": 1.0,
        "rate": 1.0,
    }
    assert (found.output.learnable, found.terms[0].learnable) == (("offset",), ("frequency",))
    assert set(found.terms[0].defaults()) == {"turn", "frequency"}
    assert len(slopes_of(found.output)) == len(slopes_of(found.terms[0])) == 1
    assert waves_of(2.0, 3.0) == 6.5  # it stays a function


def _without_outputs() -> Any:
    @embedding
    def bent(x, weight: Learnable = 1.0):
        return weight * x

    return bent


def _too_few() -> Any:
    @embedding(passes=True)
    def bent(x, weight: Learnable = 1.0, outputs: int = 1):
        return weight * x

    return bent


def _uncounted() -> Any:
    @embedding
    def bent(z, outputs: int = 2):
        return z

    @bent.term
    def term(x, weight: Learnable = 1.0):
        return weight * x

    return bent


def _unmixed() -> Any:
    @embedding
    def bent(x, z, outputs: int = 2):
        return x + z

    return bent


def _without_x() -> Any:
    @embedding
    def bent(weight: Learnable = 1.0, outputs: int = 2):
        return weight

    return bent


def _shared() -> Any:
    @embedding
    def bent(x, weight: Annotated[float, learnable(shared=True)] = 1.0, outputs: int = 2):
        return weight * x

    return bent


def _untrained_in_a_term() -> Any:
    @embedding(terms="count")
    def bent(z, count: int = 2, outputs: int = 2):
        return z

    @bent.term
    def term(x, weight: float = 1.0):
        return weight * x

    return bent


def _unknown_in_a_term() -> Any:
    @embedding(terms="count")
    def bent(z, count: int = 2, outputs: int = 2):
        return z

    @bent.term
    def term(x, turn, weight: Learnable = 1.0):
        return turn * weight * x

    return bent


def _two_meanings() -> Any:
    @embedding(terms="count")
    def bent(z, count: int = 2, outputs: int = 2):
        return z

    @bent.term
    def one(x, weight: Learnable = 1.0):
        return weight * x

    @bent.term
    def other(x, weight: Learnable = 2.0):
        return weight * x

    return bent


def _slope_of_no_number() -> Any:
    @embedding
    def bent(x, weight: Learnable = 1.0, outputs: int = 2):
        return weight * x

    @bent.derivative("height")
    def slope(x):
        return x

    return bent


def _taken() -> Any:
    @embedding
    def bent(x, mix: Learnable = 1.0, outputs: int = 2):
        return mix * x

    return bent


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (_without_outputs, "an embedding has a parameter outputs: int, 1 or more"),
        (_too_few, "an embedding has a parameter outputs: int, 2 or more"),
        (_uncounted, "terms='' must name a whole-number parameter"),
        (_unmixed, "declare these with @bent.term and ask for z, or do neither"),
        (_without_x, "an embedding asks for x, the number"),
        (_shared, r"learnable\(weight\): each number has its own; leave shared out"),
        (_untrained_in_a_term, "'weight' of a term is trained: annotate it as Learnable"),
        (_unknown_in_a_term, "argument 'turn' is neither x nor a parameter; a term takes x"),
        (_two_meanings, "'weight' is another parameter elsewhere in bent; rename one of them"),
        (_slope_of_no_number, r"derivative\('height'\) is of no learnable parameter"),
        (_taken, "'mix' has another meaning in embedding components"),
    ],
)
def test_what_is_refused(made: Callable[[], Any], told: str) -> None:
    with pytest.raises(PluginError, match=told) as error:
        freeze(made())
    assert "test_embeddings.py:" in str(error.value)
