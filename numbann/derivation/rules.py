"""The rules of differentiation: a table for the functions of math, and rules for arithmetic, choices, powers and loops.

A derivative is exact in real numbers.  Where the textbook form overflows (inf / inf for z / (1 + exp(-z)) far below 0)
or loses digits, the relative derivative u'/u, which stays finite, is used instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from numbann.derivation.terms import Loop, Term, cost, replace, within
from numbann.mathematics.functions import digamma, stop_gradient

Slope = Callable[[Term, Term], Term | float]  # of x and of f(x)


def _call(function: Callable[..., Any], *arguments: Term) -> Term:
    return arguments[0].terms.call(function, *arguments)


SLOPES: Mapping[Callable[..., Any], Slope] = {
    float: lambda x, v: 1,
    math.exp: lambda x, v: v,
    math.exp2: lambda x, v: math.log(2) * v,
    math.expm1: lambda x, v: _call(math.exp, x),
    math.log: lambda x, v: 1 / x,
    math.log1p: lambda x, v: 1 / (1 + x),
    math.log2: lambda x, v: 1 / math.log(2) / x,
    math.log10: lambda x, v: 1 / math.log(10) / x,
    math.sqrt: lambda x, v: 0.5 / v,
    math.cbrt: lambda x, v: 1 / (3 * (v * v)),
    math.sin: lambda x, v: _call(math.cos, x),
    math.cos: lambda x, v: -_call(math.sin, x),
    math.tan: lambda x, v: 1 + v * v,
    math.asin: lambda x, v: 1 / _call(math.sqrt, (1 - x) * (1 + x)),
    math.acos: lambda x, v: -1 / _call(math.sqrt, (1 - x) * (1 + x)),
    math.atan: lambda x, v: 1 / (1 + x * x),
    math.sinh: lambda x, v: _call(math.cosh, x),
    math.cosh: lambda x, v: _call(math.sinh, x),
    math.tanh: lambda x, v: 1 - v * v,
    math.asinh: lambda x, v: 1 / _call(math.sqrt, 1 + x * x),
    math.acosh: lambda x, v: 1 / _call(math.sqrt, (x - 1) * (x + 1)),
    math.atanh: lambda x, v: 1 / ((1 - x) * (1 + x)),
    math.erf: lambda x, v: 2 / math.sqrt(math.pi) * _call(math.exp, -(x * x)),
    math.erfc: lambda x, v: -2 / math.sqrt(math.pi) * _call(math.exp, -(x * x)),
    math.lgamma: lambda x, v: _call(digamma, x),
    math.degrees: lambda x, v: 180 / math.pi,
    math.radians: lambda x, v: math.pi / 180,
}
# Derivative 0 wherever it exists, or where the author says so
FLAT = (math.floor, math.ceil, math.trunc, math.isnan, math.isinf, math.isfinite, stop_gradient)
SPECIAL = (abs, math.fabs, min, max, math.pow, math.hypot, math.atan2, math.copysign, math.fmod)
KNOWN = frozenset((*SLOPES, *FLAT, *SPECIAL))
TESTS = ("<", "<=", ">", ">=", "==", "!=", "and", "or", "not", "//")


class Derivative:
    """Computes the derivatives, with respect to one argument, of the terms in an expression, `root`.

    tests: see signs_tested.  symbols: the derivatives of the symbols in a loop; 0 for those not given.
    """

    def __init__(
        self, root: Term, argument: str, tests: Mapping[Term, Term], symbols: Mapping[Term, Term] | None = None
    ) -> None:
        self.terms, self.root, self.argument, self.tests = root.terms, root, argument, tests
        self.written = dict.fromkeys(within(root))
        self.symbols = symbols or {}
        self.values: dict[
            Term, Term
        ] = {}  # state of a loop -> the same state in the loop that also computes derivatives
        self._found: dict[Term, Term] = dict(self.symbols)

    def of(self, term: Term) -> Term:
        """Return the derivative of one of the terms."""
        for part in within(term):
            if part not in self._found:
                self._found[part] = self._derived(part)
        return self._found[term]

    def _derived(self, term: Term) -> Term:
        zero = self.terms.of(0)
        if term.operation == "symbol":
            return zero
        if term.operation == "argument":
            return self.terms.of(int(term.value == self.argument))
        slopes = [self._found[part] for part in term.parts]
        if term.operation in TESTS or all(slope.is_number(0) for slope in slopes):
            return zero
        match term.operation:
            case "neg":
                return -slopes[0]
            case "+":
                return slopes[0] + slopes[1]
            case "-":
                return slopes[0] - slopes[1]
            case "*":
                return slopes[0] * term.parts[1] + term.parts[0] * slopes[1]
            case "/":
                return self._quotient(term, *term.parts, *slopes)
            case "%":
                return slopes[0] - self.terms.make("//", *term.parts) * slopes[1]
            case "**":
                return self._power(term, *term.parts, *slopes)
            case "if":
                return self.terms.choice(term.parts[0], slopes[1], slopes[2])
            case "sum":
                return self.terms.sum(*zip(term.value[1], slopes, strict=True))
            case "pick":
                return self._loop(term.parts[0])[term.value]
            case "loop":
                return self.terms.of(1)  # a loop is not a number; its states are differentiated where they are picked
        return self._call(term, slopes)

    # ---- arithmetic

    def _quotient(self, v: Term, over: Term, under: Term, d_over: Term, d_under: Term) -> Term:
        """Return (over / under)': by relative derivatives where they are simple, else the cheaper of two forms."""
        if d_under.is_number(0):
            return d_over / under
        growth, of_over = self._growth(under), self._growth(over)
        if d_over.is_number(0):
            return -(v * (growth or d_under / under))
        if growth and of_over:
            return v * (of_over - growth)
        if growth:
            return d_over / under - v * growth
        return min((d_over - v * d_under) / under, d_over / under - v * (d_under / under), key=cost)

    def _power(self, v: Term, base: Term, exponent: Term, d_base: Term, d_exponent: Term) -> Term:
        """Return (base ** exponent)'; the part from the exponent is 0 where the base is 0."""
        slope = self.terms.of(0)
        if not d_base.is_number(0):
            slope = _times_power(exponent, base, v) * d_base
        if not d_exponent.is_number(0):
            grown = v * _log(base)
            if not base.is_number():
                grown = self.terms.choice(self.terms.make("==", base, self.terms.of(0)), self.terms.of(0), grown)
            slope = slope + grown * d_exponent
        return slope

    # ---- functions

    def _call(self, term: Term, slopes: list[Term]) -> Term:
        x, function = term.parts, term.value
        zero, one = self.terms.of(0), self.terms.of(1)
        if function in FLAT:
            return zero
        if function in (abs, math.fabs):
            return self._of_size(x[0])
        if function in (min, max):
            return self._extreme(function is max, list(zip(x, slopes, strict=True)))[1]
        if function in (math.log, math.log1p) and len(x) == 1:
            growth = self._growth(x[0] if function is math.log else 1 + x[0])
            if growth:
                return growth
        if function in SLOPES and len(x) == 1:
            return SLOPES[function](x[0], term) * slopes[0]
        if function is math.log and len(x) == 2:
            return self.of(_call(math.log, x[0]) / _call(math.log, x[1]))
        if function is math.pow:
            return self._power(term, *x, *slopes)
        if function is math.hypot:
            return sum((part / term * slope for part, slope in zip(x, slopes, strict=True)), start=zero)
        if function is math.atan2:
            return (x[1] * slopes[0] - x[0] * slopes[1]) / (x[1] * x[1] + x[0] * x[0])
        if function is math.copysign:
            return self._of_size(x[0]) * _call(math.copysign, one, x[1])
        if function is math.fmod:
            return slopes[0] - _call(math.trunc, x[0] / x[1]) * slopes[1]
        return self.terms.make("unknown", value=function)

    def _of_size(self, x: Term) -> Term:
        """Return |x|': x' times the sign of x, 0 at 0.  If the author tests that sign, the same test decides it.

        A function that is smooth because |x| and the author's branches fit together then has the right derivative at 0.
        """
        slope, test = self.of(x), self.tests.get(x)
        if test is not None:
            below = test.operation in ("<", "<=")
            return self.terms.choice(test, -slope if below else slope, slope if below else -slope)
        if x.operation == "neg":
            return self._of_size(x.parts[0])
        if x.operation in ("*", "/"):
            left, right = x.parts
            if x.operation == "*" and self.of(left).is_number(0):
                return _size(left) * self._of_size(right)
            if self.of(right).is_number(0):
                size = self._of_size(left)
                return size * _size(right) if x.operation == "*" else size / _size(right)
        return self.terms.make("sign", x) * slope

    def _extreme(self, largest: bool, given: list[tuple[Term, Term]]) -> tuple[Term, Term]:
        """Return value and derivative of max or min; where two values are equal, the mean of their derivatives."""
        value, slope = given[0]
        for other, other_slope in given[1:]:
            first = self.terms.make(">" if largest else "<", value, other)
            second = self.terms.make("<" if largest else ">", value, other)
            tied = self.terms.choice(second, other_slope, 0.5 * (slope + other_slope))
            slope = self.terms.choice(first, slope, tied)
            value = _call(max if largest else min, value, other)
        return value, slope

    # ---- loops

    def _loop(self, term: Term) -> list[Term]:
        """Return the derivatives of a loop's states: states of a second loop that computes values and derivatives."""
        loop, terms = Loop(term), self.terms
        beside = {symbol: terms.symbol() for symbol in loop.symbols}
        starts = dict(zip(loop.symbols, map(self.of, loop.starts), strict=True))
        active = {symbol for symbol, start in starts.items() if not start.is_number(0)}
        while True:
            known = {symbol: made for symbol, made in beside.items() if symbol in active}
            inner = Derivative(self.root, self.argument, self.tests, {**self.symbols, **known})
            results = dict(zip(loop.symbols, map(inner.of, loop.results), strict=True))
            more = {symbol for symbol, result in results.items() if not result.is_number(0)}
            if more <= active:
                break
            active |= more
        chosen = [symbol for symbol in loop.symbols if symbol in active]
        values = [*loop.results, *(results[symbol] for symbol in chosen)]
        picked = terms.loop(
            loop.bounds,
            loop.index,
            [*loop.symbols, *(beside[symbol] for symbol in chosen)],
            [*loop.starts, *(starts[symbol] for symbol in chosen)],
            [replace(value, inner.values) for value in values],
        )
        states = (terms.make("pick", term, value=k) for k in range(len(loop.symbols)))
        self.values.update(zip(states, picked, strict=False))
        found = dict(zip(chosen, picked[len(loop.symbols) :], strict=True))
        return [found.get(symbol, terms.of(0)) for symbol in loop.symbols]

    # ---- relative derivatives

    def _growth(self, u: Term) -> Term | None:
        """Return u'/u where it is simpler than u', because u grows like an exponential; else None."""
        if self.of(u).is_number(0):
            return self.terms.of(0)
        match u.operation:
            case "if":
                yes, no = (self._growth(way) for way in u.parts[1:])
                return None if yes is None or no is None else self.terms.choice(u.parts[0], yes, no)
            case "call" if _is_exponential(u):
                return self.of(u.parts[0]) * (1 if u.value is math.exp else math.log(2))
            case "neg":
                return self._growth(u.parts[0])
            case "*" | "/":
                return self._growth_of_product(u)
            case "+" | "-" | "sum":
                return self._growth_of_sum(u)
        return None

    def _growth_of_product(self, u: Term) -> Term | None:
        """Return u'/u for a product or quotient of a constant and a growing term, else None."""
        found = [self._growth(part) for part in u.parts]
        if found[0] is None or found[1] is None:
            return None
        return found[0] + found[1] if u.operation == "*" else found[0] - found[1]

    def _growth_of_sum(self, u: Term) -> Term | None:
        """Return u'/u for u = c + e with a growing e: e'/e times e / u = 1 - c / u; else None."""
        growing = [part for part in u.parts if not self.of(part).is_number(0)]
        growth = self._growth(growing[0]) if len(growing) == 1 else None
        if growth is None:
            return None
        e, c = _split(u, growing[0])
        return growth * self._share(e, c, u)

    def _share(self, e: Term, c: Term, u: Term) -> Term:
        """Return e / u or 1 - c / u, equal for u = c + e: the first is accurate for small e, the other for infinite."""
        if self.terms.known("/", e, u) in self.written:
            return e / u
        over, under = self.root.parts if self.root.operation == "/" else (None, None)
        if under is u and over is not None and over.is_number() and over.value:
            return 1 - c * self.root * (1 / over.value)
        inverse = 1 / u
        if _at_most_1(e):
            return e * inverse
        size = e if _is_exponential(e) else _size(e)
        return self.terms.choice(self.terms.make("<", size, _size(c)), e * inverse, 1 - c * inverse)


