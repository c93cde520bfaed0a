"""Compiled kernels on disk: found again, never stale, never in the way.  Every process here is a fresh one."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from bent import PLUGIN, VARIANTS
from processes import run, start

Filled = tuple[Path, dict[str, Any]]


def train_in(folder: Path, *arguments: object) -> dict[str, Any]:
    """Run a training process with this cache folder."""
    return run("train_once.py", *arguments, NUMBANN_CACHE_DIR=folder)


def files(folder: Path) -> set[Path]:
    """Every file below a folder."""
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def test_a_second_process_compiles_nothing(filled: Filled) -> None:
    folder, first = filled
    before = files(folder)
    second = train_in(folder)
    assert first["compiled"] > 5
    assert second == {**first, "compiled": 0}
    assert files(folder) == before


def test_an_edited_component_is_never_stale(cache: Path, tmp_path: Path) -> None:
    """Its number, the function it calls, its derivative: all count; so does nothing else, and time stamps do not."""
    plugin = tmp_path / "bent.py"
    found = {}
    for name, text in VARIANTS.items():
        plugin.write_text(text)
        os.utime(plugin, (1_000_000_000, 1_000_000_000))
        found[name] = train_in(cache, plugin, "bent")
    digests = [found[name]["digest"] for name in ("first", "number", "helper", "derivative")]
    assert len(set(digests)) == 4
    assert found["comment"] == {**found["first"], "compiled": 0}


def test_an_edited_helper_in_another_module_is_never_stale(cache: Path, tmp_path: Path) -> None:
    """The plugin's own file stays as it is."""
    plugin, helper = tmp_path / "bent.py", tmp_path / "numbann_test_helper.py"
    start, end = PLUGIN.index("SLOPE"), PLUGIN.index("@activation")
    plugin.write_text(PLUGIN[:start] + "from numbann_test_helper import bend\n\n\n" + PLUGIN[end:])
    found = []
    for slope in ("0.1", "0.2", "0.1"):
        helper.write_text(f'"""A helper."""\n\nSLOPE = {slope}\n\n\ndef bend(z):\n    return SLOPE * z\n')
        os.utime(helper, (1_000_000_000, 1_000_000_000))
        path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
        found.append(run("train_once.py", plugin, "bent", NUMBANN_CACHE_DIR=cache, PYTHONPATH=path))
    assert found[0]["digest"] != found[1]["digest"]
    assert found[2] == {**found[0], "compiled": 0}


def test_without_a_folder_that_can_be_written(tmp_path: Path) -> None:
    """The folder would lie below a file: a warning says so, which is an error here."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(AssertionError, match=r"nothing is kept between runs: .*file is no folder"):
        train_in(tmp_path / "file" / "cache")


@pytest.mark.skipif(sys.platform == "win32", reason="permissions on Windows are not looked at")
def test_a_folder_that_can_only_be_read(filled: Filled, cache: Path) -> None:
    """What is there is used, and what is not is compiled each time."""
    folders = [cache, *(path for path in cache.rglob("*") if path.is_dir())]
    next(cache.rglob("dense_forward-*.object")).unlink()
    for folder in folders:
        folder.chmod(0o500)
    found = train_in(cache)
    for folder in folders:
        folder.chmod(0o700)
    assert found == {**filled[1], "compiled": 1}


@pytest.mark.parametrize(
    "settings",
    [{"PYTHONOPTIMIZE": "1"}, {"NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "NUMBA_CACHE_DIR": "elsewhere"}],
    ids=["python -O", "numba's settings"],
)
def test_settings_of_others_change_nothing(filled: Filled, here: Path, settings: dict[str, str]) -> None:
    """The warm cache is used, and the bits are the same."""
    assert run("train_once.py", NUMBANN_CACHE_DIR=filled[0], **settings) == {**filled[1], "compiled": 0}
    assert not (here / "elsewhere").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suffix", "damage"),
    [(".object", b""), (".object", None), (".py", b"\x80\x04garbage"), (".py", None)],
    ids=["empty kernels", "cut kernels", "garbage for source", "cut source"],
)
def test_damaged_files(filled: Filled, cache: Path, suffix: str, damage: bytes | None) -> None:
    """Every file of a kind is emptied, overwritten or cut in half."""
    harmed = [path for path in cache.rglob(f"*{suffix}") if path.is_file()]
    assert harmed
    for path in harmed:
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2] if damage is None else damage)
    assert train_in(cache)["digest"] == filled[1]["digest"]
    assert train_in(cache) == {**filled[1], "compiled": 0}


def test_one_damaged_file(filled: Filled, cache: Path) -> None:
    """It alone is made anew, and the next process finds everything."""
    victim = next(cache.rglob("dense_forward-*.object"))
    victim.write_bytes(victim.read_bytes()[:100])
    assert train_in(cache) == {**filled[1], "compiled": 1}
    assert train_in(cache) == {**filled[1], "compiled": 0}


@pytest.mark.slow
def test_many_processes_at_once(filled: Filled, tmp_path: Path) -> None:
    """All start on the same empty folder, in both precisions; another one then finds all."""
    dtypes = ["float32", "float64"] * 2
    started = [start("train_once.py", "", "tanh", dtype, NUMBANN_CACHE_DIR=tmp_path / "cache") for dtype in dtypes]
    found = [wait() for wait in started]
    for k in range(2):
        again = run("train_once.py", "", "tanh", dtypes[k], NUMBANN_CACHE_DIR=tmp_path / "cache")
        assert again == {**found[k], "compiled": 0}
        assert found[k + 2]["digest"] == again["digest"]
    assert found[0]["digest"] == filled[1]["digest"]
