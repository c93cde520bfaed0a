"""A small table and a spec for it, for tests of what surrounds training.  The networks are tiny."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from numbann.plugins import distributions

sys.path.append(str(Path(__file__).parent / "helpers"))  # for `import networks` in tests of the engine
os.environ.setdefault("NUMBANN_HELPER", "0")  # the processors have enough to do
# Tests rewrite modules within a second, at equal length, which Python's byte-code files do not notice
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
sys.dont_write_bytecode = True
os.environ.pop("COLUMNS", None)  # pytest-xdist sets it, and then tables are as narrow as a terminal
if "NUMBA_ENABLE_CUDASIM" in os.environ:
    import simulator

    simulator.prepare()

CENTRES = {"blue": (0.0, 3.0), "green": (3.0, 0.0), "red": (-3.0, 0.0)}


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Leave signals as they were: a command that ends ignores them from then on, and so would all later processes."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, own in before.items():
        if signal.getsignal(number) is not own:
            signal.signal(number, own)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def blobs(here: Path) -> Path:
    """blobs.csv: x, y, their sum and a colour; three clouds of 40 points."""
    draw = random.Random(0)
    lines = ["x,y,sum,colour"]
    for index in range(120):
        colour = sorted(CENTRES)[index % 3]
        x, y = (round(draw.gauss(centre, 0.5), 3) for centre in CENTRES[colour])
        lines.append(f"{x},{y},{x + y:.3f},{colour}")
    path = here / "blobs.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def write_spec(blobs: Path) -> Callable[..., Path]:
    """Write spec.json for the colours of blobs.csv, with sections updated: write_spec(train={"epochs": 3})."""

    def write(**changes: Any) -> Path:
        spec: dict[str, Any] = {
            "data": {"path": blobs.name, "target": "colour", "drop": ["sum"]},
            "model": {"layers": [{"units": 8, "activation": "tanh"}]},
            "optimizer": {"type": "adam", "learning_rate": 0.01},
            "train": {"epochs": 4, "batch_size": 16},
        }
        for key, value in changes.items():
            spec[key] = {**spec.get(key, {}), **value} if isinstance(value, dict) else value
        path = blobs.parent / "spec.json"
        path.write_text(json.dumps(spec, indent=2))
        return path

    return write


@pytest.fixture
def install(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Install a distribution for a test: install("numbann-bent", text, names) gives the file of its module."""
    site = here / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    modules = set(sys.modules)

    def made(
        name: str,
        text: str,
        names: tuple[str, ...] = ("broken",),
        version: str = "1.0",
        commands: tuple[str, ...] = (),
    ) -> Path:
        module = name.replace("-", "_")
        metadata = site / f"{module}-{version}.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        groups = {"numbann": names, "numbann.commands": commands}
        points = (f"[{group}]\n" + "".join(f"{one} = {module}\n" for one in groups[group]) for group in groups)
        (metadata / "entry_points.txt").write_text("".join(points))
        path = site / f"{module}.py"
        path.write_text(text)
        distributions._find_announced.cache_clear()  # a process looks once
        return path

    yield made
    for module in set(sys.modules) - modules:
        if Path(getattr(sys.modules[module], "__file__", None) or "").parent == site:
            del sys.modules[module]
