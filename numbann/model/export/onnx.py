"""ONNX: the whole model as one graph, from raw columns to labels and probabilities, for any runtime that reads it.

Opset 13 and ai.onnx.ml 2, IR 8, which runtimes since 2021 read.  Inputs: one matrix (N, features) where all features
are numbers, else one input (N, 1) for each of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import ModelProto, checker, helper
from onnx import __version__ as onnx_version

from numbann import __version__
from numbann.components.component import Configured
from numbann.derivation.terms import Term
from numbann.errors import ExportError
from numbann.model.export.onnx_graph import ML, TYPES, Formula, Graph, Value
from numbann.model.export.walk import walk
from numbann.model.export.writer import Writer

if TYPE_CHECKING:
    from numbann.model.model import Model

OPSET, ML_OPSET, IR = 13, 2, 8
MATRIX = "features"  # the name of the input where there is one for all features
ROWS = "N"
WHOLE = {"relu": "Relu", "sigmoid": "Sigmoid", "identity": "Identity"}  # activations that are operators


def build(model: Model, dtype: str | None = None) -> ModelProto:
    """Return a model as ONNX.  dtype: of the inputs that are numbers, by default that of the model."""
    writer = OnnxWriter(model, dtype or model.plan.dtype)
    walk(model, writer)
    made = helper.make_model(
        helper.make_graph(writer.graph.nodes, "numbann", writer.inputs, writer.answers, writer.graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(ML, ML_OPSET)],
        ir_version=IR,
        producer_name="numbann",
        producer_version=__version__,
        doc_string=f"{model.task} by a network of numbann: {model.plan}",
    )
    helper.set_model_props(made, metadata_of(model))
    checker.check_model(made, full_check=True)
    return made


def metadata_of(model: Model) -> dict[str, str]:
    """Return what stands in the file beside the graph, as texts."""
    spec = json.dumps(model.file.spec, sort_keys=True).encode()
    return {
        "numbann": __version__,
        "spec_sha256": hashlib.sha256(spec).hexdigest(),
        "schema": json.dumps(model.schema, ensure_ascii=False),
    }


class OnnxWriter(Writer[Value]):
    """Writes the nodes of a model.  exact: the type of inputs and answers while they are computed."""

    exact = "float64"

    def __init__(self, model: Model, dtype: str) -> None:
        schema = model.schema["features"]
        self.graph, self.dtype, self.own = Graph(), dtype, model.plan.dtype
        self.inputs: list[Any] = []
        self.answers: list[Any] = []
        self.columns: dict[str, Value] = {}
        self.matrix = all(one["type"] == "number" for one in schema.values())
        self.order = list(schema)
        if self.matrix:
            self.columns[MATRIX] = self.input(MATRIX, dtype, len(schema))
        else:
            for place, (name, one) in enumerate(schema.items()):
                kind = {"number": dtype, "date": "float64"}.get(one["type"], "str")
                self.columns[name] = self.input(name or f"column_{place}", kind, 1)

    def input(self, name: str, kind: str, width: int) -> Value:
        """Add an input (N, width)."""
        found = self.graph.name(name)
        self.inputs.append(helper.make_tensor_value_info(found, TYPES[kind], [ROWS, width]))
        return Value(found, kind)

    # ---- raw cells

    def numbers(self, names: Sequence[str]) -> Value:
        if not self.matrix:
            return self.join([self.graph.cast(self.columns[name], self.exact) for name in names])
        whole = self.graph.cast(self.columns[MATRIX], self.exact)
        places = [self.order.index(name) for name in names]
        return whole if places == list(range(len(self.order))) else self.select(whole, places)

    def seconds(self, name: str) -> Value:
        return self.columns[name]

    def places(self, name: str, known: Mapping[str, int], otherwise: int) -> Value:
        given = {"keys_strings": list(known), "values_int64s": list(known.values()), "default_int64": otherwise}
        return self.graph.node("LabelEncoder", self.columns[name], kind="int64", domain=ML, **given)

    def one_hot(self, places: Value, width: int) -> Value:
        numbers = self.graph.constant(np.arange(width)[None, :], "places")
        return self.graph.cast(self.graph.node("Equal", places, numbers, kind="bool"), self.exact)

    def rows(self, places: Value, table: np.ndarray) -> Value:
        found = self.graph.node("Gather", self.graph.constant(table, "table"), places, kind=str(table.dtype), axis=0)
        return self.graph.node("Reshape", found, self.graph.constant(np.array([-1, table.shape[1]])))

    def whole(self, numbers: Value) -> Value:
        return self.graph.cast(numbers, "int64")

    # ---- numbers

    def apply(
        self, formula: Term, given: Mapping[str, Value | np.ndarray], known_as: Configured | None = None
    ) -> Value:
        kind = next(value.type for value in given.values() if isinstance(value, Value))
        own = known_as is not None and known_as.component.plugin is None
        if known_as is not None and own and len(given) == 1 and known_as.name in WHOLE:
            return self.graph.node(WHOLE[known_as.name], *(one for one in given.values() if isinstance(one, Value)))
        values = {
            name: one if isinstance(one, Value) else self.graph.constant(np.asarray(one, kind)[None, :], name)
            for name, one in given.items()
        }
        return Formula(self.graph, values, kind).write(formula)

    def select(self, value: Value, columns: Sequence[int]) -> Value:
        return self.graph.node("Gather", value, self.graph.constant(np.array(columns, np.int64)), axis=1)

    def join(self, values: Sequence[Value]) -> Value:
        return self.graph.node("Concat", *values, axis=1) if len(values) > 1 else values[0]

    def product(self, x: Value, w: np.ndarray, b: np.ndarray | None) -> Value:
        bias = () if b is None else (self.graph.constant(b.astype(x.type), "bias"),)
        return self.graph.node("Gemm", x, self.graph.constant(w.astype(x.type), "weight"), *bias)

    def products(self, x: Value, w: np.ndarray) -> Value:
        parts, inner, outer = w.shape
        apart = self.graph.node("Reshape", x, self.graph.constant(np.array([-1, parts, inner])))
        found = self.graph.node(
            "MatMul",
            self.graph.node("Transpose", apart, perm=[1, 0, 2]),
            self.graph.constant(w.astype(x.type), "weight"),
        )
        beside = self.graph.node("Transpose", found, perm=[1, 0, 2])
        return self.graph.node("Reshape", beside, self.graph.constant(np.array([-1, parts * outer])))

    def standardized(self, x: Value, epsilon: float) -> Value:
        apart = self.graph.node("Sub", x, self.graph.node("ReduceMean", x, axes=[1]))
        variance = self.graph.node("ReduceMean", self.graph.node("Mul", apart, apart), axes=[1])
        number = self.graph.constant(np.array(epsilon, x.type), "epsilon")
        return self.graph.node("Div", apart, self.graph.node("Sqrt", self.graph.node("Add", variance, number)))

    def row_activation(self, activation: Configured, x: Value) -> Value:
        match activation.name:
            case "softmax":
                return self.graph.node("Softmax", x, axis=1)
            case "softmin":
                return self.graph.node("Softmax", self.graph.node("Neg", x), axis=1)
            case "log_softmax":
                return self.graph.node("LogSoftmax", x, axis=1)
            case "sparsemax":
                return self.sparsemax(x)
            case "chained_sigmoid":
                return self.chained_sigmoid(x)
        raise ExportError(f"{activation.component.told} has no operator in ONNX")

    def sparsemax(self, x: Value) -> Value:
        """As Martins and Astudillo 2016: tau by the sorted numbers, https://arxiv.org/abs/1602.02068."""
        graph = self.graph
        one, last = graph.constant(np.array(1.0, x.type)), graph.constant(np.array([1]))
        z = graph.node("Sub", x, graph.node("ReduceMax", x, axes=[1]))
        width = graph.node("Gather", graph.node("Shape", x, kind="int64"), last, axis=0)
        names = [graph.name("sorted"), graph.name("sorted_places")]
        graph.nodes.append(helper.make_node("TopK", [z.name, width.name], names, names[0], axis=1))
        falling = Value(names[0], x.type)
        sums = graph.node("CumSum", falling, graph.constant(np.array(1)))
        ranks = graph.node("CumSum", graph.node("Add", graph.node("Mul", falling, self.zero(x)), one), self.axis())
        inside = graph.node("Less", sums, graph.node("Add", graph.node("Mul", ranks, falling), one), kind="bool")
        kept = graph.cast(inside, x.type)
        count = graph.node("ReduceSum", kept, last)
        total = graph.node("ReduceSum", graph.node("Mul", kept, falling), last)
        tau = graph.node("Div", graph.node("Sub", total, one), count)
        return graph.node("Max", graph.node("Sub", z, tau), self.zero(x))

    def chained_sigmoid(self, x: Value) -> Value:
        """The products of one sigmoid after the other, by sums of their logarithms."""
        logs = self.graph.node("Log", self.graph.node("Sigmoid", x))
        return self.graph.node("Exp", self.graph.node("CumSum", logs, self.axis()))

    def axis(self) -> Value:
        """The axis of columns, as a constant."""
        return self.graph.constant(np.array(1))

    def zero(self, like: Value) -> Value:
        """0 of a value's type."""
        return self.graph.constant(np.array(0.0, like.type))

    def narrowed(self, value: Value) -> Value:
        return self.graph.cast(value, self.own)

    def widened(self, value: Value) -> Value:
        return self.graph.cast(value, self.exact)

    # ---- answers

    def largest(self, value: Value) -> Value:
        return self.graph.node("ArgMax", value, kind="int64", axis=1, keepdims=1)

    def reaching(self, value: Value, threshold: float) -> Value:
        limit = self.graph.constant(np.array(threshold, value.type), "threshold")
        yes = self.graph.cast(self.graph.node("GreaterOrEqual", value, limit, kind="bool"), "int64")
        return self.graph.node("ReduceSum", yes, self.graph.constant(np.array([1])))

    def answer(self, name: str, value: Value) -> None:
        self.give(name, self.graph.cast(value, self.own), [ROWS, None])

    def labels(self, name: str, places: Sequence[Value], classes: Sequence[Sequence[Any]]) -> None:
        columns = []
        for place, known in zip(places, classes, strict=True):
            array = np.array(known)
            table = self.graph.constant(array.astype(object) if array.dtype.kind in "OU" else array, "classes")
            columns.append(self.graph.node("Gather", table, place, kind=table.type, axis=0))
        joined = self.join(columns)
        if len(columns) > 1:
            self.give(name, joined, [ROWS, len(columns)])
        else:
            self.give(name, self.graph.node("Reshape", joined, self.graph.constant(np.array([-1]))), [ROWS])

    def give(self, name: str, value: Value, shape: Sequence[Any]) -> None:
        """Add an answer."""
        found = self.graph.name(name)
        self.graph.node("Identity", value)
        self.graph.nodes[-1].output[0] = found
        self.answers.append(helper.make_tensor_value_info(found, TYPES[value.type], shape))


