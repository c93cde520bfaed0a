"""Cuts the rewritten body of a function of one row into parts, so that many rows do a part before the next one.

A row's maximum, exponentials, sum and logarithm wait for each other, and a processor looks at two or three rows at
once.  Part by part it finds the work of many.  A part that touches numbers alone is a loop over rows: whole vectors.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from numbann.records import dataclass

ROW, ELEMENTS, NUMBERS = "a whole row", "elements of rows", "numbers"  # what a statement touches
RESULT = "result"  # the name of what a function returns


@dataclass(frozen=True)
class Part:
    """Statements and what they touch; the names in them, those that they set, and those set for later parts."""

    lines: Sequence[ast.stmt]
    touches: str
    reads: set[str]
    sets: set[str]
    gives: set[str]


def cut(body: Sequence[ast.stmt], arguments: Collection[str], rows: Collection[str]) -> list[Part]:
    """The parts of a function, of whose arguments some are rows; the last one gives RESULT.  None if it stays whole.

    It does if it works on a whole row but once, returns from its middle, sets an argument, reads a loop's variable
    outside of the loop, or keeps a truth value, since what parts give each other are numbers.
    """
    lines = [*body]
    if isinstance(lines[-1], ast.Return) and lines[-1].value:
        lines[-1] = ast.Assign([ast.Name(RESULT, ast.Store())], lines[-1].value, lineno=0)
    groups = [
        (touches, part)
        for touches, run in itertools.groupby(lines, lambda line: _touches(line, rows))
        for part in ([[line] for line in run] if touches == ROW else [[*run]])
    ]
    loops = [{node.target.id for node in _walk(part, ast.For)} for _, part in groups]
    names = [{node.id for node in _walk(part, ast.Name)} for _, part in groups]
    made = [{node.id for node in _walk(part, ast.Name) if isinstance(node.ctx, ast.Store)} for _, part in groups]
    outside = any(used & set().union(*loops) - own for used, own in zip(names, loops, strict=True))
    truths = any(isinstance(node.value, ast.Compare | ast.BoolOp) for node in _walk(lines, ast.Assign))
    once = sum(touches == ROW for touches, _ in groups) < 2
    if once or outside or truths or [*_walk(lines, ast.Return)] or set().union(*made) & {*arguments}:
        return []
    later = [set().union(*names[k + 1 :], {RESULT}) for k in range(len(groups))]
    return [
        Part(part, touches, used, own, own & after - loop)
        for (touches, part), used, own, after, loop in zip(groups, names, made, later, loops, strict=True)
    ]


def _touches(line: ast.stmt, rows: Collection[str]) -> str:
    """What a statement touches; the length of a row is a number."""
    calls = [*_walk([line], ast.Call)]
    lengths = {id(call.args[0]) for call in calls if ast.unparse(call.func) == "len"}
    found = [id(node) for node in _walk([line], ast.Name) if node.id in rows and id(node) not in lengths]
    if [*_walk([line], ast.For)] or any(id(argument) in found for call in calls for argument in call.args):
        return ROW
    return ELEMENTS if found else NUMBERS


def _walk(lines: Sequence[ast.stmt], kind: Any) -> Iterator[Any]:
    """The nodes of a kind."""
    return (node for line in lines for node in ast.walk(line) if isinstance(node, kind))
