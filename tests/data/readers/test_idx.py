"""IDX files: every type is read in the machine's order, every wrong header is refused before anything is built."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbann.data.files import InputFile
from numbann.data.readers.idx import TYPES, load_idx
from numbann.data.source import load
from numbann.errors import DataError


def idx(array: np.ndarray, code: int = 0x08) -> bytes:
    shape = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, code, array.ndim]) + shape + array.astype(TYPES[code]).tobytes()


IMAGES = np.arange(48).reshape(4, 3, 4)
LABELS = np.array([0, 1, 1, 0])


def written(path: Path, content: bytes) -> InputFile:
    path.write_bytes(content)
    return InputFile(path.name, path)


@pytest.mark.parametrize("code", TYPES)
def test_every_type_reads_back(tmp_path: Path, code: int) -> None:
    values = load_idx(written(tmp_path / "a", idx(IMAGES, code)))
    np.testing.assert_array_equal(values, IMAGES)
    assert values.dtype.isnative


def test_images_and_labels(tmp_path: Path, section: Callable[..., dict[str, Any]]) -> None:
    written(tmp_path / "images.gz", gzip.compress(idx(IMAGES)))
    written(tmp_path / "labels", idx(LABELS))
    source = load(section({"images": "images.gz", "labels": "labels"}, None), tmp_path, 0)
    facts = source.facts
    assert (facts.task.name, facts.format, facts.scale) == ("classification", "idx", "byte")
    assert facts.task.classes_or_pairs == (0, 1)
    part = source.prepare(target="label", scale="byte", target_scale="none", dtype="float32").train
    np.testing.assert_array_equal(part.x, IMAGES.reshape(4, 12).astype(np.float32) / np.float32(255))
    assert part.t.tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no IDX file"),
        (b"\x00\x01\x08\x01", "is no IDX file"),
        (b"\x00\x00\x07\x01" + bytes(5), "is no IDX file"),
        (b"\x00\x00\x08\x03\x00\x00", "its header ends after 6 of 16 bytes"),
        (idx(IMAGES)[:-1], "63 bytes where its header .* asks for 64"),
        (idx(IMAGES) + b"\x00", "65 bytes where"),
        (bytes([0, 0, 8, 3]) + b"\xff" * 12, "16 bytes where"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_idx(written(tmp_path / "a", content))


@pytest.mark.parametrize(("labels", "message"), [(IMAGES, "labels are one integer"), (LABELS[:3], "has 4 rows but")])
def test_labels_that_do_not_fit(tmp_path: Path, section: Callable[..., Any], labels: np.ndarray, message: str) -> None:
    written(tmp_path / "images", idx(IMAGES))
    written(tmp_path / "labels", idx(labels))
    with pytest.raises(DataError, match=message):
        load(section({"images": "images", "labels": "labels"}, None), tmp_path, 0)
