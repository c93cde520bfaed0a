"""Activations of rows, read from their source: loops over a row as formulas of one element, its reductions apart.

What is computed of one element at a time becomes a formula.  A sum is a product with ones, the largest number is found
by halves.  A loop whose elements depend on each other otherwise is refused.  Letters: W elements of a row.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Generic

import numpy as np

from numbann.components.component import Component
from numbann.derivation.reading import Reader, Value, Variables
from numbann.derivation.terms import Term, Terms, within
from numbann.mathematics.rows import row_dot, row_max, row_sum
from numbann.model.export import formulas
from numbann.model.export.formulas import formula
from numbann.model.export.writer import V, Writer

NOISE = 0.5  # what predictions take for a row of random numbers


def write_rows(
    component: Component,
    values: Mapping[str, float],
    learned: Mapping[str, np.ndarray],
    z: V,
    width: int,
    units: int,
    writer: Writer[V],
) -> V:
    """Write what an activation makes of rows z, (N, units) numbers of (N, width)."""
    return RowReader(component.function, z, width, writer).written(component, values, learned, units)


class RowReader(Reader, Generic[V]):
    """Reads a function of a row and writes it.

    A row is a variable whose term is that of an element.  given: what stands for the arguments of terms.  widths: how
    many elements a row has.  wide: a value of each width.
    """

    def __init__(self, function: Callable[..., object], z: V, width: int, writer: Writer[V]) -> None:
        super().__init__(Terms(), function)
        self.writer = writer
        self.given: dict[str, V | np.ndarray] = {"z": z}
        self.widths = {"z": width}
        self.wide: dict[int, V] = {width: z}
        self.index, self.count = "", 0  # of the loop over a row that is being read

    def written(
        self, component: Component, values: Mapping[str, float], learned: Mapping[str, np.ndarray], units: int
    ) -> V:
        """Write the function for the values of its parameters."""
        self.widths |= {"a": units, **{name: self.widths["z"] for name in component.rows}}
        self.given |= dict(learned)
        variables: Variables = {name: self.terms.of(value) for name, value in values.items() if name not in learned}
        variables |= {name: self.terms.argument(name) for name in ("z", *learned)}
        variables |= {"a": self.terms.of(0), "u": self.terms.of(NOISE)}
        self.run(self.statements(), variables)
        return self.value_of(self.settled(variables["a"], units, again=True))

    # ---- values

    def value_of(self, term: Term) -> V:
        """Return the value that stands for an argument."""
        found = self.given[term.value]
        assert not isinstance(found, np.ndarray)
        return found

    def settled(self, term: Value, width: int, again: bool = False) -> Term:
        """Write what a term computes, and return the argument that stands for it.  again: also a number."""
        if isinstance(term, tuple) or (term.operation in ("number", "argument") and not again):
            if isinstance(term, tuple):
                raise self.refuse(self.tree, "several numbers where one is needed")
            return term
        asked = {part.value for part in within(term) if part.operation == "argument"}
        values = {name: self.given[name] for name in asked}
        if width > 1 or all(isinstance(one, np.ndarray) for one in values.values()):
            values.setdefault("z", self.of_width(width))  # so that the result is as wide
        return self.named(self.writer.apply(term, values))

    def of_width(self, width: int) -> V:
        """Return some value of a width."""
        if width not in self.wide:
            self.wide[width] = self.writer.select(self.value_of(self.terms.argument("z")), range(width))
        return self.wide[width]

    def named(self, value: V) -> Term:
        """Return an argument that stands for a value."""
        name = f"v{len(self.given)}"
        self.given[name] = value
        return self.terms.argument(name)

    def total(self, element: Term, width: int) -> Term:
        """Write the sum of a row."""
        row = self.value_of(self.settled(element, width, again=element.operation == "number"))
        return self.named(self.writer.product(row, np.ones((width, 1)), None))

    def largest(self, element: Term, width: int) -> Term:
        """Write the largest number of a row."""
        row = self.value_of(self.settled(element, width, again=element.operation == "number"))
        while width > 1:
            half = (width + 1) // 2
            halves = {
                "x": self.writer.select(row, range(half)),
                "y": self.writer.select(row, range(width - half, width)),
            }
            row, width = self.writer.apply(formula(formulas.more), halves), half
        return self.named(row)

    # ---- statements

    def run(self, lines: list[ast.stmt], variables: Variables) -> Value | None:
        """Execute statements; those outside of loops over a row one by one, with all values written after each."""
        if self.index:
            return super().run(lines, variables)
        for line in lines:
            if isinstance(line, ast.For) and (row := self.row_of(line)):
                self.each(line, row, variables)
            else:
                super().run([line], variables)
            for name, value in variables.items():
                variables[name] = self.settled(value, self.widths.get(name, 1))
        return None

    def row_of(self, line: ast.For) -> str:
        """Return the row that a loop goes over, element by element; empty for a loop of rounds."""
        _, bounds = self.loop_over(line)
        match bounds.args:
            case [ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=row)])] if row in self.widths:
                return "" if any(isinstance(inner, ast.For) for part in line.body for inner in ast.walk(part)) else row
        return ""

    def each(self, line: ast.For, row: str, variables: Variables) -> None:
        """Read a loop over a row; a number that it changes must be a sum over the elements."""
        before, width = dict(variables), self.widths[row]
        self.index, self.count = self.loop_over(line)[0], width
        symbols: Variables = {name: self.terms.symbol() for name in before if name not in self.widths}
        sums = {name: symbol for name, symbol in symbols.items() if self.is_set_in(line, name)}
        inside = {**before, **sums, self.index: self.terms.symbol()}
        super().run(line.body, inside)
        self.index = ""
        for name, value in before.items():
            variables[name] = inside[name] if name in self.widths else value
            if name in sums:
                more = self.added(inside[name], sums[name], line)
                variables[name] = self.terms.make("+", self.one(value), self.total(more, width))

    @staticmethod
    def is_set_in(line: ast.For, name: str) -> bool:
        """Tell whether a loop sets a variable."""
        named = (node for node in ast.walk(line) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
        return any(node.id == name for node in named)

    def one(self, value: Value) -> Term:
        """Return a value that is one number."""
        assert isinstance(value, Term)
        return value

    def added(self, value: Value, symbol: Value, line: ast.For) -> Term:
        """Return what an element adds to a number; refuse anything but an addition."""
        value, symbol = self.one(value), self.one(symbol)
        if value is symbol:
            return self.terms.of(0)
        match value.operation, value.parts:
            case "+" | "-", (rest, more) if symbol not in within(more):
                return self.terms.make(value.operation, self.added(rest, symbol, line), more)
            case "if", (test, yes, no) if symbol not in within(test):
                return self.terms.choice(test, self.added(yes, symbol, line), self.added(no, symbol, line))
        raise self.refuse(line, "elements of a row depend on those before them, which cannot be exported")

    def assign(self, target: ast.expr, value: Value, variables: Variables) -> None:
        """Set a variable, or an element of a row."""
        match target:
            case ast.Subscript(value=ast.Name(id=row), slice=ast.Name(id=index)) if (
                self.index == index and self.widths.get(row) == self.count
            ):
                variables[row] = value
            case ast.Subscript():
                raise self.refuse(target, f"{ast.unparse(target)!r} is no element of the loop over a row")
            case _:
                super().assign(target, value, variables)

    # ---- expressions

    def value(self, node: ast.expr, variables: Variables) -> Value:
        """Return the value of an expression, which may be an element of a row."""
        if not isinstance(node, ast.Subscript):
            return super().value(node, variables)
        if not isinstance(node.value, ast.Name) or node.value.id not in self.widths:
            raise self.not_a_value(node)
        element, width = self.one(variables[node.value.id]), self.widths[node.value.id]
        if element.is_number():
            return element
        own, behind = self.behind(node.slice)
        first = self.terms.of(0) if behind is None else self.number_of(behind, variables)
        if not first.is_number():
            raise self.refuse(
                node, f"{ast.unparse(node)!r} is no element at a fixed distance, which cannot be exported"
            )
        if own and first.value == 0 and width == self.count:
            return element
        if element.operation != "argument":
            raise self.refuse(node, f"{ast.unparse(node)!r} is changed in the same loop, which cannot be exported")
        chosen = range(int(first.value) % width, int(first.value) % width + (self.count if own else 1))
        return self.named(self.writer.select(self.value_of(element), chosen))

    def behind(self, place: ast.expr) -> tuple[bool, ast.expr | None]:
        """Tell whether a place is counted from the loop's own element, and how far behind it or the first one it is."""
        match place:
            case ast.Name(id=index) if index == self.index:
                return True, None
            case ast.BinOp(left=ast.Name(id=index), op=ast.Add(), right=more) if index == self.index:
                return True, more
        return False, place

    def call(self, node: ast.Call, variables: Variables) -> Value:
        """Return a call, which may be of a row."""
        match node:
            case ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=row)]) if row in self.widths:
                return self.terms.of(self.widths[row])
        found = self.meaning(node.func)
        if found not in (row_sum, row_max, row_dot):
            return super().call(node, variables)
        names = [argument.id for argument in node.args if isinstance(argument, ast.Name)]
        if self.index or len(names) < len(node.args) or not set(names) <= set(self.widths):
            raise self.refuse(node, f"{ast.unparse(node)!r} is not of a whole row, outside of loops over it")
        first, *others = (self.one(variables[name]) for name in names)
        if others:
            return self.total(self.terms.make("*", first, others[0]), self.widths[names[0]])
        return (self.total if found is row_sum else self.largest)(first, self.widths[names[0]])
