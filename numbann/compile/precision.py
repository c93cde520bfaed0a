"""Lowering: checks a component's source against the rules of components, and rewrites it for one precision.

A literal, a count or a loop variable takes the working precision, except in an index, a range or an exponent.
Functions of math become vector functions.  The result is text, which cpu.py and numbann.cuda.compile complete.
"""

from __future__ import annotations

import ast
import inspect
import math
import textwrap
from collections.abc import Callable, Collection, Mapping
from dataclasses import field
from typing import Any

from numbann.compile.faults import find_faults
from numbann.compile.parts import Part, cut
from numbann.compile.unset import find_unset
from numbann.components.component import Component, arguments_of
from numbann.derivation.syntax import BITS, Parsed, kind_of
from numbann.mathematics.rows import row_dot, row_max, row_sum
from numbann.records import dataclass
from numbann.simd.vector_math import BINDINGS

BUILT_IN = {abs: "abs", min: "min", max: "max"}
COUNTS = ("label",)  # roles that are integers
OF_BATCHES = ("label", "group", "group_end")  # arrays of integers, of a loss of whole batches
ROWS = (row_max, row_sum, row_dot)


Divide = Callable[[list[ast.stmt], set[str], str], list[ast.stmt] | None]


@dataclass(frozen=True)
class Target:
    """The purpose of a text: the decorator of its functions, and the source of the functions that they call.

    divide: divides the statements of a function of rows, if threads do a row together.  Its arguments include the names
    of divided functions and of the precision's type; it returns None for a function that each thread calls.
    """

    decorator: str
    package: str  # has rows, and modules of functions
    math: str  # a line of import
    functions: Mapping[str, Mapping[Callable[..., Any], str]]  # what stands for functions of math, by precision
    padded: bool = False  # whether rows have padding that a loop may run into
    divide: Divide | None = None


VECTORS = {
    dtype: {function: f"{place.module.rpartition('.')[2]}.{place.name}" for function, place in functions.items()}
    for dtype, functions in BINDINGS.items()
}
CPU = Target("inner_safe", "numbann.simd", "import math", VECTORS, padded=True)


@dataclass
class Lowered:
    """The text of functions in one precision, with the functions that they call; `cast` names the precision's type.

    component: the component that the functions belong to.
    """

    dtype: str
    cast: str = "F"
    component: Component | None = None
    target: Target = CPU
    functions: dict[int, str] = field(default_factory=dict)  # by id of the author's function: its name in the text
    texts: list[str] = field(default_factory=list)
    imports: set[str] = field(default_factory=set)
    divided: set[str] = field(default_factory=set)  # names of functions that are divided among threads

    def add(self, function: Callable[..., Any], path: tuple[Callable[..., Any], ...] = ()) -> str:
        """Lower one more function into the same text; return its name there."""
        if id(function) in self.functions:
            return self.functions[id(function)]
        name = self.functions[id(function)] = f"{self.cast.lower()}_{len(self.functions)}_{function.__name__}"
        body = self._body(function, path)
        if self.target.divide and (shared := self.target.divide(body, self.divided, self.cast)) is not None:
            body = shared
            self.divided.add(name)
        header = f"@{self.target.decorator}\ndef {name}({', '.join(arguments_of(function))}):"
        loops = any(isinstance(part, ast.For) for line in body for part in ast.walk(line))
        if loops and self.target.padded:
            self.imports.add("from numbann.simd.machine import prefer_wide")
            header += "\n    prefer_wide()"
        self.texts.append("\n".join([header, textwrap.indent("\n".join(ast.unparse(line) for line in body), "    ")]))
        return name

    def parts(self, function: Callable[..., Any], rows: Collection[str]) -> list[Part]:
        """Lower a function of these rows in parts, whose statements are the caller's, as `cut` gives them."""
        return cut(self._body(function, ()), arguments_of(function), rows)

    def _body(self, function: Callable[..., Any], path: tuple[Callable[..., Any], ...]) -> list[ast.stmt]:
        """The rewritten statements of a function."""
        rewriter = _Rewriter(self, function, path)
        body = rewriter.body()
        for node, fault in find_faults(body, None if path else self.component):
            raise rewriter.refuse(node, fault)
        for node, fault in find_unset(body, arguments_of(function)):
            raise rewriter.refuse(node, fault)
        return body

    @property
    def text(self) -> str:
        """All functions, each after those that it calls."""
        return "\n\n\n".join(self.texts)


