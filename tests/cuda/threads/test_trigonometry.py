"""sin, cos and tan on a GPU or in its simulator: units in the last place, for arguments of any size."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba_cuda")

from numbann.cuda.threads import trigonometry
from numbann.cuda.threads.device import SIMULATED, cuda, kernel, launcher

pytestmark = [
    pytest.mark.skipif(not SIMULATED and not cuda.is_available(), reason="needs a GPU or its simulator"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # of NumPy in the simulator: integers that wrap around
]

# pi to 60 digits, which is enough to reduce the largest number of single precision
PI = Fraction(3141592653589793238462643383279502884197169399375105820974944, 10**60)


def exact(name: str, x: float) -> float:
    """The function of a number, from what is left of it after whole quarters of the circle."""
    quarter = round(Fraction(x) / (PI / 2))
    rest = float(Fraction(x) - quarter * PI / 2)
    s, c = math.sin(rest), math.cos(rest)
    s, c = [(s, c), (c, -s), (-s, -c), (-c, s)][quarter % 4]
    return {"sin": s, "cos": c, "tan": s / c if c else math.inf}[name]


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_units_in_the_last_place(name: str) -> None:
    random = np.random.default_rng(0)
    sizes = np.exp(random.uniform(-20, 88, 300)) * random.choice([-1, 1], 300)
    x = np.concatenate([random.normal(0, 3, 200), sizes, np.arange(-50, 50) * np.pi / 2, [3.4e38, 0.785, 22, 710]])
    got = values(name, x.astype(np.float32))
    expected = np.array([exact(name, float(one)) for one in x.astype(np.float32)])
    unit = np.spacing(np.maximum(np.abs(expected), 1e-37).astype(np.float32)).astype(np.float64)
    assert (np.abs(got - expected) / unit).max() <= 4


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_what_is_not_finite_gives_nan(name: str) -> None:
    assert np.isnan(values(name, np.float32([np.nan, np.inf, -np.inf]))).all()


def values(name: str, x: np.ndarray) -> np.ndarray:
    """A function of each number."""
    function: Any = getattr(trigonometry, name)

    @kernel
    def each(x, y):
        for i in range(x.size):
            y[i] = function(x[i])

    y = cuda.device_array(x.size, np.float32)
    launcher(each, 1, 1)(cuda.to_device(x), y)
    return y.copy_to_host()
