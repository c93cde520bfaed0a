"""The cache of compiled code: nobody else can write it, and a damaged file, a full disk or no folder end no run."""

from __future__ import annotations

import ctypes
import errno
import io
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import config
from numba.core.registry import CPUDispatcher

from numbann import caches
from numbann.compile import modules
from numbann.errors import CacheWarning, DeviceError
from numbann.simd import cache, entries, objects
from numbann.simd.compiler import compiled
from numbann.simd.jit import takes
from numbann.simd.objects import Place

posix = pytest.mark.skipif(sys.platform == "win32", reason="permissions on Windows are not looked at")
MORE = int(os.environ.get("NUMBANN_TEST_MORE", "1"))  # how often tests that draw lots draw them


@takes(lambda dtype: dtype(dtype))
def halve(x):  # type: ignore[no-untyped-def]
    """A kernel."""
    return x / 2


HALVE = Place(__name__, "halve")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder for what a test compiles."""
    monkeypatch.setattr(objects, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(modules, "cache_folder", lambda: tmp_path)
    return tmp_path


@pytest.fixture
def chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """chosen(): the cache folder that a new process takes, below `root`."""
    monkeypatch.setenv("NUMBANN_CACHE_DIR", str(tmp_path / "above" / "root"))
    return cache.cache_folder.__wrapped__


@pytest.fixture
def open_umask() -> Iterator[None]:
    """What is made has all permissions that are asked for."""
    before = os.umask(0)
    yield
    os.umask(before)


def half(dtype: str = "float64") -> tuple[float, bool]:
    """The half of 3 by the kernel, and whether it was found in the cache."""
    before, kind = objects.MISSES, ctypes.c_double if dtype == "float64" else ctypes.c_float
    address = objects.address.__wrapped__(HALVE, dtype)
    return ctypes.CFUNCTYPE(kind, kind)(address)(3.0), before == objects.MISSES


# ---- the folder


@posix
@pytest.mark.usefixtures("open_umask")
def test_what_is_made_is_private(tmp_path: Path, chosen: Callable[[], Path]) -> None:
    found = chosen()
    assert found == tmp_path / "above" / "root" / cache.versions_hash()
    caches.write(found / "file", b"content")
    for path in (found, *found.parents[:2]):
        assert path.stat().st_mode & 0o777 == 0o700
    assert (found / "file").stat().st_mode & 0o777 == 0o600


def expose(path: Path) -> None:
    """Let everybody write a folder."""
    path.chmod(0o777)


def give_away(path: Path) -> None:
    """Give a folder to another user."""
    os.chown(path, 12345, -1)


@posix
@pytest.mark.parametrize("change", [expose, give_away])
@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_folder_that_others_can_change_is_not_used(
    chosen: Callable[[], Path], change: Callable[[Path], None], level: int
) -> None:
    """Nor one that lies in such a folder: it could be replaced."""
    if change is give_away and os.geteuid():
        pytest.skip("only root gives folders away")
    found = chosen()
    (found / "planted.object").touch()
    harmed = [found, *found.parents][level]
    change(harmed)
    with pytest.warns(CacheWarning, match=rf"{harmed}.* change what is there; .*NUMBANN_CACHE_DIR"):
        other = chosen()
    assert other.stat().st_mode & 0o777 == 0o700
    assert list(other.iterdir()) == []


@posix
def test_a_sticky_folder_above_is_safe_and_a_sticky_cache_is_not(chosen: Callable[[], Path]) -> None:
    found = chosen()
    found.parents[1].chmod(0o1777)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert chosen() == found
    found.chmod(0o1777)
    with pytest.warns(CacheWarning, match="rm -r"):
        assert chosen() != found


@posix
def test_a_link_is_followed_once(tmp_path: Path, chosen: Callable[[], Path]) -> None:
    """Whoever changes the link later changes nothing."""
    (tmp_path / "above").mkdir()
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "above" / "root").symlink_to(tmp_path / "real")
    assert chosen().parent == tmp_path / "real"
    expose(tmp_path / "real")
    with pytest.warns(CacheWarning, match="real"):
        chosen()


@posix
def test_folders_above_the_home_are_the_administrators_affair(
    tmp_path: Path, chosen: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = chosen()
    expose(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "above"))
    assert chosen() == found
    monkeypatch.setenv("HOME", str(tmp_path / "elsewhere"))
    with pytest.warns(CacheWarning, match=rf"chmod go-w {tmp_path}"):
        chosen()


def test_no_folder_can_be_made(tmp_path: Path, chosen: Callable[[], Path]) -> None:
    (tmp_path / "above").write_text("a file is in the way")
    with pytest.warns(CacheWarning, match="kept between runs: .*above is no folder; .*NUMBANN_CACHE_DIR") as told:
        found = chosen(), *caches.private_folder("tables")
    assert found == (caches.NOWHERE, caches.NOWHERE, "")
    assert len(told) == 1
    assert "above is no folder" in caches.root_fault()
    caches.write(caches.NOWHERE / "file", b"content")
    assert caches.read(caches.NOWHERE / "file") is None


def test_only_a_folder_of_the_cache_lasts(chosen: Callable[[], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, lasts in ((chosen(), True), (caches.NOWHERE, False), (cache._temporary_folder(), False)):
        monkeypatch.setattr(cache, "cache_folder", lambda folder=folder: folder)
        assert cache.cache_lasts() == lasts


def test_empty_settings_name_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NUMBANN_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, "")
    assert caches.cache_root().is_absolute()


def test_the_folder_may_begin_with_the_home_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("NUMBANN_CACHE_DIR", "~/kernels")
    assert caches.cache_root() == tmp_path / "kernels"
    monkeypatch.setenv("NUMBANN_CACHE_DIR", "kernels")
    assert caches.cache_root() == Path.cwd() / "kernels"


@posix
def test_a_root_that_others_can_write_has_a_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NUMBANN_CACHE_DIR", str(tmp_path))
    assert caches.root_fault() == ""
    tmp_path.chmod(0o1777)  # as /tmp, in which nobody renames what belongs to another
    assert caches.root_fault() == ""
    tmp_path.chmod(0o777)
    assert f"others can write {tmp_path.resolve()} (mode 777)" in caches.root_fault()


@posix
def test_a_user_whom_the_system_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(caches.Path, "home", unknown)
    monkeypatch.delenv("NUMBANN_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert str(os.getuid()) in str(caches.cache_root())


@posix
def test_it_is_said_once_and_the_folder_for_one_process_is_removed(tmp_path: Path) -> None:
    expose(tmp_path)
    code = "import os, pathlib; from numbann.simd.cache import *; cache_folder(); cache_folder()\n"
    code += "(cache_folder() / 'file').touch(); print(cache_folder())\n"
    code += "pid = os.fork(); pid and os.waitpid(pid, 0); print(cache_folder().is_dir())"
    environment = {**os.environ, "NUMBANN_CACHE_DIR": str(tmp_path)}
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", env=environment)
    assert told.stderr.count("CacheWarning") == 1
    assert "True\nTrue\n" in told.stdout
    assert not Path(told.stdout.split()[0]).exists()


# ---- files


def test_every_bit_of_a_file_is_checked(folder: Path) -> None:
    path, content = folder / "file", bytes(range(200))
    assert caches.read_checked(path) is None
    caches.write_checked(path, content)
    assert caches.read_checked(path) == content
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place])
        assert caches.read_checked(path) is None
        for bit in range(8):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
            assert caches.read_checked(path) is None


def test_a_damaged_kernel_is_compiled_again(folder: Path) -> None:
    assert half() == (1.5, False)
    assert half() == (1.5, True)
    (path,) = folder.glob("*.object")
    whole, draw = path.read_bytes(), np.random.default_rng(0)
    flips = [int(place) for place in draw.integers(len(whole), size=3 * MORE)]
    flipped = [whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :] for place in flips]
    for damage in (b"", whole[: len(whole) // 2], b"\x80\x04garbage", whole + b"more", *flipped):
        path.write_bytes(damage)
        assert half() == (1.5, False)
        assert caches.read_checked(path) is not None
        assert half() == (1.5, True)
    path.unlink()
    path.mkdir()
    assert half() == (1.5, False)


def test_two_precisions_do_not_meet(folder: Path) -> None:
    """Each has a file of its own, whatever other processes write."""
    found = [half(dtype) for dtype in ("float64", "float32", "float64", "float32")]
    assert found == [(1.5, False), (1.5, False), (1.5, True), (1.5, True)]
    assert len(list(folder.glob("*.object"))) == 2


def test_settings_of_the_compiler_make_other_kernels(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert half() == (1.5, False)
    monkeypatch.setattr(config, "BOUNDSCHECK", 1)
    assert half() == (1.5, False)


def test_a_kernel_of_another_processor_is_not_loaded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Machines may share a home."""
    assert half() == (1.5, False)
    monkeypatch.setattr(objects, "_processor", lambda: ("x86_64-unknown-linux-gnu", "znver9", "+avx1024"))
    assert half() == (1.5, False)