# ---- the format


def write(model: Model, dtype: str | None = None, name: str = "model") -> dict[str, bytes]:
    """Return the content of the file by its ending."""
    return {".onnx": build(model, dtype).SerializeToString()}


def predict(files: Mapping[str, bytes], cells: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], str]:
    """Return the answers of a file for raw columns, and what computed them: ONNX Runtime, else onnx itself."""
    content = files[".onnx"]
    model = ModelProto.FromString(content)
    names = [one.name for one in model.graph.input]
    kinds = [one.type.tensor_type.elem_type for one in model.graph.input]
    columns = [np.stack(list(cells.values()), axis=1)] if names == [MATRIX] and [*cells] != names else None
    columns = columns or [cells[feature][:, None] for feature in json.loads(_props(model)["schema"])["features"]]
    given = {
        name: column.astype(helper.tensor_dtype_to_np_dtype(kind))
        for name, column, kind in zip(names, columns, kinds, strict=True)
    }
    answers = [one.name for one in model.graph.output]
    try:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        found, runtime = session.run(answers, given), f"ONNX Runtime {onnxruntime.__version__}"
    except ImportError:
        from onnx.reference import ReferenceEvaluator

        found, runtime = ReferenceEvaluator(model).run(answers, given), f"onnx {onnx_version}"
    return dict(zip(answers, found, strict=True)), runtime


def _props(model: ModelProto) -> dict[str, str]:
    return {one.key: one.value for one in model.metadata_props}
