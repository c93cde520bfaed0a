"""Tells what a file is by its first bytes, whatever its name says."""

from __future__ import annotations

import json
from typing import NamedTuple

from numbann.data.files import InputFile, translate_errors

HEAD = 1 << 12  # bytes
SAVE = "save its table as CSV"


class Content(NamedTuple):
    """What the first bytes say.  words: it in words, empty for plain text.  format: the name of its format, if any."""

    words: str
    format: str | None
    remedy: str = ""


SIGNATURES = {
    b"PAR1": Content("a Parquet file", "parquet"),
    b"ARROW1": Content("an Arrow file", "feather"),
    b"FEA1": Content("a Feather file of version 1", None, "write it anew"),
    b"\x93NUMPY": Content("a NumPy array", "npy"),
    b"\x89PNG": Content("a PNG picture", None, "a table or arrays are needed"),
    b"\xff\xd8\xff": Content("a JPEG picture", None, "a table or arrays are needed"),
    b"GIF8": Content("a GIF picture", None, "a table or arrays are needed"),
    b"%PDF": Content("a PDF document", None, SAVE),
    b"\xd0\xcf\x11\xe0": Content("an old Excel workbook", None, SAVE),
    b"SQLite format 3": Content("an SQLite database", None, SAVE),
    b"\x89HDF": Content("an HDF5 file", None, SAVE),
    b"\x1f\x8b": Content("a gzip file", None, "give it an ending such as .csv.gz"),
    b"\x28\xb5\x2f\xfd": Content("a zstd file", None, "give it an ending such as .csv.zst"),
    b"BZh": Content("a bzip2 file", None, "unpack it"),
    b"\xfd7zXZ": Content("an xz file", None, "unpack it"),
    **{
        b"\x80" + bytes([protocol]): Content("a pickle, which may run anything", None, "write it as CSV or Parquet")
        for protocol in range(2, 6)
    },
    **{
        b"\0\0" + bytes([kind]): Content("an IDX file", "idx", 'give {"images": F, "labels": F}')
        for kind in range(8, 15)
    },
    b"\xff\xfe": Content("text in UTF-16", "csv", 'set data.csv.encoding to "utf-16"'),
    b"\xfe\xff": Content("text in UTF-16", "csv", 'set data.csv.encoding to "utf-16"'),
}
PLAIN = Content("", "csv")


def look_inside(file: InputFile) -> Content:
    """Return what a file is; anything unknown counts as a table of text."""
    with translate_errors(file), file.open() as stream:
        head = stream.read(HEAD)
    if head.startswith(b"PK\x03\x04"):
        return _archive(head)
    found = next((content for begin, content in SIGNATURES.items() if head.startswith(begin)), None)
    return found or _text(head)


def _archive(head: bytes) -> Content:
    if b"xl/" in head or b"[Content_Types].xml" in head:
        return Content("an Excel workbook", None, "save its sheet as CSV")
    return Content("a NumPy archive", "npz") if b".npy" in head else Content("a zip archive", None, "unpack it")


def _text(head: bytes) -> Content:
    """Tell JSON and HTML from a table."""
    begin = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if begin[:1] == b"[" and begin[1:].lstrip()[:1] in (b"{", b"["):
        return Content("a JSON array", None, "write one object a line, and name it .jsonl")
    if begin[:9].lower() == b"<!doctype" or begin[:5].lower() in (b"<html", b"<?xml"):
        return Content("a page of HTML or XML", None, SAVE)
    return Content("a file of JSON lines", "jsonl") if begin[:1] == b"{" and _is_object(begin) else PLAIN


def _is_object(text: bytes) -> bool:
    """Tell whether a text begins with an object of JSON, or with the beginning of a long one."""
    line = text.partition(b"\n")[0].strip()
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return b'":' in line or line == b"{"


def require_text(file: InputFile, known_encoding: bool = False) -> None:
    """Refuse a file that is no table of text."""
    found = look_inside(file)
    if not found.words or (known_encoding and found.format == "csv"):
        return
    remedy = found.remedy or f'give it its ending, or set data.format to "{found.format}"'
    raise file.fault(f" is {found.words}, not a table of text; {remedy}")
