"""The format of two NumPy arrays, features and targets, each in a .npy file or in a member of an .npz file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from numbann.data.contract import Format

if TYPE_CHECKING:
    from numbann.data.files import Files
    from numbann.data.reading import Reading
    from numbann.data.table import Raw


def read(source: Files, reading: Reading, need_target: bool) -> Raw:
    """Read the arrays as columns; features in a .npy file stay there until they are needed."""
    from numbann.data.archive import load_array, map_array
    from numbann.data.arrays import raw_from_arrays

    targets = {"y": load_array(source.labels)} if source.labels and need_target else {}
    return raw_from_arrays({"x": map_array(source.data)}, targets, reading, source.data.name)


FORMAT = Format("npy", (".npy",), read, pair=("x", "y"))
