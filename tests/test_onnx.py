"""The NumPy twins against the operator tests of ONNX.

Cases come from the onnx package where it is installed, else from onnx_cases.npz: those of them that are small, from
onnx 1.23.2, licence Apache-2.0, https://github.com/onnx/onnx.  Every case of the operators in APPLIES is tried
unless LEFT_OUT says why not; the operators that are in neither have no counterpart here.
"""

from __future__ import annotations

import fnmatch
import functools
import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import reference

DATA = Path(__file__).with_name("onnx_cases.npz")


@dataclass(frozen=True)
class Case:
    """One call of an operator: its attributes, its inputs (None where one is left out) and what it must give."""

    name: str
    operator: str
    attributes: dict[str, Any]
    inputs: list[Any]
    outputs: list[Any]


LEFT_OUT = {  # by a pattern of names
    "celu_*float16": "half precision",
    "clip_min_greater_than_max": "bounds that cross",
    "clip_default_int8_*": "integers",
    "selu": "other constants than its own",
    "selu_example": "other constants than its own",
}
ELSEWHERE = {
    "BatchNormalization": "a layer, not a component",
    "LayerNormalization": "a layer, not a component",
    "RMSNormalization": "a layer that is not offered",
    "Hardmax": "has no derivative",
    "NegativeLogLikelihoodLoss": "of log-probabilities; losses here contain their softmax",
    "OneHot": "an encoding of data",
    "HardSigmoid": "its slope is not that of torch.nn.Hardsigmoid, 1/6",
}


# ---- what an operator is here: attributes and inputs -> outputs


def rows(twin: Callable[..., Any]) -> Callable[..., Any]:
    """A twin over rows along any axis."""

    def apply(attributes: dict[str, Any], z: Any) -> list[Any]:
        moved = np.moveaxis(z, attributes.get("axis", -1), -1)
        a = twin(moved.reshape(-1, moved.shape[-1])).reshape(moved.shape)
        return [np.moveaxis(a, -1, attributes.get("axis", -1))]

    return apply


def units(twin: Callable[..., Any], **names: str) -> Callable[..., Any]:
    """A twin of one unit, with the parameters that the operator calls by these names."""

    def apply(attributes: dict[str, Any], z: Any, *inputs: Any) -> list[Any]:
        return [twin(z, **{ours: attributes[theirs] for theirs, ours in names.items() if theirs in attributes})]

    return apply


def gelu(attributes: dict[str, Any], z: Any) -> list[Any]:
    return [reference.gelu_tanh(z) if attributes.get("approximate") == "tanh" else reference.gelu(z)]


def shrink(attributes: dict[str, Any], z: Any) -> list[Any]:
    """Hard, or soft where the bias is as large as the threshold."""
    bias, lambd = attributes.get("bias", 0.0), attributes["lambd"]
    assert bias in (0.0, lambd)
    return [(reference.soft_shrink if bias else reference.hard_shrink)(z, lambd=lambd)]


def clip(attributes: dict[str, Any], z: Any, low: Any = None, high: Any = None) -> list[Any]:
    return [reference.hard_tanh(z, -np.inf if low is None else low, np.inf if high is None else high)]


def prelu(attributes: dict[str, Any], z: Any, alpha: Any) -> list[Any]:
    return [reference.leaky_relu(z, alpha)]


def gemm(attributes: dict[str, Any], a: Any, b: Any, c: Any = 0.0) -> list[Any]:
    a, b = (x.T if attributes.get(name) else x for x, name in ((a, "transA"), (b, "transB")))
    return [attributes.get("alpha", 1.0) * reference.matmul(a, b) + attributes.get("beta", 1.0) * np.asarray(c)]


def cross_entropy(attributes: dict[str, Any], y: Any, label: Any, weight: Any = None) -> list[Any]:
    """Each place behind the first two axes is a row; a label that is ignored has the weight 0."""
    label, ignored = np.asarray(label, np.int64), attributes.get("ignore_index")
    table = np.moveaxis(y, 1, -1).reshape(-1, y.shape[1])
    counted = np.ones(label.shape) if ignored is None else (label != ignored).astype(float)
    kept = np.where(counted > 0, label, 0)
    weights = counted * (1 if weight is None else weight[kept])
    values = reference.softmax_cross_entropy(table, kept.ravel())[0].reshape(label.shape) * weights
    log_p = np.moveaxis(reference.log_softmax(table).reshape(np.moveaxis(y, 1, -1).shape), -1, 1)
    reduced = {"none": values, "sum": values.sum(), "mean": values.sum() / weights.sum()}
    return [reduced[attributes.get("reduction", "mean")], log_p]


def each(update: Callable[..., Any]) -> Callable[..., Any]:
    """An optimizer over several weights at once: inputs R, T, then all weights, all gradients, and so on."""

    def apply(attributes: dict[str, Any], rate: Any, count: Any, *arrays: Any) -> list[Any]:
        several = 2 if len(arrays) > 4 else 1
        moved = [
            update(
                attributes, float(rate), int(count), *arrays[k::several], weight_decay=attributes["norm_coefficient"]
            )
            for k in range(several)
        ]
        return [array for group in zip(*moved, strict=True) for array in group]

    return apply


