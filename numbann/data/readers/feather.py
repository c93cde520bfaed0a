"""The Feather format, which is Arrow's own file: columns as in Parquet.  Needs pyarrow (extra `data`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from numbann.data.contract import Format

if TYPE_CHECKING:
    from pyarrow import RecordBatchFileReader

    from numbann.data.files import Files, InputFile
    from numbann.data.reading import Reading
    from numbann.data.table import Raw


def header(file: InputFile, reading: Reading) -> tuple[str, ...]:
    """Return the names of the columns, from the file's footer."""
    from numbann.data.reading import check_distinct

    with _open(file) as arrow:
        return check_distinct(arrow.schema.names, file)


def read(source: Files, reading: Reading, need_target: bool) -> Raw:
    """Read the chosen columns."""
    from numbann.data.arrow_table import read_arrow

    with _open(source.data) as arrow:
        rows = sum(arrow.get_batch(number).num_rows for number in range(arrow.num_record_batches))
        names = arrow.schema.names
        return read_arrow(
            source.data, names, rows, lambda wanted: arrow.read_all().select(wanted), reading, need_target
        )


@contextmanager
def _open(file: InputFile) -> Iterator[RecordBatchFileReader]:
    from numbann.data.arrow_file import open_arrow

    with open_arrow(file, "Feather") as source:
        from pyarrow import ipc, memory_map

        with memory_map(source) if isinstance(source, str) else source as opened, ipc.open_file(opened) as arrow:
            yield arrow


FORMAT = Format("feather", (".feather", ".arrow", ".ipc"), read, header=header)
