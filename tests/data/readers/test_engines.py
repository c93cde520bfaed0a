"""Tables of text give the same columns, and the same faults, with pyarrow, the compiled kernel and the csv module."""

from __future__ import annotations

import io
import os
import random
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from numbann.data.columns import Numbers, Texts
from numbann.data.delimited import arrow, chunks, columns
from numbann.data.delimited.header import Delimited
from numbann.data.files import Files, InputFile
from numbann.data.readers import FORMATS
from numbann.data.reading import Reading, reading_from_section
from numbann.errors import DataError

pytest.importorskip("pyarrow")

CASES = int(os.environ.get("CASES", "300"))
NUMBERS = ["0", "1", "-2", "+3", "4.", ".5", "-.5e-3", "1E+05", "00012", "0.1", "1e23", "9007199254740993", "1e-400"]
NUMBERS += ["0.30000000000000004", "123456789012345678901234567890", "4.9e-324", "2.2250738585072011e-308", "5e-1"]
NUMBERS += [
    "1.3040000451301372",
    "9007199254740993.0",
    "-0.0",
    "0e9",
    "18446744073709551615.5",
    "1e+22",
    "123456789e-23",
]
ODD = [
    "1e400",
    "inf",
    "-Infinity",
    "nan",
    "NaN",
    "NAN",
    "1_0",
    "0x10",
    "1d5",
    "1 2",
    "-",
    "1e",
    "+-1",
    "--1",
    "١٢",
    "1,5",
]
TEXTS = ["x", "y", "Zürich", "東京", "a b", "None", "true", "False", "1x", "💡", "é", "e\u0301", "\x00"]
MARKS = ["", "NA", "?", "nan", "null"]
QUOTED = ['"x"', '"1"', '"a,b"', '"p""q"', '"p\nq"', '"p\r\nq"', '""', '" 3 "', '""""']
WRONG_QUOTES = ['"x"y', 'x"y', ' "x"', '"x" ', '"x']
PADDED = [" 1", "2 ", "\t3", " x ", " NA", "? ", "  ", "\u00a04", "\x0b5", "\u30006"]
CODES = ["01", "1", "-02", "123", "+3", "000", " 04 "]
POOLS = [NUMBERS, NUMBERS + MARKS, TEXTS, TEXTS + MARKS, QUOTED, PADDED, ODD, TEXTS + QUOTED + PADDED, MARKS]
POOLS += [CODES, CODES + MARKS]


def table_of(draw: random.Random) -> tuple[bytes, dict[str, Any]]:
    """A table of random cells, with a random delimiter, ends of lines and faults now and then; and keys of csv."""
    delimiter = draw.choice(",,;\t|")
    pools = [draw.choice(POOLS if draw.random() < 0.4 else POOLS[:4]) for _ in range(draw.randint(2, 5))]
    if draw.random() < 0.05:
        pools[0] = WRONG_QUOTES + NUMBERS
    rows = [[draw.choice(pool) for pool in pools] for _ in range(draw.randint(1, 30))]
    rows = [[cell if cell[:1] == '"' else cell.replace(delimiter, "_") for cell in row] for row in rows]
    head = [draw.choice((f"c{k}", f" c{k} ", f'"c{k}"', f"ü{k}")) for k in range(len(pools))]
    header = draw.random() < 0.9
    lines = [delimiter.join(row) for row in ([head] if header else []) + rows]
    for fault in ("", " ", delimiter * 9, "x"):
        if draw.random() < (0.2 if not fault else 0.02):
            lines.insert(draw.randint(0, len(lines)), fault)
    text = draw.choice(("\n", "\n", "\r\n", "\r")).join(lines) + draw.choice(("", "\n", "\n\n"))
    content = (draw.choice(("", "", "\ufeff")) + text).encode()
    if draw.random() < 0.03:
        content = content.replace(b"1", b"\xff", 1)
    na = draw.choice((["", "NA", "?", "nan", "null"], ["", "NA", "?", "nan", "null"], [], ["-2", "1"], ["x"]))
    return content, {"na": na, "header": header, "delimiter": draw.choice(("auto", delimiter))}


def found(content: bytes, reading: Reading) -> Any:
    """The columns by name as Python values, or the fault."""
    try:
        raw = FORMATS["csv"].read(Files(FORMATS["csv"], InputFile("t", Path("t"), content=content)), reading, True)
    except DataError as error:
        return str(error)
    table = raw.table
    numbers = {name: table.column(slice(None), k).tolist() for k, name in enumerate(table.number_names)}
    texts = {name: column.original.tolist() for name, column in table.texts.items()}
    targets = {
        name: (column.values.tolist(), column.whole) if isinstance(column, Numbers) else column.original.tolist()
        for name, column in raw.targets.items()
    }
    return repr((table.names, numbers, texts, targets, raw.delimiter))


