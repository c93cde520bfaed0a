"""Activations with trained numbers as kernels: a vector or one number for all units, and the gradients to them."""

from __future__ import annotations

from math import sin
from typing import Annotated

import numba
import numpy as np
import pytest

from numbann import Learnable, activation, kernels, learnable, row_dot
from numbann.components.built_in import built_in
from numbann.errors import KernelValueError, ShapeError

RANDOM = np.random.default_rng(0)
Z, DA = RANDOM.standard_normal((2, 3, 5, 4))
GIVEN = RANDOM.uniform(0.5, 2, 4)


@activation
def waving(
    z,
    frequency: Annotated[float, learnable(low=0.1)] = 1.0,
    height: Annotated[float, learnable(shared=True)] = 0.5,
    lift: float = 0.25,
):
    """Waving: a frequency for each unit, a height that all share, and a number that is not trained."""
    return lift * z + height * sin(frequency * z)


@activation(form="row")
def stretched(z, a, gain: Learnable = 1.0):
    """Stretched: gain_k z_k / sqrt(1 + z'z)."""
    length = (1 + row_dot(z, z)) ** -0.5
    for k in range(len(z)):
        a[k] = gain[k] * z[k] * length


@stretched.backward
def stretched_backward(z, da, dz, dgain, gain):
    length = (1 + row_dot(z, z)) ** -0.5
    for k in range(len(z)):
        dz[k] = da[k] * gain[k] * length
    along = row_dot(dz, z) * length * length
    for k in range(len(z)):
        dz[k] -= along * z[k]
        dgain[k] = da[k] * z[k] * length


BUILT_IN = [each.component.name for each in built_in().entries("activation") if each.component.learnable]


@pytest.mark.parametrize("which", [*BUILT_IN, waving, stretched], ids=lambda which: getattr(which, "__name__", which))
def test_gradients_are_differences(which) -> None:
    forward, backward = kernels.of(which)
    dz, first, *rest = backward(DA, Z, forward(Z, GIVEN), GIVEN)
    assert (dz.shape, first.shape, [each.shape for each in rest]) == (Z.shape, (4,), [(4,)] * len(rest))
    for k in range(4):
        step = np.zeros(4)
        step[k] = 1e-6
        slope = (forward(Z, GIVEN + step) - forward(Z, GIVEN - step)) / 2e-6
        assert first[k] == pytest.approx((DA * slope).sum(), rel=1e-6)
        moved = (forward(Z + step, GIVEN) - forward(Z - step, GIVEN)) / 2e-6  # of all units of a row, for row forms
        assert dz[..., k].sum() == pytest.approx((DA * moved).sum(), rel=1e-6)
    if rest:  # one number that all units share: the sum over its units
        slope = (forward(Z, GIVEN, 0.5 + 1e-6) - forward(Z, GIVEN, 0.5 - 1e-6)) / 2e-6
        assert rest[0].sum() == pytest.approx((DA * slope).sum(), rel=1e-6)


def test_one_number_stands_for_all_units() -> None:
    np.testing.assert_array_equal(kernels.prelu(Z), kernels.prelu(Z, np.full(4, 0.25)))
    for one, other in zip(
        kernels.prelu_backward(DA, Z, Z), kernels.prelu_backward(DA, Z, Z, np.full(4, 0.25)), strict=True
    ):
        np.testing.assert_array_equal(one, other)


@numba.njit
def _both_ways(z, da, alpha):
    return kernels.prelu_backward(da, z, kernels.prelu(z, alpha), alpha)


def test_compiled_code_and_out() -> None:
    expected, out = kernels.prelu_backward(DA, Z, kernels.prelu(Z, GIVEN), GIVEN), (np.empty_like(Z), np.empty(4))
    assert kernels.prelu_backward(DA, Z, Z, GIVEN, out=out) is out
    for got in (out, _both_ways(Z, DA, GIVEN)):
        for one, right in zip(got, expected, strict=True):
            np.testing.assert_array_equal(one, right)


def test_what_is_refused() -> None:
    with pytest.raises(ShapeError, match="prelu: alpha has 3 elements, rows have 4"):
        kernels.prelu(Z, GIVEN[:3])
    with pytest.raises(KernelValueError, match=r"out\[1\] and alpha share memory"):
        kernels.prelu_backward(DA, Z, Z, GIVEN, out=(np.empty_like(Z), GIVEN))
    with pytest.raises(KernelValueError, match=r"waving: frequency is 0\.0; give a number >= 0\.1"):
        kernels.of(waving)[0](Z, np.array([1.0, 0.0, 1.0, 1.0]))
