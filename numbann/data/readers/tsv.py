"""The format of text tables with tabs between cells, .tsv."""

from __future__ import annotations

from numbann.data.delimited.format import table_format

FORMAT = table_format("tsv", ("\t",))
