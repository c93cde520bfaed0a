"""The IDX format of MNIST: two files, images and labels.

A file holds two zero bytes, a type code, the number of axes, the length of each axis as a 4-byte integer, and the
values, all in big-endian order.  http://yann.lecun.com/exdb/mnist/ (1998) describes it.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, BinaryIO

from numbann.data.contract import Format
from numbann.data.files import Files, InputFile, check_inflation, translate_errors

if TYPE_CHECKING:
    import numpy as np

    from numbann.data.reading import Reading
    from numbann.data.stored import StoredArray
    from numbann.data.table import Raw

MOST_AXES = 32  # that NumPy has in every version
TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read(source: Files, reading: Reading, need_target: bool) -> Raw:
    """Read images (N, ...) of any type and labels (N,) of an integer type."""
    from numbann.data.arrays import raw_from_arrays

    targets = {"label": _labels(source.labels)} if source.labels and need_target else {}
    return raw_from_arrays({"x": map_idx(source.data)}, targets, reading, source.data.name)


def _labels(file: InputFile) -> np.ndarray:
    labels = load_idx(file)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise file.fault(f" holds {labels.dtype} of shape {labels.shape}; labels are one integer a row")
    return labels


def load_idx(file: InputFile) -> np.ndarray:
    """Read the array of one file, in the machine's byte order."""
    import numpy as np

    from numbann.data.stored import check_size, read_values

    with translate_errors(file), file.open() as stream:
        dtype, shape, start = _header(stream, file)
        size = math.prod(shape) * dtype.itemsize
        if not file.packed:
            check_size(file, file.path.stat().st_size, shape, start + size)
        check_inflation(file, file.path.stat().st_size, size)
        values = read_values(stream, file, dtype, shape, start)
        return values.astype(np.dtype(dtype.newbyteorder("=")), copy=False)


def map_idx(file: InputFile) -> np.ndarray | StoredArray:
    """Leave the array in its file; a compressed file is read into memory."""
    from numbann.data.stored import store

    if file.packed:
        return load_idx(file)
    with translate_errors(file), file.open() as stream:
        return store(file, *_header(stream, file))


def _header(stream: BinaryIO, file: InputFile) -> tuple[np.dtype, tuple[int, ...], int]:
    """Return the type, the shape, and the offset of the values."""
    import numpy as np

    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES or not 0 < magic[3] <= MOST_AXES:
        needed = f"0x0000, a type and a rank up to {MOST_AXES} are needed"
        raise file.fault(f" is no IDX file: it starts with 0x{magic.hex()}; {needed}")
    axes = magic[3]
    lengths = stream.read(4 * axes)
    if len(lengths) < 4 * axes:
        raise file.fault(f": its header ends after {4 + len(lengths)} of {4 + 4 * axes} bytes")
    return np.dtype(TYPES[magic[2]]), struct.unpack(f">{axes}I", lengths), 4 + 4 * axes


FORMAT = Format("idx", (), read, pair=("images", "labels"))
