"""The NumPy twins against the operator tests of the onnx package, where it is installed.

Left out: HardSigmoid, whose slopes there are not 1/6; Selu with other constants than its own; Hardmax, which has no
derivative; PRelu, whose slope is trained; softmax along other axes than the last; Clip with bounds that cross or are
missing; half precision.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from numbann import reference

node = pytest.importorskip("onnx.backend.test.case.node")

TWINS: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "Atan": (reference.arctan, ("atan", "atan_example")),
    "Celu": (functools.partial(reference.celu, alpha=2.0), ("celu",)),
    "Clip": (functools.partial(reference.hard_tanh, min_val=-1.0, max_val=1.0), ("clip", "clip_example")),
    "Elu": (reference.elu, ("elu_default",)),
    "Exp": (reference.exponential, ("exp", "exp_example")),
    "Gelu": (reference.gelu, ("gelu_default_1", "gelu_default_2")),
    "Gelu by tanh": (reference.gelu_tanh, ("gelu_tanh_1", "gelu_tanh_2")),
    "HardSwish": (reference.hard_silu, ("hardswish",)),
    "LeakyRelu": (reference.leaky_relu, ("leakyrelu_default",)),
    "LogSoftmax": (reference.log_softmax, ("logsoftmax_example_1", "logsoftmax_large_number")),
    "Mish": (reference.mish, ("mish",)),
    "Relu": (reference.relu, ("relu",)),
    "Selu": (reference.selu, ("selu_default",)),
    "Shrink, hard": (functools.partial(reference.hard_shrink, lambd=1.5), ("shrink_hard",)),
    "Shrink, soft": (functools.partial(reference.soft_shrink, lambd=1.5), ("shrink_soft",)),
    "Sigmoid": (reference.sigmoid, ("sigmoid", "sigmoid_example")),
    "Sin": (reference.sine, ("sin", "sin_example")),
    "Softmax": (reference.softmax, ("softmax_example", "softmax_large_number")),
    "Softplus": (reference.softplus, ("softplus", "softplus_example")),
    "Softsign": (reference.softsign, ("softsign", "softsign_example")),
    "Swish": (reference.silu, ("swish",)),
    "Tanh": (reference.tanh, ("tanh", "tanh_example")),
    "ThresholdedRelu": (reference.threshold, ("thresholdedrelu_default",)),
}


@functools.cache
def cases() -> dict[str, Any]:
    """Every operator test by name: its first input and its output."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = node.collect_testcases(None)
    return {case.name: case for case in found}


@pytest.mark.parametrize("operator", TWINS)
def test_operator(operator: str) -> None:
    twin, names = TWINS[operator]
    for name in names:
        inputs, outputs = cases()[f"test_{name}"].data_sets[0]
        got = twin(np.asarray(inputs[0], np.float64))
        np.testing.assert_allclose(got, outputs[0], rtol=1e-5, atol=1e-6, err_msg=name)
