"""The Parquet format: columns of numbers, booleans and text, nulls as missing cells.  Needs pyarrow (extra `data`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from numbann.data.contract import Format

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

    from numbann.data.files import Files, InputFile
    from numbann.data.reading import Reading
    from numbann.data.table import Raw


def header(file: InputFile, reading: Reading) -> tuple[str, ...]:
    """Return the names of the columns, from the file's footer."""
    from numbann.data.reading import check_distinct

    with _open(file) as parquet:
        return check_distinct(parquet.schema_arrow.names, file)


def read(source: Files, reading: Reading, need_target: bool) -> Raw:
    """Read the chosen columns only."""
    from numbann.data.arrow_table import read_arrow

    with _open(source.data) as parquet:
        names, rows = parquet.schema_arrow.names, parquet.metadata.num_rows
        return read_arrow(source.data, names, rows, lambda wanted: parquet.read(columns=wanted), reading, need_target)


@contextmanager
def _open(file: InputFile) -> Iterator[ParquetFile]:
    from numbann.data.arrow_file import open_arrow

    with open_arrow(file, "Parquet") as source:
        from pyarrow.parquet import ParquetFile

        with ParquetFile(source) as parquet:
            yield parquet


FORMAT = Format("parquet", (".parquet", ".pq"), read, header=header)
