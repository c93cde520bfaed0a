"""Builds the formats of text tables, which differ only in their delimiters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from numbann.data.contract import Format

if TYPE_CHECKING:
    from numbann.data.files import Files, InputFile
    from numbann.data.reading import Reading
    from numbann.data.table import Raw


def table_format(name: str, delimiters: tuple[str, ...]) -> Format:
    """Return the format with this ending and these candidates for the delimiter."""

    def header(file: InputFile, reading: Reading) -> tuple[str, ...]:
        from numbann.data.delimited.header import open_table

        return open_table(file, delimiters, reading).names()

    def read(source: Files, reading: Reading, need_target: bool) -> Raw:
        from numbann.data.delimited.columns import read_table
        from numbann.data.delimited.header import open_table

        return read_table(open_table(source.data, delimiters, reading), need_target)

    return Format(name, (f".{name}",), read, header=header, delimiters=delimiters)
