"""JSON lines read with pyarrow: the same table and the same errors as by numbann's own reader."""

from __future__ import annotations

import io
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbann.data import arrow_lines
from numbann.data.files import Files, InputFile
from numbann.data.readers.jsonl import FORMAT
from numbann.data.reading import reading_from_section
from numbann.errors import DataError

Section = Callable[..., dict[str, Any]]
CASES = int(os.environ.get("CASES", "300"))
pytest.importorskip("pyarrow")


def outcome(path: Path, section: dict[str, Any], size: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, bool]:
    """What reading gives, as bytes and texts, or the error; and whether pyarrow has read it."""
    with monkeypatch.context() as patch:
        used: list[bool] = []
        real = arrow_lines.read_columns
        patch.setattr(arrow_lines, "SMALLEST", size)
        patch.setattr(
            arrow_lines, "read_columns", lambda *given: (used.append((found := real(*given)) is not None), found)[1]
        )
        try:
            raw = FORMAT.read(Files(FORMAT, InputFile(path.name, path)), reading_from_section(section), True)
        except DataError as error:
            return (str(error), error.key), any(used)
    columns = {**raw.table.texts, **raw.targets, **raw.keys, "": raw.weight}
    held = {
        name: (one.codes.tolist(), one.values)
        if hasattr(one, "codes")
        else one and (one.values.dtype.str, one.values.tobytes(), one.whole)
        for name, one in columns.items()
    }
    numbers = raw.table.numbers
    assert isinstance(numbers, np.ndarray)
    where = raw.place(0), raw.place(len(raw.table) - 1)
    return (
        raw.table.names,
        numbers.dtype.str,
        numbers.tobytes(order="A"),
        numbers.flags.f_contiguous,
        held,
        where,
    ), any(used)


TABLES = {
    "plain": ('{"a": 1, "t": "x", "y": 0.5}\n{"a": 2.5, "t": null, "y": 1}\n', True),
    "no newline at the end": ('{"a": 1, "y": 5}\n{"y": 6, "a": 7}', True),
    "booleans and marks": ('{"a": true, "t": " ?", "y": "n"}\n{"a": false, "t": "b ", "y": " m"}\n', True),
    "missing booleans": ('{"a": true, "y": 1}\n{"y": 2}\n', True),
    "a column of marks": ('{"a": "?", "y": 1}\n{"a": "NA", "y": 2}\n', True),
    "large whole numbers": (f'{{"a": {2**53 + 1}, "y": 1}}\n{{"a": {10**30}, "y": 2}}\n', True),
    "escapes": ('{"a": "\\u00e9\\n\\u0000", "y": 1}\n{"a": "é\\"", "y": 2}\n', True),
    "braces in texts": ('{"a": "}{", "y": 1}\n{"a": "}", "y": 2}\n', True),
    "blank lines": ('{"a": 1, "y": 5}\n\n{"y": 6, "a": 7}\n', False),
    "returns": ('{"a": 1, "y": 5}\r\n{"y": 6, "a": 7}\r\n', False),
    "a mark at its beginning": ('\ufeff{"a": 1, "y": 5}\n{"y": 6, "a": 7}\n', False),
    "NaN": ('{"a": 1, "y": 5}\n{"y": 6, "a": NaN}\n', False),
    "infinity": ('{"a": 1, "y": 5}\n{"y": 6, "a": -Infinity}\n', False),
    "a zero with a sign": ('{"a": -0, "y": 5}\n{"y": 6, "a": 7}\n', False),
    "too large": ('{"a": 1, "y": 5}\n{"y": 6, "a": 1e400}\n', False),
    "two on a line": ('{"a": 1, "y": 5}{"a": 1, "y": 5}\n{"y": 6, "a": 7}\n', False),
    "one on two lines": ('{"a": 1,\n"y": 5}\n{"y": 6, "a": 7}\n', False),
    "two on a line and one on two": ('{"a": 1, "y": 5}{"a": 1, "y": 5}\n{"y":\n6, "a": 7}\n', False),
    "a key twice": ('{"a": 1, "a": 2, "y": 5}\n{"y": 6, "a": 7}\n', False),
    "keys with spaces": ('{" a": 1, "y": 5}\n{"y": 6, "a ": 7}\n', False),
    "kinds mixed": ('{"a": 1, "y": 5}\n{"y": 6, "a": "x"}\n', False),
    "a mark among numbers": ('{"a": 1, "y": 5}\n{"y": 6, "a": "?"}\n', False),
    "nested": ('{"a": [1], "y": 5}\n{"y": 6, "a": [7]}\n', False),
    "no object": ('{"a": 1, "y": 5}\n7\n', False),
    "cut off": ('{"a": 1, "y": 5}\n{"y": 6, "a"', False),
    "a comma": ('{"a": 1, "y": 5},\n{"y": 6, "a": 7}\n', False),
    "nothing in a column": ('{"a": null, "y": 5}\n{"y": 6}\n', False),
}


