"""Faults that a rewritten function shows before it is compiled: wrong results, elements of numbers, divisions by 0."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from numbann.components.component import Component

Fault = tuple[ast.AST, str]  # where, and what is wrong


def find_faults(body: Sequence[ast.stmt], component: Component | None) -> Iterator[Fault]:
    """The faults in a function's rewritten statements; component: the function's component, None for a helper."""
    results = _results(component)
    for node in (node for line in body for node in ast.walk(line)):
        match node:
            case ast.Return(value=ast.expr() as value) if results is not None:
                yield from _count_fault(node, value, results)
            case ast.BinOp(op=ast.Div() | ast.Mod() | ast.FloorDiv(), right=right) if _is_zero(right):
                yield node, "divides by 0; write inf or nan of math if that is meant"
            case ast.Subscript() if component is not None and component.form == "elementwise":
                text = ast.unparse(node)
                yield node, f"{text!r} is an element of an array, but a component gets one number at a time"
            case ast.Subscript(ctx=ast.Store()) if component is not None and component.form == "batch":
                if not isinstance(node.value, ast.Name) or node.value.id != "dy":
                    yield node, f"sets {ast.unparse(node)!r}, which other rows read; a loss of a batch sets dy alone"
    if results != () and not _ends(body):
        yield body[-1], "ends without a value; return one on every path"


def _results(component: Component | None) -> tuple[str, ...] | None:
    """The names of what a component's functions return; None if any number of values will do."""
    if component is None:
        return None
    if component.kind == "activation" and component.form == "row":
        return ()
    return ("w", *component.states) if component.kind == "optimizer" else ("it",)


def _count_fault(node: ast.Return, value: ast.expr, results: tuple[str, ...]) -> Iterator[Fault]:
    """A return with a wrong number of values; a call or a name may stand for any number and passes."""
    if not results:
        yield node, "a function of a row returns nothing; it fills the row"
        return
    count = len(value.elts) if isinstance(value, ast.Tuple) else 1
    unknown = len(results) > 1 and isinstance(value, ast.Call | ast.Name | ast.IfExp)
    if count != len(results) and not unknown:
        wanted = "one value" if len(results) == 1 else f"w and every state: {', '.join(results)}"
        yield node, f"returns {count} value{'s' if count > 1 else ''}; return {wanted}"


def _ends(body: Sequence[ast.stmt]) -> bool:
    """Whether every path through statements ends in a return."""
    match body[-1]:
        case ast.Return():
            return True
        case ast.If(body=inner, orelse=other):
            return bool(other) and _ends(inner) and _ends(other)
    return False


def _is_zero(node: ast.expr) -> bool:
    """Whether an expression is the number 0, cast or not."""
    match node:
        case ast.Call(args=[ast.Constant(value=value)]) | ast.Constant(value=value):
            return not isinstance(value, bool) and value == 0
    return False
