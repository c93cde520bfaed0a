"""How a training is stopped from outside, between two steps; by itself it never is."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext


class Pause:
    """Asked by the loop when to stop for a moment, and told when an interruption would do harm."""

    def due(self) -> bool:
        """Whether to stop now; asked a few times a second while steps run."""
        return False

    def whole(self) -> AbstractContextManager[object]:
        """Keep interruptions back until the state is whole again."""
        return nullcontext()

    def steps(self) -> AbstractContextManager[object]:
        """Within `whole`, while steps run: the first interruption waits for a pause, a second one comes out at once."""
        return nullcontext()


NEVER = Pause()
