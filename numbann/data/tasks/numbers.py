"""Targets that are numbers: read from columns, and brought to the precision of the network."""

from __future__ import annotations

import numpy as np

from numbann.data.columns import Texts
from numbann.data.table import Raw
from numbann.data.wording import quoted
from numbann.errors import DataError


def numbers_of(raw: Raw) -> np.ndarray:
    """The target columns as float64 (N, T); text is an error that names the first cell."""
    return np.stack([_numbers(raw, name) for name in raw.targets], axis=1)


def _numbers(raw: Raw, name: str) -> np.ndarray:
    column = raw.targets[name]
    if isinstance(column, Texts):
        what = f"{quoted(column.original[0])} is no number, which is needed here"
        raise raw.fault(0, name, f'{what}; correct it, or set data.task to "classification"', "data.target")
    return column.values.astype(np.float64)


def narrow(values: np.ndarray, dtype: str) -> np.ndarray:
    """The values in a dtype; one that is too large for it is an error."""
    with np.errstate(over="ignore"):
        found = np.ascontiguousarray(values, dtype=dtype)
    if not np.isfinite(found).all():
        raise DataError(f'the target has values too large for {np.dtype(dtype)}; set data.target_scale to "standard"')
    return found
