"""Activations with a trained blend: the formula for every activation, training, files, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import reference
from differences import check_gradient
from networks import configured, make_engine, make_plan, same_tensors, train_alike

import numbann
from numbann.components.built_in import built_in
from numbann.components.component import Configured, arguments_of
from numbann.derivation import derivative_of, slopes_of
from numbann.derivation.blend import blend, with_blend
from numbann.errors import PluginError, SpecError

ELEMENTWISE = [one.component for one in built_in().entries("activation") if one.component.form == "elementwise"]


@pytest.mark.parametrize("component", ELEMENTWISE, ids=lambda component: component.name)
def test_the_formula(component: Any) -> None:
    """z + blend (f(z) - z), 1 + blend (f'(z) - 1), blend times each slope, f(z) - z."""
    made = blend(component)
    assert blend(component) is made
    assert made.learnable == (*component.learnable, "blend")
    for z in (-1.7, -0.3, 0.4, 2.2):
        given = {"z": z, "u": 0.25, "blend": 0.7, **component.defaults()}

        def called(function: Any, given: dict[str, Any] = given) -> float:
            return float(function(*(given[name] for name in arguments_of(function))))

        given["a"] = f = called(component.function)
        slope, *slopes = (called(part) for part in (derivative_of(component), *slopes_of(component)))
        assert called(made.function) == pytest.approx(z + 0.7 * (f - z))
        assert called(derivative_of(made)) == pytest.approx(1 + 0.7 * (slope - 1))
        assert [called(part) for part in slopes_of(made)] == pytest.approx([*(0.7 * one for one in slopes), f - z])


@pytest.mark.parametrize("name", ["mish", "prelu", "relu", "tanh", "selu", "gelu"])
def test_gradients(name: str) -> None:
    made = make_plan([3, 70, 2], name, blend=True)
    assert "layers.0.activation.blend" in made.tensors
    check_gradient(made)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ["mish", "prelu", "rrelu"])
@pytest.mark.parametrize(("batch", "rows"), [(7, 23), (1100, 2300)])
def test_any_number_of_threads_gives_the_same_bytes(batch: int, rows: int, activation: str, dtype: str) -> None:
    between = [{"norm": "layer", "dropout": 0.2}, {"residual": True}]
    options: dict[str, Any] = {"optimizer": "adam", "batch": batch, "dtype": dtype, "between": between}
    made = make_plan([70, 70, 70, 5], activation, blend=True, **options)
    assert (train_alike(made, rows)["layers.0.activation.blend"] != 1).all()


def test_predictions_are_those_of_numpy() -> None:
    engine, x, _ = make_engine(make_plan([5, 8, 2], "mish", blend=True), 30)
    with engine:
        one = engine.parameters()
        one["layers.0.activation.blend"] = np.linspace(-1, 2, 8)
        engine.set_parameters(one)
        z = x @ one["layers.0.weight"] + one["layers.0.bias"]
        a = z + one["layers.0.activation.blend"] * (reference.mish(z) - z)
        np.testing.assert_allclose(engine.predict(x), a @ one["layers.1.weight"] + one["layers.1.bias"], rtol=1e-10)


def test_it_is_asked_for_among_the_values() -> None:
    mish = configured("activation", "mish")
    assert with_blend(mish) is mish
    asked = with_blend(Configured(mish.component, {**mish.values, "blend": True}))
    assert asked.values["blend"] == 1.0
    assert with_blend(asked) is asked


def test_whole_rows_take_none() -> None:
    with pytest.raises(PluginError, match="activation softmax: only an activation of single units takes a blend"):
        blend(built_in().get("activation", "softmax"))


# ---- in a spec

BENT = """
from math import sin

from numbann import activation, hookimpl


@activation
def bent(z, rate: float = 2.0):
    '''z + sin(rate z).'''
    return z + sin(rate * z)


@hookimpl
def numbann_register(register):
    register(bent)
"""


def test_a_run_keeps_it_and_goes_on_with_it(write_spec: Callable[..., Path], here: Path) -> None:
    """Of a component of numbann and of a plugin's, and beside the same one without."""
    (here / "bent.py").write_text(BENT)
    kinds = [{"type": "mish", "blend": True}, "mish", {"type": "bent", "rate": 1.5, "blend": True}]
    model = {"layers": [{"units": 8, "activation": kind} for kind in kinds]}
    whole = numbann.train(write_spec(model=model, plugins=["bent.py"]), output="whole")
    part = numbann.train(write_spec(model=model, plugins=["bent.py"], train={"epochs": 2}), output="part")
    part = numbann.resume(part.path, epochs=4, plugins=["bent.py"])
    one, other = numbann.load(whole.path, plugins=["bent.py"]), numbann.load(part.path, trust=True)
    assert sorted(name for name in one.tensors if "activation" in name) == [
        "layers.0.activation.blend",
        "layers.2.activation.blend",
    ]
    assert same_tensors(one.tensors, other.tensors)
    rows = np.random.default_rng(0).standard_normal((100, 2))
    np.testing.assert_array_equal(one.predict_proba(rows), other.predict_proba(rows))
    written = json.loads((whole.path / "spec.resolved.json").read_text())["model"]["layers"]
    assert [layer["activation"].get("blend") for layer in written] == [True, None, True]


def test_as_output_activation(write_spec: Callable[..., Path]) -> None:
    model = {"layers": [], "output_activation": {"type": "tanh", "blend": True}}
    spec = write_spec(data={"target": "sum", "drop": ["colour"]}, loss="mse", model=model)
    run = numbann.train(spec)
    assert "layers.0.activation.blend" in numbann.load(run.path).tensors


def test_a_row_activation_refuses_it(write_spec: Callable[..., Path]) -> None:
    layer = {"units": 3, "activation": {"type": "softmax", "blend": True}}
    with pytest.raises(SpecError) as told:
        numbann.train(write_spec(model={"layers": [layer]}))
    assert "softmax works on whole rows, and blend on single units; leave it out" in str(told.value)


@pytest.mark.parametrize("given", [1, "yes", None])
def test_it_is_true_or_false(write_spec: Callable[..., Path], given: Any) -> None:
    layer = {"units": 3, "activation": {"type": "mish", "blend": given}}
    with pytest.raises(SpecError, match=r"activation\.blend"):
        numbann.train(write_spec(model={"layers": [layer]}))
