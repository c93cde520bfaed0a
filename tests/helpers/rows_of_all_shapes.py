"""Activations of whole rows whose loops cannot be divided among lanes, or not simply, as plain functions of (z, a)."""

from __future__ import annotations

from collections.abc import Callable

from numbann.components.component import Component
from numbann.components.declare import activation, freeze
from numbann.mathematics.rows import row_sum


def running_sum(z, a):
    """Elements that depend on those before."""
    total = 0.0
    for k in range(len(z)):
        total += z[k]
        a[k] = total


def polynomial(z, a):
    """A variable to which is not only added."""
    total = 0.0
    for k in range(len(z)):
        total *= 0.5
        total += z[k]
    for k in range(len(z)):
        a[k] = total


def neighbours(z, a):
    """Elements of other iterations, in place."""
    for k in range(len(z)):
        a[k] = 2 * z[k]
    for k in range(1, len(z)):
        a[k] = a[k - 1] + a[k]


def reversed_row(z, a):
    """Several elements at once."""
    for k in range(len(z)):
        a[k] = z[k]
    for k in range(len(z) // 2):
        a[k], a[len(z) - 1 - k] = a[len(z) - 1 - k], a[k]


def last_of_all(z, a):
    """What the last iteration leaves: its index and a variable."""
    for k in range(len(z)):
        double = 2 * z[k]
        a[k] = double
    a[0] = double + k
    for j in range(2):
        for j in range(len(z)):
            a[j] += z[j]
        a[j] = 1


def shares(z, a):
    """A sum within an iteration, and a function that sees the whole row."""
    for k in range(len(z)):
        a[k] = z[k] / (1 + abs(row_sum(z)))
    for k in range(len(z)):
        a[k] = a[k] + _first(z, k)


def _first(z, k):
    return z[0] if k > 1 else z[1]


def early(z, a):
    """Sums, differences, conditions, a branch in which other loops go, and elements that are stored twice."""
    positive, below, count = 0, 0.0, 0
    for k in range(len(z)):
        size = abs(z[k])
        if z[k] > 0:
            positive += size
        else:
            below -= size
            count += 1
        a[k] = size
        a[k] *= 2
    own = a[1]
    a[1] = 0
    if count > 2:
        for k in range(len(z)):
            a[k] = a[k] - positive
        a[1] -= own
    a[0] = a[2] = below


FUNCTIONS: tuple[Callable[..., None], ...] = (
    running_sum,
    polynomial,
    neighbours,
    reversed_row,
    last_of_all,
    shares,
    early,
)


def component_of(function: Callable[..., None]) -> Component:
    """The activation, with a way back that is never gone."""
    made = activation(form="row")(function)

    @made.backward
    def back(da, dz):
        for k in range(len(da)):
            dz[k] = da[k]

    return freeze(made)
