"""Writes an expression as the source of a function, and compiles it so that the inspect module finds the source.

A term that several operations need is computed once, in a variable.  A term that only one branch of a choice needs is
computed in that branch.
"""

from __future__ import annotations

import linecache
import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from numbann.components.component import Function
from numbann.derivation.terms import Loop, Term, surely_within, within

STRENGTH = {"or": 1, "and": 2, "not": 3, "<": 4, "<=": 4, ">": 4, ">=": 4, "==": 4, "!=": 4}
STRENGTH |= {"+": 5, "-": 5, "sum": 5, "*": 6, "/": 6, "//": 6, "%": 6, "product": 6, "neg": 7, "**": 8}
LEAVES = ("number", "argument", "symbol")


def function_of(result: Term, name: str, arguments: Sequence[str], otherwise: str, place: str) -> Function:
    """Return a function that returns an expression; it takes those of the arguments that it needs, in this order.

    otherwise: its argument if it needs none.  place: the file name that its errors show.
    """
    used = {term.value for term in within(result) if term.operation == "argument"} or {otherwise}
    header = f"def {name}({', '.join(argument for argument in arguments if argument in used)}):"
    writer = _Writer(result, arguments)
    text = "\n".join([header, *("    " + line for line in writer.lines()), ""])
    return function_from(text, name, writer.scope, place)


def function_from(text: str, name: str, scope: dict[str, Any], place: str) -> Function:
    """The function of a name that a text defines in a scope; the inspect module finds its source at the place."""
    linecache.cache[place] = (len(text), None, text.splitlines(keepends=True), place)
    exec(compile(text, place, "exec"), scope)
    made: Function = scope[name]
    return made


