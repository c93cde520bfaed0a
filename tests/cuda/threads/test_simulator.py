"""All tests of CUDA kernels once more in numba-cuda's simulator, which needs a process of its own and no GPU."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
pytest.importorskip("numba_cuda")


@pytest.mark.slow
@pytest.mark.skipif("NUMBA_ENABLE_CUDASIM" in os.environ, reason="this is the simulator")
def test_kernels_in_the_simulator() -> None:
    compiled = {*TESTS.rglob("test_ptx.py"), *TESTS.rglob("test_binaries.py")}  # which the simulator has none of
    files = sorted({*TESTS.rglob("test_*.py")} - compiled - {Path(__file__)})
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *map(str, files)]
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1"}
    ran = subprocess.run(command, env=environment, cwd=TESTS.parents[1], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout[-5000:] + ran.stderr[-2000:]
