"""The text of C: names, literals, comments, formulas as expressions, and the functions that a model may need.

C99, ISO/IEC 9899:1999.  A kind is "double", "float" or "int".
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from numbann.derivation.terms import Term, within
from numbann.errors import ExportError
from numbann.mathematics.functions import stop_gradient

LONGEST_TEXT = 4000  # bytes of a literal: compilers have to take 4095
KEYWORDS = """
    auto break case char const continue default do double else enum extern float for goto if inline int long register
    restrict return short signed sizeof static struct switch typedef union unsigned void volatile while bool true false
    class namespace template this new delete private public operator NULL NAN INFINITY HUGE_VAL isnan isinf isfinite
    isnormal signbit fpclassify
"""
OPERATORS = {"+", "-", "*", "/", "<", "<=", ">", ">=", "==", "!="}
TESTS = {"<", "<=", ">", ">=", "==", "!=", "not", "and", "or"}
SAME = """
    exp log sqrt sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh erf erfc floor ceil trunc hypot
    copysign expm1 log1p exp2 log2 log10 cbrt pow fmod fabs lgamma
"""
CALLS: dict[Callable[..., Any], str] = {
    **{getattr(math, name): name for name in SAME.split()},
    math.gamma: "tgamma",
    abs: "fabs",
}
ASKED = {math.isnan: "isnan", math.isinf: "isinf", math.isfinite: "isfinite"}


def identifier(text: str) -> str:
    """Return a text as a name of C."""
    name = re.sub(r"\W", "_", text, flags=re.ASCII)
    return f"{name}_" if name in KEYWORDS.split() else f"_{name}" if not name or name[0].isdigit() else name


def comment(text: str) -> str:
    """Return a text as it may stand in a comment: in ASCII, on one line, without an end or a start of one."""
    return data_in_comment(text)[1:-1].replace('\\"', '"')


def data_in_comment(value: Any) -> str:
    """Return JSON values as a text that may stand in a comment."""
    return json.dumps(value).replace("/*", "/\\u002a").replace("/", "\\/")


def text_literal(text: str) -> str:
    """Return a text, in UTF-8, as a literal."""
    content = text.encode()
    if len(content) > LONGEST_TEXT:
        raise ExportError(f"a text of {len(content)} bytes is too long for C, which takes {LONGEST_TEXT}")
    plain = (chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}" for byte in content)
    return f'"{"".join(plain)}"'


def number_literal(number: float, kind: str) -> str:
    """Return a number as a literal."""
    if kind == "int":
        return str(int(number))
    with np.errstate(over="ignore"):
        value = np.float32(number) if kind == "float" else np.float64(number)
    if not np.isfinite(value):
        return "NAN" if np.isnan(value) else "INFINITY" if value > 0 else "(-INFINITY)"
    text = str(value) if any(mark in str(value) for mark in ".e") else f"{value}.0"
    return f"({text}{'f' * (kind == 'float')})" if text.startswith("-") else f"{text}{'f' * (kind == 'float')}"


def table(name: str, numbers: np.ndarray, kind: str) -> str:
    """Return a constant array."""
    texts = [number_literal(number, kind).strip("()") for number in numbers.ravel().tolist()]
    lines = (", ".join(texts[first : first + 8]) for first in range(0, len(texts), 8))
    return f"static const {kind} {name}[{len(texts)}] = {{\n    " + ",\n    ".join(lines) + "\n};"


def bare(text: str) -> str:
    """Return an expression without the parentheses around all of it."""
    depth = 0
    for place, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth == 0 and place < len(text) - 1:
            return text
    return text[1:-1] if text.startswith("(") else text


class Formula:
    """Writes a formula in numbers of one kind.  given: the expressions of its arguments by name."""

    def __init__(self, given: Mapping[str, str], kind: str) -> None:
        self.given, self.kind, self.suffix = given, kind, "f" * (kind == "float")

    def write(self, root: Term) -> tuple[list[str], str]:
        """Return the lines that compute what is used more than once, and the expression."""
        every = within(root)
        uses = Counter(part for term in every for part in term.parts)
        found: dict[Term, str] = {}
        lines: list[str] = []
        for term in every:
            found[term] = self.operation(term, [found[part] for part in term.parts])
            if uses[term] > 1 and term.operation not in ("number", "argument"):
                kind = "int" if term.operation in TESTS or term.value in ASKED else self.kind
                lines.append(f"const {kind} t{len(lines)} = {bare(found[term])};")
                found[term] = f"t{len(lines) - 1}"
        return lines, bare(found[root])

    def operation(self, term: Term, parts: Sequence[str]) -> str:
        """Write the operation of a term."""
        operation = term.operation
        if operation in OPERATORS:
            return f"({parts[0]} {operation} {parts[1]})"
        match operation:
            case "number":
                return number_literal(term.value, self.kind)
            case "argument":
                if term.value not in self.given:
                    raise ExportError(f"nothing is known of {term.value!r} in a formula")
                return self.given[term.value]
            case "call":
                return self.call(term.value, parts)
            case "neg":
                return f"(-{parts[0]})"
            case "not":
                return f"(!{parts[0]})"
            case "and" | "or":
                return "(" + (" && " if operation == "and" else " || ").join(parts) + ")"
            case "if":
                return "({} ? {} : {})".format(*(part if "?" in part else bare(part) for part in parts))
            case "//":
                return f"floor{self.suffix}({parts[0]} / {parts[1]})"
            case "%":
                return f"modulo{self.suffix}({bare(parts[0])}, {bare(parts[1])})"
            case "**":
                square = term.parts[1].is_number(2) and term.parts[0].operation in ("number", "argument")
                return f"({parts[0]} * {parts[0]})" if square else f"pow{self.suffix}({bare(parts[0])}, {parts[1]})"
            case "product":
                own = [] if term.value == 1 else [number_literal(term.value, self.kind)]
                return "(" + " * ".join([*own, *parts]) + ")"
            case "sum":
                constant, factors = term.value
                weighted = [f"{number_literal(f, self.kind)} * {x}" for f, x in zip(factors, parts, strict=True)]
                own = [number_literal(constant, self.kind)] if constant else []
                return "(" + " + ".join([*own, *weighted]) + ")"
        raise ExportError(
            "a loop whose number of rounds is not a constant cannot be exported; write its rounds out"
            if operation in ("loop", "pick", "symbol")
            else f"the operation {operation!r} cannot be exported"
        )

    def call(self, function: Callable[..., Any], parts: Sequence[str]) -> str:
        """Write a function of math."""
        if function in ASKED:
            return f"{ASKED[function]}({bare(parts[0])})"
        if function in (float, stop_gradient):
            return parts[0]
        if function in (min, max):
            name = "smaller" if function is min else "larger"
            found = parts[0]
            for part in parts[1:]:
                found = f"{name}{self.suffix}({bare(found)}, {bare(part)})"
            return found
        if function in (math.degrees, math.radians):
            return f"({number_literal(function(1.0), self.kind)} * {parts[0]})"
        if function not in CALLS:
            raise ExportError(f"{function.__name__} is no function of C; leave it out of what is to be exported")
        if function is math.hypot and len(parts) != 2:
            raise ExportError("hypot of other than two numbers is no function of C; write it out")
        return f"{CALLS[function]}{self.suffix}({', '.join(map(bare, parts))})"


# ---- functions, each for either kind: T is the kind, S the suffix of its names

FUNCTIONS = {
    "smaller": """
