"""An ONNX graph as it grows: nodes, constants and the names of values, and formulas as nodes.

Operators are those of opset 13 and of ai.onnx.ml 2, https://onnx.ai/onnx/operators/ (2021).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any, NamedTuple

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from numbann.derivation.terms import Term, within
from numbann.errors import ExportError
from numbann.mathematics.functions import stop_gradient
from numbann.records import dataclass

ML = "ai.onnx.ml"
TYPES = {
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "int64": TensorProto.INT64,
    "bool": TensorProto.BOOL,
    "str": TensorProto.STRING,
}
TESTS = {"<": "Less", "<=": "LessOrEqual", ">": "Greater", ">=": "GreaterOrEqual", "==": "Equal"}
ARITHMETIC = {"+": "Add", "-": "Sub", "*": "Mul", "/": "Div", "**": "Pow"}
SINGLE = ("Erf", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh")  # ONNX Runtime's are float32
CALLS: dict[Callable[..., Any], str] = {
    **{math.exp: "Exp", math.log: "Log", math.sqrt: "Sqrt", math.sin: "Sin", math.cos: "Cos", math.tan: "Tan"},
    **{math.asin: "Asin", math.acos: "Acos", math.atan: "Atan", math.sinh: "Sinh", math.cosh: "Cosh"},
    **{math.tanh: "Tanh", math.asinh: "Asinh", math.acosh: "Acosh", math.atanh: "Atanh", math.erf: "Erf"},
    **{math.floor: "Floor", math.ceil: "Ceil", abs: "Abs", math.fabs: "Abs", min: "Min", max: "Max"},
    **{math.pow: "Pow", math.isnan: "IsNaN", math.isinf: "IsInf"},
}
BOOLEAN = ("IsNaN", "IsInf")


class Value(NamedTuple):
    """A tensor: its name in the graph, and the type of its elements."""

    name: str
    type: str


@dataclass
class Graph:
    """The nodes and constants of a graph.  taken: the names in use, those of inputs and answers first."""

    nodes: list[NodeProto] = field(default_factory=list)
    constants: list[TensorProto] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    known: dict[tuple[Any, ...], Value] = field(default_factory=dict)

    def name(self, wanted: str) -> str:
        """Return a name that is not in use, and take it."""
        found, number = wanted, 1
        while found in self.taken:
            number += 1
            found = f"{wanted}_{number}"
        self.taken.add(found)
        return found

    def constant(self, array: np.ndarray, wanted: str = "constant") -> Value:
        """Return a constant; equal ones are one."""
        array = np.asarray(array)
        text = array.dtype.kind in "OU"
        kind = "str" if text else str(array.dtype)
        key = (kind, array.shape, tuple(array.ravel().tolist()) if text else array.tobytes())
        if key not in self.known:
            name = self.name(f"_{wanted}")
            if text:
                values = [str(value).encode() for value in array.ravel()]
                self.constants.append(helper.make_tensor(name, TensorProto.STRING, array.shape, values))
            else:
                self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name))
            self.known[key] = Value(name, kind)
        return self.known[key]

    def node(
        self, operator: str, *inputs: Value, kind: str | None = None, domain: str = "", **attributes: Any
    ) -> Value:
        """Add a node and return its output.  kind: its type, by default that of the first input."""
        name = self.name(f"_{operator.lower()}")
        found = helper.make_node(operator, [one.name for one in inputs], [name], name, domain=domain, **attributes)
        self.nodes.append(found)
        return Value(name, kind or inputs[0].type)

    def cast(self, value: Value, kind: str) -> Value:
        """Return a value as another type."""
        return value if value.type == kind else self.node("Cast", value, kind=kind, to=TYPES[kind])


class Formula:
    """Writes a formula as nodes, with the same type throughout.

    given: the values of its arguments by name.
    """

    def __init__(self, graph: Graph, given: Mapping[str, Value], kind: str) -> None:
        self.graph, self.given, self.type = graph, given, kind
        self.found: dict[Term, Value] = {}

    def write(self, root: Term) -> Value:
        """Write a formula; it has the shape of its arguments, even where it is a constant."""
        for term in within(root):
            self.found[term] = self.operation(term, [self.found[part] for part in term.parts])
        result = self.number(self.found[root])
        if any(term.operation == "argument" for term in within(root)):
            return result
        zero = self.graph.node("Mul", next(iter(self.given.values())), self.literal(0))
        return self.graph.node("Add", zero, result)

    def literal(self, number: float) -> Value:
        """Return a number as a constant."""
        with np.errstate(over="ignore"):
            return self.graph.constant(np.array(number, self.type), "number")

    def number(self, value: Value) -> Value:
        """Return a value as a number, 1 for true."""
        return self.graph.cast(value, self.type)

    def test(self, value: Value) -> Value:
        """Return a value as true or false."""
        if value.type == "bool":
            return value
        return self.graph.node("Not", self.graph.node("Equal", value, self.literal(0), kind="bool"))

    def node(self, operator: str, *inputs: Value) -> Value:
        """Write an operation on numbers."""
        numbers = [self.number(one) for one in inputs]
        if operator in SINGLE and self.type == "float64":
            single = [self.graph.cast(one, "float32") for one in numbers]
            return self.graph.cast(self.graph.node(operator, *single), self.type)
        return self.graph.node(operator, *numbers, kind="bool" if operator in BOOLEAN else None)

    def operation(self, term: Term, parts: Sequence[Value]) -> Value:
        """Write the operation of a term on the values of its parts."""
        operation = term.operation
        if operation == "number":
            return self.literal(term.value)
        if operation == "argument":
            if term.value not in self.given:
                raise ExportError(f"nothing is known of {term.value!r} in a formula")
            return self.given[term.value]
        if operation in ARITHMETIC:
            return self.power(term, *parts) if operation == "**" else self.node(ARITHMETIC[operation], *parts)
        if operation in TESTS:
            return self.graph.node(TESTS[operation], *map(self.number, parts), kind="bool")
        if operation == "call":
            return self.call(term.value, *parts)
        return self.other(term, parts)

    def other(self, term: Term, parts: Sequence[Value]) -> Value:
        """Write what is neither arithmetic nor a comparison nor a call."""
        graph = self.graph
        match term.operation:
            case "neg":
                return self.node("Neg", *parts)
            case "!=":
                return graph.node("Not", graph.node("Equal", *map(self.number, parts), kind="bool"))
            case "not":
                return graph.node("Not", self.test(parts[0]))
            case "and" | "or":
                found = self.test(parts[0])
                for part in parts[1:]:
                    found = graph.node(term.operation.capitalize(), found, self.test(part))
                return found
            case "if":
                yes, no = map(self.number, parts[1:])
                return graph.node("Where", self.test(parts[0]), yes, no, kind=self.type)
            case "//":
                return self.node("Floor", self.node("Div", *parts))
            case "%":
                whole = self.node("Floor", self.node("Div", *parts))
                return self.node("Sub", parts[0], self.node("Mul", parts[1], whole))
            case "product":
                return self.folded("Mul", [*([] if term.value == 1 else [self.literal(term.value)]), *parts])
            case "sum":
                constant, factors = term.value
                weighted = [self.node("Mul", self.literal(f), x) for f, x in zip(factors, parts, strict=True)]
                return self.folded("Add", [*([self.literal(constant)] if constant else []), *weighted])
        raise ExportError(
            "a loop whose number of rounds is not a constant cannot be exported; write its rounds out"
            if term.operation in ("loop", "pick", "symbol")
            else f"the operation {term.operation!r} cannot be exported"
        )

    def folded(self, operator: str, parts: Sequence[Value]) -> Value:
        """Write an operation on one value after the other."""
        found = parts[0]
        for part in parts[1:]:
            found = self.node(operator, found, part)
        return found

    def power(self, term: Term, base: Value, exponent: Value) -> Value:
        """Write a power; a square and a cube as products."""
        if term.parts[1].is_number(2, 3):
            return self.folded("Mul", [base] * term.parts[1].value)
        return self.node("Pow", base, exponent)

    def call(self, function: Callable[..., Any], *parts: Value) -> Value:
        """Write a function of math."""
        if function in CALLS:
            return self.node(CALLS[function], *parts) if len(parts) < 3 else self.folded(CALLS[function], parts)
        if function in (float, stop_gradient):
            return self.number(parts[0])
        x = self.number(parts[0])
        match function:
            case math.expm1:
                return self.node("Sub", self.node("Exp", x), self.literal(1))
            case math.log1p:
                return self.node("Log", self.node("Add", x, self.literal(1)))
            case math.exp2:
                return self.node("Exp", self.node("Mul", x, self.literal(math.log(2))))
            case math.log2 | math.log10:
                base = 2 if function is math.log2 else 10
                return self.node("Div", self.node("Log", x), self.literal(math.log(base)))
            case math.cbrt:
                return self.signed(self.node("Pow", self.node("Abs", x), self.literal(1 / 3)), x)
            case math.erfc:
                return self.node("Sub", self.literal(1), self.node("Erf", x))
            case math.trunc:
                return self.signed(self.node("Floor", self.node("Abs", x)), x)
            case math.hypot:
                return self.node("Sqrt", self.folded("Add", [self.node("Mul", part, part) for part in parts]))
            case math.copysign:
                return self.signed(self.node("Abs", x), self.number(parts[1]))
            case math.isfinite:
                odd = self.graph.node("Or", self.node("IsNaN", x), self.node("IsInf", x))
                return self.graph.node("Not", odd)
            case math.degrees | math.radians:
                return self.node("Mul", x, self.literal(function(1.0)))
            case math.fmod:
                whole = self.call(math.trunc, self.node("Div", *parts))
                return self.node("Sub", x, self.node("Mul", parts[1], whole))
        raise ExportError(f"{function.__name__} has no operator in ONNX; leave it out of what is to be exported")

    def signed(self, size: Value, like: Value) -> Value:
        """Write a size with the sign of another number."""
        below = self.graph.node("Less", like, self.literal(0), kind="bool")
        return self.graph.node("Where", below, self.node("Neg", size), size, kind=self.type)
