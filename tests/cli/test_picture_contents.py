"""What pictures hold: no trial goes missing, dates are dates, titles are true, short runs are seen beside long ones."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from numbann_cli.pictures.canvas import styled
from numbann_cli.pictures.columns import dependence
from numbann_cli.pictures.learning import learning
from numbann_cli.pictures.look import Asked, Look, Sweep, look_at
from numbann_cli.pictures.look import Result as PartResult
from numbann_cli.pictures.sweeps import parallel, parameters, trials
from numbann_cli.pictures.values import residuals

pytest.importorskip("matplotlib")

RATE, WIDTHS = "optimizer.learning_rate", "model.layers"
NEAR = [0.6707, 0.61, 0.48, 0.53, 0.52, 0.6, 0.51, 0.6814, 0.6845]
FAR = [*NEAR[:-2], 5.0, 0.6845, 9.0]


@pytest.fixture(autouse=True)
def style() -> Iterator[None]:
    with styled():
        yield


def a_sweep(values: list[float], lower: bool = True) -> list[Look]:
    parameters = {RATE: {"low": 1e-4, "high": 1e-1, "log": True}, WIDTHS: [[4], [8]]}
    rows = [
        {"trial": k, "value": value, "parameters": {RATE: 10.0 ** -(1 + k % 3), WIDTHS: [4 + 4 * (k % 2)]}}
        for k, value in enumerate(values, start=1)
    ]
    return [Look(Path(), "s", {}, (), None, sweep=Sweep("loss", lower, parameters, rows))]


@pytest.mark.parametrize("sign", [1, -1], ids=["lower", "higher"])
@pytest.mark.parametrize(("values", "cut"), [(NEAR, 0), (FAR, 2), ([0.5], 0), ([1.0, 1.0, 1.0, 2.0], 0)])
def test_each_trial_is_a_point_or_a_triangle(values: list[float], cut: int, sign: int) -> None:
    look = a_sweep([sign * value for value in values], sign > 0)
    for draw in (trials, parameters):
        for axes in draw(look).axes:
            low, high = axes.get_ylim()
            points, *triangles = (np.asarray(one.get_offsets()) for one in axes.collections)
            assert sum(map(len, triangles)) == cut
            assert len(points) == len(values) - cut
            inner = sorted(sign * y for y in points[:, 1].tolist())
            assert inner == sorted(values)[: len(inner)]
            assert low < points[:, 1].min() <= points[:, 1].max() < high
            told = [text.get_text() for text in axes.texts]
            assert told == ([f"triangles: {cut} worse, {'above' if sign > 0 else 'below'}"] if cut else [])


@pytest.mark.parametrize(("count", "title", "blue"), [(3, "thick: the best", 0), (12, "blue: the next 2", 2)])
def test_the_title_names_the_lines_that_there_are(count: int, title: str, blue: int) -> None:
    (axes,) = parallel(a_sweep([0.5 + k / 100 for k in range(count)])).axes
    assert axes.get_title(loc="left").endswith(title)
    widths = [line.get_linewidth() for line in axes.get_lines()[:count]]
    assert [widths.count(width) for width in (2.2, 1.3, 0.7)] == [1, blue, count - 1 - blue]
    told = parameters(a_sweep([0.5 + k / 100 for k in range(count)])).get_suptitle()
    assert told.endswith("the best 3" if blue else "blue: the best")


@pytest.mark.parametrize(("long", "scale"), [(100, "linear"), (1500, "log")])
def test_a_short_run_is_seen_beside_a_long_one(long: int, scale: str) -> None:
    looks = [
        Look(
            Path(),
            f"of {count}",
            {"loss": {"type": "loss"}},
            [[{"epoch": k + 1, "train_loss": 1.0} for k in range(count)]],
            None,
        )
        for count in (39, long)
    ]
    (axes,) = learning(looks).axes
    assert axes.get_xscale() == scale
    assert ("logarithmic" in axes.get_xlabel()) == (scale == "log")


def test_titles_of_large_residuals_do_not_touch() -> None:
    true = np.random.default_rng(0).normal(70000, 40000, (200, 1))
    value = true + 17767.0 * np.where(np.arange(200) % 2, 1, -1)[:, None]
    task, found = SimpleNamespace(names=["price"]), SimpleNamespace(columns=None, y=value)
    measures = {"rmse": 17767.0, "r2": 0.8995}
    look: Any = SimpleNamespace(
        spec={"data": {"task": "regression"}},
        result=PartResult("test part", task, found, {"t": true, "value": value}, measures),  # type: ignore[arg-type]
    )
    made = residuals([look])
    assert "\nrmse 17767, r2 0.8995" in made.get_suptitle()
    left, right = made.axes
    assert left.get_title(loc="left") == ""
    assert right.get_title(loc="left").endswith(", deviation 17767")


def test_dependence_takes_dates_as_dates(
    numbann: Callable[..., Result], write_spec: Callable[..., Path], here: Path
) -> None:
    pick, first = random.Random(0), date(2020, 1, 1)
    days = [first + timedelta(days=pick.randrange(1800)) for _ in range(300)]
    lines = [
        f"{day:%d.%m.%Y},{day}T00:00:00,{day},c{min(pick.randrange(40), pick.randrange(40))},{day.year}" for day in days
    ]
    (here / "dates.csv").write_text("\n".join(["german,iso,text,city,y", *lines]) + "\n")
    columns = {"german": {"dates": "parts", "format": "%d.%m.%Y"}, "iso": {"dates": "cyclic"}}
    data = {"path": "dates.csv", "target": "y", "drop": [], "columns": columns, "task": "regression"}
    assert numbann("-q", "train", write_spec(data=data), "-o", "runs/dates").exit_code == 0
    made = dependence([look_at(Path("runs/dates"), Asked(part="train"))])
    drawn = {axes.get_xlabel().split(" ")[0]: axes for axes in made.axes}
    for name in ("german", "iso"):
        x = drawn[name].get_lines()[0].get_xdata(orig=True)
        assert x.dtype.kind == "M"
        assert len(x) > 30
        assert (np.diff(x) > np.timedelta64(0)).all()
        assert x[-1] - x[0] > np.timedelta64(1500, "D")
        assert drawn[name].get_lines()[0].get_linestyle() == "-"
    for name in ("text", "city"):
        assert drawn[name].get_xlabel().startswith(f"{name} (10 of ")
        assert drawn[name].get_lines()[0].get_linestyle() == "None"
    assert "most frequent" in made.get_suptitle()
