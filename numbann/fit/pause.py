"""How a training is stopped from outside, between two steps; by itself it never is."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext


class Pause:
    """Asked by the loop when to stop for a moment, and told when an interruption would do harm.

    whole: a `with` that keeps interruptions back until the state is whole again.  steps: within it, while steps run;
    the first interruption waits for a pause, a second one comes out at once.
    """

    whole: AbstractContextManager[object] = nullcontext()
    steps: AbstractContextManager[object] = nullcontext()

    def due(self) -> bool:
        """Whether to stop now; asked a few times a second while steps run."""
        return False

    def due_between(self) -> bool:
        """Whether to stop between the steps and the measures of an epoch; of several ranks, all get one answer."""
        return self.due()


NEVER = Pause()
