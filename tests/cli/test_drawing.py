"""The output of `numbann show` for every component, as text and as pictures."""

from __future__ import annotations

import sys
from collections.abc import Callable
from math import isfinite
from pathlib import Path

import pytest
from click.testing import Result
from numbann_cli.component_page import page
from numbann_cli.curve import HEIGHT, LABELS, WIDTH, curves, picture
from numbann_cli.series import Series, series_of

from numbann.components.built_in import built_in
from numbann.components.component import Component
from numbann.components.registry import Entry

Numbann = Callable[..., Result]
WriteSpec = Callable[..., Path]
PNG = b"\x89PNG"
ENTRIES = list(built_in().entries())
DRAWN = ("activation", "loss", "schedule")


def name_of(entry: Entry) -> str:
    return f"{entry.component.kind}-{entry.component.name}"


@pytest.mark.parametrize("entry", ENTRIES, ids=name_of)
def test_every_component_has_a_page(entry: Entry) -> None:
    component = entry.component
    lines = page(entry, 200).splitlines()
    assert lines[0].startswith(f"{component.kind} {component.name}")
    assert " ".join(component.summary.split()) in " ".join(page(entry, 200).split())
    for parameter in component.parameters:
        assert any(line.startswith(f"  {parameter.name} = ") for line in lines)
    if component.kind in DRAWN and component.form != "batch":
        assert sum(line.count("*") for line in lines) >= WIDTH


@pytest.mark.parametrize("entry", ENTRIES, ids=name_of)
def test_series_have_values(entry: Entry) -> None:
    series = series_of(entry.component)
    whole = entry.component.form == "batch"  # is no function of one row
    counts = {"activation": 2, "embedding": 1, "loss": 2, "schedule": 1}
    assert len(series) == (0 if whole else counts.get(entry.component.kind, 0))
    for one in series:
        assert len(one.x) == len(one.y)
        assert all(map(isfinite, one.y))


SLOPED = [
    entry.component
    for entry in ENTRIES
    if entry.component.kind in ("activation", "loss") and entry.component.form != "batch"
]


@pytest.mark.parametrize("component", SLOPED, ids=lambda component: component.name)
def test_the_second_series_is_the_slope_of_the_first(component: Component) -> None:
    """Between two points the function rises by the mean slope, but where it has a kink or a jump."""
    function, slope = series_of(component)
    step, wrong = function.x[1] - function.x[0], 0
    for k in range(len(function.x) - 1):
        rise, expected = function.y[k + 1] - function.y[k], step * (slope.y[k] + slope.y[k + 1]) / 2
        wrong += abs(rise - expected) > 1e-3 * (1 + abs(expected))
    assert wrong <= 6


def test_a_picture_in_characters() -> None:
    x = [float(k) for k in range(-24, 25)]
    lines = picture(Series("square", "x", x, [at * at for at in x]))
    assert len(lines) == HEIGHT + 2
    assert all(len(line) <= LABELS + WIDTH for line in lines)
    assert lines[0].strip() == "square"
    assert lines[1][LABELS] == lines[1][-1] == "*"
    assert lines[1].split()[0] == "576"
    assert lines[-1].split() == ["x:", "-24", "24"]


@pytest.mark.parametrize(("room", "lines"), [(200, HEIGHT + 2), (80, 2 * (HEIGHT + 2) + 1)])
def test_a_narrow_terminal_has_one_below_the_other(room: int, lines: int) -> None:
    text = curves(series_of(built_in().get("activation", "tanh")), room)
    assert len(text.splitlines()) == lines
    assert max(map(len, text.splitlines())) <= room
    assert text.count("*") == 2 * WIDTH


def test_values_that_are_not_finite_are_left_out() -> None:
    y = [float("nan")] * 9 + [float(k) for k in range(40)]
    lines = picture(Series("y", "x", list(map(float, range(49))), y))
    assert sum(line.count("*") for line in lines) == 40


# ---- files


def test_show_draws_a_component(numbann: Numbann, here: Path) -> None:
    pytest.importorskip("matplotlib")
    for name in ("gelu", "softmax_focal", "one_cycle", "exponential"):
        result = numbann("show", name, "--plot", f"{name}.png")
        assert (result.exit_code, result.stderr) == (0, "")
        assert name in result.stdout
        assert (here / f"{name}.png").read_bytes().startswith(PNG)


def test_lr_find_draws_its_curve(numbann: Numbann, write_spec: WriteSpec, here: Path) -> None:
    pytest.importorskip("matplotlib")
    assert numbann("lr-find", write_spec(), "--plot", "curve.png").exit_code == 0
    assert (here / "curve.png").read_bytes().startswith(PNG)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "adam", "--plot", "adam.png"), 'activations, losses and schedules; "adam" is of the kind optimizer'),
        (("show", "relu", "--plot", "relu.nothing"), "--plot relu.nothing: "),
        (("show", "relu", "--plot", "nowhere/relu.png"), "--plot nowhere/relu.png: No such file"),
        (("show", ".", "--plot", "run.png"), "--plot draws a run here; into a file: numbann plot . -o run.png"),
    ],
)
def test_what_cannot_be_drawn(numbann: Numbann, here: Path, arguments: tuple[str, ...], words: str) -> None:
    pytest.importorskip("matplotlib")
    result = numbann(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("arguments", [("show", "relu"), ("lr-find", "spec.json")])
def test_without_matplotlib(
    numbann: Numbann, write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    write_spec()
    result = numbann(*arguments, "--plot", "picture.png")
    assert (result.exit_code, result.stdout) == (2, "")
    assert 'pip install "numbann[plot]"' in result.stderr
