"""A file of tensors gives back what went in, and one error for any byte that is not as it was written."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from numbann.errors import RunDirectoryError
from numbann.model.tensor_file import BLANK, Kind, read_tensors, to_parts

KIND = Kind("model", "numbann", 3)
TENSORS = {"w": np.arange(6, dtype="f4").reshape(2, 3), "b": np.array([0.1]), "n": np.array([7])}
METADATA = {"name": "é", "deep": {"list": [1, 0.1, None, float("inf")], "sha256": BLANK.decode()}}


def test_round_trip(here: Path) -> None:
    content = b"".join(to_parts(TENSORS, KIND, METADATA))
    (here / "f").write_bytes(content)
    metadata, tensors = read_tensors(here / "f", KIND)
    digest = metadata.pop("sha256")
    assert (len(digest), content[KIND.digest]) == (64, digest.encode())
    assert metadata == {"format": 3, **METADATA}
    for name, tensor in TENSORS.items():
        assert (tensors[name].dtype, tensors[name].tobytes()) == (tensor.dtype, tensor.tobytes())
    assert load(content).keys() == TENSORS.keys()  # any reader of safetensors takes it


def test_any_tensor_reaches_any_reader() -> None:
    tensors = {"none": np.zeros((0, 3), "f4"), "one": np.uint64(5)[None], "columns": np.ones((3, 2), order="F")}
    tensors |= {**TENSORS, "number": np.array(1.5, "f4"), "part": np.arange(12, dtype="f4").reshape(3, 4)[:, 1:3]}
    found = load(b"".join(to_parts(tensors, KIND, METADATA)))
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert (found[name].shape, found[name].dtype) == (tensor.shape, tensor.dtype)
        np.testing.assert_array_equal(found[name], tensor)


def test_every_byte_counts(here: Path) -> None:
    content, file = b"".join(to_parts(TENSORS, KIND, METADATA)), here / "f"
    for k in range(len(content)):
        for damage in (content[:k], content[:k] + bytes([content[k] ^ (1 << k % 8)]) + content[k + 1 :]):
            file.write_bytes(damage)
            with pytest.raises(RunDirectoryError, match=f"{file}: "):
                read_tensors(file, KIND)
    file.write_bytes(content + b"\0")
    with pytest.raises(RunDirectoryError, match="damaged"):
        read_tensors(file, KIND)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{",
        "1",
        "[" * 100_000,
        "[" * 50_000 + "]" * 50_000,
        '{"format": 3, "a": "\\ud800"}',
        "9" * 5000,
    ],
)
def test_metadata_that_is_no_object_of_texts(here: Path, text: str) -> None:
    (here / "f").write_bytes(save(dict(TENSORS), {KIND.key: text}))
    with pytest.raises(RunDirectoryError, match="not a numbann model, or a damaged one"):
        read_tensors(here / "f", KIND)


@pytest.mark.parametrize("found", [2, None, "3", [[]], {}])
def test_another_format(here: Path, found: object) -> None:
    (here / "f").write_bytes(save(dict(TENSORS), {KIND.key: json.dumps({"format": found})}))
    with pytest.raises(RunDirectoryError, match=r"has format .*; this numbann reads format 3; train anew"):
        read_tensors(here / "f", KIND)


@pytest.mark.parametrize("claim", [0, 1, 2**20, 10**8, 2**31, 2**40, 2**63, 2**64 - 1])
def test_a_header_that_claims_too_much(here: Path, claim: int) -> None:
    (here / "f").write_bytes(struct.pack("<Q", claim) + b"".join(to_parts(TENSORS, KIND, METADATA))[8:])
    with pytest.raises(RunDirectoryError, match="damaged"):
        read_tensors(here / "f", KIND)


def test_a_large_file_of_another_kind_is_not_read(here: Path) -> None:
    with (here / "f").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(RunDirectoryError, match="does not begin as such a file does"):
        read_tensors(here / "f", KIND)
