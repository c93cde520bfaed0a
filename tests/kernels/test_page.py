"""docs/kernels.md and the stub are what the registry gives, and the examples of the page run."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbann import kernels

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
    run_examples(script["examples"]() if ALL else SOME, script)


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
from numbann import kernels

@numbann.activation(init="he_normal")
def bent(z, alpha: float = 0.1):
    return alpha * z if z < 0 else z

@bent.derivative
def slope(z, alpha):
    return alpha if z < 0 else 1

z = np.zeros((2, 3))
reveal_type(kernels.relu(z))
reveal_type(kernels.adam_step(z, z, z, z, 1))
reveal_type(bent(1.0))
kernels.reluu(z)
kernels.elu(z, beta=1.0)
kernels.matmul(z, z.astype(np.float32))
"""


SEEN = ("numpy.float64", '"None"', '"Any"', '"reluu"', '"beta" for "elu"', '"Floats" of "matmul"')  # in each line


@pytest.mark.slow
def test_type_checkers_see_kernels_and_decorators(tmp_path: Path) -> None:
    """mypy finds the types of kernels, misspelt names and arguments, and what a decorator gives."""
    pytest.importorskip("mypy")
    (tmp_path / "user.py").write_text(USER, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--cache-dir",
        str(tmp_path),
        "--config-file",
        "",
        "--follow-imports=silent",
    ]
    done = subprocess.run(
        [*command, "user.py"], cwd=tmp_path, env={"MYPYPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("user.py") and "defined in" not in line]
    assert [word in line for word, line in zip(SEEN, lines, strict=True)] == [True] * len(SEEN), done.stdout