static T smallerS(T x, T y)
{
    return y < x ? y : x;
}""",
    "larger": """
static T largerS(T x, T y)
{
    return y > x ? y : x;
}""",
    "modulo": """
static T moduloS(T x, T y) /* with the sign of y */
{
    const T rest = fmodS(x, y);
    return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
}""",
    "product": """
static void productS(const T *x, const T *w, const T *b, int inputs, int outputs, T *y) /* y = x w + b */
{
    for (int o = 0; o < outputs; ++o)
        y[o] = b ? b[o] : 0;
    for (int i = 0; i < inputs; ++i)
        for (int o = 0; o < outputs; ++o)
            y[o] += x[i] * w[i * outputs + o];
}""",
    "standardize": """
static void standardizeS(const T *x, int count, T epsilon, T *y) /* mean 0 and variance 1 */
{
    T mean = 0, variance = 0;
    for (int k = 0; k < count; ++k)
        mean += x[k];
    mean /= count;
    for (int k = 0; k < count; ++k)
        variance += (x[k] - mean) * (x[k] - mean);
    for (int k = 0; k < count; ++k)
        y[k] = (x[k] - mean) / sqrtS(variance / count + epsilon);
}""",
    "softmax": """
static void softmaxS(const T *x, int count, T sign, T *y)
{
    T largest = sign * x[0], total = 0;
    for (int k = 1; k < count; ++k)
        largest = sign * x[k] > largest ? sign * x[k] : largest;
    for (int k = 0; k < count; ++k)
        total += y[k] = expS(sign * x[k] - largest);
    for (int k = 0; k < count; ++k)
        y[k] /= total;
}""",
    "log_softmax": """
static void log_softmaxS(const T *x, int count, T *y)
{
    T largest = x[0], total = 0;
    for (int k = 1; k < count; ++k)
        largest = x[k] > largest ? x[k] : largest;
    for (int k = 0; k < count; ++k)
        total += expS(x[k] - largest);
    for (int k = 0; k < count; ++k)
        y[k] = x[k] - largest - logS(total);
}""",
    "sparsemax": """
static void sparsemaxS(const T *x, int count, T *y)
{
    T largest = x[0], tau = -1, risen = 1;
    for (int k = 1; k < count; ++k)
        largest = x[k] > largest ? x[k] : largest;
    for (int round = 0; round < count && risen > 0; ++round) {
        T total = -1, above = 0;
        for (int k = 0; k < count; ++k)
            if (x[k] - largest > tau) {
                total += x[k] - largest;
                above += 1;
            }
        risen = total / above - tau;
        tau += risen;
    }
    for (int k = 0; k < count; ++k)
        y[k] = x[k] - largest > tau ? x[k] - largest - tau : 0;
}""",
    "chained_sigmoid": """
static void chained_sigmoidS(const T *x, int count, T *y)
{
    T chance = 1;
    for (int k = 0; k < count; ++k) {
        const T e = expS(-fabsS(x[k]));
        y[k] = chance *= (x[k] < 0 ? e : 1) / (1 + e);
    }
}""",
}
PLACE_OF = """
static int place_of(const char *text, const char *const *texts, const int *places, int count, int otherwise)
{
    int low = 0, high = count;
    while (low < high) {
        const int middle = low + (high - low) / 2, order = strcmp(text ? text : "", texts[middle]);
        if (order == 0)
            return places[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return otherwise;
}"""


def functions_in(text: str) -> list[str]:
    """Return the functions that a text calls."""
    found = [PLACE_OF] if "place_of(" in text else []
    for name, function in FUNCTIONS.items():
        for kind, suffix in (("double", ""), ("float", "f")):
            if re.search(rf"\b{name}{suffix}\(", text):
                found.append(re.sub(r"\bT\b", kind, re.sub(r"(?<=[a-z_])S\(", f"{suffix}(", function)))
    return [one.strip("\n") for one in found]
