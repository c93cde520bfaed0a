"""A table of text in another encoding, or with lines that are no rows: read as UTF-8, with those lines empty.

Lines that are skipped stay as empty ones, which every reader leaves out, so that messages count the file's own lines.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, BinaryIO, cast

from numbann.data.files import InputFile
from numbann.data.reading import Reading
from numbann.records import dataclass

PIECE = 1 << 16  # characters


@dataclass(frozen=True)
class CleanedFile(InputFile):
    """A file with its settings.  skip: lines at its top; comment: what a line of comment begins with, or nothing."""

    encoding: str = "utf-8"
    skip: int = 0
    comment: str = ""

    def open(self) -> BinaryIO:
        """Open the file for reading its bytes as UTF-8."""
        return cast(BinaryIO, io.BufferedReader(_Pieces(self._pieces(super().open())), PIECE))

    def _pieces(self, stream: BinaryIO) -> Iterator[bytes]:
        line = 0
        with stream, io.TextIOWrapper(stream, self.encoding, newline="") as text:
            try:
                for line, content in enumerate(text, 1):
                    left_out = line <= self.skip or (self.comment and content.startswith(self.comment))
                    yield (content[len(content.rstrip("\r\n")) :] if left_out else content).encode()
            except UnicodeError:
                what = f"not text in {self.encoding}; correct data.csv.encoding, or save the table as UTF-8"
                raise self.fault(f" row {line + 1}: {what}") from None


class _Pieces(io.RawIOBase):
    """A stream of the bytes that an iterator gives."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._left = pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some bytes."""
        found = [self._left]
        size = len(self._left)
        while size < len(buffer) and (piece := next(self._pieces, b"")):
            found.append(piece)
            size += len(piece)
        content = b"".join(found)
        count = min(len(buffer), len(content))
        buffer[:count], self._left = content[:count], content[count:]
        return count


def clean(file: InputFile, reading: Reading) -> InputFile:
    """Return the file with the settings of csv; as it is where these are the usual ones."""
    if (reading.encoding.lower(), reading.skip, reading.comment) in (("utf-8", 0, ""), ("utf8", 0, "")):
        return file
    own = {one.name: getattr(file, one.name) for one in fields(InputFile)}
    return CleanedFile(**own, encoding=reading.encoding, skip=reading.skip, comment=reading.comment)
