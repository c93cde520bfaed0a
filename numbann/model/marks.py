"""The marks by which the files of exports are known, since numbann does not read them, but may write them anew."""

from __future__ import annotations

from pathlib import Path

MARKS = {  # what is in the first bytes of each file that an export writes, by its ending
    ".onnx": b"\x12\x07numbann",
    ".c": b"/* written by numbann",
    ".h": b"/* written by numbann",
    ".npz": b"numbann_version.npy",
    ".safetensors": b'"numbann_version"',
}
LOOK = 1 << 24  # of these bytes


def is_export(path: Path) -> bool:
    """Tell whether an export wrote a file."""
    mark = MARKS.get(path.suffix.lower())
    return mark is not None and path.is_file() and mark in start_of(path)


def start_of(path: Path) -> bytes:
    """Return the first bytes of a file."""
    with path.open("rb") as file:
        return file.read(LOOK)
