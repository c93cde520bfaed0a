"""Embeddings: a number x becomes several numbers by trained parameters, which each input has for itself."""

from __future__ import annotations

from math import cos, pi, sin, sqrt
from typing import Annotated

from annotated_types import Ge

from numbann.components.declare import embedding, initializer
from numbann.components.parameter import NonNegative, Positive, learnable
from numbann.mathematics.initializers import linear_uniform, normal


@initializer
def _angles(shape, random):
    """Angles: uniform in +-pi."""
    return random.uniform(-pi, pi, shape)


@initializer
def _by_outputs(shape, random):
    """By outputs: uniform in +-1 / sqrt(O)."""
    return random.uniform(-sqrt(1 / shape[1]), sqrt(1 / shape[1]), shape)


@embedding(terms="frequencies", passes=True)
def pbld(
    z,
    offset: Annotated[float, learnable(start=linear_uniform)] = 0.0,
    frequencies: Annotated[int, Ge(1)] = 16,
    outputs: Annotated[int, Ge(2)] = 4,
    deviation: Positive = 0.1,
    rate: NonNegative = 0.1,
):
    """PBLD: x, and mixtures of cos(2 pi frequency x + phase), plus an offset each: periodic, bias, linear, dense.

    Frequencies start normal with this deviation, phases within +-pi.  The last output is x; an example has one term.

    Example: pbld(0) = [1, 0]; pbld(2) = [0.309, 2]
    Use: the numbers of a table, scaled to about +-3 (`"scale": ["robust", "clip"]`).
    For: waves say what happens at some values of a number, and x itself lies beside them; four inputs a number are few.
    Against: it learns slowly, and a step takes longer.
    Trouble: noise is fitted where rows are few; take a smaller deviation, or leave it out.
    Reference: Holzmueller, Grinsztajn and Steinwart 2024, https://arxiv.org/abs/2407.04491.
    """
    return z + offset


@pbld.term
def pbld_term(
    x,
    frequency: Annotated[float, learnable(start=normal)] = 0.1,
    phase: Annotated[float, learnable(start=_angles)] = 0.0,
):
    """Cosine: cos(2 pi frequency x + phase)."""
    return cos(2 * pi * frequency * x + phase)


@embedding(terms="frequencies")
def periodic(
    z,
    offset: Annotated[float, learnable(start=linear_uniform)] = 0.0,
    frequencies: Annotated[int, Ge(1)] = 48,
    outputs: Annotated[int, Ge(1)] = 24,
    deviation: Positive = 0.01,
):
    """Periodic: max(z + offset, 0), z a mixture of cos(2 pi frequency x) and sin(2 pi frequency x), called PLR.

    Frequencies start normal with this deviation, which matters most: try 0.01 to 1.  An example has one frequency.

    Example: periodic(0) = [1]; periodic(2) = [1.260]; periodic(-2) = [0]
    Use: the numbers of a table of many rows.
    For: the most exact of the embeddings here where its deviation is chosen well.
    Against: 24 inputs a number, 96 waves each: on narrow networks most of a step.
    Trouble: a large deviation fits noise, a small one is a line; choose it by the validation part.
    Reference: Gorishniy, Rubachev and Babenko 2022, https://arxiv.org/abs/2203.05556.
    """
    y = z + offset
    return 0 if y < 0 else y


@periodic.term
def periodic_cosine(x, frequency: Annotated[float, learnable(start=normal)] = 0.1):
    """Cosine: cos(2 pi frequency x)."""
    return cos(2 * pi * frequency * x)


@periodic.term
def periodic_sine(x, frequency: Annotated[float, learnable(start=normal)] = 0.1):
    """Sine: sin(2 pi frequency x)."""
    return sin(2 * pi * frequency * x)


@embedding
def linear_relu(
    x,
    weight: Annotated[float, learnable(start=_by_outputs)] = 1.0,
    offset: Annotated[float, learnable(start=_by_outputs)] = 0.0,
    outputs: Annotated[int, Ge(1)] = 32,
):
    """Linear, relu: max(weight x + offset, 0).

    Example: linear_relu(2) = [2]; linear_relu(-2) = [0]
    Use: numbers whose effect bends, at little cost.
    For: no number to choose but the outputs, and no waves to compute.
    Against: what repeats, or holds for a few values alone, takes many outputs.
    Trouble: bends start near 0; scale the numbers, or they stay on one side of all of them.
    Reference: Gorishniy, Rubachev and Babenko 2022, https://arxiv.org/abs/2203.05556.
    """
    y = weight * x + offset
    return 0 if y < 0 else y
