"""Sizes: what a file claims, what it inflates to, and what memory holds are compared before memory is taken."""

from __future__ import annotations

import gzip
import io
import struct
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbann.data import files, memory
from numbann.data.delimited import text
from numbann.data.source import SplitData, load
from numbann.errors import DataError

Section = Callable[..., dict[str, Any]]
Load = Callable[..., SplitData]
LABELS = {"y": np.arange(40) % 2}


@pytest.fixture(autouse=True)
def little_memory() -> Iterator[None]:
    """No case takes more than 200 MB."""
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200e6


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def claim(shape: tuple[int, ...], descr: str = "<f8") -> bytes:
    """A .npy file whose header claims a shape, with 64 bytes of values."""
    header = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header + bytes(64)


def npz(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return stream.getvalue()


def idx(*lengths: int) -> bytes:
    return struct.pack(">HBB", 0, 8, len(lengths)) + struct.pack(f">{len(lengths)}I", *lengths) + bytes(100)


SHAPES = [(10**12,), (10**6, 10**6), (2**62, 4), (2**31,) * 3, (10**30,), (0, 10**12)]


@pytest.mark.parametrize("shape", [*SHAPES, (-1, 3), (4,) * 70])
def test_arrays_that_claim_too_much(tmp_path: Path, section: Section, shape: tuple[int, ...]) -> None:
    (tmp_path / "x.npy").write_bytes(claim(shape))
    (tmp_path / "y.npy").write_bytes(npy(LABELS["y"]))
    (tmp_path / "d.npz").write_bytes(npz(x=claim(shape), y=npy(LABELS["y"])))
    for path in ("d.npz", {"x": "x.npy", "y": "y.npy"}, {"x": "y.npy", "y": "x.npy"}):
        with pytest.raises(DataError, match=r"bytes where its header \(shape|not a whole array"):
            load(section(path, None), tmp_path, 0)


@pytest.mark.parametrize(
    "content", [b"{" * 9, b"(" * 4000, b"{'descr': '<f8'", b"{'shape': (1,\x00)}", b"\xff" * 20, b"9" * 5000]
)
def test_headers_that_cannot_be_parsed(tmp_path: Path, section: Section, content: bytes) -> None:
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY\x01\0" + struct.pack("<H", len(content)) + content + bytes(64))
    (tmp_path / "d.npz").write_bytes(npz(x=(tmp_path / "x.npy").read_bytes()))
    for path in ({"x": "x.npy", "y": "x.npy"}, "d.npz"):
        with pytest.raises(DataError, match="not a whole array"):
            load(section(path, None), tmp_path, 0)


@pytest.mark.parametrize("lengths", [(2**32 - 1,) * 3, (2**32 - 1, 1, 1), (0, 4, 4), (1,) * 32, (1,) * 255])
def test_idx_that_claims_too_much(tmp_path: Path, section: Section, lengths: tuple[int, ...]) -> None:
    (tmp_path / "x").write_bytes(idx(*lengths))
    (tmp_path / "x.gz").write_bytes(gzip.compress(idx(*lengths)))
    for name in ("x", "x.gz"):
        with pytest.raises(DataError, match=r"bytes where|packed bytes become|a rank up to 32"):
            load(section({"images": name, "labels": name}, None), tmp_path, 0)


def bomb(start: bytes = b"") -> bytes:
    """A gzip file of 12 MB from 12 kB."""
    return gzip.compress(start + bytes(12 << 20), compresslevel=9)


def test_bombs_end_at_a_limit(tmp_path: Path, section: Section, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "SMALL", 1 << 22)
    monkeypatch.setattr(text, "LONGEST_LINE", 1 << 22)
    (tmp_path / "t.csv.gz").write_bytes(bomb())
    (tmp_path / "no text.csv.gz").write_bytes(bomb(b"\xff"))
    (tmp_path / "x.gz").write_bytes(bomb(idx(12, 1 << 10, 1 << 10)[:16]))
    (tmp_path / "d.npz").write_bytes(npz(x=npy(np.zeros((100, 10_000)))))
    for path, message in (
        ("t.csv.gz", "t.csv.gz has a line of more than 4 MB"),
        ("no text.csv.gz", "no text.csv.gz has a line of more than 4 MB"),
        ({"images": "x.gz", "labels": "x.gz"}, "x.gz: .* packed bytes become more than 13 MB; .*, unpack it by hand"),
        ("d.npz", "d.npz: .* packed bytes become more than 8 MB"),
    ):
        with pytest.raises(DataError, match=message):
            load(section(path, "y" if "csv" in path else None), tmp_path, 0)


def test_real_files_may_be_packed_well(tmp_path: Path, section: Section, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = b"".join(b"%d,%d\n" % (k % 7, k % 2) for k in range(20_000))
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"a,y\n" + rows))
    monkeypatch.setattr(files, "SMALL", 0)
    assert len(load(section("t.csv.gz"), tmp_path, 0).parts["train"][0].table) == 20_000
    monkeypatch.setattr(files, "RATIO", 2)
    with pytest.raises(DataError, match="packed bytes become more than"):
        load(section("t.csv.gz"), tmp_path, 0)


def test_a_line_without_end(load_table: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "LONGEST_LINE", 1 << 17)
    with pytest.raises(DataError, match="is it a table of text"):
        load_table("a,y\n" + "1," * (1 << 17))


def test_what_memory_cannot_hold_is_refused_with_the_figure(
    tmp_path: Path, section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = 30_000
    (tmp_path / "t.csv").write_text("a,b,y\n" + "1,2,0.5\n" * rows)
    np.savez(tmp_path / "d.npz", x=np.ones((rows, 2)), y=np.ones(rows))
    np.save(tmp_path / "y.npy", np.ones(rows))
    (tmp_path / "categories.csv").write_text("a,y\n" + "".join(f"t{k},0.5\n" for k in range(300)))
    monkeypatch.setattr(memory, "available", lambda: 100_000)
    for path, figure in (
        ("t.csv", r"inputs of 30000 rows and more: 0\.00036 GB are needed, and 0\.0001 GB are free"),
        ("d.npz", r"d\.npz: 0\.00048 GB"),
        ({"x": "y.npy", "y": "y.npy"}, r"y\.npy: 0\.00024 GB"),
    ):
        with pytest.raises(DataError, match=figure):
            load(section(path, "y" if isinstance(path, str) and path[0] == "t" else None), tmp_path, 0)
    source = load(section("categories.csv"), tmp_path, 0)
    with pytest.raises(DataError, match=r"300 rows of 300 inputs: 0\.00036 GB are needed"):
        source.prepare(target="real", scale="none", target_scale="none", dtype="float32")
