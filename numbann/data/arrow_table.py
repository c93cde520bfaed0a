"""Converts the columns of an Arrow table, which Parquet and Feather files give, to columns of numbers or texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from numbann.data.columns import MISSING, Column, Numbers, Texts, texts_from
from numbann.data.dates import dates_as_texts
from numbann.data.files import InputFile
from numbann.data.memory import check_room
from numbann.data.reading import Reading, check_distinct, choose_columns
from numbann.data.table import Raw, raw_from_columns
from numbann.errors import DataError

if TYPE_CHECKING:
    from pyarrow import ChunkedArray, Table


def read_arrow(
    file: InputFile,
    names: Sequence[str],
    rows: int,
    read: Callable[[list[str]], Table],
    reading: Reading,
    need_target: bool,
) -> Raw:
    """Return the raw rows of a file.  names: all of its columns; read: reads some of them."""
    chosen = choose_columns(reading, check_distinct(names, file), file.name, need_target)
    wanted = list(chosen.every)
    check_room(8 * rows * len(wanted), f"{file.name}, {rows} rows", file.key, "leave columns out")
    table = read(wanted)
    if need_target and not len(table):
        raise DataError(f"{file.name} has columns but no rows; add rows", key=file.key)
    columns = {name: column_from_arrow(table[name], name, reading.is_text(name), file.name) for name in wanted}
    return raw_from_columns(columns, chosen, reading, file.name, lambda row: f"{file.name} row {row + 1}")


def column_from_arrow(values: ChunkedArray, name: str, as_text: bool, where: str) -> Column:
    """Convert one column to numbers, or to texts as codes."""
    from pyarrow import types

    dictionary = types.is_dictionary(values.type)
    kind = values.type.value_type if dictionary else values.type
    if types.is_timestamp(kind) or types.is_date(kind):
        return texts_from(dates_as_texts(values.cast(kind).to_numpy()).tolist())
    if types.is_binary(kind) or types.is_large_binary(kind):
        return texts_from(values.to_pylist())
    if as_text or any(test(kind) for test in (types.is_string, types.is_large_string, types.is_string_view)):
        return _texts(values if dictionary else values.dictionary_encode())
    values = values.cast(kind) if dictionary else values
    if types.is_integer(kind) or (types.is_boolean(kind) and not values.null_count):
        return Numbers(values.to_numpy(), whole=types.is_integer(kind))
    if types.is_boolean(kind):
        values = values.cast("int8")
    elif not (types.is_floating(kind) or types.is_decimal(kind) or types.is_null(kind)):
        what = f'{where}, column "{name}" holds {kind}; numbers, booleans, text and dates are readable'
        raise DataError(f"{what}; leave it out (data.drop)", key="data.drop")
    return Numbers(values.cast("float64").to_numpy(), whole=False)


def _texts(values: ChunkedArray) -> Column:
    """Return the codes of a dictionary's texts; texts that are equal once stripped share a code."""
    encoded = values.unify_dictionaries().combine_chunks()
    texts = texts_from(encoded.dictionary.to_pylist())
    places = encoded.indices.cast("int64").fill_null(len(texts)).to_numpy()
    return Texts(np.append(texts.codes, np.int32(MISSING))[places], texts.values)
