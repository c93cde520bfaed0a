"""A page that sets trainings side by side: where their specs differ, what they are worth, and what they took."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from numbann.data.contract import PARTS
from numbann.training.comparing import ABSENT, Pairs, differences, other_losses, other_rows, other_validation, pair
from numbann.training.result import VALIDATION, Result, compact, lower_is_better
from numbann_cli.failures import printable
from numbann_cli.grid import cut, cut_front, lines, total, widths
from numbann_cli.models_table import NARROWEST
from numbann_cli.rows import GAP, MARK, number

NARROW, WIDE = 14, 26  # characters of a cell: those that all have, and the most
NONE = "-"


def page(results: Sequence[Result], width: int) -> str:
    """Return the page; results that do not fit beside each other come in blocks."""
    spec, figures = [*_spec_rows(results)], [*_metric_rows(results), *_size_rows(results)]
    first = max(len(row[0]) for row in (*spec, *figures))
    room = min(WIDE, max(NARROW, (width - first) // len(results) - len(GAP)))
    above = [(name, *(_shortened(name, cell, room) for cell in cells)) for name, *cells in (*_heads(results), *spec)]
    return printable("\n".join([*_blocks([*above, *figures], width), *_unmarked(results), *_pairs(results)]))


def _shortened(name: str, cell: str, room: int) -> str:
    """Return a cell cut to its room; of a path the end is kept."""
    return (cut_front if name in ("", "  data.path") else cut)(cell, room)


def _blocks(rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """Yield the rows, with as many columns beside the first one as fit."""
    first, *rooms = widths(rows)
    at = 0
    while at < len(rooms):
        end = at + 1
        while end < len(rooms) and total([first, *rooms[at : end + 1]]) <= width:
            end += 1
        if at:
            yield ""
        yield from lines([(row[0], *row[1 + at : 1 + end]) for row in rows], [first, *rooms[at:end]])
        at = end


def _heads(results: Sequence[Result]) -> Iterator[tuple[str, ...]]:
    yield ("", *(str(one.path) for one in results))
    if any(one.state != results[0].state or one.kind != results[0].kind for one in results):
        yield ("", *(_state(one) for one in results))


def _state(one: Result) -> str:
    return one.state if one.state != "finished" else one.kind


def _spec_rows(results: Sequence[Result]) -> Iterator[tuple[str, ...]]:
    found = differences([*results])
    yield _title("spec" if found else "spec: no difference", results)
    for path, values in found.items():
        yield (f"  {path}", *(NONE if value is ABSENT else compact(value) for value in values))


def _metric_rows(results: Sequence[Result]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each measure of each part; the best of values that compare, on rows held back, has a mark."""
    rows, losses, folds = other_rows(results), other_losses(results), other_validation(results)
    for part in PARTS:
        having = [one.metrics.get(part, {}) for one in results]
        names = dict.fromkeys(name for figures in having for name in figures)
        if names:
            mean = " (mean)" if any(one.kind == VALIDATION for one in results) and part == "validation" else ""
            yield _title(f"{part}{mean}", results)
        for name in names:
            values = [figures.get(name) for figures in having]
            apart = rows or (name == "loss" and losses) or (part == "validation" and folds)
            best = None if part == "train" or apart else _best(name, values)
            shown = (NONE if name not in figures else number(figures[name]) for figures in having)
            marks = ((f" {MARK}" if value is not None and value == best else "  ") for value in values)
            yield (f"  {name}", *(f"{cell:>{NARROWEST}}{mark}" for cell, mark in zip(shown, marks, strict=True)))


def _unmarked(results: Sequence[Result]) -> Iterator[str]:
    """Yield why figures have no mark, if there is a reason."""
    rows, losses = other_rows(results), other_losses(results)
    if rows:
        yield f"no {MARK}: figures of other rows or targets do not compare ({', '.join(rows)})"
        return
    if losses:
        yield f"no {MARK} at loss: other losses do not compare ({', '.join(losses)})"
    if other_validation(results):
        yield f"no {MARK} at validation: its rows differ"


def _best(name: str, values: Sequence[float | None]) -> float | None:
    """Return the best of some values; None if there are no two that differ."""
    known = [value for value in values if value is not None]
    return None if len(set(known)) < 2 else min(known) if lower_is_better(name) else max(known)


def _size_rows(results: Sequence[Result]) -> Iterator[tuple[str, ...]]:
    rows = {
        "best epoch": [NONE if one.best_epoch is None else f"{one.best_epoch:g}" for one in results],
        "epochs": [NONE if one.epochs is None else str(one.epochs) for one in results],
        "seconds": [NONE if one.seconds is None else f"{one.seconds:.2f}" for one in results],
        "parameters": [NONE if one.parameters is None else str(one.parameters) for one in results],
        "model file": [NONE if one.size is None else _bytes(one.size) for one in results],
    }
    yield _title("training", results)
    for name, cells in rows.items():
        yield (f"  {name}", *cells)


def _bytes(size: int) -> str:
    return f"{size} B" if size < 1000 else f"{size / 1e3:.1f} kB" if size < 1e6 else f"{size / 1e6:.1f} MB"


def _title(text: str, results: Sequence[Result]) -> tuple[str, ...]:
    return (text, *("" for _ in results))


def _pairs(results: Sequence[Result]) -> Iterator[str]:
    """Yield how far others are from the first one, fold by fold."""
    first, *others = results
    for one in others:
        found = pair(first, one)
        if found is not None:
            yield ""
            yield from _pair_lines(first, one, found)


def _pair_lines(first: Result, one: Result, found: Pairs) -> Iterator[str]:
    who = f"{one.path} minus {first.path}"
    ours, theirs = found.of
    if not found.folds:
        yield f"no pairs: {one.path} and {first.path} have no fold of the same rows"
        return
    left = "" if found.folds == ours == theirs else f" ({ours} and {theirs} folds; the others have other rows)"
    yield f"{who}, over {found.folds} folds of the same rows{left}"
    rows = [("", "mean", "deviation", "better on")]
    rows += [
        (f"  {name}", number(one.mean), number(one.deviation), f"{one.better} of {found.folds}")
        for name, one in found.differences.items()
    ]
    yield from lines(rows, widths(rows))
