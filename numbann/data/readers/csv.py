"""The format of text tables, .csv, whose delimiter is detected."""

from __future__ import annotations

from numbann.data.contract import DELIMITERS
from numbann.data.delimited.format import table_format

FORMAT = table_format("csv", DELIMITERS)
