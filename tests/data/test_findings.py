"""What is said of strange data: one line each, with the column and the remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbann.data.findings.target import of_scale
from numbann.data.source import SplitData, load
from numbann.errors import DataError
from numbann.spec.building import build
from numbann.spec.model import Data, to_json

Load = Callable[..., SplitData]
ROWS = 200
DRAW = np.random.default_rng(0)
WORD = [("no", "yes")[bit] for bit in DRAW.integers(0, 2, ROWS)]
VALUE = DRAW.normal(size=ROWS).round(6)


def table(head: str, row: Callable[[int], str], rows: int = ROWS) -> str:
    return f"{head}\n" + "".join(f"{row(k)}\n" for k in range(rows))


def kinds(source: SplitData) -> list[tuple[str, str]]:
    return [(one.kind, one.column) for one in source.facts.findings]


def test_nothing_is_said_of_a_usual_table(load_table: Load) -> None:
    text = table("a,b,town,y", lambda k: f"{VALUE[k]},{k * k % 97},t{k % 5},{WORD[k]}")
    assert kinds(load_table(text, split={"validation": 0.15, "test": 0.15})) == []


FOUND: dict[str, tuple[str, Callable[[int], str], tuple[str, str], str]] = {
    "an identifier": ("id,a,y", lambda k: f"cust{k},{VALUE[k]},{WORD[k]}", ("identifier", "id"), '"drop": ["id"]'),
    "dates": ("d,a,y", lambda k: f"2024-01-{1 + k % 28:02},{VALUE[k]},{WORD[k]}", ("dates", "d"), '"dates": "parts"}'),
    "dates of another kind": (
        "d,a,y",
        lambda k: f"{1 + k % 28}.01.2024,{VALUE[k]},{WORD[k]}",
        ("dates", "d"),
        '"columns": {"d": {"dates": "parts", "format": "%d.%m.%Y"}}',
    ),
    "times": ("d,a,y", lambda k: f"{k % 24}:{k % 60:02},{VALUE[k]},{WORD[k]}", ("dates", "d"), '"format": "%H:%M"'),
    "dates whose day comes first": (
        "d,a,y",
        lambda k: f"{1 + k % 31}/1/2024,{VALUE[k]},{WORD[k]}",
        ("dates", "d"),
        '"format": "%d/%m/%Y"}}',
    ),
    "dates of which the month may come first": (
        "d,a,y",
        lambda k: f"{1 + k % 12}/{1 + k % 11}/2024,{VALUE[k]},{WORD[k]}",
        ("dates", "d"),
        '"format": "%m/%d/%Y"}}, or "%d/%m/%Y" if that is meant',
    ),
    "dates with a name": (
        "d,a,y",
        lambda k: f'"Jan {1 + k % 28}, 2024",{VALUE[k]},{WORD[k]}',
        ("dates", "d"),
        '"format": "%b %d, %Y"',
    ),
    "dates that are numbers": (
        "d,a,y",
        lambda k: f"202401{1 + k % 28:02},{VALUE[k]},{WORD[k]}",
        ("dates", "d"),
        'looks like dates ("20240101"): "columns": {"d": {"dates": "parts", "format": "%Y%m%d"}}',
    ),
    "numbers with a unit": (
        "w,a,y",
        lambda k: f"{k * 7 % 50} kg,{VALUE[k]},{WORD[k]}",
        ("units", "w"),
        '"0 kg" and the others look like numbers with a unit; write them without "kg"',
    ),
    "a number that stands for nothing": (
        "w,a,y",
        lambda k: f"{-999 if k % 9 == 0 else k * k % 97},{VALUE[k]},{WORD[k]}",
        ("sentinel", "w"),
        'is -999 in 23 of 200 rows, far from all others; if that means missing, add "-999" to data.csv.na',
    ),
    "categories that look the same": (
        "t,a,y",
        lambda k: f"Rome{chr(0x200B) if k % 3 else ''},{VALUE[k]},{WORD[k]}",
        ("case", "t"),
        '"Rome" and "Rome\\u200b" are two categories',
    ),
    "classes that look the same": (
        "a,y",
        lambda k: f"{VALUE[k]},New{chr(0xA0) if k % 3 else ' '}York",
        ("case", "y"),
        '"New York" and "New\\u00a0York" are two classes',
    ),
    "a class for missing labels": (
        "a,y",
        lambda k: f"{VALUE[k]},{'None' if k % 9 == 0 else WORD[k]}",
        ("classes", "y"),
        'the class "None" of "y" looks like a missing label',
    ),
    "a constant number": ("c,a,y", lambda k: f"5,{VALUE[k]},{WORD[k]}", ("constant", "c"), "is 5 in all rows"),
    "a constant text": ("c,a,y", lambda k: f"x,{VALUE[k]},{WORD[k]}", ("constant", "c"), 'is "x" in all rows'),
    "an empty column": ("c,a,y", lambda k: f",{VALUE[k]},{WORD[k]}", ("empty", "c"), "is empty"),
    "row numbers": ("n,a,y", lambda k: f"{k},{VALUE[k]},{WORD[k]}", ("index", "n"), "counts up with the rows"),
    "an index by name": ("id,a,y", lambda k: f"{k * k + 1},{VALUE[k]},{WORD[k]}", ("index", "id"), "counts up"),
    "no name": (",a,y", lambda k: f"{k % 7},{VALUE[k]},{WORD[k]}", ("index", ""), '"drop": [""]'),
    "categories alike": ("t,a,y", lambda k: f"{'Pp'[k % 2]},{VALUE[k]},{WORD[k]}", ("case", "t"), "two categories"),
    "classes alike": ("a,y", lambda k: f"{VALUE[k]},{'Pp'[k % 9 == 0]}", ("case", "y"), '"P" and "p" are two classes'),
    "a class of one row": ("a,y", lambda k: f"{VALUE[k]},{WORD[k] if k else 'one'}", ("classes", "y"), '("one")'),
    "a constant target": ("a,y", lambda k: f"{VALUE[k]},7.5", ("constant", "y"), "there is nothing to learn"),
    "a category that tells": ("b,a,y", lambda k: f"q{WORD[k]},{VALUE[k]},{WORD[k]}", ("leak", "b"), '"drop": ["b"]'),
    "a number that tells": (
        "b,a,y",
        lambda k: f"{VALUE[k] ** 2 + 20 * (WORD[k] == 'yes')},{VALUE[k]},{WORD[k]}",
        ("leak", "b"),
        "alone tells the target",
    ),
    "the target in another unit": ("b,y", lambda k: f"{9 - 2 * VALUE[k]},{VALUE[k]}", ("leak", "b"), "alone tells"),
}


@pytest.mark.parametrize("name", FOUND)
def test_what_is_found(load_table: Load, name: str) -> None:
    head, row, expected, words = FOUND[name]
    source = load_table(table(head, row), missing="indicate")
    assert kinds(source) == [expected]
    assert words in source.facts.findings[0].text


def test_settings_of_a_column_silence_what_is_said_of_it(load_table: Load) -> None:
    text = table("d,a,y", lambda k: f"2024-01-{1 + k % 28:02},{VALUE[k]},{WORD[k]}")
    assert kinds(load_table(text, columns={"d": {"dates": "parts"}})) == []


@pytest.mark.parametrize(
    ("cell", "what"),
    [
        ('"{0:.3f}"', "a decimal comma"),
        ("{0:.1f}%", "a percent sign"),
        ('"1,234,{1:03d}"', "commas between thousands"),
        ("${1}", "a sign of a currency"),
        ('"{1},5E+03"', "a decimal comma"),
        ("1.{1:03d}.000", "dots between thousands"),
        ('"1.{1:03d},5"', "dots between thousands"),
        ("1'{1:03d}", "a space or an apostrophe between thousands"),
        ("1\u202f{1:03d}.5", "a space or an apostrophe between thousands"),
    ],
)
def test_numbers_written_for_people_are_no_categories(load_table: Load, cell: str, what: str) -> None:
    mark = "," if "comma" in what and "decimal" in what and "E" not in cell else "."
    text = table("a,y", lambda k: f"{cell.format(VALUE[k], k).replace('.', mark)},{WORD[k]}")
    with pytest.raises(
        DataError, match=rf't.csv row 2, column "a": .* are numbers with {what}; .*write them as 1234.5'
    ):
        load_table(text)
    assert load_table(text, categorical=["a"]).facts.inputs > 40


def test_commas_that_may_be_either_are_said_to_be_so(load_table: Load) -> None:
    text = table("a,y", lambda k: f'"{k % 9 + 1},{k:03d}",{WORD[k]}')
    with pytest.raises(
        DataError, match=r'row 2, column "a": "1,000" and the others .* a decimal comma or a comma'
    ) as e:
        load_table(text)
    assert 'set data.csv.decimal to "," or set data.csv.thousands to ","' in str(e.value)
    assert load_table(text, csv={"thousands": ","}).facts.inputs == 1


@pytest.mark.parametrize("mark", ["'", " ", "\u00a0"])
def test_any_sign_may_be_between_thousands(load_table: Load, mark: str) -> None:
    text = table("a,y", lambda k: f"1{mark}{k:03d}.5,{WORD[k]}")
    assert load_table(text, csv={"thousands": mark}).facts.inputs == 1
    odd = table("a,y", lambda k: f"{f'1{mark}{k:03d}' if k == 7 else k % 7},{WORD[k]}")
    with pytest.raises(
        DataError, match=r"row 9, .* is a number with a space or an apost.*; set data.csv.thousands to th"
    ):
        load_table(odd)


def test_numbers_of_a_frame_that_are_texts_are_no_categories() -> None:
    section = {**to_json(build(Data, {"path": "", "target": "y"}, ("data",), None)[0])}
    rows = {"a": [str(value) for value in VALUE], "y": WORD}
    with pytest.raises(DataError, match=r'data row 1, column "a": ".*" and the others are numbers written as texts'):
        load(section, Path(), 0, rows)
    assert load({**section, "categorical": ["a"]}, Path(), 0, rows).facts.inputs > 40
    assert load(section, Path(), 0, {**rows, "a": [f"{k % 7}" for k in range(ROWS)]}).facts.inputs == 7  # may be codes


@pytest.mark.filterwarnings("error")
def test_huge_numbers_raise_no_warning(load_table: Load) -> None:
    text = table("a,y", lambda k: f"{k * k % 97}e300,{VALUE[k]}")
    assert kinds(load_table(text)) == []


def test_a_target_of_identifiers_ends_before_training(load_table: Load) -> None:
    text = table("a,y", lambda k: f"{VALUE[k]},name{k if k > 7 else k // 2}")
    with pytest.raises(DataError, match=r"192 of 196 labels occur once, so that no row is left for validation"):
        load_table(text, split={"validation": 0.15, "test": 0.15})
    found = load_table(text, split={"validation": 0.15, "stratify": False}).facts.findings
    assert [one.text for one in found] == [
        '192 of 196 classes of "y" have one row; is it a number ("task": "regression") or an identifier? '
        "Then set another target"
    ]


def test_rows_of_one_part_in_another(load_table: Load, tmp_path: Path, section: Callable[..., Any]) -> None:
    rows = [f"{VALUE[k]},{WORD[k]}" for k in range(150)]
    text = "\n".join(["a,y", *rows, *rows[:50]])
    source = load_table(text, split={"validation": 0.2, "test": 0.2})
    assert kinds(source) == [("duplicates", "")]
    assert "data.split.group" in source.facts.findings[0].text
    (tmp_path / "copy.csv").write_text(text)
    same = load(section({"train": "t.csv", "test": "copy.csv"}), tmp_path, 0)
    assert [one.text for one in same.facts.findings] == [
        "the files of train and test are the same, so test measures nothing new"
    ]
    (tmp_path / "more.csv").write_text("\n".join(["y,a", *(",".join(row.split(",")[::-1]) for row in rows[:50])]))
    other = load(section({"train": "t.csv", "test": "more.csv"}), tmp_path, 0)
    assert kinds(other) == [("duplicates", "")], "also where the columns have another order"


AMOUNTS = np.random.default_rng(1)


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (np.arange(2000) % 10, "classification"),
        (AMOUNTS.integers(3, 9, 2000), "classification"),
        (AMOUNTS.integers(0, 26, 4000), "classification"),
        (AMOUNTS.permutation(np.repeat(np.arange(23), AMOUNTS.integers(1, 900, 23))), "classification"),
        (AMOUNTS.poisson(20, 2000), "regression"),
        (AMOUNTS.binomial(60, 0.3, 3000), "regression"),
        (1990 + np.arange(2000) % 12, "regression"),
        (100 + np.arange(4000) % 42, "regression"),
        (np.arange(4000) % 60, "regression"),
        (AMOUNTS.geometric(0.15, 3000), "regression"),
    ],
)
def test_whole_numbers_are_classes_where_they_look_like_codes(load_table: Load, values: np.ndarray, task: str) -> None:
    source = load_table("a,y\n" + "".join(f"{k % 17},{value}\n" for k, value in enumerate(values)))
    assert source.facts.task.name == task
    other = {"classification": "regression", "regression": "classification"}[task]
    if len(np.unique(values)) <= 50:
        assert f'"task": "{other}" if they are' in "; ".join(source.facts.notes)


def test_a_part_of_one_row(load_table: Load) -> None:
    text = table("a,y", lambda k: f"{VALUE[k]},{VALUE[k] ** 2}")
    source = load_table(text, split={"validation": 0.004, "test": 0.1})
    assert kinds(source) == [("small", "")]
    assert source.facts.findings[0].text == (
        "the validation part has one row, which measures nothing; give it more rows (data.split.validation), or none"
    )


def test_more_rows_than_there_are(load_table: Load) -> None:
    text = table("a,y", lambda k: f"{VALUE[k]},{VALUE[k] ** 2}")
    assert "rows: all 200 are used, no more than data.rows (5000)" in load_table(text, rows=5000).facts.notes


def test_a_target_with_a_long_tail(load_table: Load) -> None:
    tail = np.exp(1.5 * np.random.default_rng(1).normal(size=ROWS))
    source = load_table(table("a,y", lambda k: f"{k * k % 97},{tail[k]:.4f}"), task="regression")
    assert kinds(source) == [("skewed", "y")]
    assert source.facts.findings[0].text.endswith('most of it near the low end; try data.target_scale "log"')
    assert of_scale(source.facts.findings, "log") == ()
    for values in (tail - tail.min(), np.log(tail) + 9, np.sqrt(tail)):
        assert kinds(load_table(table("a,y", lambda k, y=values: f"{k * k % 97},{y[k]:.4f}"), task="regression")) == []
