"""Rows and numbers as text."""

from __future__ import annotations

import io

import pytest
from numbann_cli.progress import Bar
from numbann_cli.rows import Rows, decided, number

NAMES = ("epoch", "train_loss", "validation_loss", "validation_accuracy", "learning_rate", "seconds")
RECORD = dict(zip(NAMES, (12, 0.5, 1e-9, 1.0, 0.001, 0.0123456), strict=True))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.50000"),
        (12345.6, "12346"),
        (1e-9, "1.0000e-09"),
        (3, "3"),
        (0.0, "0.0000"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize("width", [None, 200, 86, 60])
def test_rows_are_aligned_with_the_header(width: int | None) -> None:
    rows = Rows(NAMES, width)
    lines = [*rows.header().splitlines(), rows.row(RECORD, False)]
    assert len({len(line) for line in lines}) == 1
    assert rows.row(RECORD, True) == lines[-1] + "  *"


def test_a_narrow_terminal_gets_a_header_of_two_lines() -> None:
    assert len(Rows(NAMES, 80).header().splitlines()) == 2
    assert len(Rows(NAMES, 80).header().splitlines()[0]) < 80


def test_what_every_auto_became() -> None:
    given = {"loss": "auto", "seed": 0, "layers": [{"init": "auto"}], "threads": "auto"}
    resolved = {"loss": {"type": "mse"}, "seed": 0, "layers": [{"init": "he_normal"}], "threads": "auto"}
    assert dict(decided(given, resolved)) == {"loss": {"type": "mse"}, "layers[0].init": "he_normal"}


def test_the_bar_shows_epochs() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    bar = Bar(stream)
    bar.wait("compiling")
    bar.start(0, 4)
    bar.above("a row")
    bar.advance(2)
    bar.close()
    assert "a row\n" in stream.getvalue()
    assert "epoch 3/4" in stream.getvalue()