@pytest.mark.parametrize("package", ["numba", "llvmlite"])
def test_another_version_of_a_compiler_has_another_folder(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    before, version_of = cache.versions_hash.__wrapped__(), cache.version_of
    monkeypatch.setattr(cache, "version_of", lambda one: "99" if one == package else version_of(one))
    assert cache.versions_hash.__wrapped__() != before


def test_what_the_process_lacks_is_not_loaded(folder: Path) -> None:
    """LLVM would end the process."""
    made = compiled(halve, "float64")
    objects.keep((*HALVE, "float64"), replace(made, needs=("numbann_has_no_such_symbol",)))
    assert half() == (1.5, False)
    assert half() == (1.5, True)


def test_an_object_shows_its_entry_alone() -> None:
    """Other symbols could meet those of other objects."""
    made = compiled(halve, "float64")
    assert made.needs == ()
    assert made.lasting
    loaded = [objects.load(made), objects.load(made), objects.load(compiled(halve, "float64"))]
    assert loaded[0] == loaded[1] != loaded[2]
    assert objects.loaded(loaded[0]) is made


def test_addresses_of_this_process_are_not_kept(folder: Path) -> None:
    objects.keep((*HALVE, "float64"), replace(compiled(halve, "float64"), lasting=False))
    assert half() == (1.5, False)


@pytest.mark.parametrize("call", ["open", "write", "replace"])
def test_a_full_disk_is_no_error(folder: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """The Nth call fails, for every N until none does; nothing is left behind, and what is there is whole."""
    for nth in range(1, 20):
        failed = _fail(monkeypatch, call, nth)
        assert half()[0] == 1.5
        assert vars(modules.load(f"NUMBER = {nth}"))["NUMBER"] == nth
        monkeypatch.undo()
        monkeypatch.setattr(objects, "cache_folder", lambda: folder)
        monkeypatch.setattr(modules, "cache_folder", lambda: folder)
        assert not list(folder.glob("*.tmp"))
        for path in folder.glob("*.object"):
            assert caches.read_checked(path)
            path.unlink()
        if not failed():
            return
    pytest.fail("it failed every time")


def _fail(monkeypatch: pytest.MonkeyPatch, call: str, nth: int) -> Callable[[], bool]:
    """Make the nth call of a kind fail as on a full disk; what comes back tells whether it did."""
    full, count = OSError(errno.ENOSPC, "No space left on device"), 0

    def fault() -> None:
        nonlocal count
        count += 1
        if count == nth:
            raise full

    class File(io.FileIO):
        """A file that may not open, or whose writing may stop half-way."""

        def __init__(self, *given: Any, **named: Any) -> None:
            if call == "open":
                fault()
            super().__init__(*given, **named)

        def write(self, content: Any) -> int:
            super().write(content[: len(content) // 2])
            if call == "write":
                fault()
            return super().write(content[len(content) // 2 :])

    replace = os.replace
    if call == "replace":
        monkeypatch.setattr(caches.os, "replace", lambda *paths: (fault(), replace(*paths)))
    monkeypatch.setattr(caches, "open", File, raising=False)
    return lambda: count >= nth


def test_it_is_known_whether_there_is_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path)
    assert cache.cache_is_empty()
    (tmp_path / "one.object").touch()
    assert not cache.cache_is_empty()


# ---- numba


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "DISABLE_JIT", 1)
    for compile_it in (lambda: compiled(halve, "float64"), lambda: entries.entry(halve, CPUDispatcher)):
        with pytest.raises(DeviceError, match="NUMBA_DISABLE_JIT is set"):
            compile_it()
