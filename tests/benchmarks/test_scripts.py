"""The benchmarks start, and one of them runs to its end; speed is not tested."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import numbann

ROOT = Path(numbann.__file__).parents[1]
SCRIPTS = ("train_step", "inference", "startup", "scaling", "additions")
SCRIPTS += ("kernels", "components", "derivatives", "plugins", "peak", "on_gpu")
MODULES = {  # what the extras bring, with what that needs, by requirement; hardly anyone installs all of them
    "cuda-core": "cuda",
    "cuda-toolkit": "nvidia",
    "jax": "jax jaxlib ml_dtypes opt_einsum scipy",
    "matplotlib": "PIL contourpy cycler dateutil fontTools kiwisolver matplotlib mpl_toolkits pylab pyparsing six",
    "numba-cuda": "cuda numba_cuda nvidia",
    "nvmath-python": "cuda nvidia nvmath",
    "onnx": "google ml_dtypes onnx",
    "onnxruntime": "flatbuffers google onnxruntime",
    "optax": "absl chex optax tlz toolz",
    "pyarrow": "pyarrow",
    "scikit-learn": "joblib narwhals scipy sklearn threadpoolctl",
    "threadpoolctl": "threadpoolctl",
    "torch": "filelock fsspec functorch jinja2 markupsafe mpmath networkx nvidia sympy torch torchgen triton",
}


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


def test_no_script_hides_a_module() -> None:
    """Python looks into a script's own folder first."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    asked = [each for extra in extras.keys() - {"test", "lint", "docs"} for each in extras[extra]]
    assert {re.split(r"[^\w-]", each)[0] for each in asked} - {"numbann"} == set(MODULES)
    known = " ".join(MODULES.values()).split()
    there = {*sys.stdlib_module_names, *importlib.metadata.packages_distributions(), *known}
    assert {path.stem for path in (ROOT / "benchmarks").glob("*.py")} & there == set()


@pytest.mark.slow
@pytest.mark.parametrize("script", ["train_step", "inference"])
def test_numbann_alone(tmp_path: Path, script: str) -> None:
    path = tmp_path / "found.json"
    _, errors = start(script, "--nets", "T", "--peers", "", "--rounds", 1, "--json", path).communicate(timeout=120)
    assert path.exists(), errors
    found = json.loads(path.read_text())
    assert found["machine"]["cores"] >= 1
    assert all(row["best peer"] == "none" and row["numbann us"] > 0 for row in found["summary"])
