"""A file of tensors with metadata: safetensors, and a SHA-256 that covers every byte of the file.

It is written from where the tensors lie: copies of large networks would take longer than the disk.

The digest finds damage.  It is no signature: whoever changes a file can compute it anew, so that everything read here
is checked again by whoever reads it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from numbann.errors import RunDirectoryError
from numbann.model.marks import is_export
from numbann.records import dataclass

Tensors = Mapping[str, np.ndarray]
Part = bytes | memoryview
BLANK = b"0" * 64  # stands in the place of the digest while the digest is computed
LENGTH = 8  # the bytes of the header's length, before the header


@dataclass(frozen=True)
class Kind:
    """A kind of file: its name for messages, the key of its metadata, and the number of its format."""

    noun: str
    key: str
    format: int

    @property
    def start(self) -> bytes:
        """The first bytes of the header."""
        return f'{{"__metadata__":{{"{self.key}":"'.encode()

    @property
    def digest(self) -> slice:
        """The place of the digest in the file."""
        first = LENGTH + len(self.start) + len(r"{\"sha256\": \"")
        return slice(first, first + len(BLANK))


def to_parts(tensors: Tensors, kind: Kind, metadata: Mapping[str, Any], *, sort: bool = False) -> list[Part]:
    """Return the parts of a file, one after the other; equal tensors and metadata give equal bytes.

    All metadata is under one key, since safetensors does not fix the order of several.  sort: sort the keys inside it.
    """
    text = json.dumps({"format": kind.format, **metadata}, sort_keys=sort, ensure_ascii=False)
    names = sorted(tensors, key=lambda name: (-tensors[name].itemsize, name))  # numbers stay aligned
    arrays = [np.asarray(tensors[name], order="C") for name in names]
    header = _header(dict(zip(names, arrays, strict=True)), {kind.key: f'{{"sha256": "{BLANK.decode()}", {text[1:]}'})
    parts: list[Part] = [header, *(array.reshape(-1).view(np.uint8).data for array in arrays)]
    digest, place = sha256(), kind.digest
    for part in parts:
        digest.update(part)
    return [header[: place.start], digest.hexdigest().encode(), header[place.stop :], *parts[1:]]


def _header(tensors: Tensors, metadata: Mapping[str, str]) -> bytes:
    """Return the header's length and the header: metadata, and each tensor's type, shape and place behind it."""
    entries: dict[str, Any] = {"__metadata__": metadata}
    end = 0
    for name, array in tensors.items():
        start, end = end, end + array.nbytes
        dtype = f"{array.dtype.kind.upper()}{8 * array.itemsize}"
        entries[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": [start, end]}
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % LENGTH)
    return len(text).to_bytes(LENGTH, "little") + text


def read_tensors(path: Path, kind: Kind) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read the metadata and the tensors of a file; RunDirectoryError if any byte of it is not as it was written.

    Memory: the file twice, whatever it claims to hold.
    """
    try:
        content = _content(path, kind)
    except (OSError, ValueError) as error:
        raise damaged(path, kind, _cause(error)) from None
    return parse_tensors(content, path, kind)


def parse_tensors(content: bytes, path: Path, kind: Kind) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read the same from the bytes of a file.  path: names it in messages."""
    try:
        tensors = load(content)
        metadata = _metadata(content, kind)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise damaged(path, kind, _cause(error)) from None
    if metadata.get("format") != kind.format:
        raise RunDirectoryError(
            f"{path}: has format {_short(metadata.get('format'))}; this numbann reads format {kind.format}; train anew"
        )
    if content[kind.digest] != _digest(content, kind):
        raise damaged(path, kind, "its bytes do not give the SHA-256 that stands in it")
    return metadata, tensors


def read_header(path: Path, kind: Kind) -> tuple[dict[str, Any], dict[str, tuple[int, ...]]]:
    """Read the metadata of a file and the shapes of its tensors, not the tensors, so that damage is not found."""
    try:
        with path.open("rb") as file:
            length = file.read(LENGTH)
            text = file.read(min(int.from_bytes(length, "little"), path.stat().st_size))
        header, metadata = json.loads(text), _metadata(length + text, kind)
        shapes = {name: tuple(map(int, one["shape"])) for name, one in header.items() if name != "__metadata__"}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise damaged(path, kind, _cause(error)) from None
    return metadata, shapes


def check_tensors(tensors: Tensors, shapes: Mapping[str, tuple[int, ...]], dtype: str) -> None:
    """Raise ValueError if tensors are not exactly those named, of these shapes and this dtype, and finite."""
    for name in sorted(shapes.keys() ^ tensors.keys()):
        raise ValueError(f"the tensor {name} is {'missing' if name in shapes else 'not of this network'}")
    for name, shape in shapes.items():
        found = tensors[name]
        if found.shape != shape or found.dtype != dtype:
            raise ValueError(f"{name} has the shape {found.shape} of {found.dtype} where {shape} of {dtype} is needed")
        if not np.isfinite(found).all():
            raise ValueError(f"{name} has numbers that are not finite")


def damaged(path: Path, kind: Kind, cause: str) -> RunDirectoryError:
    """Return the error for a file that cannot be read."""
    if is_export(path):
        told = "was exported for other programs, and numbann does not read it; name the run, or its model.safetensors"
        return RunDirectoryError(f"{path}: {told}")
    return RunDirectoryError(
        f"{path}: not a numbann {kind.noun}, or a damaged one ({cause}); copy it again or train anew"
    )


def _content(path: Path, kind: Kind) -> bytes:
    """Return the bytes of a file, if it begins like one of this kind."""
    if not path.is_file():
        raise ValueError("it is no file")
    with path.open("rb") as file:
        start = file.read(LENGTH + len(kind.start))
        if start[LENGTH:] != kind.start:
            raise ValueError("it does not begin as such a file does")
        return start + file.read()


def _metadata(content: bytes, kind: Kind) -> dict[str, Any]:
    """Return the metadata in a file's header, which is UTF-8 and an object."""
    header = content[LENGTH : LENGTH + int.from_bytes(content[:LENGTH], "little")]
    metadata = json.loads(json.loads(header)["__metadata__"][kind.key])
    if not isinstance(metadata, dict):
        raise TypeError("its metadata is no object")
    json.dumps(metadata, ensure_ascii=False).encode()  # ValueError for texts that no file and no terminal can take
    return metadata


def _digest(content: bytes, kind: Kind) -> bytes:
    """Return the digest of a file with zeros in the digest's place."""
    digest, whole, place = sha256(), memoryview(content), kind.digest
    for part in (whole[: place.start], BLANK, whole[place.stop :]):
        digest.update(part)
    return digest.hexdigest().encode()


def _cause(error: Exception) -> str:
    """Return what is wrong with a file, in one line."""
    if isinstance(error, KeyError):
        return f"{error} is missing"
    return (str(error) or type(error).__name__).splitlines()[0]


def _short(value: Any) -> str:
    return json.dumps(value, default=repr)[:40]
