"""Activations that change the width of a row: gated linear units, maxout, concatenated relu."""

from __future__ import annotations

from collections.abc import Callable
from math import exp
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
from annotated_types import Ge
from differences import check_gradient
from networks import make_engine, make_plan, same_tensors, train_alike

import numbann
from numbann import Learnable, activation, learnable
from numbann.components.built_in import built_in
from numbann.components.component import Origin
from numbann.components.declare import freeze
from numbann.errors import PluginError, ShapeError, SpecError
from numbann.kernels.components import array_functions
from numbann.network.description import Dense, Network
from numbann.network.plan import build
from numbann.testing import findings_of


@activation(form="row", width=0.5)
def glu(z, a):
    """Gated linear unit: a_k = z_k sigmoid(z_{k + n}), n half of the units.  Dauphin et al. 2016, arXiv:1612.08083."""
    for k in range(len(a)):
        a[k] = z[k] / (1 + exp(-z[k + len(a)]))


@glu.backward
def glu_backward(z, da, dz):
    for k in range(len(da)):
        gate = 1 / (1 + exp(-z[k + len(da)]))
        dz[k] = da[k] * gate
        dz[k + len(da)] = da[k] * z[k] * gate * (1 - gate)


@activation(form="row", width="group", init="he_normal")
def maxout(z, a, group: Annotated[int, Ge(1)] = 3):
    """Maxout: the largest of each group of units.  Goodfellow et al. 2013, arXiv:1302.4389."""
    for k in range(len(a)):
        a[k] = z[k * group]
        for j in range(1, group):
            other = z[k * group + j]
            a[k] = other if other > a[k] or other != other else a[k]


@maxout.backward
def maxout_backward(z, a, da, dz, group):
    for k in range(len(da)):
        for j in range(group):
            dz[k * group + j] = da[k] if z[k * group + j] == a[k] else 0


@activation(form="row", width=2, init="he_normal")
def crelu(z, a):
    """Concatenated relu: max(z, 0), then max(-z, 0).  Shang, Sohn, Almeida and Lee 2016, arXiv:1603.05201."""
    for k in range(len(z)):
        a[k] = 0 if z[k] < 0 else z[k]
        a[k + len(z)] = 0 if z[k] > 0 else -z[k]


@crelu.backward
def crelu_backward(z, da, dz):
    for k in range(len(z)):
        dz[k] = da[k] if z[k] > 0 else -da[k + len(z)]


@activation(form="row", width=0.5)
def gained(z, a, gain: Annotated[float, learnable(shared=True)] = 1.3, own: Learnable = 0.7):
    """Gained: gain own_k z_k sigmoid(own_{k + n} z_{k + n}): rows of trained numbers are as long as z."""
    for k in range(len(a)):
        a[k] = gain * own[k] * z[k] / (1 + exp(-own[k + len(a)] * z[k + len(a)]))


@gained.backward
def gained_backward(z, da, dz, dgain, down, gain, own):
    for k in range(len(da)):
        other = k + len(da)
        gate = 1 / (1 + exp(-own[other] * z[other]))
        slope = da[k] * gain * own[k] * z[k] * gate * (1 - gate)
        dz[k], dz[other] = da[k] * gain * own[k] * gate, slope * own[other]
        down[k], down[other] = da[k] * gain * z[k] * gate, slope * z[other]
        dgain[k], dgain[other] = da[k] * own[k] * z[k] * gate, 0


SIZES = {"glu": (42, 10), "gained": (42, 10), "maxout": (63, 9), "crelu": (21, 5)}


@pytest.fixture
def registry() -> Any:
    made = built_in().copy()
    for function in (glu, maxout, crelu, gained):
        made.register(freeze(function), Origin("a test", "", ""))
    return made


@pytest.mark.parametrize("function", [glu, maxout, crelu, gained])
def test_they_pass_the_checks(function: Any) -> None:
    found = findings_of(freeze(function))
    assert not [str(finding) for finding in found if finding.failed]


@pytest.mark.parametrize("name", SIZES)
def test_gradients(name: str, registry: Any) -> None:
    made = make_plan([3, *SIZES[name], 2], name, registry=registry, between=[{"norm": "layer"}])
    width = {"glu": 21, "gained": 21, "maxout": 21, "crelu": 42}[name]
    assert made.layers[0].width == made.layers[1].inputs == width
    assert made.tensors["layers.1.weight"] == (width, SIZES[name][1])
    assert f"{SIZES[name][0]} to {width} -> " in str(made)
    check_gradient(made)


