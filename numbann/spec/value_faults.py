"""Faults of the values of a sweep, found by checking the specs of trials; each is told where the value stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from numbann.errors import SpecFault, shown
from numbann.records import dataclass
from numbann.spec.model import Values
from numbann.spec.overrides import NoPlace, put
from numbann.spec.source import SpecSource
from numbann.spec.trail import Trail, to_text
from numbann.spec.trials import places, trial_of

PARAMETERS = ("sweep", "parameters")
Problem = tuple[str, str]  # a path of the spec, and what is wrong there


@dataclass(frozen=True)
class ValueCheck:
    """The values of a sweep, and how the raw spec of a trial is checked.

    raw: the spec with its sweep; whole: with what its preset fills in, too.  A trial is checked with the first value of
    each key, and one more for each other value, and for both ends of each range.
    """

    parameters: Mapping[str, Values]
    raw: Mapping[str, Any]
    whole: Mapping[str, Any]
    source: SpecSource
    check: Callable[[dict[str, Any]], Sequence[SpecFault]]

    def faults(self) -> list[SpecFault]:
        """Return the faults: paths that are no key's first, for they are in the way of all others."""
        found = [*self._wrong_places()] or [*self._fractions()] or [*self._of_the_first(), *self._of_the_others()]
        return list(dict.fromkeys(self.source.fault(trail, message) for trail, message in found))

    @cached_property
    def _tried(self) -> dict[str, list[tuple[Trail, Any]]]:
        """The values to check of each key, each with its place."""
        return {path: list(self._values(path, given)) for path, given in self.parameters.items()}

    def _values(self, path: str, given: Values) -> Iterator[tuple[Trail, Any]]:
        trail: Trail = (*PARAMETERS, path)
        if given.values is not None:
            alone = isinstance(self.raw["sweep"]["parameters"][path], list)
            inside = trail if alone else (*trail, "values")
            yield from (((*inside, index), value) for index, value in enumerate(given.values))
        else:
            number = int if given.integer else float
            yield from (((*trail, end), number(getattr(given, end))) for end in ("low", "high"))

    @cached_property
    def _first(self) -> dict[str, Any]:
        return {path: several[0][1] for path, several in self._tried.items()}

    @cached_property
    def _known(self) -> list[Problem]:
        """What is wrong with the first values."""
        return self._problems(self._first)

    def _problems(self, values: Mapping[str, Any]) -> list[Problem]:
        try:
            return [(fault.path, fault.message) for fault in self.check(trial_of(self.raw, self.whole, values))]
        except NoPlace as error:  # of a path within a value that has no such place
            return [("sweep.parameters", str(error))]

    # ---- what may be wrong

    def _wrong_places(self) -> Iterator[tuple[Trail, str]]:
        """Find paths that have no place, and two that mean the same one."""
        taken: dict[Trail, str] = {}
        for path, value in self._first.items():
            try:
                trial = self._around(path)
                for place in places(trial, self.whole, path):
                    if place in taken:
                        same = f"sets {to_text(place)}, which {shown(taken[place])} sets, too; leave one of them out"
                        yield (*PARAMETERS, path), same
                        break
                    taken[place] = path
                    put(trial, place, value)
            except NoPlace as error:
                yield (*PARAMETERS, path), str(error)

    def _fractions(self) -> Iterator[tuple[Trail, str]]:
        """Find ranges of all numbers for keys that take whole ones alone."""
        for key, given in self.parameters.items():
            if given.values is None and not given.integer and self._blamed(key, self._known):
                whole = self._problems({**self._first, key: int(self._first[key])})
                if not self._blamed(key, whole):
                    yield (*PARAMETERS, key), 'takes whole numbers; give "integer": true, too'

    def _of_the_first(self) -> Iterator[tuple[Trail, str]]:
        """Tell what is wrong with the first values, at the deepest key that sets the place, if there is one."""
        for path, message in self._known:
            deepest = sorted(self._first, key=len, reverse=True)
            key = next((key for key in deepest if self._sets(key, path)), None)
            if key is None:
                yield PARAMETERS, f"{path}: {message}"
            else:
                yield self._tried[key][0][0], message if path in self._texts(key) else f"{path}: {message}"

    def _of_the_others(self) -> Iterator[tuple[Trail, str]]:
        """Tell what is wrong with each other value, and was right with the first."""
        for key, several in self._tried.items():
            for place, value in several[1:]:
                for path, message in self._problems({**self._first, key: value}):
                    if (path, message) not in self._known:
                        own = path in self._texts(key)
                        yield place, message if own else f"with {shown(value)}, {path}: {message}"

    # ---- where keys are

    def _around(self, path: str) -> dict[str, Any]:
        """Return the raw spec of a trial with the first values of the keys that a path lies within."""
        outer = {key: value for key, value in self._first.items() if _is_within(path, key)}
        return trial_of(self.raw, self.whole, outer)

    def _texts(self, key: str) -> list[str]:
        """Return the paths that a key of the sweep means."""
        return [to_text(trail) for trail in places(self._around(key), self.whole, key)]

    def _sets(self, key: str, path: str) -> bool:
        """Whether a key of the sweep sets a path, or what is around it."""
        return any(path == text or _is_within(path, text) for text in self._texts(key))

    def _blamed(self, key: str, problems: Sequence[Problem]) -> bool:
        return any(path in self._texts(key) for path, _ in problems)


def _is_within(path: str, outer: str) -> bool:
    return outer != path and path.startswith((f"{outer}.", f"{outer}["))
