"""Inputs that are codes of categories: the row of trained numbers that a code picks."""

from __future__ import annotations

from numbann.components.built_in import built_in
from numbann.components.parameter import Tuning
from numbann.errors import ShapeError
from numbann.network.description import Categories, Network
from numbann.network.steps.enter import Enter, require_no_residual
from numbann.network.steps.step import TOTALS, Vector
from numbann.records import dataclass


@dataclass(frozen=True, kw_only=True)
class PickRows(Enter):
    """The numbers are the row of a trained table that the feature, a code, picks; zeros for any number that is no code.

    counts: the codes of each feature, from 0 on; its rows lie behind those of the features before it.
    """

    asked_by = "model.input.categories"
    counts: tuple[int, ...]

    @classmethod
    def of(cls, network: Network, coded: Categories, others: tuple[int, ...], first: int) -> PickRows:
        """A row of trained numbers for each of the network's inputs that are codes."""
        require_no_residual(network, "input_categories")
        counts, total = tuple(coded.counts.values()), sum(coded.counts.values())
        if min(*counts, coded.size) < 1:
            raise ShapeError("input_categories: give each input a category or more, and each category a number or more")
        normal, tuning = built_in().configured("initializer", "normal", deviation=1.0), Tuning(rate=coded.rate)
        table = Vector("input.categories", total * coded.size, 0.0, TOTALS, normal, tuning, shape=(total, coded.size))
        return cls(
            columns=(*coded.counts, *others),
            features=len(counts),
            outputs=coded.size,
            first=first,
            counts=counts,
            vectors=(table,),
        )
