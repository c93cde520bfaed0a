"""The transform "drop": rows that lack a number are left out; in rows to predict the median stands for it."""

from __future__ import annotations

from numbann.data.transforms.missing import indicate


class Missing(indicate.Missing):
    """Replaces missing numbers by the column's median.  The rows of the parts have none."""
