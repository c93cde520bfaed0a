"""Writes the steps of a model as statements of C, for one row, and gives their values places in memory.

Letters: k counts the numbers of a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from numbann.components.component import Configured
from numbann.derivation.terms import Term, within
from numbann.errors import ExportError
from numbann.model.export.c_text import Formula, identifier, number_literal, table, text_literal
from numbann.model.export.writer import Writer
from numbann.records import dataclass

if TYPE_CHECKING:
    from numbann.model.model import Model

KINDS = {"float64": "double", "float32": "float"}
ROWS = {"softmax": "softmax", "softmin": "softmax", "log_softmax": "log_softmax", "sparsemax": "sparsemax"}
ROWS |= {"chained_sigmoid": "chained_sigmoid"}  # by the activation, its function
FEATURES = "features"  # the field of a row where all features are numbers
VALUE, CONSTANT = re.compile(r"\$\d+"), re.compile(r"#\d+")  # what stands for names until all is known


class Value(NamedTuple):
    """An array of a row's numbers: its name, its kind, and how many there are."""

    name: str
    kind: str
    width: int


@dataclass(frozen=True)
class Statement:
    """Lines that compute a value, or None to give an answer."""

    value: Value | None
    lines: tuple[str, ...]

    def uses(self) -> set[str]:
        """The names of the values that the lines need."""
        own = {self.value.name} if self.value else set()
        return {name for line in self.lines for name in VALUE.findall(line)} - own


class Field(NamedTuple):
    """A field of the struct of a row or of an answer.  classes: what labels stand for, by place."""

    title: str
    name: str
    kind: str
    width: int
    told: str
    classes: Any = None


