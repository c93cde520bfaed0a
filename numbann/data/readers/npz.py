"""NumPy's own files, .npz and .npy.  Pickled objects are refused: they are programs, not data."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import numpy as np

from numbann.data.memory import fits
from numbann.data.readers.arrays import raw_from_arrays
from numbann.data.readers.files import InputFile, failing_clearly, find
from numbann.data.reading import Reading, choose_weight
from numbann.data.table import Raw
from numbann.data.wording import listed, nearest, quoted
from numbann.errors import DataError

DEFAULT_FEATURES = ("x",)
DEFAULT_TARGETS = ("y",)
MEMBER = ".npz:"  # file.npz:array names one array of a file


def read_npz(file: InputFile, reading: Reading, need_target: bool) -> Raw:
    """The arrays named by `features` and `target`, x and y where none are named."""
    features = reading.features or DEFAULT_FEATURES
    targets = reading.targets or DEFAULT_TARGETS
    with _opened(file) as archive:
        x = {name: _member(archive, name, file, reading.key("data.features")) for name in features}
        y = {name: _member(archive, name, file, reading.key("data.target")) for name in targets if need_target}
        weights = choose_weight(reading, archive.files, [*features, *targets], file.name) if need_target else ()
        weight = {name: _member(archive, name, file, None) for name in weights}
    return raw_from_arrays(x, y, "npz", reading, file.name, listed_features=False, weight=weight)


def read_npy(x: InputFile, y: InputFile | None, reading: Reading) -> Raw:
    """One array of features and one of targets, each from a .npy or from a member of an .npz."""
    targets = {} if y is None else {"y": load_array(y)}
    return raw_from_arrays({"x": map_array(x)}, targets, "npy", reading, x.name)


def find_array(name: str, base: Path, key: str | None) -> InputFile:
    """The file of `array.npy` or of `file.npz:array`."""
    path = name.rpartition(":")[0] if MEMBER in name.lower() else name
    file = find(path, base, key)
    if file.ending not in (".npy", ".npz") or file.packed or (file.ending == ".npz") != (path != name):
        raise DataError(f"{name} is no array; give a .npy file, or file.npz:array", key=key)
    return InputFile(name, file.path, key)


def load_array(file: InputFile) -> np.ndarray:
    """The array that find_array found, read."""
    return np.array(map_array(file))


def map_array(file: InputFile) -> np.ndarray:
    """The array that find_array found; one that lies row after row in a file of its own is mapped, not read."""
    if file.ending == ".npz":
        with _opened(file) as archive:
            return _member(archive, file.name.rpartition(":")[2], file, file.key)
    with _failing_clearly(file):
        array = np.lib.format.open_memmap(file.path, "r")
    if array.flags.c_contiguous:
        return array
    if not fits(array.nbytes):
        raise DataError(
            f"{file.name}: lies column after column (Fortran order), too large to be turned in memory; "
            "write it again row after row: numpy.save(FILE, numpy.ascontiguousarray(x))",
            key=file.key,
        )
    return np.ascontiguousarray(array)


@contextmanager
def _opened(file: InputFile) -> Iterator[np.lib.npyio.NpzFile]:
    with _failing_clearly(file), file.path.open("rb") as stream:
        if not zipfile.is_zipfile(stream):
            raise DataError(f"{file.name} is no .npz file; write it with numpy.savez", key=file.key)
        with cast(np.lib.npyio.NpzFile, np.load(file.path, allow_pickle=False)) as archive:
            yield archive


def _member(archive: np.lib.npyio.NpzFile, name: str, file: InputFile, key: str | None) -> np.ndarray:
    known: Sequence[str] = archive.files
    if name not in known:
        hint = nearest(name, known) or ";"
        raise DataError(f"{file.name} has no array {quoted(name)}{hint} its arrays: {listed(known)}", key=key)
    return archive[name]


@contextmanager
def _failing_clearly(file: InputFile) -> Iterator[None]:
    """NumPy's errors about the content of a file, one line each."""
    with failing_clearly(file):
        try:
            yield
        except (ValueError, MemoryError, zipfile.BadZipFile, zlib.error, KeyError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise DataError(
                f"{file.name}: {_plainly(reason)}; write it again with numpy.save or numpy.savez", key=file.key
            ) from error


def _plainly(reason: str) -> str:
    pickled = "pickle" in reason or "Python objects" in reason
    return "holds pickled objects, which are refused" if pickled else f"not a whole array ({reason})"