def test_any_table_reads_alike(monkeypatch: pytest.MonkeyPatch, section: Callable[..., dict[str, Any]]) -> None:
    draw, read, quick = random.Random(int(os.environ.get("SEED", "0"))), [], arrow.read_columns
    monkeypatch.setattr(columns, "read_columns", lambda *given: read.append(quick(*given)) or read[-1])
    for case in range(CASES):
        content, csv = table_of(draw)
        given = section("t", "1" if not csv["header"] else None, csv=csv)
        reading = reading_from_section(given)
        names = names_of(content, reading)
        if len(names) >= 2:
            target, category = draw.sample(names, 2)
            given |= {"target": target, "categorical": [category] if draw.random() < 0.2 else []}
        reading = reading_from_section(given)
        monkeypatch.setattr(arrow, "SMALLEST", 1 << 40)
        own = found(content, reading)
        with monkeypatch.context() as compiled:
            compiled.setattr(chunks, "SMALLEST", 0)
            compiled.setattr(
                chunks, "CHUNK_CHARACTERS", 40 if own[0] == "(" else 1 << 22
            )  # which fault is first varies
            assert found(content, reading) == own, (case, content, given)
        monkeypatch.setattr(arrow, "SMALLEST", 0)
        assert found(content, reading) == own, (case, content, given)
    count = sum(one is not None for one in read)
    print(f"{count} of {CASES} read by pyarrow")
    assert count > CASES / 5


@pytest.mark.parametrize("smallest", [(1 << 40, 1 << 40), (1 << 40, 0), (0, 0)], ids=["csv", "kernel", "pyarrow"])
@pytest.mark.parametrize("changes", [{}, {"columns": {"zip": {"scale": "standard"}}}], ids=["codes", "scaled"])
def test_whole_numbers_of_which_one_has_a_leading_zero_are_codes(
    smallest: tuple[int, int],
    changes: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    section: Callable[..., dict[str, Any]],
) -> None:
    monkeypatch.setattr(arrow, "SMALLEST", smallest[0])
    monkeypatch.setattr(chunks, "SMALLEST", smallest[1])
    rows = ["1234,1,0,0.5,02.5,1", "01234,02,1,-0.5,3,2", ",10,-5,00.5,1e05,3"] * 60
    content = "\n".join(["zip,y,whole,half,fraction,late", *rows, "-00123,02,0,7,8,007"]).encode()
    source = Files(FORMATS["csv"], InputFile("t", Path("t"), content=content))
    reading = reading_from_section(section("t", "y", **changes))
    raw = FORMATS["csv"].read(source, reading, True)
    target = raw.targets["y"]
    assert set(raw.table.texts) == ({"late"} if changes else {"zip", "late"})
    assert isinstance(target, Texts)
    assert set(target.values) == {"1", "02", "10"}
    if not changes:
        assert set(raw.table.texts["zip"].values) == {"1234", "01234", "-00123"}
    later = FORMATS["csv"].read(source, replace(raw.fix(reading, "t"), texts=()), True)
    assert not later.table.texts, "a model of numbers takes them as numbers"


def test_a_code_is_seen_wherever_the_bytes_are_cut(
    monkeypatch: pytest.MonkeyPatch, section: Callable[..., dict[str, Any]]
) -> None:
    """Read in parts of any size, and looked at in pieces of any size: as a regular expression finds it in the whole."""
    code, draw, seen = re.compile(rb'(?:^|[,\r\n" \t])-?0[0-9]'), random.Random(2), 0
    table = Delimited(InputFile("t", Path("t")), ",", reading_from_section(section("t")))
    for _ in range(CASES):
        content = bytes(draw.choices(b"0123,.-\n x", (5, 1, 1, 1, 1, 1, 1, 1, 1, 1), k=draw.randint(1, 12)))
        monkeypatch.setattr(arrow, "PIECE", draw.randint(1, 9))
        checked, size = arrow._Checked(io.BytesIO(content), table, 1), draw.randint(1, 12)
        while checked.read(size):
            pass
        assert checked.padded == bool(code.search(content)), content
        seen += checked.padded
    assert CASES / 5 < seen < CASES * 4 / 5


def names_of(content: bytes, reading: Reading) -> list[str]:
    try:
        header = FORMATS["csv"].header
        assert header is not None
        return [*header(InputFile("t", Path("t"), content=content), reading)]
    except DataError:
        return []
