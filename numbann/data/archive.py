"""Reads NumPy's own files, .npz and .npy.  Pickled objects are refused: they are programs, not data."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import numpy as np

from numbann.data.files import InputFile, translate_errors
from numbann.data.memory import fits
from numbann.data.wording import listed, nearest, quoted
from numbann.errors import DataError


def load_array(file: InputFile) -> np.ndarray:
    """Read the array of a .npy file, or one array of an .npz file, into memory."""
    return np.array(map_array(file))


def map_array(file: InputFile) -> np.ndarray:
    """Map the array where a .npy file stores it row by row; else read it into memory."""
    if file.path.suffix.lower() != (".npz" if file.array else ".npy"):
        raise file.fault(" is no array; give a .npy file, or file.npz:array")
    if file.array:
        with open_archive(file) as archive:
            return member(archive, file.array, file, file.key)
    with _translate_errors(file):
        array = np.lib.format.open_memmap(file.path, "r")
    if array.flags.c_contiguous:
        return array
    if not fits(array.nbytes):
        raise file.fault(
            ": lies column after column (Fortran order), too large to be turned in memory; "
            "write it again row after row: numpy.save(FILE, numpy.ascontiguousarray(x))"
        )
    return np.ascontiguousarray(array)


@contextmanager
def open_archive(file: InputFile) -> Iterator[np.lib.npyio.NpzFile]:
    """Open the arrays of an .npz file."""
    with _translate_errors(file), file.path.open("rb") as stream:
        if not zipfile.is_zipfile(stream):
            raise file.fault(" is no .npz file; write it with numpy.savez")
        with cast(np.lib.npyio.NpzFile, np.load(file.path, allow_pickle=False)) as archive:
            yield archive


def member(archive: np.lib.npyio.NpzFile, name: str, file: InputFile, key: str | None) -> np.ndarray:
    """Return an array of an .npz file by name."""
    known: Sequence[str] = archive.files
    if name not in known:
        hint = nearest(name, known) or ";"
        raise DataError(f"{file.name} has no array {quoted(name)}{hint} its arrays: {listed(known)}", key=key)
    return archive[name]


@contextmanager
def _translate_errors(file: InputFile) -> Iterator[None]:
    """Turn NumPy's errors about the content of a file into one line each."""
    with translate_errors(file):
        try:
            yield
        except (ValueError, MemoryError, zipfile.BadZipFile, zlib.error, KeyError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            pickled = "pickle" in reason or "Python objects" in reason
            plainly = "holds pickled objects, which are refused" if pickled else f"not a whole array ({reason})"
            raise file.fault(f": {plainly}; write it again with numpy.save or numpy.savez") from error
