"""The plan of a sweep: which trials its search asks for, and how many there are."""

from __future__ import annotations

from numbann.records import dataclass
from numbann.spec import model as section
from numbann.spec.model import Spec
from numbann.spec.sweeping import BATCH, FACTOR, TRIALS
from numbann.training.sweeps.halving import count_of, halve, rungs_of
from numbann.training.sweeps.search import Asked, Search
from numbann.training.sweeps.space import Point, Space
from numbann.training.sweeps.tpe import estimate

CHUNK = 100  # trials asked for at a time, where no result decides the next


@dataclass(frozen=True)
class Plan:
    """What a sweep is to do.  trials: how many there are, None for as many as time allows."""

    spec: Spec
    space: Space
    trials: int | None

    @classmethod
    def of(cls, spec: Spec) -> Plan:
        """Return the plan of a spec's sweep."""
        sweep = spec.sweep
        assert sweep is not None
        space = Space(sweep, spec.seed)
        asked = sweep.search.trials or (None if sweep.minutes else TRIALS)
        trials = space.size if sweep.search.type == "grid" else asked
        if sweep.search.type in ("random", "halving") and space.size is not None:
            trials = min(trials or space.size, space.size)
        return cls(spec, space, trials)

    def point(self, number: int) -> Point:
        """Return the values of a trial of a grid, or of one that is drawn."""
        return self.space.at(number - 1) if self._asked.type == "grid" else self.space.drawn(number - 1)

    @property
    def asked(self) -> int | None:
        """How often a trial is asked for: of halving on each rung, if none fails."""
        if self.trials is None or not self._rungs:
            return self.trials
        return sum(count_of(self.trials, self._factor, rung) for rung in range(len(self._rungs)))

    def search(self) -> Search:
        """Return the search."""
        if self._asked.type == "tpe":
            return estimate(self.space, self._asked.batch or BATCH, self.trials)
        if not self._rungs:
            return _listed(self)
        assert self.trials is not None
        return halve(
            [Asked(number, self.point(number)) for number in range(1, self.trials + 1)], self._rungs, self._factor
        )

    @property
    def _asked(self) -> section.Search:
        assert self.spec.sweep is not None
        return self.spec.sweep.search

    @property
    def _factor(self) -> int:
        return self._asked.factor or FACTOR

    @property
    def _rungs(self) -> list[int | None]:
        """After how many epochs each rung of halving ends; of other searches none."""
        if self._asked.type != "halving" or self.trials is None:
            return []
        return rungs_of(self.trials, self.spec.train.epochs, self._factor, self._asked.epochs)


def _listed(plan: Plan) -> Search:
    """Ask for trials that do not depend on each other."""
    first = 1
    while plan.trials is None or first <= plan.trials:
        last = first + CHUNK - 1 if plan.trials is None else min(first + CHUNK - 1, plan.trials)
        yield [Asked(number, plan.point(number)) for number in range(first, last + 1)]
        first = last + 1
