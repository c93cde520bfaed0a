"""Input files: found, opened (gzip by the ending .gz), hashed, and failing with one clear line.  It parses nothing."""

from __future__ import annotations

import gzip
import hashlib
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from numbann.errors import DataError


@dataclass(frozen=True)
class InputFile:
    """A file by the name its user gave it; `content` is standard input, read whole; `key` is the spec's key."""

    name: str
    path: Path
    key: str | None = None
    content: bytes | None = None

    @property
    def ending(self) -> str:
        """The ending that tells the format: ".csv" of table.csv.gz."""
        name = self.path.name.lower().removesuffix(".gz")
        return Path(name).suffix

    @property
    def packed(self) -> bool:
        return self.path.suffix.lower() == ".gz"

    def open(self) -> BinaryIO:
        """The bytes, unpacked."""
        if self.content is not None:
            return io.BytesIO(self.content)
        return cast(BinaryIO, gzip.open(self.path)) if self.packed else self.path.open("rb")

    def sha256(self) -> str:
        """The hash of the file as it lies on the disk."""
        if self.content is not None:
            return hashlib.sha256(self.content).hexdigest()
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()


def find(name: str, base: Path, key: str | None) -> InputFile:
    """The file of that name, relative to `base`; it must be there and be a file."""
    path = base / name
    if path.is_dir():
        raise DataError(f"{name} is a directory; name a file in it", key=key)
    if not path.is_file():
        raise DataError(f"{name}: no such file in {base.resolve()}; check the name and the folder", key=key)
    return InputFile(name, path, key)


def standard_input() -> InputFile:
    """Everything on standard input, as a CSV table."""
    return InputFile("standard input", Path("-"), content=sys.stdin.buffer.read())


@contextmanager
def failing_clearly(file: InputFile) -> Iterator[None]:
    """Turn the system's and gzip's errors into one line that names the file."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            f"{file.name}: not a whole gzip file ({error}); fetch or pack it again", key=file.key
        ) from error
    except OSError as error:
        raise DataError(f"{file.name}: cannot be read ({error.strerror or error})", key=file.key) from error
