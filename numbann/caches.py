"""Private folders for what is kept between runs, and files in them that are whole or count as missing.

Whoever can write such a folder, or put another in its place, decides what the next process finds there.  A folder that
cannot be used, which a warning tells, a full disk and a damaged file cost time, never an error.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import secrets
import stat
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from numbann.errors import CacheWarning

OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
NOWHERE = Path(os.devnull, "numbann")  # no folder can be here
DIGEST = 32  # bytes of the digest at the start of a checked file


# ---- folders


def cache_root() -> Path:
    """NUMBANN_CACHE_DIR, or numbann's folder in the platform's folder for caches."""
    if given := os.environ.get("NUMBANN_CACHE_DIR"):
        return Path(os.path.abspath(os.path.expanduser(given)))
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or tempfile.gettempdir()) / "numbann" / "cache"
    if sys.platform == "darwin":
        return _home() / "Library" / "Caches" / "numbann"
    return Path(os.environ.get("XDG_CACHE_HOME") or _home() / ".cache") / "numbann"


def _home() -> Path:
    """The user's home folder; a folder named by the user's number if the system knows of none."""
    try:
        return Path.home()
    except RuntimeError:
        return Path("/tmp") / f"numbann-{os.getuid()}"


def private_folder(name: str) -> tuple[Path, str]:
    """A folder below the root, made if it is missing, and who else can change it.

    NOWHERE, and a warning, if it cannot be made.
    """
    folder = Path(os.path.realpath(cache_root() / name))  # a link may be changed later, this path may not
    try:
        _make(folder)
        return folder, exposure(folder)
    except OSError as error:
        _warn(f"nothing is kept between runs: {_told(error)}; name another folder in NUMBANN_CACHE_DIR")
        return NOWHERE, ""


def root_fault() -> str:
    """Why nothing is kept in the root, which is made if it is missing; empty if its folders can be used."""
    root = Path(os.path.realpath(cache_root()))
    try:
        _make(root)
        return exposure(root, below=True)
    except OSError as error:
        return _told(error)


@functools.cache
def _warn(message: str) -> None:
    """Warn once: kernels and tables lie in two folders below the same root."""
    warnings.warn(message, CacheWarning, stacklevel=3)


def _told(error: OSError) -> str:
    if isinstance(error, FileExistsError):
        return f"{error.filename} is no folder"
    return f"{error.filename} cannot be made or read ({error.strerror})"


def _make(folder: Path) -> None:
    """Make a folder and those above it that are missing, each for this user alone."""
    for path in (*reversed(folder.parents), folder):
        if not path.is_dir():
            path.mkdir(mode=0o700, exist_ok=True)


def exposure(folder: Path, below: bool = False) -> str:
    """Who else can change what a folder holds, or what private folders below it hold, and the remedy; empty: nobody.

    Up to the user's home, each folder above must be safe too, or the folder could be replaced.  In a sticky one, such
    as /tmp, nobody can rename what belongs to another.  Permissions on Windows are not looked at.
    """
    if sys.platform == "win32":
        return ""
    home, own = Path(os.path.realpath(_home())), None if below else folder
    for path in (folder, *folder.parents):
        found = path.stat()
        if found.st_uid not in (os.geteuid(), 0):
            return (
                f"{path} belongs to another user (number {found.st_uid}), who could change what is there; make it yours"
            )
        if found.st_mode & OTHERS_WRITE and (path == own or not found.st_mode & stat.S_ISVTX):
            remedy = f"run: rm -r {path}" if path == own else f"run: chmod go-w {path}"
            return f"others can write {path} (mode {stat.S_IMODE(found.st_mode):o}) and change what is there; {remedy}"
        if path == home:
            break
    return ""


# ---- files


def read(path: Path) -> bytes | None:
    """What a file holds; None if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        return None


def write(path: Path, content: bytes | Callable[[BinaryIO], Any]) -> None:
    """Write a file for this user alone, so that no process ever sees a part of it; do nothing if that fails.

    content: its bytes, or what writes them to the open file.
    """
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            content(file) if callable(content) else file.write(content)
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if not isinstance(error, OSError):
            raise


def read_checked(path: Path) -> bytes | None:
    """What `write_checked` wrote; None if the file is missing or one of its bits has changed."""
    content = read(path) or b""
    digest, rest = content[:DIGEST], content[DIGEST:]
    return rest if hashlib.sha256(rest).digest() == digest else None


def write_checked(path: Path, content: bytes) -> None:
    """Write a file that starts with the digest of its content."""
    write(path, hashlib.sha256(content).digest() + content)
