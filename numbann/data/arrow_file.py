"""Opens files that pyarrow reads; its errors become one line each."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numbann.data.files import InputFile, translate_errors
from numbann.errors import DataError


@contextmanager
def open_arrow(file: InputFile, kind: str) -> Iterator[Any]:
    """Yield what pyarrow opens: a path, or the bytes of a file that is compressed or came on standard input."""
    try:
        from pyarrow import ArrowException
    except ImportError:
        needed = f'{kind} files need pyarrow, which is not installed: pip install "numbann[data]"'
        raise DataError(f"{file.name}: {needed}", key=file.key) from None
    with translate_errors(file), file.open() as stream:
        try:
            yield io.BytesIO(stream.read()) if file.packed or file.content is not None else str(file.path)
        except (ArrowException, OSError) as error:
            reason = str(error).strip().splitlines()[0]
            raise DataError(f"{file.name}: no whole {kind} file ({reason}); write it again", key=file.key) from error
