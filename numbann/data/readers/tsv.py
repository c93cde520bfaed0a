"""Tables of text with tabs between cells, .tsv."""

from __future__ import annotations

from numbann.data.delimited.format import delimited

FORMAT = delimited("tsv", ("\t",))
