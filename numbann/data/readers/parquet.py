"""The Parquet format: columns of numbers, booleans and text, nulls as missing cells.  Needs pyarrow (extra `data`)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from numbann.data.contract import Format
from numbann.errors import DataError

if TYPE_CHECKING:
    from pyarrow import ChunkedArray
    from pyarrow.parquet import ParquetFile

    from numbann.data.columns import Column
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
    from numbann.data.memory import check_room
    from numbann.data.reading import check_distinct, choose_columns
    from numbann.data.table import raw_from_columns

    file = source.data
    with _open(file) as parquet:
        chosen = choose_columns(reading, check_distinct(parquet.schema_arrow.names, file), file.name, need_target)
        wanted = chosen.every
        rows = parquet.metadata.num_rows
        check_room(8 * rows * len(wanted), f"{file.name}, {rows} rows", file.key, "leave columns out")
        table = parquet.read(columns=list(wanted))
        if not len(table):
            raise DataError(f"{file.name} has columns but no rows; add rows", key=file.key)
        columns = {name: _column(table[name], name, reading.is_text(name), file) for name in wanted}
    return raw_from_columns(columns, chosen, reading, file.name, lambda row: f"{file.name} row {row + 1}")


def _column(values: ChunkedArray, name: str, as_text: bool, file: InputFile) -> Column:
    """Convert one column to numbers, or to texts as codes."""
    from pyarrow import types

    from numbann.data.columns import Numbers

    dictionary = types.is_dictionary(values.type)
    kind = values.type.value_type if dictionary else values.type
    if as_text or any(test(kind) for test in (types.is_string, types.is_large_string, types.is_string_view)):
        return _texts(values if dictionary else values.dictionary_encode())
    values = values.cast(kind) if dictionary else values
    if types.is_integer(kind) or (types.is_boolean(kind) and not values.null_count):
        return Numbers(values.to_numpy(), whole=types.is_integer(kind))
    if types.is_boolean(kind):
        values = values.cast("int8")
    elif not (types.is_floating(kind) or types.is_decimal(kind) or types.is_null(kind)):
        raise DataError(
            f'{file.name}, column "{name}" holds {kind}; numbers, booleans and text are readable; leave it out '
            "(data.drop)",
            key="data.drop",
        )
    return Numbers(values.cast("float64").to_numpy(), whole=False)


def _texts(values: ChunkedArray) -> Column:
    """Return the codes of a dictionary's texts; texts that are equal once stripped share a code."""
    import numpy as np

    from numbann.data.columns import MISSING, Texts, texts_from

    encoded = values.unify_dictionaries().combine_chunks()
    texts = texts_from(encoded.dictionary.to_pylist())
    places = encoded.indices.cast("int64").fill_null(len(texts)).to_numpy()
    return Texts(np.append(texts.codes, np.int32(MISSING))[places], texts.values)


@contextmanager
def _open(file: InputFile) -> Iterator[ParquetFile]:
    """Open the file with pyarrow, whose errors become one line each."""
    from numbann.data.files import translate_errors

    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        needed = 'Parquet files need pyarrow, which is not installed: pip install "numbann[data]"'
        raise DataError(f"{file.name}: {needed}", key=file.key) from None
    with translate_errors(file), file.open() as stream:
        source: Any = io.BytesIO(stream.read()) if file.packed else file.path
        try:
            with ParquetFile(source) as parquet:
                yield parquet
        except (ArrowException, OSError) as error:
            reason = str(error).strip().splitlines()[0]
            raise DataError(f"{file.name}: no whole Parquet file ({reason}); write it again", key=file.key) from error


FORMAT = Format("parquet", (".parquet",), read, header=header)
