"""Input files: opens them (gzip by the ending .gz), hashes them, and reports faults in one clear line."""

from __future__ import annotations

import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from numbann.errors import DataError

if TYPE_CHECKING:
    from numbann.data.contract import Format
    from numbann.data.reading import Reading
    from numbann.data.table import Raw


@dataclass(frozen=True)
class InputFile:
    """A file under the name that the user gave it.

    array: the array that is meant in a file of several.  key: the spec's key that names the file.
    content: the bytes of standard input.
    """

    name: str
    path: Path
    array: str = ""
    key: str | None = None
    content: bytes | None = None

    @property
    def packed(self) -> bool:
        """Whether the file is compressed."""
        return self.path.suffix.lower() == ".gz"

    def open(self) -> BinaryIO:
        """Open the file for reading its uncompressed bytes."""
        if self.content is not None:
            return io.BytesIO(self.content)
        if not self.packed:
            return self.path.open("rb")
        import gzip  # here, since few files need it

        return cast(BinaryIO, gzip.open(self.path))

    def fault(self, what: str) -> DataError:
        """Return an error whose message is the file's name followed by `what`."""
        return DataError(f"{self.name}{what}", key=self.key)

    def sha256(self) -> str:
        """Return the hash of the file as stored on disk."""
        import hashlib  # here, since `numbann check` does not need it

        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()


def standard_input() -> InputFile:
    """Read all of standard input, as the bytes of a CSV table."""
    return InputFile("standard input", Path("-"), content=sys.stdin.buffer.read())


@dataclass(frozen=True)
class Files:
    """The files of one source and their format.  labels: their file, where they have one of their own."""

    format: Format
    data: InputFile
    labels: InputFile | None = None

    @property
    def all(self) -> tuple[InputFile, ...]:
        """The files, one or two."""
        return (self.data,) if self.labels is None else (self.data, self.labels)

    def read(self, reading: Reading, need_target: bool = True) -> Raw:
        """Read the chosen columns."""
        return self.format.read(self, reading, need_target)


@contextmanager
def translate_errors(file: InputFile) -> Iterator[None]:
    """Turn errors of the system and of gzip into one line that names the file."""
    try:
        yield
    except (EOFError, OSError, zlib.error) as error:
        if isinstance(error, OSError) and error.strerror:
            raise file.fault(f": cannot be read ({error.strerror})") from error
        raise file.fault(f": not a whole gzip file ({error}); fetch or pack it again") from error
