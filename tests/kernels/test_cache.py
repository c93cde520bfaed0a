"""Array functions on disk: a damaged file costs time, no error."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from processes import run


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder with relu in it."""
    folder = tmp_path_factory.mktemp("cache")
    assert run("use_kernels.py", NUMBANN_CACHE_DIR=folder) == {"relu": [0.0, 2.0]}
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suffix", "damage"), [(".kernel", b"\x80\x04garbage"), (".kernel", None)], ids=["garbage for code", "cut code"]
)
def test_damaged_files(filled: Path, tmp_path: Path, suffix: str, damage: bytes | None) -> None:
    """The files of relu alone are harmed; the next process finds them whole again."""
    cache = Path(shutil.copytree(filled, tmp_path / "cache"))
    harmed = [path for path in cache.rglob(f"*{suffix}") if "relu" in path.name]
    assert harmed
    for path in harmed:
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2] if damage is None else damage)
    for _ in range(2):
        assert run("use_kernels.py", NUMBANN_CACHE_DIR=cache) == {"relu": [0.0, 2.0]}
