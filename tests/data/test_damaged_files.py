"""Data files of every format, damaged in every way: each is read, or refused by one error.

CASES=2000 damages more of each than the suite does.
"""

from __future__ import annotations

import gzip
import io
import os
import random
import struct
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbann.data.source import load
from numbann.errors import DataError

CASES = int(os.environ.get("CASES", "150"))  # of each format
NUMBERS = np.random.default_rng(0)
X, Y = NUMBERS.normal(size=(40, 3)), np.arange(40) % 2
TEXT = "a,b,c,y\n" + "\n".join(f"{k % 7},{k * 0.5},{'uvw'[k % 3]},{('no', 'yes')[k % 2]}" for k in range(60))
INSERTED = (b"\0", b",", b'"', b"\n", b"\r", b"\xff" * 4, b"9" * 30, b"\xef\xbb\xbf", b"1e999")


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def npz(packed: bool) -> bytes:
    stream = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(stream, x=X, y=Y)
    return stream.getvalue()


def idx(array: np.ndarray) -> bytes:
    return struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def parquet() -> bytes:
    pyarrow, writer = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    stream = io.BytesIO()
    columns = {"a": X[:, 0], "b": [("u", "v", None)[k % 3] for k in range(40)], "y": Y > 0}
    writer.write_table(pyarrow.table(columns), stream)
    return stream.getvalue()


IMAGES = idx(NUMBERS.integers(0, 255, (40, 4, 4)).astype(np.uint8))
LABELS = idx((np.arange(40) % 3).astype(np.uint8))
PAIR, IDX = {"x": "x.npy", "y": "y.npy"}, {"images": "x", "labels": "y"}
FORMATS: dict[str, tuple[Callable[[], bytes], str, Any]] = {
    "csv": (TEXT.encode, "t.csv", "t.csv"),
    "csv.gz": (lambda: gzip.compress(TEXT.encode()), "t.csv.gz", "t.csv.gz"),
    "tsv": (TEXT.replace(",", "\t").encode, "t.tsv", "t.tsv"),
    "npz": (lambda: npz(False), "d.npz", "d.npz"),
    "packed npz": (lambda: npz(True), "d.npz", "d.npz"),
    "npy": (lambda: npy(X), "x.npy", PAIR),
    "column after column": (lambda: npy(np.asfortranarray(X)), "x.npy", PAIR),
    "targets": (lambda: npy(Y), "y.npy", PAIR),
    "idx": (lambda: IMAGES, "x", IDX),
    "idx.gz": (lambda: gzip.compress(IMAGES), "x.gz", IDX | {"images": "x.gz"}),
    "labels": (lambda: LABELS, "y", IDX),
    "parquet": (parquet, "t.parquet", "t.parquet"),
}


def damaged(content: bytes, draw: random.Random) -> bytes:
    """The content, damaged in one to three places, more often near its beginning."""
    found = bytearray(content)
    for _ in range(draw.randint(1, 3)):
        at = draw.randrange(max(1, min(len(found), 200) if draw.random() < 0.5 else len(found)))
        match draw.choice(("flip", "cut", "copy", "insert", "fill", "drop")):
            case "flip" if at < len(found):
                found[at] ^= 1 << draw.randrange(8)
            case "cut":
                del found[at:]
            case "copy":
                start = draw.randrange(max(1, len(found)))
                found[at : at + 16] = found[start : start + 16]
            case "insert":
                found[at:at] = draw.choice(INSERTED)
            case "fill":
                found[at : at + 4] = draw.choice((b"\xff" * 4, bytes(4)))
            case "drop":
                del found[at : at + draw.randint(1, 8)]
    return bytes(found)


@pytest.mark.parametrize("kind", FORMATS)
def test_damage_is_read_or_refused(tmp_path: Path, section: Callable[..., Any], kind: str) -> None:
    make, name, path = FORMATS[kind]
    whole, draw = make(), random.Random(kind)
    for other, content in {"x.npy": npy(X), "y.npy": npy(Y), "x": IMAGES, "y": LABELS}.items():
        (tmp_path / other).write_bytes(content)
    given = section(path, "y" if isinstance(path, str) and path != "d.npz" else None, missing="mean")
    refused = []
    for _ in range(CASES):
        content = damaged(whole, draw)
        (tmp_path / name).write_bytes(content)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                source = load(given, tmp_path, 0)
                forms = source.task.forms
                target = forms.get("label") or forms["real"]
                source.prepare(target=target, scale="standard", target_scale="none", dtype="float32")
        except DataError as error:
            refused.append(str(error))
        except Exception as error:
            error.add_note(f"{kind}: {content!r}")
            raise
    assert refused
    assert not any("\n" in message for message in refused)