@pytest.mark.parametrize("kind", TABLES)
def test_tables(tmp_path: Path, section: Section, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    text, quick = TABLES[kind]
    path = tmp_path / "t.jsonl"
    path.write_text(text, encoding="utf-8", newline="")
    expected = outcome(path, section("t.jsonl"), 1 << 30, monkeypatch)
    assert outcome(path, section("t.jsonl"), 0, monkeypatch) == (expected[0], quick)


def count_lines(content: bytes, size: int) -> int:
    checked = arrow_lines._Checked(io.BytesIO(content))
    while checked.read(size):
        pass
    return checked.lines


def test_lines_are_counted_in_pieces_of_any_size() -> None:
    content = b'{"a":1}\n{"a":2}\n{"a":3}\n'
    for size in range(1, 30):
        assert count_lines(content, size) == 3
    for wrong in (
        b'{"a":1}\n\n{"a":2}',
        b'{"a":1} \n{"a":2}',
        b'{"a":1}\n {"a":2}',
        b'{"a":1}\n{"a":2} ',
        b'x{"a":1}',
    ):
        for size in range(1, 30):
            with pytest.raises(arrow_lines._Otherwise):
                count_lines(wrong, size)


def test_what_comes_after_the_first_rows(tmp_path: Path, section: Section, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole targets with a fraction later, a new key, bytes that are no text: the own reader decides."""
    rows = '{"a": 1.5, "t": "x", "y": 1}\n' * 1200
    path = tmp_path / "t.jsonl"
    for last, quick in (
        (b'{"a": 2, "y": 3}', True),
        (b'{"a": 2, "y": 3.0}', False),
        (b'{"a": 2, "new": 1, "y": 3}', False),
        (b'{"a": 2, "t": "\xff", "y": 3}', False),
        (b'{"a": "2", "t": "z", "y": 3}', False),
    ):
        path.write_bytes(rows.encode() + last)
        expected = outcome(path, section("t.jsonl"), 1 << 30, monkeypatch)
        assert outcome(path, section("t.jsonl"), 0, monkeypatch) == (expected[0], quick), last


VALUES = [1, 2, -3, 1.5, 1e300, -2.25, 0, 0.0, True, False, "x", "?", "", " y ", "7", "é", None, None]


def test_tables_by_lot(tmp_path: Path, section: Section, monkeypatch: pytest.MonkeyPatch) -> None:
    draw, path, quick = random.Random(3), tmp_path / "t.jsonl", 0
    for _ in range(CASES):
        kinds = {name: draw.sample(VALUES, draw.randint(1, 3)) for name in "abty"}
        rows = [{name: draw.choice(kind) for name, kind in kinds.items()} for _ in range(draw.randint(1, 12))]
        path.write_text(
            "".join(f"{json.dumps(row, ensure_ascii=draw.random() < 0.5)}\n" for row in rows), encoding="utf-8"
        )
        changes = {"categorical": draw.choice(([], ["a"])), "drop": draw.choice(([], ["t"]))}
        asked = section("t.jsonl", **changes)
        expected, _ = outcome(path, asked, 1 << 30, monkeypatch)
        found, used = outcome(path, asked, 0, monkeypatch)
        assert found == expected, rows
        quick += used
    assert quick > CASES / 20
