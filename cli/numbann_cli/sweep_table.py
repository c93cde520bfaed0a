"""A table of the trials of a sweep: a row for each, with the values that it tried, its course and its figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from numbann.data.wording import short
from numbann.errors import shown
from numbann.records import dataclass
from numbann_cli.grid import cut, total
from numbann_cli.rows import BEST, GAP, MARK, number

COURSE = ("best_epoch", "epochs", "seconds")
NARROW = ("trial", "rung", "epochs")
WIDEST, NARROWEST = 24, 9  # characters of a value
NAMING = ("type", "units")  # keys that need no name before their value
MOST = 10  # trials in a table of the best


@dataclass(frozen=True)
class TrialRows:
    """Rows that are aligned before all of them are known.

    parameters: what the trials differ in, as the spec has it; metric: what they are measured by; width: the terminal's,
    or None.  If a row is too wide, it has no course, then shorter values, and then fewer parameters.
    """

    parameters: Mapping[str, Any]
    metric: str
    rungs: bool = False
    width: int | None = None

    @cached_property
    def whole(self) -> dict[str, str]:
        """What there is, by the title of its column: a path, or a key of the row."""
        titles = {"trial": "trial", **({"rung": "rung"} if self.rungs else {})}
        paths = list(self.parameters)
        titles |= dict(zip(short_names(paths), paths, strict=True))
        return titles | {key: key for key in COURSE} | {self.metric: "value"}

    @property
    def titles(self) -> dict[str, str]:
        """What is shown of that."""
        return self._shape[0]

    @cached_property
    def _shape(self) -> tuple[dict[str, str], int]:
        """What is shown, and the width of values."""
        titles, widest = dict(self.whole), WIDEST
        course, others = list(COURSE), short_names([*self.parameters])[1:]
        while self.width is not None and total(self._rooms(titles, widest)) + len(GAP + BEST) > self.width:
            if course:
                del titles[course.pop()]
            elif widest > NARROWEST:
                widest -= 1
            elif others:
                del titles[others.pop()]
            else:
                break
        return titles, widest

    def header(self) -> str:
        """Return the header."""
        return self._align(list(self.titles)) + GAP + BEST

    def row(self, trial: Mapping[str, Any], best: bool = False) -> str:
        """Return the row of a trial that did not fail."""
        cells = [self._cell(trial, key) for key in self.titles.values()]
        return self._align(cells) + (f"{GAP}{MARK:>{len(BEST)}}" if best else "")

    def _cell(self, trial: Mapping[str, Any], key: str) -> str:
        if key in trial["parameters"]:
            return value(trial["parameters"][key], self._shape[1])
        if key == "seconds":
            return f"{trial[key]:.2f}"
        if key == "best_epoch" and "weights_epoch" in trial:
            return "-"  # none was chosen: the figures are of the last one
        return number(trial[key])

    def _align(self, cells: Sequence[str]) -> str:
        rooms = self._rooms(*self._shape)
        return GAP.join(f"{cell:>{room}}" for cell, room in zip(cells, rooms, strict=True))

    def _rooms(self, titles: Mapping[str, str], widest: int) -> list[int]:
        """Return the widths of columns; listed values are known before."""
        listed = {key: given.get("values") or () for key, given in self.parameters.items()}
        return [
            len(title)
            if key in NARROW
            else max(len(title), NARROWEST, *(len(value(one, widest)) for one in listed.get(key, ())))
            for title, key in titles.items()
        ]


def value(given: Any, widest: int = WIDEST) -> str:
    """Return a value of a key in a few characters: of a component its name and parameters."""
    return cut(_words(given), widest)


def _words(given: Any) -> str:
    if isinstance(given, float):
        return short(given, 4)
    if isinstance(given, list):
        return f"[{', '.join(map(_words, given))}]"
    if isinstance(given, Mapping):
        words = (_words(inner) if key in NAMING else f"{key} {_words(inner)}" for key, inner in given.items())
        return " ".join(words)
    return given if isinstance(given, str) else shown(given)


def short_names(paths: Sequence[str]) -> list[str]:
    """Return the last word of each path, or all of it where that is the title of another column."""
    last = [path.rpartition(".")[2] for path in paths]
    taken = [*last, "trial", "rung", *COURSE]
    return [name if taken.count(name) == 1 else path for name, path in zip(last, paths, strict=True)]


def values_line(parameters: Mapping[str, Any]) -> str:
    """Return the values that a trial tried, in one line."""
    names = short_names(list(parameters))
    return ", ".join(f"{name} {value(given)}" for name, given in zip(names, parameters.values(), strict=True))


def ranked(rows: Sequence[Mapping[str, Any]], lower: bool) -> list[Mapping[str, Any]]:
    """Return the trials that have a figure, the best first; those of a higher rung before all others."""
    sign = 1 if lower else -1
    measured = [row for row in rows if row.get("value") is not None]
    return sorted(measured, key=lambda row: (-row.get("rung", 0), sign * row["value"], row["trial"]))


def best_lines(rows: Sequence[Mapping[str, Any]], table: TrialRows, lower: bool) -> Iterator[str]:
    """Yield a table of the best trials, and how many failed."""
    best = ranked(rows, lower)[:MOST]
    failed = [row for row in rows if "error" in row]
    if best:
        yield f"the best {len(best)} of {len(rows)} trials" if len(best) < len(rows) - len(failed) else "trials"
        yield table.header()
        yield from (table.row(row, row is best[0]) for row in best)
        if spared := [title for title in table.whole if title not in table.titles]:
            yield f"left out for want of room: {', '.join(spared)}"
    if failed:
        yield f"{len(failed)} of {len(rows)} trials failed; the first, trial {failed[0]['trial']}: {failed[0]['error']}"
