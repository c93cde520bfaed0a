"""Input files: opened (gzip by the ending .gz), hashed, and failing with one clear line."""

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
    """A file by the name its user gave it.

    array: the one that is meant of a file with several; key: the spec's; content: standard input, read whole.
    """

    name: str
    path: Path
    array: str = ""
    key: str | None = None
    content: bytes | None = None

    @property
    def packed(self) -> bool:
        """Whether it is compressed."""
        return self.path.suffix.lower() == ".gz"

    def open(self) -> BinaryIO:
        """The bytes, unpacked."""
        if self.content is not None:
            return io.BytesIO(self.content)
        if not self.packed:
            return self.path.open("rb")
        import gzip  # few files need it

        return cast(BinaryIO, gzip.open(self.path))

    def fault(self, what: str) -> DataError:
        """What is wrong with the file, behind its name."""
        return DataError(f"{self.name}{what}", key=self.key)

    def sha256(self) -> str:
        """The hash of the file as it lies on the disk."""
        import hashlib  # which `numbann check` does not need

        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()


def standard_input() -> InputFile:
    """Everything on standard input, as a CSV table."""
    return InputFile("standard input", Path("-"), content=sys.stdin.buffer.read())


@dataclass(frozen=True)
class Files:
    """The files of one source and its format; `labels` where they lie in a file of their own."""

    format: Format
    data: InputFile
    labels: InputFile | None = None

    @property
    def all(self) -> tuple[InputFile, ...]:
        """One file or two."""
        return (self.data,) if self.labels is None else (self.data, self.labels)

    def read(self, reading: Reading, need_target: bool = True) -> Raw:
        """The chosen columns."""
        return self.format.read(self, reading, need_target)


@contextmanager
def failing_clearly(file: InputFile) -> Iterator[None]:
    """Turn the system's and gzip's errors into one line that names the file."""
    try:
        yield
    except (EOFError, OSError, zlib.error) as error:
        if isinstance(error, OSError) and error.strerror:
            raise file.fault(f": cannot be read ({error.strerror})") from error
        raise file.fault(f": not a whole gzip file ({error}); fetch or pack it again") from error
