"""Formats numbers, rows and lines as aligned text for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from numbann.data.wording import short
from numbann.records import dataclass

GAP = "  "
MARK, BEST = "*", "best"  # of the best epoch so far, and the title above it
GUESSES = {  # what the baseline of a task says
    "classification": "always the largest class",
    "multilabel": "always the likelier value",
    "regression": "always the mean, or the median",
}
MOST_GUESSED = 3  # metrics of the baseline on its line
WIDEST = 100  # characters of a line of measures
NARROWEST = 9  # a number of five digits, its sign, point and exponent


RATE = "learning_rate"  # shown without trailing zeros


def columns(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the keys of a record of the history that hold one number, without the seconds, which are summed up."""
    return tuple(name for name, value in record.items() if not isinstance(value, list) and name != "seconds")


def baseline_line(metrics: Mapping[str, Any], task: str) -> Iterator[str]:
    """Yield what a guess would score on the last part that has one, from the metrics of a run."""
    for part, values in [*metrics.get("baseline", {}).items()][-1:]:
        yield f"baseline   {guess_of(values, metrics.get(part, {}), task, part)}"


def guess_of(values: Mapping[str, Any], scores: Mapping[str, Any], task: str, part: str = "") -> str:
    """Return what a guess scores, each figure with as many decimals as the model's, and what is guessed."""
    on = f"on {part}, " if part else ""
    shown = "  ".join(f"{name} {_beside(value, scores.get(name))}" for name, value in [*values.items()][:MOST_GUESSED])
    return f"{shown}  ({on}{GUESSES[task]})"


def number(value: Any) -> str:
    """Return a number with five significant digits; None, which stands for a number that is not finite, is "nan"."""
    if value is None:
        return "nan"
    return short(value, zeros=True) if isinstance(value, float) else str(value)


def _beside(value: Any, score: Any) -> str:
    """Return a number with as many decimals as another is shown with."""
    text = number(score)
    if not isinstance(value, float) or not isinstance(score, float) or "e" in text or abs(value) >= 1e9:
        return number(value)
    decimals = len(text.partition(".")[2])
    return f"{round(value, decimals) + 0.0:.{decimals}f}"  # + 0.0: no sign before a zero


def format_measures(parts: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line of measures for each part, or a table with a line for each measure if there are many."""
    lines = [
        f"{part:<11}" + "  ".join(f"{name} {number(value)}" for name, value in values.items())
        for part, values in parts.items()
    ]
    if all(len(line) <= WIDEST for line in lines):
        yield from lines
        return
    names = list(next(iter(parts.values())))
    first = max(map(len, names))
    yield GAP.join([f"{'':<{first}}", *(f"{part:>{_room(part)}}" for part in parts)])
    for name in names:
        cells = (f"{number(values[name]):>{_room(part)}}" for part, values in parts.items())
        yield GAP.join([f"{name:<{first}}", *cells])


@dataclass(frozen=True)
class HistoryRows:
    """The history as aligned rows; the best epoch so far has a mark.  width: the terminal's, or None.

    If the header is too wide even on two lines, the last metrics are left out, and then the learning rate.
    """

    names: tuple[str, ...]
    width: int | None = None

    @cached_property
    def titles(self) -> dict[str, tuple[str, ...]]:
        """The header of each column that is shown, as one or two lines."""
        whole: dict[str, tuple[str, ...]] = {name: (name,) for name in self.names}
        if self._fits(whole):
            return whole
        halves: dict[str, tuple[str, ...]] = {name: _halves(name) for name in self.names}
        spare = [RATE, *self.names[3:-1]]  # the metrics stand after the epoch and the losses, and before the rate
        while spare and not self._fits(halves):
            del halves[spare.pop()]
        return halves

    def _fits(self, titles: Mapping[str, tuple[str, ...]]) -> bool:
        wide = sum(max(map(_room, title)) + len(GAP) for title in titles.values()) + len(BEST)
        return self.width is None or wide <= self.width

    def header(self) -> str:
        """Return the header."""
        *above, last = (self._align(line) for line in zip(*self.titles.values(), strict=True))
        return "\n".join([*above, last + GAP + BEST])

    def row(self, record: Mapping[str, Any], best: bool) -> str:
        """Return the row of one epoch."""
        cells = [f"{record[name]:.4g}" if name == RATE else number(record[name]) for name in self.titles]
        return self._align(cells) + (f"{GAP}{MARK:>{len(BEST)}}" if best else "")

    def _align(self, cells: Any) -> str:
        rooms = [max(map(_room, title)) for title in self.titles.values()]
        return GAP.join(f"{cell:>{room}}" for cell, room in zip(cells, rooms, strict=True))


def _halves(name: str) -> tuple[str, str]:
    """Split a title into two lines: "train_" above "loss"."""
    first, underscore, rest = name.partition("_")
    return (first + underscore, rest) if rest else ("", name)


def _room(title: str) -> int:
    return max(len(title), 5 if title == "epoch" else NARROWEST)


def network(plan: Any, resolved: Any) -> str:
    """Return the network in one line: widths and activations, parameters, loss, optimizer, batch."""
    named = zip(resolved.layers, resolved.applied, strict=True)
    layers = "".join(f" -> {choice.units} {name}{_around(choice)}" for choice, name in named)
    batch = "full batch" if plan.batch_size is None else f"batch {plan.batch_size}"
    return (
        f"{plan.inputs}{layers}, {plan.parameters} parameters, {plan.products}; "
        f"{resolved.loss.name}, {resolved.optimizer.name} {resolved.learning_rate:g}, {batch}"
    )


def _around(choice: Any) -> str:
    """Return what else a layer does, in parentheses."""
    parts = [f"{choice.norm} norm"] if choice.norm else []
    parts += [f"to {choice.width}"] if choice.width != choice.units else []
    parts += [f"dropout {choice.dropout:g}"] if choice.dropout else []
    parts += [f"alpha dropout {choice.alpha_dropout:g}"] if choice.alpha_dropout else []
    parts += ["residual"] if choice.residual else []
    return f" ({', '.join(parts)})" if parts else ""


def resolved_keys(given: Any, resolved: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each key that is "auto" in the given JSON and not in the resolved JSON, with its resolved value."""
    if given == "auto":
        yield from [] if resolved == "auto" else [(key, resolved)]
    elif isinstance(given, dict) and isinstance(resolved, dict):
        for name in given.keys() & resolved.keys():
            yield from resolved_keys(given[name], resolved[name], f"{key}.{name}".lstrip("."))
    elif isinstance(given, list) and isinstance(resolved, list):
        for index, (one, other) in enumerate(zip(given, resolved, strict=False)):
            yield from resolved_keys(one, other, f"{key}[{index}]")
