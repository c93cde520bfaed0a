"""A user's own @njit(cache=True) that calls kernels: loaded by the next process, and never stale."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from processes import run

import numbann

WAYS = ("by_module", "by_name", "by_global", "by_closure")
CHANGES = {  # what another version of numbann may have otherwise: a formula, a default, a product
    "mathematics/activations/rectified.py": ("< 0 else z\n\n\n@relu.d", "< 0 else z + z\n\n\n@relu.d"),
    "mathematics/losses/regression.py": ("delta: Positive = 1.0", "delta: Positive = 2.0"),
    "kernels/products.py": ("b, False, None, result", "b, False, np.ones(b.shape[1], a.dtype), result"),
}


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """The folder that numba keeps the user's functions in."""
    return tmp_path / "cache"


def called(cache: Path, *names: str, **environment: Any) -> dict[str, Any]:
    """What a new process gets from these functions."""
    return run("cached_use.py", *names, NUMBA_CACHE_DIR=cache, **environment)


@pytest.mark.slow
def test_the_next_process_loads_them(cache: Path) -> None:
    first = called(cache, *WAYS)
    assert first["values"] == {
        "by_module": [[1.0, 0.0], [3.0, 4.0]],
        "by_name": 2.5,
        "by_global": [[-5.0, -10.0], [15.0, 10.0]],
        "by_closure": [[1.0, -0.25], [3.0, 4.0]],
    }
    assert called(cache, *WAYS) == {"values": first["values"], "hits": dict.fromkeys(WAYS, 1)}


@pytest.mark.slow
def test_another_version_of_numbann_compiles_them_again(cache: Path, tmp_path: Path) -> None:
    """Also one that lacks a module of before, and a function that came to a kernel through another cached one."""
    called(cache, *WAYS)
    assert called(cache, "through_another")["hits"] == {"through_another": 0}
    changed = Path(shutil.copytree(Path(numbann.__file__).parent, tmp_path / "other" / "numbann"))
    for name, (before, after) in CHANGES.items():
        text = (changed / name).read_text(encoding="utf-8")
        assert before in text
        (changed / name).write_text(text.replace(before, after), encoding="utf-8")
    (changed / "kernels" / "arrays.py").rename(changed / "kernels" / "shapes.py")
    for path in changed.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("numbann.kernels.arrays", "numbann.kernels.shapes"), encoding="utf-8")
    path = os.pathsep.join([str(changed.parent), os.environ.get("PYTHONPATH", "")])
    got = called(cache, "through_another", *WAYS[:3], PYTHONPATH=path, NUMBANN_CACHE_DIR=tmp_path / "kernels")
    assert got == {
        "values": {
            "through_another": [[-3.5, -8.5], [16.5, 11.5]],
            "by_module": [[2.0, 0.0], [6.0, 8.0]],
            "by_name": 4.0,
            "by_global": [[-4.0, -9.0], [16.0, 11.0]],
        },
        "hits": dict.fromkeys(("through_another", *WAYS[:3]), 0),
    }


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["gone", "garbage"])
def test_a_lost_cache_of_numbann_costs_time(cache: Path, tmp_path: Path, harm: str) -> None:
    folder = tmp_path / "kernels"
    first = called(cache, "by_module", NUMBANN_CACHE_DIR=folder)
    for path in folder.rglob("numbann_generated_*.py"):
        path.unlink() if harm == "gone" else path.write_bytes(b"\xff")
    assert called(cache, "by_module", NUMBANN_CACHE_DIR=folder) == {"values": first["values"], "hits": {"by_module": 0}}
