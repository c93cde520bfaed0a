"""A cache folder that a training process has filled, and copies of it to be harmed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from processes import run


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A cache folder that one process filled, and what that process printed."""
    folder = tmp_path_factory.mktemp("cache")
    return folder, run("train_once.py", NUMBANN_CACHE_DIR=folder, NUMBANN_HELPER=1)


@pytest.fixture
def cache(filled: tuple[Path, dict[str, Any]], tmp_path: Path) -> Path:
    """A copy of the filled cache folder."""
    return Path(shutil.copytree(filled[0], tmp_path / "cache"))
