"""Tables of what a model is worth for each class and for each target, and of the classes that it takes for others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from numbann_cli.rows import GAP, number

MOST_CLASSES = 12  # a larger table of confusions does not fit a page
MOST_TARGETS = 8  # metrics of a target beside each other
LONGEST_CLASS = 12
CLASS_TITLES = ("precision", "recall", "f1", "rows")


def class_lines(classes: Sequence[Any], counts: Sequence[Sequence[int]] | None, part: str = "") -> Iterator[str]:
    """Yield a table with precision, recall, f1 and the number of rows of each class; nothing without counts."""
    if counts is None:
        return
    yield f"\nclasses{_of(part)}"
    rows = class_rows(classes, counts)
    yield from _aligned(["", *CLASS_TITLES], [[name[:LONGEST_CLASS], *cells] for name, *cells in rows])


def class_rows(classes: Sequence[Any], counts: Sequence[Sequence[int]]) -> list[list[str]]:
    """Return a row of cells for each class: its name, precision, recall, f1 and the number of its rows."""
    predicted, rows = [sum(column) for column in zip(*counts, strict=True)], []
    for k, row in enumerate(counts):
        hits, of_class = row[k], sum(row)
        shares = (_share(hits, predicted[k]), _share(hits, of_class), _share(2 * hits, predicted[k] + of_class))
        rows.append([str(classes[k]), *(f"{share:.3f}" for share in shares), str(of_class)])
    return rows


def target_lines(targets: Mapping[str, Mapping[str, Any]] | None, part: str = "") -> Iterator[str]:
    """Yield a table with the metrics of each target; nothing if there is but one."""
    if not targets:
        return
    names = list(next(iter(targets.values())))[:MOST_TARGETS]
    yield f"\ntargets{_of(part)}"
    rows = [[target, *(number(values.get(name)) for name in names)] for target, values in targets.items()]
    yield from _aligned(["", *names], rows)


def confusion_lines(classes: Sequence[Any], counts: Sequence[Sequence[int]] | None, part: str = "") -> Iterator[str]:
    """Yield an empty line, a title and the table; nothing if there is no table, or it is too large."""
    if counts is None or len(classes) > MOST_CLASSES:
        return
    names = [str(name)[:LONGEST_CLASS] for name in classes]
    yield f"\nconfusion{_of(part)}: rows are true classes, columns predicted ones"
    yield from _aligned(["", *names], [[name, *map(str, row)] for name, row in zip(names, counts, strict=True)])


def _of(part: str) -> str:
    return f" of {part}" if part else ""


def _share(hits: int, of: int) -> float:
    return hits / of if of else 0.0


def _aligned(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield lines of cells, the first to the left and the others to the right."""
    rooms = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    for first, *cells in (titles, *rows):
        yield GAP.join(
            [f"  {first:<{rooms[0]}}", *(f"{one:>{room}}" for one, room in zip(cells, rooms[1:], strict=True))]
        )