def momentum(attributes: dict[str, Any], rate: float, count: int, w: Any, g: Any, v: Any, **decay: float) -> Any:
    """Steps are counted from 0; beta is 1 less the dampening."""
    values = {"momentum": attributes["alpha"], "dampening": 1 - attributes["beta"], **decay}
    nesterov = attributes["mode"] == "nesterov"
    if count == 0:  # an undampened gradient joins the buffer, which here is empty then
        g_first = g + decay["weight_decay"] * w
        v = attributes["alpha"] * v + g_first
        return w - rate * (g_first + attributes["alpha"] * v if nesterov else v), v
    return reference.sgd_step(w, g, v, count + 1, learning_rate=rate, nesterov=nesterov, **values)


def adagrad(attributes: dict[str, Any], rate: float, count: int, w: Any, g: Any, h: Any, **decay: float) -> Any:
    """The rate falls as the schedule inverse_time does."""
    rate = rate / (1 + count * attributes["decay_factor"])
    return reference.adagrad_step(w, g, h, learning_rate=rate, epsilon=attributes["epsilon"], **decay)


def adam(attributes: dict[str, Any], rate: float, count: int, w: Any, g: Any, v: Any, h: Any, **decay: float) -> Any:
    """The root is corrected after epsilon has joined it, and step 0 has no correction, as if it were a late one."""
    step = count or 10**9
    epsilon = attributes["epsilon"] / np.sqrt(1 - attributes["beta"] ** step)
    values = {"beta1": attributes["alpha"], "beta2": attributes["beta"], "epsilon": epsilon}
    return reference.adam_step(w, g, v, h, step, learning_rate=rate, **values, **decay)


APPLIES: dict[str, Callable[..., Any]] = {
    "Adagrad": each(adagrad),
    "Adam": each(adam),
    "Atan": units(reference.arctan),
    "Celu": units(reference.celu, alpha="alpha"),
    "Clip": clip,
    "Elu": units(reference.elu, alpha="alpha"),
    "Exp": units(reference.exponential),
    "Gelu": gelu,
    "Gemm": gemm,
    "HardSwish": units(reference.hard_silu),
    "LeakyRelu": units(reference.leaky_relu, alpha="alpha"),
    "LogSoftmax": rows(reference.log_softmax),
    "Mish": units(reference.mish),
    "Momentum": each(momentum),
    "PRelu": prelu,
    "Relu": units(reference.relu),
    "Selu": units(reference.selu),
    "Shrink": shrink,
    "Sigmoid": units(reference.sigmoid),
    "Sin": units(reference.sine),
    "Softmax": rows(reference.softmax),
    "SoftmaxCrossEntropyLoss": cross_entropy,
    "Softplus": units(reference.softplus),
    "Softsign": units(reference.softsign),
    "Swish": units(reference.silu, alpha="beta"),
    "Tanh": units(reference.tanh),
    "ThresholdedRelu": units(reference.threshold, alpha="threshold"),
}


# ---- the cases


def of_package() -> Iterator[Case]:
    """The operator tests of the onnx package: those of one operator."""
    from onnx import helper
    from onnx.backend.test.case import node

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = node.collect_testcases(None)
    for case in found:
        nodes = case.model.graph.node
        if len(nodes) == 1 and nodes[0].op_type in (*APPLIES, *ELSEWHERE):
            attributes = {
                name: value.decode() if isinstance(value, bytes) else value
                for name, value in ((a.name, helper.get_attribute_value(a)) for a in nodes[0].attribute)
            }
            given, outputs = case.data_sets[0]
            left = iter(given)
            inputs = [next(left) if name else None for name in nodes[0].input]
            yield Case(case.name.removeprefix("test_"), nodes[0].op_type, attributes, inputs, list(outputs))


def of_file() -> Iterator[Case]:
    """The cases in onnx_cases.npz."""
    with np.load(DATA) as arrays:
        for name, (operator, attributes, present, count) in json.loads(str(arrays["index"])).items():
            inputs = [arrays[f"{name}/in{k}"] if there else None for k, there in enumerate(present)]
            yield Case(name, operator, attributes, inputs, [arrays[f"{name}/out{k}"] for k in range(count)])


@functools.cache
def cases() -> list[Case]:
    try:
        return list(of_package())
    except ImportError:
        return list(of_file())


def left_out(case: Case) -> bool:
    return case.operator in ELSEWHERE or any(fnmatch.fnmatch(case.name, pattern) for pattern in LEFT_OUT)


def as_double(x: Any) -> Any:
    """An input in float64, if it is a number with fractions."""
    return np.asarray(x, np.float64) if x is not None and np.asarray(x).dtype.kind == "f" else x


@pytest.mark.parametrize("operator", APPLIES)
def test_operator(operator: str) -> None:
    tried = [case for case in cases() if case.operator == operator and not left_out(case)]
    assert tried
    for case in tried:
        got = APPLIES[operator](case.attributes, *map(as_double, case.inputs))
        for one, expected in zip(got, case.outputs, strict=False):
            np.testing.assert_allclose(one, expected, rtol=1e-5, atol=1e-6, err_msg=case.name)


def test_what_is_left_out_exists() -> None:
    """No reason is given for a case that is gone."""
    pytest.importorskip("onnx")
    assert {case.operator for case in cases()} == {*APPLIES, *ELSEWHERE}
    assert all(any(fnmatch.fnmatch(case.name, pattern) for case in cases()) for pattern in LEFT_OUT)


@pytest.mark.parametrize("operator", APPLIES)
def test_the_file_has_cases_of_every_operator(operator: str) -> None:
    assert any(case.operator == operator for case in of_file())
