"""Input files: opens them (gzip by the ending .gz), hashes them, and reports faults in one clear line."""

from __future__ import annotations

import io
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from numbann.errors import DataError
from numbann.records import dataclass

if TYPE_CHECKING:
    from numbann.data.contract import Format

PACKED = {".gz": "gzip", ".zst": "zstd"}
SMALL, RATIO = 1 << 26, 1000  # bytes that may come of any file, and times its size that may come of a larger one

Tell = Callable[[int], None]
_WATCH: ContextVar[Callable[[str, int], Tell | None] | None] = ContextVar("_WATCH", default=None)


@contextmanager
def watch(begin: Callable[[str, int], Tell | None]) -> Iterator[None]:
    """Have what is read from files reported.

    begin: takes the name and the bytes of a file that is opened, and returns what is called, from any thread, with the
    bytes that have been read of it, all of them when it is closed; or None.
    """
    token = _WATCH.set(begin)
    try:
        yield
    finally:
        _WATCH.reset(token)


class _Watched(io.FileIO):
    """A file that tells how much of it has been read."""

    def __init__(self, path: Path, total: int, tell: Tell) -> None:
        super().__init__(path)
        self._total, self._tell = total, tell

    def readinto(self, buffer: Any) -> int:
        """Read some bytes."""
        count = super().readinto(buffer)
        self._tell(self.tell())
        return count or 0

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            self._tell(self._total)
        super().close()


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
        return self.path.suffix.lower() in PACKED

    def open(self) -> BinaryIO:
        """Open the file for reading its uncompressed bytes."""
        if self.content is not None:
            return io.BytesIO(self.content)
        if not self.packed:
            return self.as_stored()
        return cast(BinaryIO, io.BufferedReader(Inflated(self), 1 << 16))

    def as_stored(self) -> BinaryIO:
        """Open the file for reading its bytes as they are on the disk."""
        total, begin = self.path.stat().st_size, _WATCH.get()
        tell = begin(self.name, total) if begin and total else None  # a pipe has no size
        return io.BufferedReader(_Watched(self.path, total, tell), 1 << 16) if tell else self.path.open("rb")

    @property
    def size(self) -> int:
        """The bytes of the file as stored on disk."""
        return self.path.stat().st_size if self.content is None else len(self.content)

    def fault(self, what: str) -> DataError:
        """Return an error whose message is the file's name followed by `what`."""
        return DataError(f"{self.name}{what}", key=self.key)

    def stamp(self) -> tuple[int, ...]:
        """Return what changes with the file: its place on the disk, its size, and when it was written."""
        if self.content is not None:
            return (len(self.content),)
        found = self.path.stat()
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    @cached_property
    def sha256(self) -> str:
        """The hash of the file as stored on disk, taken once."""
        import hashlib  # here, since `numbann check` does not need it

        if self.content is not None:
            return hashlib.sha256(self.content).hexdigest()
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()


class Inflated(io.RawIOBase):
    """The bytes of a compressed file, refused where they go on and on."""

    def __init__(self, file: InputFile) -> None:
        self._file, self._count, self._packed = file, 0, file.path.stat().st_size
        self._stored = file.as_stored()
        self._stream = _unpack(file, self._stored)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some bytes."""
        count = self._stream.readinto(buffer)
        self._count += count
        check_inflation(self._file, self._packed, self._count)
        return count

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        self._stored.close()
        super().close()


def _unpack(file: InputFile, stored: BinaryIO) -> Any:
    """Return the uncompressed bytes of an open file."""
    if PACKED[file.path.suffix.lower()] == "gzip":
        import gzip  # here, since few files need it

        return gzip.GzipFile(fileobj=stored)
    try:
        from pyarrow import input_stream
    except ImportError:
        raise file.fault(': .zst needs pyarrow, which is not installed: pip install "numbann[data]"') from None
    return input_stream(stored, compression="zstd")


def check_inflation(file: InputFile, packed: int, size: int) -> None:
    """Refuse bytes that are a thousand times as many as they are packed: a bomb, or a mistake."""
    if size > SMALL and size > RATIO * packed:
        raise file.fault(
            f": {packed} packed bytes become more than {size / 1e6:.0f} MB; if that is meant, unpack it by hand"
        )


@cache
def first_line(stream: BinaryIO) -> bytes:
    """Return the first line of a stream, as soon as it is there."""
    return stream.readline()


@cache
def _piped(stream: BinaryIO) -> bytes:
    """Return all of a stream, which can be read once."""
    return first_line(stream) + stream.read()


def standard_input(key: str | None = None) -> InputFile:
    """Return standard input as a file."""
    return InputFile("standard input", Path("-"), key=key, content=_piped(sys.stdin.buffer))


@dataclass(frozen=True)
class Files:
    """The files of one source and their format.

    labels: their file, where they have one of their own.  more: further files of the same table, whose rows follow.
    """

    format: Format
    data: InputFile
    labels: InputFile | None = None
    more: tuple[InputFile, ...] = ()

    @property
    def all(self) -> tuple[InputFile, ...]:
        """Every file."""
        return (self.data, *self.more) if self.labels is None else (self.data, self.labels)


@contextmanager
def translate_errors(file: InputFile) -> Iterator[None]:
    """Turn errors of the system and of compressed files into one line that names the file."""
    try:
        yield
    except (EOFError, OSError, zlib.error) as error:
        if isinstance(error, OSError) and error.strerror:
            raise file.fault(f": cannot be read ({error.strerror})") from error
        kind = PACKED.get(file.path.suffix.lower(), "")
        raise file.fault(f": not a whole {kind} file ({error}); fetch or pack it again") from error
