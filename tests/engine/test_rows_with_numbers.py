"""Activations of whole rows with trained parameters, one a unit or one a layer, and with noise."""

from __future__ import annotations

from collections.abc import Callable
from math import exp
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
from differences import check_gradient
from networks import make_engine, make_plan, same_tensors, train_alike

import numbann
from numbann import Learnable, Positive, activation, learnable, row_dot, row_max, row_sum
from numbann.components.built_in import built_in
from numbann.components.component import Origin
from numbann.components.declare import freeze
from numbann.errors import PluginError
from numbann.kernels.components import array_functions
from numbann.testing import findings_of


@activation(form="row")
def tempered(z, a, scale: Annotated[float, learnable(shared=True, low=0.1)] = 1.2, shift: Learnable = 0.1):
    """Tempered: softmax of scale z + shift, a scale for the layer and a shift for each unit."""
    for k in range(len(z)):
        a[k] = scale * z[k] + shift[k]
    largest = row_max(a)
    for k in range(len(z)):
        a[k] = exp(a[k] - largest)
    total = row_sum(a)
    for k in range(len(z)):
        a[k] = a[k] / total


@tempered.backward
def tempered_backward(z, a, da, dz, dscale, dshift, scale):
    mean = row_dot(a, da)
    for k in range(len(z)):
        dshift[k] = a[k] * (da[k] - mean)
    for k in range(len(z)):
        dscale[k] = dshift[k] * z[k]
        dz[k] = dshift[k] * scale


@activation(form="row")
def shaken_norm(z, a, u, width: Positive = 0.4, gain: Learnable = 1.0):
    """Shaken norm: gain z / sqrt(1 + z'z) times a factor between 1 - width / 2 and 1 + width / 2."""
    length = (1 + row_dot(z, z)) ** -0.5
    for k in range(len(z)):
        a[k] = gain[k] * z[k] * length * (1 + width * (u[k] - 0.5))


@shaken_norm.backward
def shaken_norm_backward(z, a, u, da, dz, dgain, width, gain):
    length = (1 + row_dot(z, z)) ** -0.5
    for k in range(len(z)):
        dgain[k] = da[k] * length * (1 + width * (u[k] - 0.5))
    for k in range(len(z)):
        dz[k] = dgain[k] * gain[k]
    along = row_dot(dz, z) * length * length
    for k in range(len(z)):
        dgain[k] = dgain[k] * z[k]
        dz[k] -= along * z[k]


@pytest.fixture
def registry() -> Any:
    made = built_in().copy()
    for function in (tempered, shaken_norm):
        made.register(freeze(function), Origin("a test", "", ""))
    return made


@pytest.mark.parametrize("function", [tempered, shaken_norm])
def test_they_pass_the_checks(function: Any) -> None:
    found = findings_of(freeze(function))
    assert not [str(finding) for finding in found if finding.state != "passed"]
    assert "right at " in next(finding.message for finding in found if finding.check == "gradient")


def test_gradients(registry: Any) -> None:
    made = make_plan([3, 21, 5, 2], "tempered", registry=registry)
    assert [made.tensors[f"layers.0.activation.{name}"] for name in ("scale", "shift")] == [(1,), (21,)]
    check_gradient(made)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("batch", "rows"), [(7, 23), (1100, 2300)])
@pytest.mark.parametrize("name", ["tempered", "shaken_norm"])
def test_any_number_of_threads_gives_the_same_bytes(
    name: str, batch: int, rows: int, dtype: str, registry: Any
) -> None:
    options: dict[str, Any] = {"batch": batch, "dtype": dtype, "registry": registry, "clip_norm": 1.0}
    made = make_plan([70, 70, 21, 5], name, "mse", "adam", between=[{"dropout": 0.2}], **options)
    train_alike(made, rows)


def test_noise_is_of_training_alone(registry: Any) -> None:
    """Two epochs draw other numbers, predictions none; without the width nothing depends on it."""
    made = make_plan([3, 21, 2], "shaken_norm", "mse", registry=registry)
    engine, x, _ = make_engine(made, 9)
    with engine:
        losses = [engine.epoch(k, np.zeros(1)) for k in range(2)]
        z = x @ (w := engine.parameters())["layers.0.weight"] + w["layers.0.bias"]
        a = z / np.sqrt(1 + (z * z).sum(axis=1, keepdims=True))
        np.testing.assert_allclose(engine.predict(x), a @ w["layers.1.weight"] + w["layers.1.bias"], rtol=1e-12)
    assert losses[0] != losses[1]


def test_as_functions_of_arrays() -> None:
    """There all units have the same numbers, and noise its mean."""
    forward, backward = array_functions(freeze(shaken_norm)).values()
    z, da = np.random.default_rng(0).standard_normal((2, 4, 5))
    a = forward(z, gain=2.0)
    np.testing.assert_allclose(a, 2 * z / np.sqrt(1 + (z * z).sum(axis=1, keepdims=True)))
    step = 1e-6 * np.eye(5)[2]
    slope = ((forward(z + step, gain=2.0) - forward(z - step, gain=2.0)) * da).sum(axis=1) / 2e-6
    dz, _ = backward(da, z, a, gain=2.0)
    np.testing.assert_allclose(dz[:, 2], slope, rtol=1e-6)


def test_a_backward_must_fill_them() -> None:
    @activation(form="row")
    def forgets(z, a, alpha: Learnable = 0.5):
        for k in range(len(z)):
            a[k] = alpha[k] * z[k]

    @forgets.backward
    def back(da, dz, alpha):
        for k in range(len(dz)):
            dz[k] = alpha[k] * da[k]

    with pytest.raises(PluginError, match="'alpha' is trained: its backward takes 'dalpha', a row, and fills it"):
        freeze(forgets)


def test_in_a_run(write_spec: Callable[..., Path], here: Path) -> None:
    """Trained at once and with a pause it is the same; the model has its source."""
    source = Path(__file__).read_text().partition("@activation")[2].partition("@activation")[0]
    head = (
        "from math import exp\nfrom typing import Annotated\n"
        "from numbann import Learnable, activation, hookimpl, learnable, row_dot, row_max, row_sum\n\n\n@activation"
    )
    hook = "\n\n@hookimpl\ndef numbann_register(register):\n    register(tempered)\n"
    (here / "tempered.py").write_text(head + source + hook)
    model = {"layers": [{"units": 8, "activation": "tempered"}]}
    whole = numbann.train(write_spec(model=model, plugins=["tempered.py"]), output="whole")
    part = numbann.train(write_spec(model=model, plugins=["tempered.py"], train={"epochs": 2}), output="part")
    part = numbann.resume(part.path, epochs=4, plugins=["tempered.py"])
    one, other = numbann.load(whole.path, plugins=["tempered.py"]), numbann.load(part.path, trust=True)
    assert same_tensors(one.tensors, other.tensors)
    assert one.tensors["layers.0.activation.scale"] != 1.2
