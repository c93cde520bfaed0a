"""The benchmarks can be started, and one of them runs to its end.  No speed is tested."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import numbann

ROOT = Path(numbann.__file__).parents[1]
SCRIPTS = ("train_step", "inference", "startup", "scaling", "additions")
SCRIPTS += ("kernels", "components", "derivatives", "plugins", "peak", "cuda")


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    """A benchmark in a process of its own, without any peer."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "benchmarks" / f"{script}.py"), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "cli")])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def test_all_have_the_same_options() -> None:
    processes = [start(script, "--help") for script in SCRIPTS]
    for script, process in zip(SCRIPTS, processes, strict=True):
        out, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        assert all(option in out for option in ("--rounds", "--json", "--plot")), script


@pytest.mark.slow
@pytest.mark.parametrize("script", ["train_step", "inference"])
def test_numbann_alone(tmp_path: Path, script: str) -> None:
    path = tmp_path / "found.json"
    _, errors = start(script, "--nets", "T", "--peers", "", "--rounds", 1, "--json", path).communicate(timeout=120)
    assert path.exists(), errors
    found = json.loads(path.read_text())
    assert found["machine"]["cores"] >= 1
    assert all(row["best peer"] == "none" and row["numbann us"] > 0 for row in found["summary"])
