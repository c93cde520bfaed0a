"""`numbann cache`, which says what is kept and removes it, and --no-cache, by which no table is kept or found."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from numbann_cli.commands import cache

from numbann.data import kept

Numbann = Callable[..., Result]
TABLE = "a,y\n" + "1.5,no\n2.5,yes\n" * 30


@pytest.fixture
def folder(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache's own folder, in which every table is kept: some kernels of two versions, and files of others."""
    root = here / "cache"
    for name in ("0123456789abcdef/one.kernel", "fedcba9876543210/two.py", "tables/old.npz", "mine/0123456789abcdef/x"):
        path = root / name
        path.parent.mkdir(parents=True, mode=0o700)
        path.write_bytes(bytes(1000))
    monkeypatch.setattr(cache, "cache_root", lambda: root)  # kernels stay where they are
    monkeypatch.setattr(kept, "_folder", lambda: root / "tables")
    monkeypatch.setattr(kept, "SMALLEST", 0)
    monkeypatch.setattr(kept, "WORTH", 0.0)
    monkeypatch.delenv(kept.LIMIT, raising=False)
    (here / "t.csv").write_text(TABLE)
    return root


def test_info(numbann: Numbann, folder: Path) -> None:
    assert numbann("cache", "info").stdout.splitlines() == [
        f"folder   {folder} (NUMBANN_CACHE_DIR names another)",
        "kernels  2 files, 0.0 MB, of 2 versions of numbann and what compiles it",
        "tables   1 file, 0.0 MB, of at most 2000 MB (NUMBANN_TABLES_MB)",
    ]
    assert json.loads(numbann("cache", "info", "--json").stdout) == {
        "path": str(folder),
        "fault": None,
        "kernels": {"files": 2, "bytes": 2000, "versions": 2},
        "tables": {"files": 1, "bytes": 1000, "limit": 2 * 10**9},
    }
    assert "clear" in numbann("cache").stdout


def test_info_where_there_can_be_no_folder(numbann: Numbann, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "file").touch()
    monkeypatch.setenv("NUMBANN_CACHE_DIR", str(here / "file"))
    assert f"fault    nothing is kept: {here / 'file'} is no folder" in numbann("cache", "info").stdout


@pytest.mark.parametrize(
    ("options", "left"),
    [((), set()), (("--tables",), {"0123456789abcdef", "fedcba9876543210"}), (("--kernels",), {"tables"})],
)
def test_clear_removes_what_is_numbanns(
    numbann: Numbann, folder: Path, options: tuple[str, ...], left: set[str]
) -> None:
    (folder / "1111111111111111").symlink_to(folder / "mine")
    result = numbann("cache", "clear", *options)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.count("removed") == (1 if options else 2)
    assert {path.name for path in folder.iterdir()} == {"mine", "1111111111111111"} | left
    assert (folder / "mine" / "0123456789abcdef" / "x").exists()


def test_there_need_be_no_cache(numbann: Numbann, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "cache_root", lambda: here / "none")
    assert "kernels  0 files, 0.0 MB, of 0 versions" in numbann("cache", "info").stdout
    assert numbann("cache", "clear").exit_code == 0
    assert not (here / "none").exists()


@pytest.mark.parametrize(
    "command",
    [
        ("train", "t.csv", "--target", "y", "--dry-run"),
        ("init", "t.csv", "--target", "y", "-o", "new.json"),
        ("data", "t.csv", "--target", "y"),
    ],
    ids=lambda command: command[0],
)
def test_no_cache(numbann: Numbann, folder: Path, command: tuple[str, ...]) -> None:
    def tables() -> int:
        return len([*(folder / "tables").iterdir()]) - 1

    first = numbann(*command, "--no-cache")
    assert (first.exit_code, tables()) == (0, 0), first.output
    assert kept.LIMIT not in os.environ
    (folder.parent / "new.json").unlink(missing_ok=True)
    assert numbann(*command).output == first.output
    assert tables() == 1


@pytest.mark.parametrize("command", ["train", "resume", "lr-find", "init", "data"])
def test_commands_that_read_to_train_take_it(numbann: Numbann, command: str) -> None:
    assert "--no-cache" in numbann(command, "--help").stdout
