"""Members, networks that share all weights but the last layer's: scales of the inputs, and outputs, of their own."""

from __future__ import annotations

from numbann.components.built_in import built_in
from numbann.errors import ShapeError
from numbann.network.description import Network
from numbann.network.steps.enter import require_no_residual
from numbann.network.steps.step import TOTALS, Step, Vector
from numbann.records import dataclass


@dataclass(frozen=True, kw_only=True)
class ScaleMembers(Step):
    """x s_k, times the trained vector of the member k whose row it is."""

    value = "x"
    asked_by = "model.members"
    members: int

    @classmethod
    def of(cls, network: Network, inputs: int) -> ScaleMembers:
        """The inputs times numbers of each member, which start as 1 or -1."""
        require_no_residual(network, "members")
        if network.input_scale:
            raise ShapeError("members: they have scales of the inputs of their own; leave input_scale out")
        size, signs = network.members * inputs, built_in().configured("initializer", "signs")
        vector = Vector("input.members", size, 1.0, TOTALS, signs, parts=network.members, shape=(1, inputs))
        return cls(members=network.members, vectors=(vector,))


@dataclass(frozen=True, kw_only=True)
class TakeOwn(Step):
    """out: of `members` equal parts of a that of the member whose row it is."""

    value = "out"
    asked_by = "model.members"
    members: int

    @classmethod
    def of(cls, members: int) -> TakeOwn | None:
        """What is left of the last layer's outputs for a member of several."""
        return cls(members=members) if members > 1 else None