def test_gradients_of_a_residual_connection(registry: Any) -> None:
    between = [{}, {"residual": True, "norm": "layer"}]
    check_gradient(make_plan([3, 14, 14, 2], "glu", registry=registry, between=between))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("batch", "rows"), [(7, 23), (1100, 2300)])
@pytest.mark.parametrize("name", SIZES)
def test_any_number_of_threads_gives_the_same_bytes(
    name: str, batch: int, rows: int, dtype: str, registry: Any
) -> None:
    options: dict[str, Any] = {"batch": batch, "dtype": dtype, "registry": registry, "clip_norm": 1.0}
    made = make_plan([70, *SIZES[name], 5], name, "mse", "adam", between=[{"dropout": 0.2}], **options)
    train_alike(made, rows)


@pytest.mark.parametrize("rows", [1, 9, 40])
def test_predictions_are_those_of_numpy(rows: int, registry: Any) -> None:
    engine, x, _ = make_engine(make_plan([5, 34, 3], "glu", registry=registry), rows)
    with engine:
        w = engine.parameters()
        z = x @ w["layers.0.weight"] + w["layers.0.bias"]
        a = z[:, :17] / (1 + np.exp(-z[:, 17:]))
        np.testing.assert_allclose(engine.predict(x), a @ w["layers.1.weight"] + w["layers.1.bias"], rtol=1e-10)


# ---- what is refused


def test_units_that_cannot_be_cut(registry: Any) -> None:
    with pytest.raises(PluginError, match="makes 1 of 3 numbers; give a multiple of 3 units, not 64"):
        make_plan([3, 64, 2], "maxout", registry=registry)
    with pytest.raises(PluginError, match="changes the width of rows; it has no function for arrays"):
        array_functions(freeze(glu))
    get = registry.configured
    parts = {"loss": get("loss", "mse"), "optimizer": get("optimizer", "adam"), "link": get("activation", "glu")}
    network = Network(inputs=2, layers=(Dense(2),), **parts)
    with pytest.raises(ShapeError, match="link glu: changes the number of outputs"):
        build(network)


def test_declarations_that_are_wrong() -> None:
    def half(z):
        return z

    with pytest.raises(PluginError, match=r'width=0\.5 is for form="row"'):
        freeze(activation(width=0.5)(half))
    for width in ("groups", 0, -1, 0.3333):

        @activation(form="row", width=width)
        def wrong(z, a, group: float = 2.0):
            pass

        wrong.backward(half)
        with pytest.raises(PluginError, match=r"give a number such as 0\.5 or 2, or the name of a whole-number"):
            freeze(wrong)


def test_in_a_run(write_spec: Callable[..., Path], here: Path) -> None:
    """Trained at once and with a pause it is the same; the model has its source; faults name the layer."""
    source = (
        Path(__file__).read_text().partition("@activation")[2].partition('@activation(form="row", width="group"')[0]
    )
    head = "from math import exp\nfrom numbann import activation, hookimpl\n\n\n@activation"
    hook = "\n\n@hookimpl\ndef numbann_register(register):\n    register(glu)\n"
    (here / "gates.py").write_text(head + source + hook)

    def spec(units: int, **others: Any) -> Path:
        layers = [{"units": 8, "activation": "glu"}, {"units": units, "activation": "glu", "residual": units == 8}]
        return write_spec(model={"layers": layers, **others}, plugins=["gates.py"])

    whole = numbann.train(spec(8), output="whole")
    written = spec(8)
    part = numbann.train(written, output="part", overrides={"train.epochs": 2})
    part = numbann.resume(part.path, epochs=4, plugins=["gates.py"])
    one, other = numbann.load(whole.path, plugins=["gates.py"]), numbann.load(part.path, trust=True)
    assert same_tensors(one.tensors, other.tensors)
    assert one.tensors["layers.1.weight"].shape == (4, 8)
    rows = np.random.default_rng(0).standard_normal((100, 2))
    np.testing.assert_array_equal(one.predict_proba(rows), other.predict_proba(rows))
    with pytest.raises(SpecError, match=r"model\.layers\[1\]\.units: .* give a multiple of 2 units"):
        numbann.train(spec(7))
    with pytest.raises(SpecError, match=r"does not do the width of gates\.py:glu"):
        numbann.train(spec(8), device="cuda")
    with pytest.raises(SpecError, match=r"glu changes the number of outputs; choose another"):
        numbann.train(spec(6, output_activation="glu"))
