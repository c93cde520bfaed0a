"""Files that change or shrink while they are used are noticed; rows that stay in a file cannot end the process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from processes import run

from numbann.data import source as source_module
from numbann.data import stored
from numbann.data.files import InputFile
from numbann.data.source import load
from numbann.data.stored import StoredArray, store
from numbann.errors import DataError, TrainingError

X = np.random.default_rng(0).integers(0, 100, (2000, 7)).astype(np.int16)


@pytest.fixture
def array(tmp_path: Path) -> StoredArray:
    """X in a file, after three other bytes."""
    (tmp_path / "x").write_bytes(b"abc" + X.tobytes())
    return store(InputFile("x", tmp_path / "x"), X.dtype, X.shape, 3)


@pytest.mark.parametrize("window", [1, 100, 1 << 18])
@pytest.mark.parametrize("system", ["with preadv", "without"])
def test_rows_are_read(array: StoredArray, monkeypatch: pytest.MonkeyPatch, window: int, system: str) -> None:
    monkeypatch.setattr(stored, "WINDOW", window)
    if system == "without":
        monkeypatch.delattr(os, "preadv", raising=False)
    in_order, any_order = np.arange(3, 2000, 7), np.array([7, 3, 3, 1999])
    for rows in (slice(None), slice(5, 9), slice(0, 0), in_order, any_order, np.array([], np.int64)):
        np.testing.assert_array_equal(array[rows], X[rows])
    first, second = array[slice(0, 5)], array[slice(5, 9)]
    np.testing.assert_array_equal(np.vstack([first, second]), X[:9])
    np.testing.assert_array_equal(array.columns(np.array([4, 9]), [2, 0]), X[[4, 9]][:, [2, 0]])
    np.testing.assert_array_equal(array.columns(slice(None), 3), X[:, 3])
    for rows in (np.array([2000]), np.array([-1])):
        with pytest.raises(IndexError):
            array[rows]


def test_threads_and_processes_do_not_meet(array: StoredArray) -> None:
    """Each has its own place for what it reads."""

    def same(seed: int) -> bool:
        random = np.random.default_rng(seed)
        return all(np.array_equal(array[rows], X[rows]) for rows in random.integers(0, 2000, (100, 500)))

    assert same(0)
    if hasattr(os, "fork"):
        child = os.fork()
        if not child:
            os._exit(0 if same(1) else 1)
        assert same(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(same, range(8)))


@pytest.mark.skipif(sys.platform == "win32", reason="the system does not let an open file be replaced")
def test_training_ends_with_one_error_and_the_last_checkpoint(here: Path) -> None:
    found = run("train_on_a_changing_file.py")
    assert [*found] == ["shrinks", "rewritten", "replaced"]
    for how, (code, error) in found.items():
        assert code == 1
        assert "x.npy: has changed while its rows were read; leave it alone, or work on a copy" in error
        assert f"the checkpoint after epoch 2 is kept in {how}" in error
        assert (here / how / "checkpoint.safetensors").exists()


def test_a_file_that_is_gone(array: StoredArray) -> None:
    array.file.path.unlink()
    with pytest.raises(TrainingError, match="x: has changed"):
        array[slice(0, 1)]


@pytest.mark.parametrize("name", ["t.csv", "d.npz"])
def test_a_file_that_changes_while_it_is_read(
    tmp_path: Path, section: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "t.csv").write_text("x,y\n1,0.5\n2,1.5\n")
    np.savez(tmp_path / "d.npz", x=np.ones((4, 1)), y=np.arange(4.0))
    check = source_module.check_targets

    def change(raw: Any) -> None:
        with (tmp_path / name).open("ab") as file:
            file.write(b"\n")
        check(raw)

    monkeypatch.setattr(source_module, "check_targets", change)
    with pytest.raises(DataError, match=f"{name}: has changed while it was read"):
        load(section(name, "y"), tmp_path, 0)
