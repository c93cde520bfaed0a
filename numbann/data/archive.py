"""Reads NumPy's own files, .npz and .npy.  Pickled objects are refused: they are programs, not data.

Nothing is allocated before a header's claim is compared with the bytes that there are.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import BinaryIO, NamedTuple, cast

import numpy as np

from numbann.data.files import InputFile, check_inflation, translate_errors
from numbann.data.memory import fits
from numbann.data.stored import StoredArray, check_size, read_values, store
from numbann.data.wording import listed, nearest, quoted
from numbann.errors import DataError, NumbannError
from numbann.records import dataclass

AGAIN = "write it again with numpy.save or numpy.savez"
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class Header(NamedTuple):
    """What an array's header says; columns: it lies column after column.  start: the bytes of the header."""

    shape: tuple[int, ...]
    columns: bool
    dtype: np.dtype
    start: int


def load_array(file: InputFile) -> np.ndarray:
    """Read the array of a .npy file, or one array of an .npz file, into memory."""
    _check_ending(file)
    if file.array:
        with open_archive(file) as archive:
            return archive.read(file.array, file.key)
    with _translate_errors(file), file.path.open("rb") as stream:
        return _read(stream, file, file.path.stat().st_size)


def map_array(file: InputFile) -> np.ndarray | StoredArray:
    """Leave the array in its file where a .npy file stores numbers row by row; else read it into memory."""
    _check_ending(file)
    if file.array:
        return load_array(file)
    with _translate_errors(file), file.path.open("rb") as stream:
        header = _header(stream, file)
        if header.columns and not fits(file.path.stat().st_size):
            raise file.fault(
                ": lies column after column (Fortran order), too large to be turned in memory; "
                "write it again row after row: numpy.save(FILE, numpy.ascontiguousarray(x))"
            )
        if header.columns or header.dtype.kind in "SU" or 0 in header.shape:
            return np.ascontiguousarray(load_array(file))
        return store(file, header.dtype, header.shape, header.start)


@dataclass(frozen=True)
class Archive:
    """The arrays of an open .npz file."""

    members: zipfile.ZipFile
    file: InputFile

    @cached_property
    def names(self) -> list[str]:
        """The names of the arrays."""
        return [name.removesuffix(".npy") for name in self.members.namelist() if name.endswith(".npy")]

    def read(self, name: str, key: str | None) -> np.ndarray:
        """Read an array by its name."""
        if name not in self.names:
            hint = nearest(name, self.names) or ";"
            known = listed(self.names)
            raise DataError(f"{self.file.name} has no array {quoted(name)}{hint} its arrays: {known}", key=key)
        member = self.members.getinfo(f"{name}.npy")
        check_inflation(self.file, member.compress_size, member.file_size)
        with self.members.open(member) as stream:
            return _read(cast(BinaryIO, stream), self.file, member.file_size)


@contextmanager
def open_archive(file: InputFile) -> Iterator[Archive]:
    """Open the arrays of an .npz file."""
    with _translate_errors(file), file.path.open("rb") as stream:
        if not zipfile.is_zipfile(stream):
            raise file.fault(" is no .npz file; write it with numpy.savez")
        with zipfile.ZipFile(stream) as members:
            yield Archive(members, file)


def _check_ending(file: InputFile) -> None:
    if file.path.suffix.lower() != (".npz" if file.array else ".npy"):
        raise file.fault(" is no array; give a .npy file, or file.npz:array")


def _read(stream: BinaryIO, file: InputFile, size: int) -> np.ndarray:
    """Read an array of `size` bytes with its header."""
    header = _header(stream, file)
    shape = header.shape[::-1] if header.columns else header.shape
    expected = header.start + int(np.prod((*shape, header.dtype.itemsize), dtype=object))
    check_size(file, size, header.shape, expected)
    values = read_values(stream, file, header.dtype, shape, header.start)
    return values.T if header.columns else values


def _header(stream: BinaryIO, file: InputFile) -> Header:
    shape, columns, dtype = HEADERS[np.lib.format.read_magic(stream)](stream)
    if dtype.hasobject:
        raise file.fault(f": holds pickled objects, which are refused; {AGAIN}")
    if any(length < 0 for length in shape):
        raise ValueError(f"a shape of {shape}")
    return Header(shape, columns, dtype, stream.tell())


@contextmanager
def _translate_errors(file: InputFile) -> Iterator[None]:
    """Turn errors about the content of a file into one line each: the parsers of headers and zips raise any of them."""
    with translate_errors(file):
        try:
            yield
        except (NumbannError, OSError, EOFError):
            raise
        except Exception as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise file.fault(f": not a whole array ({reason}); {AGAIN}") from error
