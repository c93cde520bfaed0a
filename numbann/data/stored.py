"""Arrays that stay in their file: rows are copied out of a mapping, and a file that changes or shrinks is an error.

A process that reads a mapped page which its file has lost is killed by the system (SIGBUS).  So the system itself
copies the rows here: it writes them from the mapping to a file in memory, and for a lost page it writes less.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import tempfile
import threading
import weakref
from dataclasses import dataclass, replace
from functools import cache
from math import prod
from typing import Any, BinaryIO

import numpy as np

from numbann.data.files import InputFile
from numbann.data.memory import check_room
from numbann.errors import TrainingError

Rows = np.ndarray | slice
PAGE = 4096  # bytes: the smallest unit that the system reads from a file
PIECE = 1 << 16  # bytes of adjacent rows that are copied as one
DENSE = 512  # bytes of the file for each row of a selection below which the rows between are copied too
MOST_PIECES, MOST_BYTES = 1024, 1 << 30  # that the system copies at a time
SCRATCH = 1 << 22  # bytes


@dataclass(frozen=True)
class StoredArray:
    """An array (N, ...) in a file, row after row from `start` on.  content: all bytes of the file, mapped.

    stamp: what the system says of the file; it changes with the file.
    """

    file: InputFile
    content: np.ndarray
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
        """Copy some rows; TrainingError if the file has changed."""
        return self.read(rows).copy()

    def read(self, rows: Rows) -> np.ndarray:
        """Copy some rows to memory that the next reading of this thread overwrites."""
        if isinstance(rows, slice):
            first, last, _ = rows.indices(len(self))
            edges = np.arange(first * self.row_bytes, max(first, last) * self.row_bytes, PIECE)
            lengths = np.diff(edges, append=max(first, last) * self.row_bytes)
        elif len(rows) and np.ptp(rows) * self.row_bytes < DENSE * len(rows):
            first = rows.min()
            return self.read(slice(first, rows.max() + 1))[rows - first]
        else:
            edges, lengths = rows * self.row_bytes, np.full(len(rows), self.row_bytes)
        try:
            values = _copy(self.content, self.start + edges, lengths)
            changed = self.stamp != self.file.stamp()
        except OSError:
            changed = True
        if changed:
            raise TrainingError(
                f"{self.file.name}: has changed while its rows were read; leave it alone, or work on a copy"
            )
        return values.view(self.dtype).reshape(-1, *self.shape[1:])

    def columns(self, rows: Rows, positions: Any) -> np.ndarray:
        """Copy some rows and columns of a table (N, F), a few rows at a time."""
        numbers = np.arange(*rows.indices(len(self))) if isinstance(rows, slice) else rows
        length = max(1, SCRATCH // self.row_bytes)
        firsts = range(0, len(numbers), length)
        return np.concatenate([self[numbers[first : first + length]][:, positions] for first in firsts])

    def read_ahead(self, rows: np.ndarray) -> None:
        """Ask the system to read these rows (sorted) ahead; page faults one by one are slow on a disk."""
        if not hasattr(os, "posix_fadvise"):
            return
        pages = np.unique((self.start + rows * self.row_bytes) // PAGE)
        with contextlib.suppress(OSError), self.file.path.open("rb") as stream:
            for page in pages.tolist():
                os.posix_fadvise(stream.fileno(), page * PAGE, PAGE + self.row_bytes, os.POSIX_FADV_WILLNEED)


def store(file: InputFile, dtype: np.dtype, shape: tuple[int, ...], start: int) -> StoredArray:
    """Return the array that a file holds from `start` on; DataError if the file is shorter or longer than that."""
    stamp = file.stamp()
    check_size(file, file.path.stat().st_size, shape, start + prod(shape) * dtype.itemsize)
    return StoredArray(file, np.memmap(file.path, np.uint8, "r"), stamp, dtype, shape, start)


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


def _copy(content: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Copy pieces of a mapped file to this thread's scratch, one after the other; OSError if the file has lost one."""
    if len(starts) and (starts.min() < 0 or (starts + lengths).max() > len(content)):
        raise IndexError("rows that there are not")
    pieces = np.stack((content.ctypes.data + starts, lengths), axis=1).astype(np.uintp)
    total, done = int(lengths.sum()), 0
    scratch, count = _scratch(total), min(MOST_PIECES, max(1, MOST_BYTES // int(lengths.max(initial=1))))
    for first in range(0, len(pieces), count):
        some = pieces[first : first + count]
        written = _writer()(scratch.file, some.ctypes.data, len(some), done)
        if written != int(some[:, 1].sum()):
            raise OSError("a page of the file is lost")
        done += written
    return scratch.values[:total]


class _Scratch:
    """A file in memory, and this memory as an array.  owner: the process that it belongs to."""

    def __init__(self, size: int) -> None:
        self.owner = os.getpid()
        self.file = os.memfd_create("numbann-rows") if hasattr(os, "memfd_create") else _temporary_file()
        weakref.finalize(self, os.close, self.file)
        os.ftruncate(self.file, size)
        self.values = np.frombuffer(mmap.mmap(self.file, size), np.uint8)


_OWN = threading.local()


def _scratch(size: int) -> _Scratch:
    """Return this thread's scratch; one that was inherited by a fork is still the parent's."""
    found: _Scratch | None = getattr(_OWN, "scratch", None)
    if found is None or found.owner != os.getpid() or len(found.values) < size:
        _OWN.scratch = found = _Scratch(max(size, SCRATCH))
    return found


def _temporary_file() -> int:
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


@cache
def _writer() -> Any:
    """The system's function that writes pieces of memory to a file: (file, pieces, their number, where)."""
    write = ctypes.CDLL(None).pwritev
    write.restype, write.argtypes = ctypes.c_ssize_t, (ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64)
    return write
