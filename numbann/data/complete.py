"""Leaves out the rows that lack a cell which must be there, by the choice "drop" of its column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from numbann.data.choices import choose
from numbann.data.table import Raw
from numbann.data.wording import counted
from numbann.errors import DataError


def complete(raw: Raw, section: Mapping[str, Any], where: str) -> Raw:
    """Return the rows of a source in which no column that is to be complete lacks a cell, and a note of the others."""
    lacking = {name: missing for name, missing in _missing(raw, section).items() if missing.any()}
    if not lacking:
        return raw
    kept = np.flatnonzero(~np.any([*lacking.values()], axis=0))
    if not len(kept):
        named = " or ".join(lacking)
        raise DataError(f'{where}: every row lacks {named}; fill the cells instead of "drop"', key="data.missing")
    lost = counted(len(raw.table) - len(kept), "row")
    return raw.take(kept).noted(f"{where}: {lost} without {' or '.join(lacking)} left out")


def _missing(raw: Raw, section: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return for each column that is to be complete where it is not (N,)."""
    table = raw.table
    found = {name: column.missing for name, column in raw.targets.items() if _asked(section, name, True)}
    found |= {name: column.missing for name, column in table.texts.items() if _asked(section, name, True)}
    numbers = [place for place, name in enumerate(table.number_names) if _asked(section, name, False)]
    if table.numbers.dtype.kind == "f":
        found |= {table.number_names[place]: np.isnan(table.column(slice(None), place)) for place in numbers}
    return found


def _asked(section: Mapping[str, Any], name: str, text: bool) -> bool:
    return choose(section, name, "", text).missing == "drop"
