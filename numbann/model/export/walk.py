"""The walk over a model, from raw cells to answers: what it computes, in order, for every format.

`cells` leads to the inputs of each network, `layers` to its outputs, `answers` to labels, probabilities and values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from numbann.model.export.answers import answers_of
from numbann.model.export.cells import write_inputs
from numbann.model.export.layers import mean, write_outputs
from numbann.model.export.writer import V, Writer

if TYPE_CHECKING:
    from numbann.model.model import Model


def walk(model: Model, writer: Writer[V]) -> None:
    """Write everything that a model computes; ExportError for what a format cannot."""
    found: list[list[V]] = []
    for one in model.models:
        y = write_outputs(one, write_inputs(one.preprocessing, writer), writer)
        found.append(answers_of(one).in_units(y, writer))
    answers_of(model).write([mean(same, writer) for same in zip(*found, strict=True)], writer)
