"""Numbers, rows and lines as text for people, plain and aligned.  It prints nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

GAP = "  "
MARK = "*"
NARROWEST = 9  # a number of five digits, its sign, point and exponent


PLAIN = ("learning_rate", "seconds")  # columns whose zeros at the end say nothing


def columns(record: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys of a line of the history that hold one number."""
    return tuple(name for name, value in record.items() if not isinstance(value, list))


def number(value: Any) -> str:
    """A number in five significant digits."""
    return f"{value:#.5g}".rstrip(".") if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Rows:
    """Aligned rows of the history's columns; the best epoch so far bears a mark.  width: the terminal's, or None."""

    names: tuple[str, ...]
    width: int | None = None

    @property
    def titles(self) -> list[tuple[str, ...]]:
        """The header of each column, a line a part: in two where one line is wider than the terminal."""
        whole = sum(_room(name) + len(GAP) for name in self.names) + len(MARK)
        if self.width is None or whole <= self.width:
            return [(name,) for name in self.names]
        return [_halves(name) for name in self.names]

    def header(self) -> str:
        """The names of the columns."""
        return "\n".join(self._aligned(line) for line in zip(*self.titles, strict=True))

    def row(self, record: Mapping[str, Any], best: bool) -> str:
        """One epoch."""
        cells = [f"{record[name]:.4g}" if name in PLAIN else number(record[name]) for name in self.names]
        return self._aligned(cells) + (GAP + MARK if best else "")

    def _aligned(self, cells: Any) -> str:
        rooms = [max(map(_room, title)) for title in self.titles]
        return GAP.join(f"{cell:>{room}}" for cell, room in zip(cells, rooms, strict=True))


def _halves(name: str) -> tuple[str, str]:
    """A title in two lines: "train_" above "loss"."""
    first, underscore, rest = name.partition("_")
    return (first + underscore, rest) if rest else ("", name)


def _room(title: str) -> int:
    return max(len(title), 5 if title == "epoch" else NARROWEST)


def network(plan: Any, resolved: Any) -> str:
    """The network in one line: widths with what each layer applies, parameters, loss, optimizer, batch."""
    applied = [*(choice.activation.name for choice in resolved.layers[:-1]), resolved.output_activation.name]
    layers = "".join(f" -> {choice.units} {name}" for choice, name in zip(resolved.layers, applied, strict=True))
    batch = "full batch" if plan.batch_size is None else f"batch {plan.batch_size}"
    return (
        f"{plan.inputs}{layers}, {plan.parameters} parameters, {plan.dtype}; "
        f"{resolved.loss.name}, {resolved.optimizer.name} {resolved.learning_rate:g}, {batch}"
    )


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
