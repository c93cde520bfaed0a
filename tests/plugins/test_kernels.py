"""numbann.kernels.of: kernels of built-in components, plugins, files and decorated functions, in @njit code too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
import reference

import numbann
from numbann import Positive, kernels
from numbann.errors import KernelValueError, RegistryError

Z, DA = np.random.default_rng(0).standard_normal((2, 3, 4))

TEXT = '''"""A plugin for tests."""
from numbann import Learnable, Positive, activation, hookimpl, loss, optimizer


@activation
def own(z, slope: Positive = 0.5, lift: Learnable = 0.25):
    """Own: slope z below 0, and a trained multiple of z."""
    return (slope * z if z < 0 else z) + lift * z


@loss
def own_loss(middle, width, t):
    """Two outputs for each target."""
    return (middle - t) ** 2 + width * width


@own_loss.gives(middle="target")
def own_gives(middle, width):
    return middle


@optimizer
def own_step(w, g, buffer, learning_rate: Positive = 0.5):
    """Own descent: with a state."""
    buffer = 0.5 * buffer + g
    return w - learning_rate * buffer, buffer


@hookimpl
def numbann_register(register):
    for each in (own, own_loss, own_step):
        register(each)
'''


def expected(z: np.ndarray, slope: float, lift: float | np.ndarray) -> np.ndarray:
    """What the plugin's activation gives."""
    return np.where(z < 0, slope * z, z) + lift * z


def check_all(of: Callable[..., Any]) -> None:
    """The kernels of the plugin's components, from Python and from @njit code; of: name, parameters -> kernels."""
    own, own_backward = of("own", slope=0.1)
    own_loss, own_step = of("own_loss"), of("own_step", learning_rate=0.25)

    @numba.njit
    def step(z: Any, da: Any, w: Any, buffer: Any, lift: Any) -> Any:
        a = own(z, 0.1, lift)
        dz, dlift = own_backward(da, z, a, 0.1, lift)
        value, dy = own_loss(a, z[:, :2].copy())
        own_step(w, dz, buffer)
        return own(z), a, dlift, value, dy

    lift, w, buffer = np.arange(4.0), np.ones_like(Z), np.zeros_like(Z)
    plain, a, dlift, value, dy = step(Z, DA, w, buffer, lift)
    np.testing.assert_allclose(own(Z), expected(Z, 0.1, 0.25))
    np.testing.assert_allclose(plain, expected(Z, 0.1, 0.25))
    np.testing.assert_allclose(a, expected(Z, 0.1, lift))
    np.testing.assert_allclose(dlift, (DA * Z).sum(0))
    np.testing.assert_allclose(w, 1 - 0.25 * DA * (np.where(Z < 0, 0.1, 1.0) + lift))
    assert value == pytest.approx(((a[:, :2] - Z[:, :2]) ** 2 + a[:, 2:] ** 2).mean())
    assert own_loss(a, Z[:, :2])[0] == value
    np.testing.assert_allclose(dy[:, 2:], a[:, 2:] / 3)
    with pytest.raises(KernelValueError, match=r"own: slope is -1\.0; give a number > 0"):
        of("own", slope=-1.0)


def test_of_a_file(here: Path) -> None:
    (here / "mine.py").write_text(TEXT)
    check_all(lambda name, **parameters: kernels.of(name, plugins=["mine.py"], **parameters))
    with pytest.raises(RegistryError, match='no component with kernels is named "own"'):
        kernels.of("own")


def test_of_a_distribution(install: Callable[..., Path]) -> None:
    install("numbann-own", TEXT, ("own", "own_loss", "own_step"))
    check_all(lambda name, **parameters: kernels.of(f"numbann-own:{name}", **parameters))
    np.testing.assert_array_equal(kernels.of("own")[0](Z), kernels.of("numbann-own:own")[0](Z))


def test_of_an_initializer_and_a_metric() -> None:
    @numbann.initializer
    def alike(shape, random, layer, x, value: float = 0.5):
        """Alike: one number, and the mean of the inputs."""
        return np.full(shape, value + layer + x.mean())

    @numbann.metric
    def near(t, value, weight, within: Positive = 0.5):
        """Near: the share of rows within a distance."""
        return (weight * (abs(t - value) <= within).all(1)).sum() / weight.sum()

    np.testing.assert_array_equal(kernels.of(alike, value=2.0)((4, 3), 0, 1, Z), np.full((4, 3), 3 + Z.mean()))
    assert kernels.of(near, within=0.2)(np.zeros(3), np.array([0.1, 0.3, 0.1]), np.array([1.0, 1.0, 2.0])) == 0.75
    with pytest.raises(KernelValueError, match=r"near: within is 0\.0; give a number > 0"):
        kernels.of(near, within=0.0)
    assert kernels.of("mae")(Z, Z + 2)[0] == pytest.approx(2)
    assert kernels.of("mae", kind="metric") is not kernels.of("mae")
    assert kernels.of("mae", kind="metric")(Z[0], Z[0] + 2) == pytest.approx(2)


def test_of_a_built_in_component_by_its_alias() -> None:
    swish, swish_backward = kernels.of("swish", beta=2.0)
    np.testing.assert_allclose(swish(Z), reference.silu(Z, 2.0), rtol=1e-12)
    np.testing.assert_allclose(
        swish_backward(DA, Z, swish(Z)), reference.silu_backward(DA, Z, swish(Z), 2.0), rtol=1e-9
    )


def test_what_has_no_kernel() -> None:
    @numbann.schedule
    def falling(epoch):
        """Falling."""
        return 1 / (1 + epoch)

    with pytest.raises(RegistryError, match=r"falling.* has no kernel; those of activation, embedding, loss, opt"):
        kernels.of(falling)
    with pytest.raises(RegistryError, match=r"kind is 'metrics'; give one of activation, embedding, loss"):
        kernels.of("mae", kind="metrics")
    with pytest.raises(RegistryError, match="works on whole matrices and has no kernel"):
        kernels.of("lamb")
