"""The IDX format of MNIST: two files, images and labels.

A file holds two zero bytes, a type code, the number of axes, the length of each axis as a 4-byte integer, and the
values, all in big-endian order.  http://yann.lecun.com/exdb/mnist/ (1998) describes it.
"""

from __future__ import annotations

import struct
from math import prod
from typing import TYPE_CHECKING

from numbann.data.contract import Format
from numbann.data.files import Files, InputFile, translate_errors

if TYPE_CHECKING:
    import numpy as np

    from numbann.data.reading import Reading
    from numbann.data.table import Raw

LONGEST_HEADER = 4 + 4 * 255
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
    values = map_idx(file)
    return values.astype(values.dtype.newbyteorder("="), subok=False)


def map_idx(file: InputFile) -> np.ndarray:
    """Map the array of one file as it is stored; a compressed file is read into memory."""
    import numpy as np

    with translate_errors(file), file.open() as stream:
        content = stream.read(LONGEST_HEADER)
        code, shape, start = _header(content, file)
        dtype = np.dtype(TYPES[code])
        if not file.packed:
            _check_size(file.path.stat().st_size, dtype, shape, start, file)
            return np.memmap(file.path, dtype, "r", start, shape)
        content += stream.read()
    _check_size(len(content), dtype, shape, start, file)
    return np.frombuffer(content, dtype, offset=start).reshape(shape)


def _check_size(size: int, dtype: np.dtype, shape: tuple[int, ...], start: int, file: InputFile) -> None:
    expected = start + prod(shape) * dtype.itemsize
    if size != expected:
        raise file.fault(f": {size} bytes where its header (shape {shape}) asks for {expected}; fetch it again")


def _header(content: bytes, file: InputFile) -> tuple[int, tuple[int, ...], int]:
    """Return the type code, the shape, and the offset of the values."""
    magic = content[:4]
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES or magic[3] == 0:
        needed = "0x0000, a type and a rank are needed"
        raise file.fault(f" is no IDX file: it starts with 0x{magic.hex()}; {needed}")
    axes, start = magic[3], 4 + 4 * magic[3]
    if len(content) < start:
        raise file.fault(f": its header ends after {len(content)} of {start} bytes")
    return magic[2], struct.unpack(f">{axes}I", content[4:start]), start


FORMAT = Format("idx", (), read, pair=("images", "labels"))
