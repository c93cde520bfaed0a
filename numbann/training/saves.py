"""The checkpoints of a run: when the next one is due, and which state the last one holds."""

from __future__ import annotations

from time import perf_counter

from numbann.errors import RunDirectoryError
from numbann.fit.pause import Pause
from numbann.fit.state import State
from numbann.training import rundir
from numbann.training.checkpoint import to_parts
from numbann.training.interruption import Interruptions
from numbann.training.ranks import Ranks
from numbann.training.rundir import RunDirectory


class Saves(Pause):
    """Saves a state `seconds` after it was saved before, or when a signal ends the run.

    steps: of an epoch.  stored: the state comes from the checkpoint that is there.  ranks: those that train together.
    """

    ranks: Ranks | None = None

    def __init__(
        self, directory: RunDirectory, spec_hash: str, state: State, seconds: float, steps: int, *, stored: bool
    ) -> None:
        self.interruptions = Interruptions()
        self.whole, self.steps = self.interruptions.whole, self.interruptions.steps
        self.complete = False  # whether all files of the run are written
        self._directory, self._spec_hash, self._state = directory, spec_hash, state
        self._seconds, self._steps = seconds, steps
        self._saved, self._at = state.place if stored else None, perf_counter()

    def due(self) -> bool:
        return self.interruptions.waiting is not None or perf_counter() - self._at >= self._seconds

    def due_between(self) -> bool:
        due = self.due()
        if self.ranks is not None:
            self.ranks.tell(due)
        return due

    def save(self) -> None:
        """Write the checkpoint, unless the file holds this state."""
        with self.whole:
            if self._saved != self._state.place:
                self._directory.write(rundir.CHECKPOINT, *to_parts(self._state, self._spec_hash))
                self._saved = self._state.place
            self._at = perf_counter()

    def rescue(self) -> str:
        """Save what a run that ends has, if it had begun; return, in words, what the directory then holds."""
        self.interruptions.end()
        if self.ranks is not None:
            self.ranks.tell_of_saving()
        if self._saved is None:
            return "nothing was written"
        try:
            self.save()
        except RunDirectoryError as error:
            return f"{error}\n{self._kept}"
        return self._kept

    def remedy(self) -> list[str]:
        """Rescue the run; return, in lines, what the directory then holds and how to resume, if the run had begun."""
        kept = self.rescue().splitlines()
        return [] if self._saved is None else [*kept, f"resume with: numbann resume {self._directory.path}"]

    @property
    def _kept(self) -> str:
        """What the file holds, in words."""
        epochs, steps = self._saved or (0, 0)
        if steps == self._steps:
            place = f"after the last step of epoch {epochs + 1}, before its measures,"
        else:
            place = f"after epoch {epochs}" + (f" and {steps} of {self._steps} steps" if steps else "")
        return f"the checkpoint {place} is kept in {self._directory.path}"
