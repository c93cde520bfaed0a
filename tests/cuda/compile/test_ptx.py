"""Every registered component compiled to PTX, which is the check of types that the simulator is not.  No GPU is needed.

In single precision no instruction may touch a number of double precision.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("numba_cuda")

from rows_of_all_shapes import FUNCTIONS, component_of

from numbann.components.built_in import built_in
from numbann.components.component import Component
from numbann.components.declare import activation, freeze, loss
from numbann.cuda.compile.components import double_precision, ptx
from numbann.cuda.threads.device import CAPABILITIES, SIMULATED, assemble
from numbann.errors import PluginError

pytestmark = pytest.mark.skipif(SIMULATED, reason="the simulator compiles nothing")

KINDS = ("activation", "loss", "optimizer")
FORMS = ("elementwise", "row")
COMPONENTS = [
    pytest.param(entry.component, id=entry.component.name)
    for kind in KINDS
    for entry in built_in().entries(kind)
    if entry.component.form in FORMS
]


@pytest.mark.parametrize("component", COMPONENTS)
def test_single_precision_for_every_capability(component: Component) -> None:
    for major, minor in CAPABILITIES:
        for name, text in ptx(component.configured(), "float32", (major, minor)).items():
            assert re.search(rf"^\.target sm_{major}{minor}\b", text, re.MULTILINE)
            assert double_precision(text) == [], name
            assert ".entry" in text


def test_rows_of_all_shapes() -> None:
    for function in FUNCTIONS:
        for text in ptx(component_of(function).configured(), "float32", (8, 0)).values():
            assert double_precision(text) == []


@pytest.mark.parametrize(("kind", "name"), [("activation", "softmax"), ("loss", "huber"), ("optimizer", "adam")])
def test_double_precision(kind: str, name: str) -> None:
    for text in ptx(built_in().get(kind, name).configured(), "float64", CAPABILITIES[0]).values():
        assert double_precision(text)


@pytest.mark.parametrize(
    ("name", "values"),
    [("adam", {"amsgrad": True}), ("rmsprop", {"centered": True, "momentum": 0.9}), ("sgd", {"momentum": 0.9})],
)
def test_states_that_a_parameter_asks_for(name: str, values: dict[str, Any]) -> None:
    (text,) = ptx(built_in().get("optimizer", name).configured(**values), "float32", (8, 0)).values()
    assert double_precision(text) == []


def test_a_number_of_double_precision_is_named() -> None:
    @activation
    def ratio(z):
        """Ratio: two truths divided have double precision."""
        return (z > 0) / (z < 5)

    @ratio.derivative
    def ratio_derivative(z):
        return 0.0

    with pytest.raises(PluginError, match=r"activation ratio: '.*' is computed in float64, not in float32"):
        ptx(freeze(ratio).configured(), "float32", (8, 0))


def test_what_does_not_compile_is_said_of_the_component() -> None:
    @loss
    def wrong(y, t):
        """Wrong: the length of a number."""
        return len(y) - t

    @wrong.derivative
    def wrong_derivative(y, t):
        return 1.0

    with pytest.raises(PluginError, match="loss wrong: does not compile for cuda: "):
        ptx(freeze(wrong).configured(), "float32", (8, 0))


def test_registers_and_spills() -> None:
    (text,) = ptx(built_in().get("optimizer", "adam").configured(), "float32", (8, 0)).values()
    found = assemble(text, (8, 0))
    if found is None:
        pytest.skip("no nvJitLink here")
    assert 8 <= found["registers"] <= 64
    assert found["spills"] == 0
