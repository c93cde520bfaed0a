"""What is read from compiled code: vectors, and PTX where numba-cuda is installed.  No speed is tested."""

from __future__ import annotations

import sys

import pytest

from numbann.components.built_in import built_in
from numbann.cuda.checks import check_cuda
from numbann.testing.checks import run
from numbann.testing.findings import PASSED, SKIPPED, WARNING
from numbann.testing.speed import check_vectors, measure_nanoseconds, measure_step


@pytest.mark.parametrize(
    ("kind", "name"), [("activation", "silu"), ("activation", "prelu"), ("loss", "huber"), ("optimizer", "adamw")]
)
def test_vectors(kind: str, name: str) -> None:
    finding = run("vectors", check_vectors, built_in().get(kind, name))
    assert (finding.state, finding.remedy) == (PASSED, ""), str(finding)
    assert "numbers at once" in finding.message


def test_no_vectors() -> None:
    finding = run("vectors", check_vectors, built_in().get("activation", "sine"))
    assert finding.state == WARNING
    assert finding.message == "forward is not vectorised: sin is called for each number"
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
