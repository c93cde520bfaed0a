"""docs/kernels.md and the stub are what the registry gives, and the examples of the page run."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbann import kernels
from numbann.kernels.components import names_of
from numbann.kernels.host import HOST

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "kernels.md"
ALL = "NUMBANN_TEST_ALL" in os.environ  # runs every example, which compiles every kernel
SOME = ("matmul", "dense_backward", "gelu", "gelu_backward", "softmax", "softmax_cross_entropy", "adam_step")


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "docs" / "make_kernels.py"))


def test_page_and_stub_are_what_the_script_makes(script: dict[str, Any]) -> None:
    assert PAGE.read_text(encoding="utf-8") == script["page"](), "run: python docs/make_kernels.py"
    assert script["STUB"].read_text(encoding="utf-8") == script["stub"](), "run: python docs/make_kernels.py"


def test_every_kernel_is_there(script: dict[str, Any]) -> None:
    assert set(script["examples"]()) == set(dir(kernels)) == set(kernels.__all__)
    assert set(re.findall(r"^def (\w+)", script["stub"](), re.MULTILINE)) == {*dir(kernels), "not_there", "of"}


def run_examples(names: Any, script: dict[str, Any]) -> None:
    found: dict[str, Any] = {}
    exec(script["PREAMBLE"], found)
    for name in names:
        line = script["examples"]()[name]
        exec(line if "=" in line.partition("(")[0] else f"given = {line}", found)
        given = found.get("given")
        if isinstance(given, np.ndarray):
            assert np.isfinite(given).all(), name


def test_examples(script: dict[str, Any]) -> None:
    every = script["examples"]()
    run_examples(every if ALL else [*SOME, *names_of(HOST)], script)


def test_the_blocks_of_the_page(tmp_path: Path) -> None:
    """In a file: the source of a component is read."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "page.py").write_text("\n".join(blocks), encoding="utf-8")
    found = runpy.run_path(str(tmp_path / "page.py"))
    z = np.array([-1.0, 2.0])
    np.testing.assert_array_equal(found["bent_kernel"](z), [-0.2, 2.0])
    np.testing.assert_array_equal(found["bent_backward"](np.ones(2), z, z), [0.2, 1.0])


USER = """
import numpy as np
import numbann
from numbann import Learnable, Positive, kernels

@numbann.activation(init="he_normal")
def bent(z, alpha: Positive = 0.1, beta: Learnable = 0.5):
    return alpha * z if z < 0 else z + beta

@bent.derivative
def slope(z, alpha):
    return alpha if z < 0 else 1

@bent.derivative("beta")
def to_beta(z):
    return 0 if z < 0 else 1

@numbann.activation(form="row")
def same(z, a):
    a[0] = z[0]

@same.backward
def same_backward(da, dz):
    dz[0] = da[0]

@numbann.loss
def likely(mean, variance, t):
    return (mean - t) ** 2 + variance

@likely.gives(mean="target", variance="square")
def gives(mean, variance):
    return mean, variance

@numbann.optimizer(optional={"buffer": "momentum"})
def down(w, g, buffer, learning_rate: Positive = 0.1, momentum: float = 0.0):
    return w - learning_rate * g, buffer

z = np.zeros((2, 3))
dz, dalpha = kernels.prelu_backward(z, z, kernels.prelu(z, np.zeros(3)), 0.25)
value, dy = kernels.mse(kernels.relu(z), z)
own, own_backward = kernels.of(bent, alpha=0.2)
reveal_type(dalpha)  # float64
reveal_type(kernels.adam_step(z, z, z, z, 1))  # None
reveal_type(value)  # float
reveal_type(kernels.mae_metric(z, z))  # float
reveal_type(kernels.he_normal((2, 3), 0))  # Any
reveal_type(numbann.train({}))  # Run
kernels.reluu(z)  # error
kernels.elu(z, beta=1.0)  # error
kernels.matmul(z, z.astype(np.float32))  # error
likely.gives(mean="metres")  # error
likely.derivatif  # error
"""
CHECKERS = {
    "mypy": [sys.executable, "-m", "mypy", "--config-file", "", "--follow-imports=silent", "user.py"],
    "pyright": ["pyright", "--pythonpath", sys.executable, "user.py"],
}
SAID = re.compile(r"user\.py:(\d+)(?::\d+ -|:) (error|note|information): (.*)")


@pytest.mark.slow
@pytest.mark.parametrize("checker", CHECKERS)
def test_type_checkers_see_kernels_and_decorators(checker: str, tmp_path: Path) -> None:
    """They find the types of kernels, misspelt names and arguments, and what a decorator gives; and no other error."""
    if importlib.util.find_spec(checker) is None and shutil.which(checker) is None:
        pytest.skip(f"needs {checker}")
    (tmp_path / "user.py").write_text(USER, encoding="utf-8")
    (tmp_path / "pyrightconfig.json").write_text(json.dumps({"extraPaths": [str(ROOT)]}), encoding="utf-8")
    given = {**os.environ, "MYPYPATH": str(ROOT), "MYPY_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(CHECKERS[checker], cwd=tmp_path, env=given, capture_output=True, text=True, check=False)
    said = [(int(line), kind, text) for line, kind, text in SAID.findall(done.stdout) if "defined in" not in text]
    lines = [line.partition("  # ")[::2] for line in USER.splitlines()]
    wrong = [number for number, (_, mark) in enumerate(lines, 1) if mark == "error"]
    assert [number for number, kind, _ in said if kind == "error"] == wrong, done.stdout
    types = [text for _, kind, text in said if kind != "error" and "ype" in text]
    expected = [mark for line, mark in lines if line.startswith("reveal_type")]
    assert [mark in text for mark, text in zip(expected, types, strict=True)] == [True] * len(expected), done.stdout
