"""Kernels made from components: what is only seen to be wrong when it is compiled."""

from __future__ import annotations

import math

import pytest

from numbann.compile import blocks
from numbann.component import activation, freeze, optimizer
from numbann.errors import PluginError


@activation
def floored(z):
    """Floored: a = z - floor(z), where floor gives an integer, and an integer and a float32 give a float64."""
    below = math.floor(z)
    return z - below


@floored.derivative
def floored_derivative(z):
    return 1


@optimizer
def unbalanced(w, g, m):
    """Unbalanced: returns one thing where core awaits two."""
    return w - g


@activation(form="row")
def array_arithmetic(z, a):
    """Array arithmetic: rows are not numbers."""
    doubled = z + z
    for k in range(len(z)):
        a[k] = doubled[k]


@array_arithmetic.backward
def array_arithmetic_backward(da, dz):
    for k in range(len(da)):
        dz[k] = 2 * da[k]


def test_double_precision_is_found_by_name() -> None:
    """Each time, also when the kernel that was refused is in the cache."""
    component = freeze(floored)
    for _ in range(2):
        with pytest.raises(PluginError, match=r"activation floored: '.+' is computed in float64, not in float32"):
            blocks.activation_forward(component, "float32", False)
    assert blocks.activation_forward(component, "float64", False)


def test_what_does_not_compile_names_the_component() -> None:
    with pytest.raises(PluginError, match="optimizer unbalanced: does not compile: "):
        blocks.optimizer_kernel(freeze(unbalanced).configured(), "float32")


def test_array_arithmetic_is_refused() -> None:
    with pytest.raises(PluginError, match="array_arithmetic"):
        blocks.activation_forward(freeze(array_arithmetic), "float32", False)


def test_a_component_without_a_derivative() -> None:
    @activation
    def underived(z):
        return z

    with pytest.raises(
        PluginError, match=r"activation underived: has no derivative; give one with @underived\.derivative"
    ):
        blocks.activation_backward(freeze(underived), "float32")
