"""What is read from a file is reported while it is read."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from numbann.data.files import InputFile, watch

TEXT = b"".join(b"%d,%d\n" % (k, k * k) for k in range(50000))


def write(file: Path, ending: str) -> None:
    if ending == ".zst":
        arrow = pytest.importorskip("pyarrow")
        with arrow.output_stream(str(file), compression="zstd") as stream:
            stream.write(TEXT)
    else:
        file.write_bytes(gzip.compress(TEXT) if ending == ".gz" else TEXT)


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_the_bytes_read_are_reported(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"t.csv{ending}"
    write(path, ending)
    told: list[int] = []
    begun: list[tuple[str, int]] = []

    def begin(name: str, total: int):  # type: ignore[no-untyped-def]
        begun.append((name, total))
        return told.append

    with watch(begin), InputFile("t", path).open() as stream:
        content = b"".join(iter(lambda: stream.read(1 << 16), b""))
    size = path.stat().st_size
    assert content == TEXT
    assert begun == [("t", size)]
    assert len(told) > 2
    assert told == sorted(told)
    assert told[-1] == size
    with watch(lambda name, total: None), InputFile("t", path).open() as stream:
        assert stream.read() == TEXT
