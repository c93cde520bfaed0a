"""What is read from compiled code: vectors, and PTX where numba-cuda is installed.  No speed is tested."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from numbann import activation
from numbann.components.built_in import built_in
from numbann.components.declare import freeze
from numbann.cuda.checks import check_cuda
from numbann.plugins.plugin import import_file
from numbann.simd.compiler import code_of
from numbann.testing.checks import run
from numbann.testing.findings import PASSED, SKIPPED, WARNING
from numbann.testing.speed import check_vectors, kernels_of, measure_nanoseconds, measure_step


@activation
def tangent(z):
    """tan(z)."""
    return math.tan(z)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *(("activation", name) for name in ("silu", "sine", "prelu")),
        *(("loss", "huber"), ("optimizer", "adamw")),
    ],
)
def test_vectors(kind: str, name: str) -> None:
    finding = run("vectors", check_vectors, built_in().get(kind, name))
    assert (finding.state, finding.remedy) == (PASSED, ""), str(finding)
    assert "numbers at once" in finding.message


ROOTS = ", ".join(f"a{k}: Learnable = {0.1 * k}" for k in range(10))
MANY = f"""
from numbann import Learnable, activation


@activation
def many(z, {ROOTS}):
    '''A quotient of polynomials.'''
    return (a0 + a1 * z + a2 * z**2 + a3 * z**3) / (1 + abs(a4 + a5 * z + a6 * z**2 + a7 * z**3 + a8 * z**4 + a9))
"""


def test_vectors_of_many_learnables(tmp_path: Path) -> None:
    """LLVM tests at run time whether arrays overlap, but gives up at nine of them that are written."""
    (tmp_path / "many.py").write_text(MANY)
    (component,) = [freeze(import_file(tmp_path / "many.py").many)]
    finding = run("vectors", check_vectors, component)
    assert (finding.state, finding.remedy) == (PASSED, ""), str(finding)
    assert "memcheck" not in code_of(kernels_of(component)["back"])


def test_no_vectors() -> None:
    finding = run("vectors", check_vectors, freeze(tangent))
    assert finding.state == WARNING
    assert finding.message == "forward is not vectorised: tan is called for each number"
    assert "exp, " in finding.remedy


def test_times_are_those_of_all() -> None:
    component = built_in().get("loss", "huber")
    assert set(measure_nanoseconds(component)["value and derivative"]) == {"huber", "mse"}
    assert set(measure_step(component)) == {"huber", "mse"}
    assert all(time > 0 for time in measure_step(component).values())


def test_cuda() -> None:
    pytest.importorskip("numba_cuda")
    names = [("activation", "prelu"), ("activation", "softmax"), ("loss", "huber"), ("optimizer", "adam")]
    for kind, name in names:
        finding = run("cuda", check_cuda, built_in().get(kind, name))
        assert finding.state == PASSED, str(finding)
    assert "compiles to PTX, without double precision" in finding.message
    assert run("cuda", check_cuda, built_in().get("optimizer", "lamb")).state == SKIPPED


def test_cuda_without_numba_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("numbann.cuda.threads.device", "numbann.cuda.compile.components"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    finding = run("cuda", check_cuda, built_in().get("activation", "relu"))
    assert finding.state == SKIPPED
    assert finding.message == 'not checked: cuda needs the package numba-cuda: pip install "numbann[cuda]"'
