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
    files = sorted({*TESTS.glob("simt/test_*.py"), *TESTS.rglob("test_cuda*.py")} - {Path(__file__)})
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *map(str, files)]
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1"}
    ran = subprocess.run(command, env=environment, cwd=TESTS.parent, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout[-5000:] + ran.stderr[-2000:]
