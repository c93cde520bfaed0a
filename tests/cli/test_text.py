"""Rows and numbers as text."""

from __future__ import annotations

import io
import json
import sys

import click
import pytest
from numbann_cli import progress
from numbann_cli.grid import console_width, fitted
from numbann_cli.group import Settings
from numbann_cli.progress import Bar, show_reading
from numbann_cli.prose import json_lines
from numbann_cli.rows import HistoryRows, columns, format_measures, guess_of, number, resolved_keys
from numbann_cli.tables import class_lines, confusion_lines, target_lines

NAMES = ("epoch", "train_loss", "validation_loss", "validation_accuracy", "learning_rate")
RECORD = dict(zip(NAMES, (12, 0.5, 1e-9, 1.0, 0.001), strict=True))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.50000"),
        (12345.6, "12346"),
        (-1234567.8, "-1234568"),
        (1e9, "1.0000e+09"),
        (0.12, "0.12000"),
        (1e-9, "1.0000e-09"),
        (3, "3"),
        (0.0, "0.0000"),
        (None, "nan"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


def test_columns_are_narrowed_until_a_line_fits() -> None:
    assert fitted([10, 40, 9], None) == [10, 40, 9]
    assert fitted([10, 40, 9], 40) == [10, 17, 9]
    assert fitted([10, 40, 9], 10) == [8, 8, 8]


@pytest.mark.parametrize("width", [1, 30, 60, 1000, None])
def test_json_in_lines(width: int | None) -> None:
    value = {"path": "table.csv", "columns": {"day": {"dates": "parts"}, "b": {}}, "layers": [64, {"units": 32}]}
    lines = list(json_lines(value, width))
    assert json.loads("\n".join(lines)) == value
    assert (len(lines) == 1) == (width in (1000, None))
    assert width in (1, None) or max(map(len, lines)) <= width


def test_a_console_has_a_width_and_a_pipe_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert console_width() is None
    monkeypatch.setenv("COLUMNS", "77")
    assert console_width() == 77


@pytest.mark.parametrize("width", [None, 200, 70, 52])
def test_rows_are_aligned_with_the_header(width: int | None) -> None:
    rows = HistoryRows(NAMES, width)
    lines = [*rows.header().splitlines(), rows.row(RECORD, False)]
    *above, header, row = lines
    assert {len(line) for line in above} <= {len(row)}
    assert header.endswith("  best")
    assert rows.row(RECORD, True) == row + "     *"
    assert len(rows.row(RECORD, True)) == len(header)


def test_a_narrow_terminal_gets_a_header_of_two_lines() -> None:
    assert len(HistoryRows(NAMES, 70).header().splitlines()) == 2
    assert max(map(len, HistoryRows(NAMES, 70).header().splitlines())) < 70
    narrowest = HistoryRows(NAMES, 40)
    assert list(narrowest.titles) == list(NAMES[:3])
    assert max(map(len, narrowest.header().splitlines())) <= 40


def test_seconds_are_no_column() -> None:
    assert columns({"epoch": 1, "train_loss": 0.5, "seconds": 1e-4, "diagnostics": []}) == ("epoch", "train_loss")


def test_metrics_that_do_not_fit_are_left_out() -> None:
    metrics = tuple(f"validation_metric_{k}" for k in range(9))
    names = (*NAMES[:3], *metrics, *NAMES[4:])
    rows = HistoryRows(names, 85)
    assert list(rows.titles) == [*NAMES[:3], *metrics[:2], *NAMES[4:]]
    row = rows.row(dict.fromkeys(names, 0.5), best=True)
    assert len(row) <= 85
    assert [len(line) for line in rows.header().splitlines()] == [len(row) - 6, len(row)]
    assert list(HistoryRows(names).titles) == list(names)


def test_what_every_auto_became() -> None:
    given = {"loss": "auto", "seed": 0, "layers": [{"init": "auto"}], "threads": "auto"}
    resolved = {"loss": {"type": "mse"}, "seed": 0, "layers": [{"init": "he_normal"}], "threads": "auto"}
    assert dict(resolved_keys(given, resolved)) == {"loss": {"type": "mse"}, "layers[0].init": "he_normal"}


class Terminal(io.StringIO):
    """A stream that seems to be a terminal."""

    def isatty(self) -> bool:
        return True


def test_the_bar_shows_epochs() -> None:
    stream = Terminal()
    bar = Bar(stream)
    bar.wait("compiling")
    bar.start(0, 4)
    bar.above("a row")
    bar.advance(2)
    bar.close()
    assert "a row\n" in stream.getvalue()
    assert "epoch 3/4" in stream.getvalue()


def test_a_file_that_takes_a_second_has_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with click.Context(click.Command("train"), obj=Settings()) as context:
        bar = show_reading("[a].csv", 4_000_000)
        assert bar is not None
        bar(1_000_000)
        assert stream.getvalue() == ""
        monkeypatch.setattr(progress, "AFTER", 0.0)
        bar(1_000_000)
        bar.progress.refresh()
        bar(4_000_000)
        assert "reading [a].csv" in stream.getvalue()
        assert "1.0/4.0 MB" in stream.getvalue()
        assert bar.progress is None
        context.params["as_json"] = True
        assert show_reading("a.csv", 1) is None
    with click.Context(click.Command("train"), obj=Settings(quiet=True)):
        assert show_reading("a.csv", 1) is None
    assert show_reading("a.csv", 1) is None


def test_few_measures_are_a_line_and_many_a_table() -> None:
    parts = {"validation": {"loss": 0.5, "f1": None}, "test": {"loss": 0.25, "f1": 1.0}}
    assert list(format_measures(parts)) == ["validation loss 0.50000  f1 nan", "test       loss 0.25000  f1 1.0000"]
    many = {part: {f"metric_{k}": 0.5 for k in range(9)} for part in parts}
    header, *lines = format_measures(many)
    assert header.split() == ["validation", "test"]
    assert len(lines) == 9
    assert {len(line) for line in lines} == {len(header)}
    assert lines[0].split() == ["metric_0", "0.50000", "0.50000"]


def test_confusion_is_aligned() -> None:
    lines = list(confusion_lines(["no", "of course"], [[100, 2], [3, 4]], "test"))
    assert lines == [
        "\nconfusion of test: rows are true classes, columns predicted ones",
        "              no  of course",
        "  no         100          2",
        "  of course    3          4",
    ]
    assert list(confusion_lines(range(13), [[0] * 13] * 13)) == list(confusion_lines(["a", "b"], None)) == []


def test_each_class_and_each_target_has_a_line() -> None:
    assert list(class_lines(["no", "yes"], [[6, 2], [1, 3]], "test")) == [
        "\nclasses of test",
        "       precision  recall     f1  rows",
        "  no       0.857   0.750  0.800     8",
        "  yes      0.600   0.750  0.667     4",
    ]
    assert "  b      0.000   0.000  0.000     0" in class_lines(["a", "b"], [[1, 0], [0, 0]])
    assert list(target_lines({"width": {"rmse": 0.5, "r2": None}, "x": {"rmse": 12.0, "r2": 0.25}})) == [
        "\ntargets",
        "            rmse       r2",
        "  width  0.50000      nan",
        "  x       12.000  0.25000",
    ]
    assert list(class_lines([], None)) == list(target_lines({})) == list(target_lines(None)) == []


def test_the_guess_says_what_it_is() -> None:
    values = {"rmse": 2.0, "r2": 0.0, "mae": 1.0, "mape": 3.0}
    scores = {"rmse": 56837.4, "r2": 0.75466, "mae": 1e-9}
    assert guess_of({**values, "rmse": 114757.3, "r2": -1.8e-6}, scores, "regression", "test") == (
        "rmse 114757  r2 0.00000  mae 1.0000  (on test, always the mean, or the median)"
    )
    assert guess_of(values, {}, "regression", "test") == (
        "rmse 2.0000  r2 0.0000  mae 1.0000  (on test, always the mean, or the median)"
    )
