"""Finds variables that a function reads where no path before surely sets them; compiled code would read 0.

A loop is taken to run, and what it sets anywhere may be read within it, in a later round.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Generator, Iterator, Sequence

Fault = tuple[ast.AST, str]  # where, and what is wrong


def find_unset(body: Sequence[ast.stmt], arguments: Collection[str]) -> Iterator[Fault]:
    """The reads of a function's variables that may not be set."""
    yield from _follow(body, {*arguments}, _stored(body))


def _follow(lines: Sequence[ast.stmt], known: set[str], own: set[str]) -> Generator[Fault, None, bool]:
    """Go through statements and add what they surely set to `known`; return whether they return."""
    for line in lines:
        match line:
            case ast.If():
                yield from _read(line.test, own - known)
                ways = []  # what is set behind a branch that goes on
                for branch in (line.body, line.orelse):
                    names = set(known)
                    if not (yield from _follow(branch, names, own)):
                        ways.append(names)
                if not ways:
                    return True
                known |= set.intersection(*ways)
            case ast.For():
                yield from _read(line.iter, own - known)
                known |= _stored([line.target])
                yield from _follow(line.body, known, own - _stored(line.body))
            case _:
                yield from _read(line, own - known)
                known |= _stored([line])
                if isinstance(line, ast.Return):
                    return True
    return False


def _read(node: ast.AST, unset: set[str]) -> Iterator[Fault]:
    """The reads of unset variables in a node; x += 1 reads x."""
    added = [node.target] if isinstance(node, ast.AugAssign) else []
    for one in ast.walk(node):
        if isinstance(one, ast.Name) and one.id in unset and (isinstance(one.ctx, ast.Load) or one in added):
            yield one, f"{one.id!r} is not set on every path that leads here; set it before"


def _stored(nodes: Sequence[ast.AST]) -> set[str]:
    """The variables that nodes set."""
    found = (one for node in nodes for one in ast.walk(node))
    return {one.id for one in found if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
