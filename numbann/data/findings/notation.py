"""Ways of writing numbers and dates that are not read by themselves, and what to set so that they are."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import numpy as np

from numbann.data.dates import ISO, parse_dates

MOST = 0.9  # the share of texts that decides what a column is
DECIMAL, COMMAS, DOTS = (
    'set data.csv.decimal to ","',
    'set data.csv.thousands to ","',
    'set data.csv.thousands to "." and data.csv.decimal to ","',
)
NUMBERS = {  # what numbers may have that no number of a table has, and the remedy for a table of text
    re.compile(r"[+-]?[1-9]\d{0,2},\d{3}"): (
        "a decimal comma or a comma between thousands",
        f"{DECIMAL} or {COMMAS}, ",
    ),
    re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?"): ("a decimal comma", f"{DECIMAL}, "),
    re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?"): ("commas between thousands", f"{COMMAS}, "),
    re.compile(r"[+-]?\d{1,3}((\.\d{3})*,\d+|(\.\d{3}){2,})"): ("dots between thousands", f"{DOTS}, "),
    re.compile(r"[+-]?\d{1,3}(['’ \u00a0\u202f]\d{3})+([.,]\d+)?"): (
        "a space or an apostrophe between thousands",
        "set data.csv.thousands to that sign, ",
    ),
    re.compile(r"[+-]?\d+([.,]\d+)?\s*%"): ("a percent sign", "set data.csv.percent to true, "),
    re.compile(r"[$€£¥]\s*[\d.,]+|[\d.,]+\s*[$€£¥]"): ("a sign of a currency", ""),
}
DATES = {  # the formats that texts of a form may have, the likelier one first
    ISO: ("",),
    re.compile(r"\d{1,2}\.\d{1,2}\.\d{4}"): ("%d.%m.%Y",),
    re.compile(r"\d{1,2}\.\d{1,2}\.\d{4} \d{1,2}:\d{2}"): ("%d.%m.%Y %H:%M",),
    re.compile(r"\d{1,2}\.\d{1,2}\.\d{2}"): ("%d.%m.%y",),
    re.compile(r"\d{1,2}/\d{1,2}/\d{4}"): ("%m/%d/%Y", "%d/%m/%Y"),
    re.compile(r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d{2}"): ("%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M"),
    re.compile(r"\d{1,2}-\d{1,2}-\d{4}"): ("%d-%m-%Y", "%m-%d-%Y"),
    re.compile(r"\d{4}/\d{1,2}/\d{1,2}"): ("%Y/%m/%d",),
    re.compile(r"\d{1,2} [A-Z][a-z]{2} \d{4}"): ("%d %b %Y",),
    re.compile(r"\d{1,2}-[A-Z][a-z]{2}-\d{4}"): ("%d-%b-%Y",),
    re.compile(r"[A-Z][a-z]{2} \d{1,2}, \d{4}"): ("%b %d, %Y",),
    re.compile(r"\d{1,2}:\d{2}"): ("%H:%M",),
    re.compile(r"\d{1,2}:\d{2}:\d{2}"): ("%H:%M:%S",),
}
UNIT = re.compile(r"[+-]?\d+(?:[.,]\d+)?\s*([A-Za-zµ°²³/]+)")
GONE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))  # signs that are not seen


DOTTED = re.compile(r"[+-]?\d{1,3}(\.\d{3})+,\d+")  # which tells what dots and commas are in the whole table


def most(texts: Sequence[str], pattern: re.Pattern[str]) -> bool:
    """Tell whether most of several texts have a form."""
    return len(texts) > 1 and sum(pattern.fullmatch(text) is not None for text in texts) >= MOST * len(texts)


def notation_of(text: str) -> tuple[str, str] | None:
    """Return what a number has that is not read, and the remedy in a table of text; None for any other text."""
    return next((told for pattern, told in NUMBERS.items() if pattern.fullmatch(text)), None)


def formats_of(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the formats of dates that fit most of the texts, the likelier one first; none if they are no dates."""
    formats = next((formats for pattern, formats in DATES.items() if most(texts, pattern)), ())
    return tuple(one for one in formats if (~np.isnat(parse_dates(texts, one))).mean() >= MOST)


def unit_of(texts: Sequence[str]) -> str | None:
    """Return the unit that most of the texts have behind a number; None if there is none."""
    units = [found[1] for text in texts if (found := UNIT.fullmatch(text))]
    unit = max(set(units), key=units.count, default=None)
    return unit if units.count(unit or "") >= MOST * len(texts) else None


def looks(text: str) -> str:
    """Return the same for texts that differ in case, in kinds of spaces, or in what is not seen."""
    return " ".join(unicodedata.normalize("NFKC", text).translate(GONE).split()).casefold()
