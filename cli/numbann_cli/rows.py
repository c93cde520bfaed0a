"""Numbers, rows and lines as text for people, plain and aligned.  It prints nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

GAP = "  "
MARK = "*"
WIDEST = 100  # characters of a line of measures
NARROWEST = 9  # a number of five digits, its sign, point and exponent


PLAIN = ("learning_rate", "seconds")  # columns whose zeros at the end say nothing


def columns(record: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys of a line of the history that hold one number."""
    return tuple(name for name, value in record.items() if not isinstance(value, list))


def number(value: Any) -> str:
    """A number in five significant digits; one that JSON could not hold is "nan"."""
    if value is None:
        return "nan"
    return f"{value:#.5g}".rstrip(".") if isinstance(value, float) else str(value)


def measured(parts: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The measures of each part in a line; where they are many, a table with a line for each measure."""
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
class Rows:
    """Aligned rows of the history's columns; the best epoch so far bears a mark.  width: the terminal's, or None.

    Where a header in two lines is still wider than the terminal, the last metrics are left out.
    """

    names: tuple[str, ...]
    width: int | None = None

    @cached_property
    def titles(self) -> dict[str, tuple[str, ...]]:
        """The header of each column that is shown, a line a part."""
        whole: dict[str, tuple[str, ...]] = {name: (name,) for name in self.names}
        if self._fits(whole):
            return whole
        halves: dict[str, tuple[str, ...]] = {name: _halves(name) for name in self.names}
        metrics = list(self.names[3:-2])  # after epoch and the losses, before the rate and the seconds
        while metrics and not self._fits(halves):
            del halves[metrics.pop()]
        return halves

    def _fits(self, titles: Mapping[str, tuple[str, ...]]) -> bool:
        wide = sum(max(map(_room, title)) + len(GAP) for title in titles.values()) + len(MARK)
        return self.width is None or wide <= self.width

    def header(self) -> str:
        """The names of the columns."""
        return "\n".join(self._aligned(line) for line in zip(*self.titles.values(), strict=True))

    def row(self, record: Mapping[str, Any], best: bool) -> str:
        """One epoch."""
        cells = [f"{record[name]:.4g}" if name in PLAIN else number(record[name]) for name in self.titles]
        return self._aligned(cells) + (GAP + MARK if best else "")

    def _aligned(self, cells: Any) -> str:
        rooms = [max(map(_room, title)) for title in self.titles.values()]
        return GAP.join(f"{cell:>{room}}" for cell, room in zip(cells, rooms, strict=True))


def _halves(name: str) -> tuple[str, str]:
    """A title in two lines: "train_" above "loss"."""
    first, underscore, rest = name.partition("_")
    return (first + underscore, rest) if rest else ("", name)


def _room(title: str) -> int:
    return max(len(title), 5 if title == "epoch" else NARROWEST)


def network(plan: Any, resolved: Any) -> str:
    """The network in one line: widths with what each layer applies, parameters, loss, optimizer, batch."""
    named = zip(resolved.layers, resolved.applied, strict=True)
    layers = "".join(f" -> {choice.units} {name}{_around(choice)}" for choice, name in named)
    batch = "full batch" if plan.batch_size is None else f"batch {plan.batch_size}"
    return (
        f"{plan.inputs}{layers}, {plan.parameters} parameters, {plan.dtype}; "
        f"{resolved.loss.name}, {resolved.optimizer.name} {resolved.learning_rate:g}, {batch}"
    )


def _around(choice: Any) -> str:
    """What else a layer does, in brackets."""
    parts = [f"{choice.norm} norm"] if choice.norm else []
    parts += [f"dropout {choice.dropout:g}"] if choice.dropout else []
    parts += [f"alpha dropout {choice.alpha_dropout:g}"] if choice.alpha_dropout else []
    parts += ["residual"] if choice.residual else []
    return f" ({', '.join(parts)})" if parts else ""


def decided(given: Any, resolved: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every key that is `auto` in the given JSON and decided in the resolved JSON, with its value there."""
    if given == "auto":
        yield from [] if resolved == "auto" else [(key, resolved)]
    elif isinstance(given, dict) and isinstance(resolved, dict):
        for name in given.keys() & resolved.keys():
            yield from decided(given[name], resolved[name], f"{key}.{name}".lstrip("."))
    elif isinstance(given, list) and isinstance(resolved, list):
        for index, (one, other) in enumerate(zip(given, resolved, strict=False)):
            yield from decided(one, other, f"{key}[{index}]")
