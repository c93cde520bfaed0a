"""Expressions of one number: equal expressions are one object, and computed sums and products are in canonical form.

An author's expression stays as it was written, operation by operation.  Only arithmetic on terms, which builds the
derivatives, sorts sums and products, so that like terms are combined.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from numbann.errors import PluginError
from numbann.mathematics.functions import stop_gradient

Number = int | float

# The cost of an operation on vectors, where both sides of a choice are computed
COSTS = {"number": 0.0, "argument": 0.5, "/": 4.0, "**": 15.0, "call": 15.0, "sign": 3.0}
CHEAP_CALLS = {abs: 1.0, min: 1.0, max: 1.0, math.fabs: 1.0, math.sqrt: 4.0, float: 0.0, stop_gradient: 0.0}


class Term:
    """One node of an expression: an operation on other terms, its parts.

    Operations: number, argument (value: the name); Python's operators by their sign; call (value: the function);
    sign (-1, 0, 1, NaN); if (parts: test, yes, no); product (value: the coefficient); sum (value: the constant, and a
    coefficient per term); loop (value: the numbers of bounds and states; parts: bounds, index, symbols, starts, results
    of a round); pick (one of a loop's final states); symbol (a state inside a loop, or its index); unknown (the
    derivative of a function without a rule, the value).
    """

    __slots__ = ("operation", "parts", "place", "terms", "value")

    def __init__(self, terms: Terms, operation: str, parts: tuple[Term, ...], value: Any, place: int) -> None:
        self.terms, self.operation, self.parts, self.value, self.place = terms, operation, parts, value, place

    def is_number(self, *values: Number) -> bool:
        """Tell whether it is a literal number, and one of `numbers` if any are given."""
        return self.operation == "number" and (not values or self.value in values)

    def __add__(self, other: Term | Number) -> Term:
        return self.terms.sum((1, self), (1, self.terms.of(other)))

    def __sub__(self, other: Term | Number) -> Term:
        return self.terms.sum((1, self), (-1, self.terms.of(other)))

    def __mul__(self, other: Term | Number) -> Term:
        return self.terms.product(self, self.terms.of(other))

    def __truediv__(self, other: Term | Number) -> Term:
        return self.terms.quotient(self, self.terms.of(other))

    def __rsub__(self, other: Number) -> Term:
        return -self + other

    def __rtruediv__(self, other: Number) -> Term:
        return self.terms.of(other) / self

    def __neg__(self) -> Term:
        return self * -1

    __radd__, __rmul__ = __add__, __mul__


class Terms:
    """Creates terms, each only once.  refusals: the errors of functions without a rule, raised if one is needed."""

    def __init__(self) -> None:
        self._made: dict[tuple[Any, ...], Term] = {}
        self.refusals: dict[Callable[..., Any], PluginError] = {}

    def make(self, operation: str, *parts: Term, value: Any = None) -> Term:
        """Return the term of an operation, without simplifying it."""
        key = self._key(operation, parts, value)
        if key not in self._made:
            self._made[key] = Term(self, operation, parts, value, len(self._made))
        return self._made[key]

    def known(self, operation: str, *parts: Term, value: Any = None) -> Term | None:
        """Return the term of an operation if it already exists."""
        return self._made.get(self._key(operation, parts, value))

    @staticmethod
    def _key(operation: str, parts: tuple[Term, ...], value: Any) -> tuple[Any, ...]:
        return operation, tuple(part.place for part in parts), value if callable(value) else repr(value)

    def of(self, value: Term | Number) -> Term:
        """Return a term unchanged, or a number as a term; 1.0 and 1 are the same."""
        if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
            value = int(value)
        return value if isinstance(value, Term) else self.make("number", value=value)

    def argument(self, name: str) -> Term:
        """Return the argument with a name."""
        return self.make("argument", value=name)

    def call(self, function: Callable[..., Any], *arguments: Term) -> Term:
        """Return function(*arguments)."""
        return self.make("call", *arguments, value=function)

    def choice(self, test: Term, yes: Term, no: Term) -> Term:
        """Return `yes if test else no`; each branch is simplified by the outcome of the test."""
        if test.is_number():
            return yes if test.value else no
        yes, no = assume(yes, {test: True}), assume(no, {test: False})
        return yes if yes is no else self.make("if", test, yes, no)

    def symbol(self) -> Term:
        """Return a new symbol."""
        return self.make("symbol", value=len(self._made))

    def loop(
        self,
        bounds: Sequence[Term],
        index: Term,
        symbols: Sequence[Term],
        starts: Sequence[Term],
        results: Sequence[Term],
    ) -> list[Term]:
        """Return the final states of a loop over range(*bounds), inside which they are symbols."""
        value = len(bounds), len(symbols)
        made = self.make("loop", *bounds, index, *symbols, *starts, *results, value=value)
        return [self.make("pick", made, value=k) for k in range(len(symbols))]

    # ---- arithmetic of derivatives

    def sum(self, *weighted: tuple[Number, Term]) -> Term:
        """Return the sum of terms, each times a number; like terms are combined."""
        constant: Number = 0
        found: dict[Term, Number] = {}
        for factor, term in weighted:
            more, weighted_parts = _as_sum(term)
            constant += factor * more
            for coefficient, part in weighted_parts:
                found[part] = found.get(part, 0) + factor * coefficient
        kept = sorted(((part, c) for part, c in found.items() if c), key=lambda item: item[0].place)
        parts, coefficients = tuple(part for part, _ in kept), tuple(c for _, c in kept)
        if not parts:
            return self.of(constant)
        if len(parts) == 1 and not constant:
            return self.product(self.of(coefficients[0]), parts[0])
        return self._written(constant, parts, coefficients) or self.make("sum", *parts, value=(constant, coefficients))

    def _written(self, constant: Number, parts: tuple[Term, ...], coefficients: tuple[Number, ...]) -> Term | None:
        """Return the sum of two terms as the author wrote it, if the expression has one."""
        if constant:
            parts, coefficients = (self.of(constant), *parts), (1, *coefficients)
        if len(parts) != 2:
            return None
        p, q = parts
        match coefficients:
            case (1, 1):
                return self.known("+", p, q) or self.known("+", q, p)
            case (1, -1):
                return self.known("-", p, q)
            case (-1, 1):
                return self.known("-", q, p)
        return None

    def product(self, *terms: Term) -> Term:
        """Return the product of terms: a number, and the other factors in order."""
        coefficient: Number = 1
        factors: list[Term] = []
        for term in terms:
            more, parts = _as_product(term)
            coefficient *= more
            factors += parts
        if coefficient == 0:
            return self.of(0)
        factors = sorted(_magnitudes_with_signs(factors), key=lambda factor: factor.place)
        if not factors:
            return self.of(coefficient)
        if coefficient == 1 and len(factors) == 1:
            return factors[0]
        if coefficient == 1 and len(factors) == 2:
            p, q = factors
            return self.known("*", p, q) or self.known("*", q, p) or self.make("product", p, q, value=1)
        return self.make("product", *factors, value=coefficient)

    def quotient(self, over: Term, under: Term) -> Term:
        """Return over / under."""
        if over.is_number() and under.is_number() and under.value:
            return self.of(over.value / under.value)
        if over.is_number(0) or under.is_number(1):
            return over
        if over is under:
            return self.of(1)
        coefficient, factors = _as_product(over)
        if coefficient == 1:
            return self.make("/", over, under)
        return self.product(self.of(coefficient), self.make("/", self.product(*factors, self.of(1)), under))


def _as_sum(term: Term) -> tuple[Number, list[tuple[Number, Term]]]:
    """A constant, and terms with their coefficients."""
    if term.operation == "number":
        return term.value, []
    if term.operation == "sum":
        constant, coefficients = term.value
        return constant, list(zip(coefficients, term.parts, strict=True))
    if term.operation == "product" and term.value != 1:
        return 0, [(term.value, term.terms.product(*term.parts))]
    return 0, [(1, term)]


def _as_product(term: Term) -> tuple[Number, list[Term]]:
    """A number and factors; a product that the author wrote is opened for its number only."""
    match term.operation:
        case "number":
            return term.value, []
        case "product":
            return term.value, list(term.parts)
        case "neg":
            coefficient, factors = _as_product(term.parts[0])
            return -coefficient, factors
        case "*" if term.parts[0].is_number():
            coefficient, factors = _as_product(term.parts[1])
            return term.parts[0].value * coefficient, factors
    return 1, [term]


def _magnitudes_with_signs(factors: list[Term]) -> list[Term]:
    """|x| sign(x) is x."""
    for sign in [factor for factor in factors if factor.operation == "sign"]:
        size = sign.terms.known("call", sign.parts[0], value=abs)
        if size in factors:
            factors.remove(sign)
            factors[factors.index(size)] = sign.parts[0]
    return factors


# ---- walking


def within(*roots: Term) -> list[Term]:
    """Return all terms inside some terms, each once, operands first."""
    found: dict[Term, None] = {}
    waiting = [(root, False) for root in reversed(roots)]
    while waiting:
        term, seen = waiting.pop()
        if term in found:
            continue
        if seen:
            found[term] = None
        else:
            waiting.append((term, True))
            waiting.extend((part, False) for part in reversed(term.parts))
    return list(found)


def surely_within(*roots: Term) -> list[Term]:
    """Return the terms that are needed whatever the tests give, and that lie outside loops; operands first."""
    sure: dict[Term, set[Term]] = {}
    order = within(*roots)
    for term in order:
        sure[term] = {term}
        if term.operation == "if":
            test, yes, no = (sure[part] for part in term.parts)
            sure[term] |= test | (yes & no)
        else:
            sure[term] = sure[term].union(*(sure[part] for part in _outside(term)))
    needed = set().union(*(sure[root] for root in roots))
    return [term for term in order if term in needed]


def _outside(term: Term) -> tuple[Term, ...]:
    """Return the parts that a term needs first; of a loop, not those inside its rounds."""
    if term.operation != "loop":
        return term.parts
    loop = Loop(term)
    return (*loop.bounds, *loop.starts)


class Loop:
    """The parts of a loop, by name."""

    def __init__(self, term: Term) -> None:
        bounds, states = term.value
        parts = term.parts
        self.bounds, self.index = parts[:bounds], parts[bounds]
        self.symbols, self.starts, self.results = (
            parts[bounds + 1 + k * states : bounds + 1 + (k + 1) * states] for k in range(3)
        )


def cost(*roots: Term) -> float:
    """Return the cost of computing terms."""
    return sum(map(_own_cost, within(*roots)))


def _own_cost(term: Term) -> float:
    if term.operation == "call":
        return CHEAP_CALLS.get(term.value, COSTS["call"])
    if term.operation in ("sum", "product"):
        return float(len(term.parts))
    if term.operation == "**" and term.parts[1].is_number(2, 3):
        return float(term.parts[1].value - 1)
    return COSTS.get(term.operation, 1.0)


def replace(root: Term, given: Mapping[Term, Term]) -> Term:
    """Return a term with some of the terms inside it replaced."""
    made: dict[Term, Term] = {}
    for term in within(root):
        made[term] = given[term] if term in given else again(term, tuple(made[part] for part in term.parts))
    return made[root]


def assume(root: Term, facts: Mapping[Term, bool]) -> Term:
    """Return a term simplified by the known outcomes of some tests."""
    made: dict[Term, Term] = {}
    for term in within(root):
        if term.operation == "if" and term.parts[0] in facts:
            made[term] = made[term.parts[1 if facts[term.parts[0]] else 2]]
        else:
            made[term] = again(term, tuple(made[part] for part in term.parts))
    return made[root]


def again(term: Term, parts: tuple[Term, ...]) -> Term:
    """Return the same operation on other parts."""
    if parts == term.parts:
        return term
    terms = term.terms
    match term.operation:
        case "if":
            return terms.choice(*parts)
        case "sum":
            constant, coefficients = term.value
            return terms.sum((1, terms.of(constant)), *zip(coefficients, parts, strict=True))
        case "product":
            return terms.product(terms.of(term.value), *parts)
    return terms.make(term.operation, *parts, value=term.value)
