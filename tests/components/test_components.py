"""The mathematics of every registered component as plain Python in double precision: twins, NaN, schema.

Derivatives are checked in tests/testing; compiled, the same mathematics is tested in tests/kernels and tests/engine.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import reference
from variants import size_of, variants

from numbann.components.built_in import built_in
from numbann.components.component import Component, arguments_of
from numbann.components.declare import activation, freeze, initializer, loss, metric, optimizer, schedule
from numbann.components.parameter import Fraction, Learnable, NonNegative, Numbers, Positive, learnable
from numbann.derivation import derivative_of
from numbann.derivation.outputs import rows_of
from numbann.errors import PluginError

GRID = np.concatenate([np.linspace(-30, 30, 241), [-1e-3, 1e-3, -1e-9, 1e-9]])


def call(function: Callable[..., Any], **given: Any) -> Any:
    """Call a function with those of the given arguments that it asks for."""
    return function(**{name: value for name, value in given.items() if name in arguments_of(function)})


# ---- activations


@pytest.mark.parametrize(("component", "values"), variants("activation", "elementwise"))
def test_activation_is_its_twin(component: Component, values: dict[str, float]) -> None:
    parameters = {**component.defaults(), **values}
    got = [call(component.function, z=float(z), **parameters) for z in GRID]
    expected = getattr(reference, component.name)(GRID, **values)
    size = np.maximum(np.abs(expected), size_of(component, GRID, values))
    assert (np.abs(got - expected) <= 1e-13 * size + np.finfo("f8").tiny).all()


@pytest.mark.parametrize(("component", "values"), variants("activation", "elementwise"))
def test_activation_passes_nan(component: Component, values: dict[str, float]) -> None:
    assert math.isnan(component.function(math.nan, **values))


@pytest.mark.parametrize(("component", "values"), variants("activation", "row"))
@pytest.mark.parametrize("width", [1, 2, 7])
def test_row_activation_is_its_twin(component: Component, values: dict[str, float], width: int) -> None:
    assert component.backward is not None
    random = np.random.default_rng(width)
    z, da = random.normal(0, 3, (1, width)), random.standard_normal((1, width))
    a, dz = np.empty_like(z), np.empty_like(z)
    call(component.function, z=z[0], a=a[0], **component.defaults())
    call(component.backward, z=z[0], a=a[0], da=da[0], dz=dz[0], **component.defaults())
    np.testing.assert_allclose(a, getattr(reference, component.name)(z, **values), rtol=1e-12, atol=1e-14)
    expected = getattr(reference, f"{component.name}_backward")(da, z, a, **values)
    np.testing.assert_allclose(dz, expected, rtol=1e-12, atol=1e-15)


# ---- losses


@pytest.mark.parametrize(("component", "values"), variants("loss", "elementwise"))
def test_loss_is_its_twin(component: Component, values: dict[str, float]) -> None:
    for t in (0.0, 0.3, 1.0):
        expected, dy = getattr(reference, component.name)(GRID[:, None], np.full((len(GRID), 1), t), **values)
        parameters = {**component.defaults(), **values}
        value = [component.function(float(y), t, **values) for y in GRID]
        derivative = [call(derivative_of(component), y=float(y), t=t, **parameters) for y in GRID]
        np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(derivative, dy[:, 0], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("component", "values"), variants("loss", "elementwise"))
def test_loss_passes_nan(component: Component, values: dict[str, float]) -> None:
    assert math.isnan(component.function(math.nan, 0.5, **values))


@pytest.mark.parametrize(("component", "values"), [*variants("loss", "row"), *variants("loss", "outputs")])
@pytest.mark.parametrize("width", [1, 2, 7])
def test_row_loss_is_its_twin(component: Component, values: dict[str, float], width: int) -> None:
    component = rows_of(component)
    random = np.random.default_rng(width)
    y = random.normal(0, 3, (1, width * component.traits["outputs"]))
    t, label = random.dirichlet(np.ones(width + 1), 1)[:, :width].repeat(max(1, len(component.columns)), 1), width // 2
    dy, target = np.empty_like(y), np.array([label]) if "label" in component.roles else t
    parameters = {**component.defaults(), **values}
    value = call(component.function, y=y[0], t=t[0], label=label, dy=dy[0], **parameters)
    expected, expected_dy = getattr(reference, component.name)(y, target, **values)
    assert value == pytest.approx(expected[0], rel=1e-12, abs=1e-15)
    np.testing.assert_allclose(dy, expected_dy, rtol=1e-11, atol=1e-13)


# ---- optimizers


@pytest.mark.parametrize(("component", "values"), variants("optimizer", "elementwise"))
def test_optimizer_is_its_twin(component: Component, values: dict[str, Any]) -> None:
    random = np.random.default_rng(0)
    parameters = {**component.defaults(), **values}
    got = expected = (1.0, *[0.0] * len(component.states))
    for step in range(1, 31):
        g = random.standard_normal()
        counted = {"step": step} if "step" in component.roles else {}
        states, others = (dict(zip(component.states, row[1:], strict=True)) for row in (got, expected))
        got = call(component.function, w=got[0], g=g, **states, **parameters, **counted)
        expected = getattr(reference, f"{component.name}_step")(expected[0], g, **others, **counted, **values)
        np.testing.assert_allclose(got, expected, rtol=1e-9)


TORCH: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {}),
    "momentum": ("SGD", {"momentum": 0.9}),
    "nesterov": ("SGD", {"momentum": 0.9, "nesterov": True}),
    "adagrad": ("Adagrad", {}),
    "adadelta": ("Adadelta", {}),
    "rmsprop": ("RMSprop", {}),
    "adam": ("Adam", {}),
    "adamw": ("AdamW", {}),
    "adamax": ("Adamax", {}),
    "nadam": ("NAdam", {}),
    "radam": ("RAdam", {}),
    "rprop": ("Rprop", {}),
}


@pytest.fixture
def torch() -> Any:
    """PyTorch, which keeps its products of scalars in the default precision."""
    torch = pytest.importorskip("torch")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield torch
    torch.set_default_dtype(before)


@pytest.mark.parametrize("name", TORCH)
def test_optimizer_is_that_of_pytorch(name: str, torch: Any) -> None:
    component, random = built_in().get("optimizer", name), np.random.default_rng(1)
    kind, extra = TORCH[name]
    weight = torch.ones(1, dtype=torch.float64, requires_grad=True)
    other = getattr(torch.optim, kind)([weight], lr=component.defaults()["learning_rate"], **extra)
    got = (1.0, *[0.0] * len(component.states))
    for step in range(1, 31):
        g = random.standard_normal()
        weight.grad = torch.full((1,), g, dtype=torch.float64)
        other.step()
        states = dict(zip(component.states, got[1:], strict=True))
        got = call(component.function, w=got[0], g=g, step=step, **states, **component.defaults())
        assert got[0] == pytest.approx(weight.item(), rel=1e-12)


# ---- what every component has


@pytest.mark.parametrize(
    "component", [pytest.param(each.component, id=each.component.name) for each in built_in().entries()]
)
def test_component_is_documented_and_its_parts_fit(component: Component) -> None:
    assert re.match(r"[A-Z][^:]*: .*\S$", component.summary), "a docstring begins as `Name: formula`"
    for part in (component.derivative, component.backward):
        if part is not None:
            known = {*component.defaults(), "z", "u", "a", "y", "t", "da", "dz"}
            assert set(arguments_of(part)) <= known


def test_a_decorated_name_stays_a_function() -> None:
    @activation(aliases=("twice",))
    def doubled(z: float, alpha: NonNegative = 2.0) -> float:
        """Doubled: a = alpha z."""
        return alpha * z

    assert doubled(3.0) == 6.0
    component = freeze(doubled)
    assert (component.kind, component.name, component.aliases) == ("activation", "doubled", ("twice",))
    assert component.roles == ("z",)
    assert component.defaults() == {"alpha": 2.0}
    assert component.parameters[0].type is float
    assert component.summary == "Doubled: a = alpha z."


def test_states_are_the_arguments_that_are_neither_role_nor_parameter() -> None:
    @optimizer(optional={"buffer": "momentum"})
    def descent(w, g, buffer, step, other, learning_rate: float = 0.1, momentum: float = 0.0):
        return w, buffer, other

    component = freeze(descent)
    assert component.states == ("buffer", "other")
    assert component.roles == ("w", "g", "step", "learning_rate")
    assert component.configured().stored_states == ("other",)
    assert component.configured(momentum=0.5).stored_states == ("buffer", "other")


def test_an_unknown_parameter_names_the_known_ones() -> None:
    with pytest.raises(PluginError, match=r"activation elu: unknown parameter 'beta' \(its parameters: alpha\)"):
        built_in().get("activation", "elu").configured(beta=1.0)


def _no_default(z, beta):
    return z


def _default_of_a_role(z=0.0):
    return z


def _text(z, alpha: str = "a"):
    return z


def _several(z, alpha: Numbers = (1.0,)):
    return z


def _both(y, dy, t, label):
    return 0.0


def _slope(z, a: float = 1.0):
    return a * z


def _outputs(dy, other, t):
    return dy + other - t


def _type(epoch, type: float = 1.0):
    return type


@pytest.mark.parametrize(
    ("declare", "reason"),
    [
        (lambda: activation(_no_default), r"argument 'beta' is neither a role \(z, u\) nor a parameter"),
        (lambda: activation(_default_of_a_role), "'z' is a role that core fills; it cannot have a default"),
        (lambda: activation(_slope), "'a' has another meaning in activation components; choose another name"),
        (lambda: loss(_outputs), "'dy' has another meaning in loss components; choose another name"),
        (lambda: schedule(_type), "'type' has another meaning in schedule components"),
        (lambda: activation(_several), "parameter 'alpha' must be float, int or bool"),
        (lambda: activation(_text), "parameter 'alpha' must be float, int or bool"),
        (lambda: activation(form="row")(lambda z, a: None), "a row activation needs its backward"),
        (lambda: activation(form="column")(lambda z: z), "activation has no form 'column'"),
        (lambda: activation(colour="red")(lambda z: z), "@activation has no trait 'colour'"),
        (lambda: loss(form="row")(_both), "a row loss asks for `t` or for `label`, not for both"),
        (lambda: loss(target="unreal")(lambda y, t: y), "target 'unreal' is unknown"),
        (lambda: optimizer(optional={"m": "beta"})(lambda w, g: w), r"must map a state to a parameter of it"),
        (lambda: math.sin, "not a component"),
    ],
)
def test_refusals(declare: Callable[[], Any], reason: str) -> None:
    with pytest.raises(PluginError, match=reason):
        freeze(declare())


def _lr(w, g, lr: float = 0.1):
    return w - lr * g


def _grad(w, grad):
    return w - grad


def _starred(*z):
    return z


def _unknown_annotation(z, alpha: Flaot = 1.0):  # type: ignore[name-defined]  # noqa: F821
    return alpha * z


def _tuple(z, alpha: Positive = (1.0,)):  # type: ignore[assignment]
    return alpha * z


def _text_for_a_number(z, alpha: Learnable = "0.25"):  # type: ignore[assignment]
    return alpha * z


def _whole(z, k: int = True):
    return z


def _no_tuple(epoch, milestones: Numbers = 25.0):  # type: ignore[assignment]
    return 1.0


def _out_of_bounds(z, alpha: Fraction = 2.0):
    return alpha * z


MEANT = [
    (lambda: optimizer(_grad), "'grad' seems to mean the role 'g': write g, or another name for a state"),
    (lambda: optimizer(_lr), "parameter 'lr' seems to mean 'learning_rate', which core owns"),
    (lambda: schedule(lambda epcoh, epochs: epcoh), "'epcoh' seems to mean the role 'epoch'"),
    (
        lambda: metric(lambda y_true, value: value),
        "'y_true' seems to mean the role 't': write t, or another name for an ",
    ),
    (lambda: metric(lambda t, valeu: valeu), "'valeu' seems to mean the role 'value'"),
    (lambda: loss(lambda y_pred, t: y_pred), "'y_pred' seems to mean the role 'y'"),
    (lambda: activation(lambda x: x), "'x' seems to mean the role 'z': write z"),
    (lambda: initializer(lambda shape, rng: rng), "'rng' seems to mean the role 'random'"),
]
RAW = [  # which Python alone would say in its own words, or not at all
    (lambda: activation(_starred), r"\*z is passed by its name; leave out \*, \*\* and /"),
    (lambda: activation(_unknown_annotation), "an annotation or the signature fails: name 'Flaot' is not defined"),
    (lambda: activation(_out_of_bounds), "alpha = 2.0 by default, and must be below 1"),
    (lambda: activation(_tuple), r"alpha = \(1.0,\) by default, and must be float"),
    (lambda: activation(_text_for_a_number), "alpha = '0.25' by default, and must be float"),
    (lambda: activation(_whole), "k = True by default, and must be int"),
    (lambda: schedule(_no_tuple), "milestones = 25.0 by default, and must be a tuple of numbers"),
    (lambda: activation(aliases="twice")(lambda z: z), r"aliases='twice': give a list, \('twice',\)"),
    (lambda: optimizer(optional="m")(lambda w, g, m: w), "optional='m': give a dict, with a state as each key"),
    (lambda: optimizer(form="matrix", shapes=["m"])(lambda w, g, m: w), r"shapes=\['m'\]: give a dict"),
    (lambda: loss(target=["a", "b"])(lambda mean, a, b: mean), r"target=\['a', 'b'\]: give a name, or a dict"),
    (lambda: loss(target={"high": "above"})(lambda mean, high: mean), 'target "above" is for a column of several'),
    (lambda: loss(lambda mean, t: mean).gives(lambda mean: mean), r"name what it gives, as in @<lambda>.gives\(mean="),
    (lambda: learnable(share=True), r"learnable has no 'share'; did you mean \"shared\"\?"),
    (lambda: learnable(low="0"), r"learnable\(low='0'\): give a number"),
]


@pytest.mark.parametrize(("declare", "reason"), [*MEANT, *RAW])
def test_misspelt_roles_and_raw_mistakes(declare: Callable[[], Any], reason: str) -> None:
    with pytest.raises(PluginError, match=reason):
        freeze(declare())


@pytest.mark.parametrize("width", [0, -1, None, [2], "0.5", "k"])
def test_widths_that_are_none(width: Any) -> None:
    """Also the name of a parameter that is 0."""
    function = activation(form="row", width=width)(lambda z, a, k=0: None)
    function.backward(lambda dz: None)
    with pytest.raises(PluginError, match="or the name of a whole-number parameter that is above 0"):
        freeze(function)


def test_refusals_name_file_and_line() -> None:
    with pytest.raises(PluginError, match=r"test_components\.py:\d+"):
        freeze(activation(lambda z, beta: z))


def test_a_derivative_of_no_learnable_parameter_is_refused() -> None:
    @activation
    def bent(z, alpha: Learnable = 0.25, beta: float = 1.0):
        return alpha * z

    bent.derivative("beta")(lambda z: z)
    with pytest.raises(PluginError, match=r"derivative\('beta'\) is of no learnable parameter"):
        freeze(bent)


def test_registering_freezes() -> None:
    @activation
    def plain(z):
        return z

    freeze(plain)
    with pytest.raises(PluginError, match="registered already"):
        plain.derivative(lambda z: 1)
