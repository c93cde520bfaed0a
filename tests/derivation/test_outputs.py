"""Losses of named outputs, written as losses of rows: the layout, the mean over targets, and what they give."""

from __future__ import annotations

from math import exp
from typing import Any

import numpy as np
import pytest

from numbann.components.declare import freeze, loss
from numbann.derivation.outputs import outputs_of, rows_of
from numbann.errors import PluginError


@loss
def three(middle, left, right, t, slant: float = 2.0):
    """Three outputs of which none can stand for another."""
    return middle * middle + slant * left * t + exp(right) * t


@three.gives(middle="target", span="difference")
def span(middle, left, right, slant):
    return middle, slant * (right - left)


COMPONENT = freeze(three)


@pytest.mark.parametrize("targets", [1, 2, 5])
def test_a_row_is_the_mean_over_its_targets(targets: int) -> None:
    random = np.random.default_rng(targets)
    middle, left, right, t = random.standard_normal((4, targets))
    y, dy = np.concatenate([middle, left, right]), np.full(3 * targets, np.nan)
    value = rows_of(COMPONENT).function(y=y, t=t, dy=dy, slant=2.0)
    assert value == pytest.approx((middle**2 + 2 * left * t + np.exp(right) * t).mean())
    np.testing.assert_allclose(dy, np.concatenate([2 * middle, 2 * t, np.exp(right) * t]) / targets)


@pytest.mark.parametrize("targets", [1, 2, 5])
def test_what_it_gives_has_the_same_layout(targets: int) -> None:
    middle, left, right = np.random.default_rng(targets).standard_normal((3, targets))
    z, a = np.concatenate([middle, left, right]), np.full(3 * targets, np.nan)
    link = outputs_of(COMPONENT.configured(slant=3.0))
    link.component.function(z=z, a=a, **link.values)
    np.testing.assert_allclose(a, np.concatenate([middle, 3 * (right - left), np.zeros(targets)]))


def test_a_component_stays_what_it_is() -> None:
    assert (COMPONENT.form, COMPONENT.traits["outputs"]) == ("outputs", 3)
    assert COMPONENT.outputs == ("middle", "left", "right")
    assert rows_of(COMPONENT) is rows_of(COMPONENT)
    assert rows_of(rows_of(COMPONENT)) is rows_of(COMPONENT)


def _plain(mean, t):
    return (mean - t) * (mean - t)


def _of_y(y, t):
    return y - t


def _without_target(mean):
    return mean


def _same(mean):
    return mean


def _stray(mean, other):
    return mean


def declared(function: Any, gives: Any = _same, units: Any = None, **traits: Any) -> Any:
    """A loss of a function, with what it gives."""
    made = loss(name="made", **traits)(function)
    made.gives(**({"mean": "target"} if units is None else units))(gives)
    return made


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: loss(name="made")(_plain), "takes mean as outputs of the network and does not say what they mean"),
        (lambda: declared(_of_y), r"made\.gives is for a loss that takes its outputs by name, in the place of y"),
        (lambda: declared(_without_target), "asks for t, the target of them"),
        (lambda: declared(_plain, link="exponential"), "has no link; @made.gives says what it gives"),
        (lambda: declared(_plain, units={"mean": "metres"}), "a unit is one of target, difference, square, none"),
        (lambda: declared(_plain, units={"mean": "square"}), 'is the prediction, so its unit is "target"'),
        (lambda: declared(_plain, units={"value": "target"}), "value is a role of metrics; choose another name"),
        (lambda: declared(_plain, units={"a": "target", "b": "none"}), "gives 2 numbers of 1 outputs"),
        (lambda: declared(_plain, gives=_stray), "argument 'other' is none of mean; use those"),
    ],
)
def test_what_contradicts_itself_is_refused(made: Any, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        freeze(made())


def test_a_derivative_is_to_an_output() -> None:
    made = declared(lambda mean, t: mean * t)
    made.derivative("median")(lambda t: t)
    with pytest.raises(PluginError, match=r"derivative\('median'\) is of no output"):
        freeze(made)
    made = declared(lambda mean, t: mean * t)
    made.derivative(lambda t: t)
    with pytest.raises(PluginError, match=r"has a derivative to each: @made.derivative\('mean'\)"):
        freeze(made)