class CWriter(Writer[Value]):
    """Writes the statements of a model, one row at a time."""

    def __init__(self, model: Model, dtype: str) -> None:
        schema = model.schema["features"]
        self.given, self.own, self.exact = KINDS[dtype], KINDS[model.plan.dtype], "double"
        self.prefix = identifier(model.resolved.spec.name or "model")
        self.statements: list[Statement] = []
        self.constants: dict[str, str] = {}  # by their text without a name, their names
        self.row: dict[str, Field] = {}
        self.answers: list[Field] = []
        self.order = list(schema)
        self.matrix = all(one["type"] == "number" for one in schema.values())
        if self.matrix:
            told = f"numbers, NAN where one is missing: {', '.join(schema)}"
            self.row[FEATURES] = Field(FEATURES, FEATURES, self.given, len(schema), told)
            return
        kinds = {"number": self.given, "date": "double"}
        told_of = {
            "number": "a number, NAN where it is missing",
            "text": 'a text in UTF-8, NULL or "" where it is missing',
            "date": "the seconds since 1970 in UTC, NAN where the date is missing",
        }
        for name, one in schema.items():
            kind = kinds.get(one["type"], "text")
            free = _free(identifier(name or "column"), [FEATURES, *(field.name for field in self.row.values())])
            self.row[name] = Field(name, free, kind, 1, told_of[one["type"]])

    # ---- statements

    def value(self, kind: str, width: int, *lines: str) -> Value:
        """Add a statement.  In its lines @ is the value itself."""
        found = Value(f"${len(self.statements)}", kind, width)
        self.statements.append(Statement(found, tuple(line.replace("@", found.name) for line in lines)))
        return found

    def each(self, kind: str, width: int, text: str) -> Value:
        """Add a loop over k, or one line for a single number."""
        return self.value(kind, width, *_loop(width, f"@[k] = {text};"))

    def constant(self, numbers: np.ndarray, kind: str) -> str:
        """Return the name of a constant array; equal ones are one."""
        return self.named(table("@", np.asarray(numbers), kind))

    def named(self, text: str) -> str:
        """Return the name of a constant, for which @ stands in its text."""
        return self.constants.setdefault(text, f"#{len(self.constants)}")

    # ---- raw cells

    def numbers(self, names: Sequence[str]) -> Value:
        if not self.matrix:
            lines = (f"@[{k}] = row->{self.row[name].name};" for k, name in enumerate(names))
            return self.value(self.exact, len(names), *lines)
        return self._chosen(f"row->{FEATURES}", self.exact, [self.order.index(name) for name in names])

    def seconds(self, name: str) -> Value:
        return self.value(self.exact, 1, f"@[0] = row->{self.row[name].name};")

    def places(self, name: str, known: Mapping[str, int], otherwise: int) -> Value:
        texts = sorted(known)
        literals = ",\n    ".join(map(text_literal, texts))
        every = self.named(f"static const char *const @[{len(texts)}] = {{\n    {literals}\n}};")
        places = self.constant(np.array([known[text] for text in texts]), "int")
        found = f"place_of(row->{self.row[name].name}, {every}, {places}, {len(texts)}, {otherwise})"
        return self.value("int", 1, f"@[0] = {found};")

    def one_hot(self, places: Value, width: int) -> Value:
        return self.each(self.exact, width, f"k == {places.name}[0]")

    def rows(self, places: Value, table: np.ndarray) -> Value:
        kind, width = KINDS[str(table.dtype)], table.shape[1]
        numbers = self.constant(table, kind)
        place = f"{places.name}[0]" if width == 1 else f"{places.name}[0] * {width} + k"
        return self.each(kind, width, f"{numbers}[{place}]")

    def whole(self, numbers: Value) -> Value:
        return self.value("int", 1, f"@[0] = (int){numbers.name}[0];")

    # ---- numbers

    def apply(
        self, formula: Term, given: Mapping[str, Value | np.ndarray], known_as: Configured | None = None
    ) -> Value:
        kind = next(one.kind for one in given.values() if isinstance(one, Value))
        width = max(one.width if isinstance(one, Value) else len(one) for one in given.values())
        asked = {term.value for term in within(formula) if term.operation == "argument"}
        places = {name: self._place(one, kind) for name, one in given.items() if name in asked}
        lines, result = Formula(places, kind).write(formula)
        return self.value(kind, width, *_loop(width, *lines, f"@[k] = {result};"))

    def _place(self, one: Value | np.ndarray, kind: str) -> str:
        """Return the expression of one number of a value, or of an array that is the same in each row."""
        if isinstance(one, Value):
            return f"{one.name}[k]" if one.width > 1 else f"{one.name}[0]"
        return f"{self.constant(one, kind)}[k]" if len(one) > 1 else number_literal(float(one[0]), kind)

    def select(self, value: Value, columns: Sequence[int]) -> Value:
        if list(columns) == list(range(value.width)):
            return value
        return self._chosen(value.name, value.kind, list(columns))

    def _chosen(self, source: str, kind: str, columns: list[int]) -> Value:
        first = columns[0]
        if columns == list(range(first, first + len(columns))):
            return self.each(kind, len(columns), f"{source}[k{f' + {first}' * (first > 0)}]")
        if set(columns) == {first}:
            return self.each(kind, len(columns), f"{source}[{first}]")
        return self.each(kind, len(columns), f"{source}[{self.constant(np.array(columns), 'int')}[k]]")

    def join(self, values: Sequence[Value]) -> Value:
        lines, first = [], 0
        for one in values:
            place = f"@[k{f' + {first}' * (first > 0)}]" if one.width > 1 else f"@[{first}]"
            lines += _loop(one.width, f"{place} = {one.name}[k];")
            first += one.width
        return self.value(values[0].kind, first, *lines)

    def product(self, x: Value, w: np.ndarray, b: np.ndarray | None) -> Value:
        bias = "0" if b is None else self.constant(b, x.kind)
        inputs, outputs = w.shape
        weights = self.constant(w, x.kind)
        call = f"product{_suffix(x.kind)}({x.name}, {weights}, {bias}, {inputs}, {outputs}, @);"
        return self.value(x.kind, outputs, call)

    def products(self, x: Value, w: np.ndarray) -> Value:
        parts, inputs, outputs = w.shape
        weights, name = self.constant(w, x.kind), f"product{_suffix(x.kind)}"
        place = f"{weights} + k * {inputs * outputs}"
        call = f"{name}({x.name} + k * {inputs}, {place}, 0, {inputs}, {outputs}, @ + k * {outputs});"
        return self.value(x.kind, parts * outputs, *_loop(parts, call))

    def standardized(self, x: Value, epsilon: float) -> Value:
        number = number_literal(epsilon, x.kind)
        return self.value(x.kind, x.width, f"standardize{_suffix(x.kind)}({x.name}, {x.width}, {number}, @);")

    def row_activation(self, activation: Configured, x: Value) -> Value:
        name = activation.name
        if name not in ROWS:
            raise ExportError(f"{activation.component.told} is not written in C yet")
        sign = {"softmax": " 1,", "softmin": " -1,"}.get(name, "")
        return self.value(x.kind, x.width, f"{ROWS[name]}{_suffix(x.kind)}({x.name}, {x.width},{sign} @);")

    def narrowed(self, value: Value) -> Value:
        return self._as(value, self.own)

    def widened(self, value: Value) -> Value:
        return self._as(value, self.exact)

    def _as(self, value: Value, kind: str) -> Value:
        if value.kind == kind:
            return value
        return self.each(kind, value.width, f"{'(float)' * (kind == 'float')}{value.name}[k]")

    # ---- answers

    def largest(self, value: Value) -> Value:
        lines = (f"for (int k = 1; k < {value.width}; ++k)", f"    if ({value.name}[k] > {value.name}[@[0]])")
        return self.value("int", 1, "@[0] = 0;", *lines, "        @[0] = k;")

    def reaching(self, value: Value, threshold: float) -> Value:
        test = f"{value.name}[k] >= {number_literal(threshold, value.kind)}"
        return self.value("int", 1, "@[0] = 0;", *_loop(value.width, f"@[0] += {test};"))

    def answer(self, name: str, value: Value) -> None:
        self._give(name, [f"{value.name}[k]"] * value.width, "double")

    def labels(self, name: str, places: Sequence[Value], classes: Sequence[Sequence[Any]]) -> None:
        known = [[one.item() if isinstance(one, np.generic) else one for one in every] for every in classes]
        self._give(name, [f"{place.name}[0]" for place in places], "int", known)

    def _give(self, name: str, numbers: Sequence[str], kind: str, classes: Any = None) -> None:
        """Add a field to the answer."""
        free = _free(identifier(name), [field.name for field in self.answers])
        told = f"the place of the class in {self.prefix}_{free}_classes" if classes else ""
        self.answers.append(Field(name, free, kind, len(numbers), told, classes))
        if len(numbers) == 1:
            lines = [f"answer->{free} = {numbers[0].replace('[k]', '[0]')};"]
        elif len(set(numbers)) == 1:
            lines = _loop(len(numbers), f"answer->{free}[k] = {numbers[0]};")
        else:
            lines = [f"answer->{free}[{k}] = {number};" for k, number in enumerate(numbers)]
        self.statements.append(Statement(None, tuple(lines)))