class _Rewriter(Parsed):
    """Rewrites the body of one function."""

    def __init__(self, lowered: Lowered, function: Callable[..., Any], path: tuple[Callable[..., Any], ...]) -> None:
        super().__init__(function, path)
        self.lowered = lowered
        own = None if path else lowered.component
        self.whole = lowered.component is not None and lowered.component.form == "batch"
        self.fills = own is not None and (own.kind, own.form) == ("activation", "row")  # and returns nothing
        self.counts = {name for name in (("row",) if self.whole else COUNTS) if name in self.locals}

    def cast(self, node: ast.expr) -> ast.expr:
        """F(node): the node in the working precision."""
        return ast.Call(ast.Name(self.lowered.cast, ast.Load()), [node], [])

    def body(self) -> list[ast.stmt]:
        """The rewritten statements, without the docstring."""
        return [self.statement(line) for line in self.statements()] or [ast.copy_location(ast.Pass(), self.tree)]

    def statement(self, node: ast.stmt) -> ast.stmt:
        """One rewritten statement."""
        match node:
            case ast.Assign():
                node.value = self.value(node.value)
                node.targets = [self.target(target) for target in node.targets]
            case ast.AugAssign():
                if isinstance(node.op, BITS):
                    raise self.not_arithmetic(node)
                node.value = self.value(node.value)
                node.target = self.target(node.target)  # type: ignore[assignment]
            case ast.If():
                node.test = self.value(node.test)
                node.body = [self.statement(line) for line in node.body]
                node.orelse = [self.statement(line) for line in node.orelse]
            case ast.For():
                self.loop(node)
            case ast.Return(value=ast.expr() as value):
                node.value = self.value(value)
            case ast.Return():
                if not self.fills:
                    raise self.refuse(node, "return without a value; return one on every path")
            case ast.Pass():
                pass
            case _:
                raise self.not_a_statement(node)
        return node

    def loop(self, node: ast.For) -> None:
        """A loop over range(...), whose variable is a count."""
        index, bounds = self.loop_over(node)
        row = _whole_row(bounds.args, node.body, index) if self.lowered.target.padded else None
        bounds.args = [self.count(bound) for bound in bounds.args]
        self.counts.add(index)
        node.body = [self.statement(line) for line in node.body]
        if row is not None:
            bounds.args = [ast.Call(ast.Name("padded", ast.Load()), [row], [])]

    def target(self, node: ast.expr) -> ast.expr:
        """What is assigned to: a name, an element, or several."""
        match node:
            case ast.Name():
                self.counts.discard(node.id)
            case ast.Subscript():
                self.check_element(node)
                node.slice = self.count(node.slice)
            case ast.Tuple():
                node.elts = [self.target(item) for item in node.elts]
            case _:
                raise self.refuse(node, f"cannot assign to {kind_of(node)}")
        return node

    def value(self, node: ast.expr) -> ast.expr:
        """An expression in the working precision."""
        match node:
            case ast.Constant(value=bool()):
                return node
            case ast.Constant(value=int() | float()):
                return self.cast(node)
            case ast.Name(id=name) if name in self.locals:
                return self.cast(node) if name in self.counts else node
            case ast.Name() | ast.Attribute():
                constant = ast.Constant(self.number(node))
                return constant if isinstance(constant.value, bool) else self.cast(constant)
            case ast.Subscript():
                self.check_element(node)
                node.slice = self.count(node.slice)
                return node
            case ast.Call():
                return self.call(node)
            case ast.BinOp() if isinstance(node.op, BITS):
                raise self.not_arithmetic(node)
            case ast.UnaryOp(op=ast.Invert()):
                raise self.not_a_value(node)
            case ast.Compare() if any(isinstance(relation, ast.In | ast.NotIn) for relation in node.ops):
                raise self.not_a_value(node)
            case ast.BinOp(op=ast.Pow()):
                node.left, node.right = self.value(node.left), self.exponent(node.right)
                return node
            case ast.BinOp() | ast.UnaryOp() | ast.BoolOp() | ast.Compare() | ast.IfExp() | ast.Tuple():
                return self.parts(node, self.value)
        raise self.not_a_value(node)

    def parts(self, node: Any, rewrite: Callable[[ast.expr], ast.expr]) -> ast.expr:
        """Rewrite the expressions that an operator joins."""
        for name, part in ast.iter_fields(node):
            if isinstance(part, ast.expr):
                setattr(node, name, rewrite(part))
            elif isinstance(part, list) and part and isinstance(part[0], ast.expr):
                setattr(node, name, [rewrite(item) for item in part])
        return node

    def exponent(self, node: ast.expr) -> ast.expr:
        """An exponent: a whole literal stays whole, so that x**2 is a product; the rest is an expression."""
        match node:
            case ast.Constant(value=int()) | ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int())):
                return node
        return self.value(node)

    def count(self, node: ast.expr) -> ast.expr:
        """An expression in integers: an index or the argument of a range."""
        match node:
            case ast.Constant(value=int()):
                return node
            case ast.Name() if node.id in self.counts:
                return node
            case ast.Name():
                return ast.Call(ast.Name("int", ast.Load()), [self.value(node)], [])
            case ast.Call(func=ast.Name(id="len")) if len(node.args) == 1 and isinstance(node.args[0], ast.Name):
                return node
            case ast.Call(func=ast.Name(id="len"), args=[ast.Subscript() as row]) if self.whole:
                row.slice = self.count(row.slice)
                return node
            case ast.Subscript(value=ast.Name(id=name)) if self.whole and name in OF_BATCHES:
                node.slice = self.count(node.slice)
                return node
            case ast.Tuple() if self.whole:
                return self.parts(node, self.count)
            case ast.BinOp() | ast.UnaryOp():
                return self.parts(node, self.count)
        remedy = "; write a loop: for k in range(...)" if isinstance(node, ast.Slice) else ""
        raise self.refuse(node, f"{kind_of(node)} cannot be an index or a count{remedy}")

    def call(self, node: ast.Call) -> ast.expr:
        """A call of len, of a function of math, or of another function under the same rules."""
        found = self.called(node)
        if found is len:
            return self.cast(self.count(node))
        node.func = ast.Name(self.callee(node, found), ast.Load())
        node.args = [self.value(argument) for argument in node.args]
        return node

    def callee(self, node: ast.Call, found: Any) -> str:
        """The name of a called function in the text."""
        target = self.lowered.target
        if found in ROWS:
            self.lowered.imports.add(f"from {target.package} import rows")
            return f"rows.{found.__name__}"
        bound = target.functions.get(self.lowered.dtype, {}).get(found)
        if bound is not None:
            self.lowered.imports.add(f"from {target.package} import {bound.partition('.')[0]}")
            return bound
        name = getattr(found, "__name__", "")
        if found is not None and getattr(math, name, None) is found:
            self.lowered.imports.add(target.math)
            return f"math.{name}"
        if found is float:
            return self.lowered.cast
        if found in BUILT_IN:
            return BUILT_IN[found]
        if inspect.isfunction(found):
            return self.lowered.add(found, self.path)
        raise self.not_callable(node)


def _whole_row(bounds: list[ast.expr], lines: list[ast.stmt], index: str) -> ast.expr | None:
    """The row of a loop over range(len(row)) whose lines only assign elements at its index from such elements.

    The loop may run on into the row's padding, and then is whole vectors without a remainder.
    """
    match bounds:
        case [ast.Call(func=ast.Name(id="len"), args=[ast.Name() as row])]:
            return row if all(_is_elementwise(line, index) for line in lines) else None
    return None


def _is_elementwise(line: ast.stmt, index: str) -> bool:
    """Whether a line assigns an element at an index, from elements at that index."""
    elements = [part.slice for part in ast.walk(line) if isinstance(part, ast.Subscript)]
    match line:
        case ast.Assign(targets=[ast.Subscript()]):
            return all(isinstance(place, ast.Name) and place.id == index for place in elements)
    return False