def signs_tested(root: Term) -> dict[Term, Term]:
    """Return the terms that an expression compares with 0, each with the comparison."""
    tests = (term for term in within(root) if term.operation in ("<", "<=", ">", ">="))
    return {term.parts[0]: term for term in tests if term.parts[1].is_number(0)}


def _split(u: Term, e: Term) -> tuple[Term, Term]:
    """Split a sum u into the summand e, with its sign or coefficient, and the rest."""
    terms = u.terms
    if u.operation == "sum":
        constant, coefficients = u.value
        weighted = dict(zip(u.parts, coefficients, strict=True))
        own = weighted.pop(e)
        return own * e, terms.sum((1, terms.of(constant)), *((weight, part) for part, weight in weighted.items()))
    left, right = u.parts
    if u.operation == "+":
        return e, right if e is left else left
    return (e, -right) if e is left else (-e, left)


def _is_exponential(e: Term) -> bool:
    return e.operation == "call" and e.value in (math.exp, math.exp2)


def _at_most_1(e: Term) -> bool:
    """Tell whether a term is an exponential that is visibly at most 1: its exponent is minus an absolute value."""
    if not _is_exponential(e):
        return False
    exponent = -e.parts[0]  # in its canonical form
    if exponent.operation == "product" and exponent.value > 0 and len(exponent.parts) == 1:
        exponent = exponent.parts[0]
    return exponent.operation == "call" and exponent.value is abs


def _size(x: Term) -> Term:
    return x.terms.of(abs(x.value)) if x.is_number() else _call(abs, x)


def _log(x: Term) -> Term:
    return x.terms.of(math.log(x.value)) if x.is_number() and x.value > 0 else _call(math.log, x)


def _times_power(exponent: Term, base: Term, v: Term) -> Term:
    """Return exponent * base ** (exponent - 1)."""
    if exponent.is_number(1):
        return exponent
    if exponent.is_number(0.5):
        return 0.5 / v
    if exponent.is_number(2):
        return 2 * base
    return exponent * base.terms.make("**", base, exponent - 1)