class _Writer:
    """Writes one expression as statements.  scope: the modules and functions that they use, under unique names."""

    def __init__(self, result: Term, arguments: Sequence[str]) -> None:
        self.result, self.arguments = result, arguments
        self.scope: dict[str, Any] = {}
        self.uses = Counter(part for term in within(result) for part in _read_by(term))
        self.names: dict[Term, str] = {}
        self.variables = 0

    def lines(self) -> list[str]:
        """Return the body of the function."""
        return [*self.block(self.result), f"return {self.text(self.result)}"]

    def block(self, *terms: Term) -> list[str]:
        """Return the statements that terms need first."""
        lines: list[str] = []
        for part in surely_within(*terms):
            if part in self.names or part.operation in LEAVES:
                continue
            if part.operation == "loop":
                lines += self.loop(part)
            elif part.operation == "if" and self.is_long(part):
                lines += self.choice(part)
            elif self.uses[part] > 1:
                text = self.text(part)
                lines.append(f"{self.named(part)} = {text}")
        return lines

    def named(self, *terms: Term) -> str:
        """Return a new variable for a term, or for several that share it."""
        self.variables += 1
        name = self.free(f"v{self.variables}")
        self.names.update(dict.fromkeys(terms, name))
        return name

    def free(self, name: str) -> str:
        """Return the name, or a similar one if an argument has it."""
        return self.free(name + "_") if name in self.arguments else name

    def outside(self, name: str, value: Any) -> str:
        """Add a module or a function to the scope, and return its name."""
        name = self.free(name)
        self.scope[name] = value
        return name

    def choice(self, term: Term) -> list[str]:
        """Return the statements that set a variable in each branch of a choice."""
        test, *ways = term.parts
        heads, name, lines = (f"if {self.text(test)}:", "else:"), self.named(term), []
        outside = dict(self.names)
        for head, way in zip(heads, ways, strict=True):
            inner = [*self.block(way), f"{name} = {self.text(way)}"]
            lines += [head, *("    " + line for line in inner)]
            self.names = dict(outside)
        return lines

    def loop(self, term: Term) -> list[str]:
        """Return the statements of a loop, in variables that hold its states at the end."""
        loop = Loop(term)
        starts, bounds = list(map(self.text, loop.starts)), ", ".join(map(self.text, loop.bounds))
        picks = [term.terms.make("pick", term, value=k) for k in range(len(starts))]
        names = [self.named(*pair) for pair in zip(loop.symbols, picks, strict=True)]
        outside = dict(self.names)
        head = f"for {self.named(loop.index)} in range({bounds}):"
        inner = self.block(*loop.results)
        inner.append(f"{', '.join(names)} = {', '.join(map(self.text, loop.results))}")
        self.names = outside
        return [*map(" = ".join, zip(names, starts, strict=True)), head, *("    " + line for line in inner)]

    def is_long(self, term: Term) -> bool:
        """Tell whether a branch of a choice needs variables of its own."""
        inner = [part for part in within(*term.parts[1:]) if part.operation not in LEAVES and part not in self.names]
        return any(self.uses[part] > 1 or part.operation == "loop" for part in inner)

    def text(self, term: Term, strength: int = 0) -> str:
        """Return a term as text, in parentheses if the surrounding operator binds more strongly."""
        if term in self.names:
            return self.names[term]
        text = self.operation(term)
        own = STRENGTH.get(term.operation, 0 if term.operation in ("if", "sign") else 9)
        if term.operation == "number" and text.startswith("-"):
            own = STRENGTH["neg"]
        return f"({text})" if own < strength else text

    def operation(self, term: Term) -> str:
        """Return a term's operation as text."""
        parts, value = term.parts, term.value
        own = STRENGTH.get(term.operation, 0)
        match term.operation:
            case "number":
                return self.number(value)
            case "argument":
                return value
            case "call":
                return f"{self.function(value)}({', '.join(map(self.text, parts))})"
            case "if":
                return f"{self.text(parts[1], 1)} if {self.text(parts[0], 1)} else {self.text(parts[2])}"
            case "sign":
                x = self.text(parts[0], 5)
                return f"1 if {x} > 0 else (-1 if {x} < 0 else {x})"
            case "neg":
                return f"-{self.text(parts[0], own)}"
            case "not":
                return f"not {self.text(parts[0], own)}"
            case "and" | "or":
                return f" {term.operation} ".join(self.text(part, own + 1) for part in parts)
            case "**":
                return f"{self.text(parts[0], own + 1)} ** {self.text(parts[1], own)}"
            case "product":
                return self.product(value, parts)
            case "sum":
                constant, coefficients = value
                return self.sum(constant, coefficients, parts)
        stronger = own + (term.operation in STRENGTH and own == 4)
        return f"{self.text(parts[0], stronger)} {term.operation} {self.text(parts[1], own + 1)}"

    def function(self, value: Callable[..., Any]) -> str:
        """Return the name of a function of math, or of a built-in one."""
        if getattr(math, value.__name__, None) is value:
            return f"{self.outside('math', math)}.{value.__name__}"
        return self.outside(value.__name__, value)

    def number(self, value: float) -> str:
        """Return a literal."""
        if math.isfinite(value):
            return repr(value)
        return ("-" if value < 0 else "") + f"{self.outside('math', math)}.{abs(value)}"

    def product(self, coefficient: float, factors: Sequence[Term]) -> str:
        """Return c * x * y or -x * y; a factor 1 / x becomes a division."""
        under = [factor for factor in factors if self.is_inverse(factor)]
        over = [self.text(factor, 7) for factor in factors if factor not in under]
        if not over or abs(coefficient) != 1:
            over.insert(0, self.number(abs(coefficient)))
        text = " / ".join([" * ".join(over), *(self.text(factor.parts[1], 7) for factor in under)])
        return f"-{text}" if coefficient < 0 else text

    def is_inverse(self, term: Term) -> bool:
        """Tell whether a term is 1 / x and has no variable."""
        return term.operation == "/" and term.parts[0].is_number(1) and term not in self.names

    def sum(self, constant: float, coefficients: Sequence[float], terms: Sequence[Term]) -> str:
        """Return c + k * x - y, with added terms first."""
        weighted = sorted(zip(coefficients, terms, strict=True), key=lambda pair: pair[0] < 0)
        text = self.number(constant) if constant else ""
        for weight, term in weighted:
            part = self.product(abs(weight), [term]) if abs(weight) != 1 else self.text(term, 6)
            sign = "-" if weight < 0 else "+"
            text = f"{text} {sign} {part}" if text else ("-" * (weight < 0) + part)
        return text


def _read_by(term: Term) -> tuple[Term, ...]:
    """Return the terms that a term reads, repeated as often as it reads them."""
    return term.parts * 3 if term.operation == "sign" else term.parts
