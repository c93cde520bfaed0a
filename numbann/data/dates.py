"""Dates in texts: by ISO 8601, or by a format as Python's strptime takes it; and dates of other kinds as texts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

ISO = re.compile(
    r"\d{4}-\d{2}(-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(?P<offset>Z|[+-]\d{2}(:?\d{2})?)?)?)?"
)  # of one with an offset, such as +01:00, the time of UTC is taken


class Moment(str):
    """The ISO text of a date that was none: no format applies to it."""


def parse_dates(texts: Sequence[str], format: str) -> np.ndarray:
    """Return the dates (n,) in seconds, NaT for a text that is none."""
    return np.array([_date(text, "" if isinstance(text, Moment) else format) for text in texts], "datetime64[s]")


def no_date(format: str) -> str:
    """Return what to call a text that is no such date."""
    return f"no date like {format or '2024-12-31'}"


def _date(text: str, format: str) -> np.datetime64 | datetime:
    try:
        if format:
            when = datetime.strptime(text, format)
            return when.astimezone(UTC).replace(tzinfo=None) if when.tzinfo else when
        found = ISO.fullmatch(text)
        offset = found["offset"] or "" if found else ""
        return np.datetime64(text.removesuffix(offset), "s") - _seconds(offset) if found else np.datetime64("NaT")
    except (ValueError, OverflowError):
        return np.datetime64("NaT")


def _seconds(offset: str) -> np.timedelta64:
    """Return how far a local time is ahead of UTC."""
    digits = offset.lstrip("Z+-").replace(":", "").ljust(4, "0")
    ahead = 60 * (60 * int(digits[:2]) + int(digits[2:]))
    return np.timedelta64(-ahead if offset.startswith("-") else ahead, "s")


def dates_as_texts(values: np.ndarray) -> np.ndarray:
    """Return an array with its dates as ISO texts, NaT as None; any other array as it is."""
    if values.dtype.kind == "M":
        distinct, places = np.unique(values, return_inverse=True)
        return np.array([*map(iso_text, distinct), None], object)[places.reshape(values.shape)]
    if values.dtype == object and any(isinstance(value, date | np.datetime64) for value in values.flat):
        return np.array([*map(iso_text, values.flat), None], object)[:-1].reshape(values.shape)
    return values


def iso_text(value: Any) -> Any:
    """Return a date as an ISO text, of UTC, without a time of midnight; NaT as None, and anything else as it is."""
    if not isinstance(value, date | np.datetime64) or value != value:
        return None if isinstance(value, date | np.datetime64) else value
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    day, _, time = str(np.datetime64(value, "us")).partition("T")
    time = time.removesuffix(".000000").rstrip("0") if "." in time.removesuffix(".000000") else time[:8]
    return Moment(day if time == "00:00:00" else f"{day} {time}")
