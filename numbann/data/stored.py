"""Arrays that stay in their file, whose rows are read when they are needed; a file that changes or shrinks is an error.

The file is not mapped: a process that touches a mapped page which its file has lost is killed by the system (SIGBUS).
"""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from dataclasses import replace
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from numbann.data.files import InputFile
from numbann.data.memory import check_room
from numbann.errors import TrainingError
from numbann.records import dataclass

Rows = np.ndarray | slice
PAGE = 4096  # bytes: the smallest unit that the system reads from a file
WINDOW = 1 << 18  # bytes: rows nearer to each other are read at once, with what is between them
SCRATCH = 1 << 22  # bytes


class _Handle:
    """A file that is open as long as this object lives."""

    def __init__(self, path: Path) -> None:
        self.path, self.number = path, os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        weakref.finalize(self, os.close, self.number)

    def read(self, out: np.ndarray, start: int) -> None:
        """Fill an array of bytes with those of the file from `start` on; OSError if it has no more."""
        done = 0
        while done < len(out):
            count = self._read(out[done:], start + done)
            if not count:
                raise OSError("a part of the file is lost")
            done += count

    def _read(self, out: np.ndarray, start: int) -> int:
        if hasattr(os, "preadv"):
            return os.preadv(self.number, [out.data], start)
        with self.path.open("rb", buffering=0) as stream:  # threads would share the place in the open file
            stream.seek(start)
            return stream.readinto(out.data) or 0


@dataclass(frozen=True)
class StoredArray:
    """An array (N, ...) in a file, row after row from `start` on.

    stamp: what the system says of the file; it changes with the file.
    """

    file: InputFile
    handle: _Handle
    stamp: tuple[int, ...]
    dtype: np.dtype
    shape: tuple[int, ...]
    start: int

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    @property
    def row_bytes(self) -> int:
        """The bytes of one row."""
        return prod(self.shape[1:]) * self.dtype.itemsize

    def reshape(self, *shape: int) -> StoredArray:
        """Return the same values in another shape with as many rows."""
        return replace(self, shape=shape)

    def __getitem__(self, rows: Rows) -> np.ndarray:
        """Read some rows, fastest if they are in order; TrainingError if the file has changed."""
        try:
            values = self._slice(rows) if isinstance(rows, slice) else self._some(rows)
            changed = self.stamp != self.file.stamp()
        except OSError:
            changed = True
        if changed:
            raise TrainingError(
                f"{self.file.name}: has changed while its rows were read; leave it alone, or work on a copy"
            )
        return values

    def _slice(self, rows: slice) -> np.ndarray:
        first, last, _ = rows.indices(len(self))
        content = np.empty(max(0, last - first) * self.row_bytes, np.uint8)
        self.handle.read(content, self.start + first * self.row_bytes)
        return content.view(self.dtype).reshape(-1, *self.shape[1:])

    def _some(self, rows: np.ndarray) -> np.ndarray:
        """Read rows, those in one window of the file at once."""
        if len(rows) and not 0 <= rows.min() <= rows.max() < len(self):
            raise IndexError("rows that there are not")
        found = np.empty((len(rows), self.row_bytes), np.uint8)
        begins = np.flatnonzero(np.diff(rows * self.row_bytes // WINDOW, prepend=-1))
        scratch = _scratch(WINDOW + self.row_bytes)
        for begin, end in pairwise([*begins.tolist(), len(rows)]):
            some = rows[begin:end]
            first, last = int(some.min()), int(some.max()) + 1
            read = scratch[: (last - first) * self.row_bytes]
            self.handle.read(read, self.start + first * self.row_bytes)
            np.take(read.reshape(-1, self.row_bytes), some - first, axis=0, out=found[begin:end], mode="clip")
        return found.reshape(-1).view(self.dtype).reshape(-1, *self.shape[1:])

    def columns(self, rows: Rows, positions: Any) -> np.ndarray:
        """Copy some rows and columns of a table (N, F), a few rows at a time."""
        numbers = np.arange(*rows.indices(len(self))) if isinstance(rows, slice) else rows
        length = max(1, SCRATCH // self.row_bytes)
        firsts = range(0, len(numbers), length)
        return np.concatenate([self[numbers[first : first + length]][:, positions] for first in firsts])

    def read_ahead(self, rows: np.ndarray) -> None:
        """Ask the system to read these rows (sorted) ahead; pages one by one are slow on a disk."""
        if not hasattr(os, "posix_fadvise"):
            return
        pages = np.unique((self.start + rows * self.row_bytes) // PAGE)
        with contextlib.suppress(OSError):
            for page in pages.tolist():
                os.posix_fadvise(self.handle.number, page * PAGE, PAGE + self.row_bytes, os.POSIX_FADV_WILLNEED)


def store(file: InputFile, dtype: np.dtype, shape: tuple[int, ...], start: int) -> StoredArray:
    """Return the array that a file holds from `start` on; DataError if the file is shorter or longer than that."""
    stamp = file.stamp()
    check_size(file, file.path.stat().st_size, shape, start + prod(shape) * dtype.itemsize)
    return StoredArray(file, _Handle(file.path), stamp, dtype, shape, start)


def read_values(stream: BinaryIO, file: InputFile, dtype: np.dtype, shape: tuple[int, ...], start: int) -> np.ndarray:
    """Read the rest of a stream, which must be the values of an array; no more memory is taken than these need."""
    size, done = prod(shape) * dtype.itemsize, 0
    check_room(size, file.name, file.key, "numbers in an unpacked .npy file may stay in it")
    values = np.empty(size, np.uint8)
    while done < size and (piece := stream.read(min(1 << 20, size - done))):
        values[done : done + len(piece)] = np.frombuffer(piece, np.uint8)
        done += len(piece)
    check_size(file, start + done + len(stream.read(1)), shape, start + size)
    return values.view(dtype).reshape(shape) if size else np.empty(shape, dtype)


def check_size(file: InputFile, found: int, shape: tuple[int, ...], expected: int) -> None:
    """Refuse a file with more or fewer bytes than its header asks for."""
    if found != expected:
        raise file.fault(f": {found} bytes where its header (shape {shape}) asks for {expected}; fetch it again")


_OWN = threading.local()


def _scratch(size: int) -> np.ndarray:
    """Return bytes of this thread, which keep their memory between readings."""
    if len(getattr(_OWN, "scratch", ())) < size:
        _OWN.scratch = np.empty(size, np.uint8)
    found: np.ndarray = _OWN.scratch
    return found
