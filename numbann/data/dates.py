"""Dates in texts: by ISO 8601, or by a format as Python's strptime takes it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

import numpy as np

ISO = re.compile(r"\d{4}-\d{2}(-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?Z?)?)?")


def parse_dates(texts: Sequence[str], format: str) -> np.ndarray:
    """Return the dates (n,) in seconds, NaT for a text that is none."""
    return np.array([_date(text, format) for text in texts], "datetime64[s]")


def _date(text: str, format: str) -> np.datetime64 | datetime:
    try:
        if format:
            return datetime.strptime(text, format).replace(tzinfo=None)
        return np.datetime64(text.removesuffix("Z"), "s") if ISO.fullmatch(text) else np.datetime64("NaT")
    except ValueError:
        return np.datetime64("NaT")
