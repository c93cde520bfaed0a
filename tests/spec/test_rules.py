"""Rules in words, and the rules of components' parameters."""

from __future__ import annotations

from typing import Annotated

import pytest
from annotated_types import Ge, Le, Len, MultipleOf

from numbann.components.parameter import Fraction, Learnable, Numbers, Parameter, Positive
from numbann.errors import PluginError
from numbann.spec.rules import NULL, of_parameter, one_of, whole


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (one_of("a"), '"a"'),
        (one_of("a", "b", "c"), '"a", "b" or "c"'),
        (whole(1, 5) | NULL, "a whole number from 1 to 5 or null"),
    ],
)
def test_words(rule, words):
    assert rule.words == words


@pytest.mark.parametrize(
    ("annotation", "right", "wrong", "words"),
    [
        (float, [1, -2.5], [True, "1", None], "a number"),
        (int, [1, -2], [1.0, True], "a whole number"),
        (bool, [True, False], [0, 1, "true"], "true or false"),
        (Positive, [1e-9], [0, -1], "a number, above 0"),
        (Fraction, [0, 0.5], [1, -0.1], "a number, at least 0, below 1"),
        (Learnable, [-1, 0.25], [True], "a number"),
        (Numbers, [[], [1, 2.5]], [1, [True], (1,)], "a list of numbers"),
        (Annotated[int, Ge(2), Le(8)], [2, 8], [1, 10], "a whole number, at least 2, at most 8"),
        (Annotated[int, MultipleOf(2)], [2, 8], [3], "a whole number, a multiple of 2"),
    ],
)
def test_parameters(annotation, right, wrong, words):
    rule = of_parameter(Parameter("p", 1, annotation))
    assert rule.words == words
    assert all(map(rule.accepts, right))
    assert not any(map(rule.accepts, wrong))


def test_a_constraint_of_no_number_is_refused():
    with pytest.raises(PluginError, match="parameter 'p'"):
        of_parameter(Parameter("p", 1, Annotated[int, Len(1, 2)]))
