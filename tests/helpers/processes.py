"""Runs the programs of this folder in Python processes of their own, with caches and processors of their choice."""

from __future__ import annotations

import functools
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numbann

HERE = Path(__file__).parent
Wait = Callable[[], dict[str, Any]]
# A processor of this kind with no more than numbann needs; numba takes features from the host unless they are named
OF_ARM = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "+neon"}
OF_X86 = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma"}
NARROW = OF_ARM if platform.machine() in ("aarch64", "arm64") else OF_X86


def start(program: str, *arguments: object, **environment: object) -> Wait:
    """Start a program; calling what this gives waits for its end and gives what it printed, which is JSON."""
    path = os.pathsep.join([str(Path(numbann.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    changed = {name: str(value) for name, value in environment.items()}
    process = subprocess.Popen(
        [sys.executable, "-W", "error", str(HERE / program), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path, **changed},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    return functools.partial(_result, process)


def run(program: str, *arguments: object, **environment: object) -> dict[str, Any]:
    """Run a program to its end."""
    return start(program, *arguments, **environment)()


def _result(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a process printed; it may not have failed, nor said anything on stderr."""
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert errors == ""
    return dict(json.loads(out))