def _free(name: str, taken: Iterable[str]) -> str:
    """Return a name that is not taken."""
    found, number, every = name, 1, set(taken)
    while found in every:
        number += 1
        found = f"{name}_{number}"
    return found


def _suffix(kind: str) -> str:
    return "f" if kind == "float" else ""


def _loop(count: int, *lines: str) -> list[str]:
    """Return lines for each k below a count; once, with k = 0, if that is 1."""
    if count == 1:
        own = [re.sub(r"\bk\b", "0", re.sub(r" \+ k \* \d+|\bk \+ ", "", line)) for line in lines]
        return own if len(own) == 1 else ["{", *(f"    {line}" for line in own), "}"]
    if len(lines) == 1:
        return [f"for (int k = 0; k < {count}; ++k)", f"    {lines[0]}"]
    return [f"for (int k = 0; k < {count}; ++k) {{", *(f"    {line}" for line in lines), "}"]


# ---- what is needed, and where it is held


def alive(statements: Sequence[Statement]) -> list[Statement]:
    """Return the statements that some answer needs."""
    needed: set[str] = set()
    kept = []
    for one in reversed(statements):
        if one.value is None or one.value.name in needed:
            needed |= one.uses()
            kept.append(one)
    return kept[::-1]


def placed(statements: Sequence[Statement]) -> tuple[list[str], list[str]]:
    """Return the declarations of arrays, and the lines with their names; an array is used again once it is free."""
    last = {name: place for place, one in enumerate(statements) for name in one.uses()}
    sizes: dict[str, int] = {}
    free: dict[str, list[str]] = {}
    held: dict[str, str] = {}
    lines: list[str] = []
    for place, one in enumerate(statements):
        if one.value:
            kind = one.value.kind
            waiting = free.setdefault(kind, [])
            array = waiting.pop() if waiting else f"{kind[0]}{sum(name[0] == kind[0] for name in sizes)}"
            sizes[array] = max(sizes.get(array, 0), one.value.width)
            held[one.value.name] = array
        lines += (VALUE.sub(lambda found: held[found[0]], line) for line in one.lines)
        for name in sorted(one.uses()):
            if last[name] == place:
                free[_kind_of(held[name])].append(held[name])
    kinds = ((kind, [f"{name}[{size}]" for name, size in sizes.items() if name[0] == kind[0]]) for kind in _ARRAYS)
    return [f"{kind} {', '.join(arrays)};" for kind, arrays in kinds if arrays], lines


_ARRAYS = ("double", "float", "int")


def _kind_of(array: str) -> str:
    return next(kind for kind in _ARRAYS if kind[0] == array[0])
