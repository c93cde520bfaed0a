"""Pictures of predicted numbers: against the true ones, and what is left over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numbann_cli.pictures.canvas import BLACK, BLUE, NUMBER, SHADES, WIDTH, bounds, figure, named, panels
from numbann_cli.pictures.look import Look, Result
from numbann_cli.rows import number

MOST_TARGETS = 4
MANY = 3000  # points from which their density is drawn
BINS = 40  # at most


def predicted(looks: Sequence[Look]) -> Any:
    """Draw what is predicted against what is true."""
    result = _alone(looks)
    if result is None:
        return None
    names = result.task.names[: result.roles["value"].shape[1]][:MOST_TARGETS]
    if len(names) == 1:
        made = figure(5.5, 5.5)
        every = [made.subplots()]
    else:
        made, every = panels(len(names), 2, 3.9)
    for k, (axes, name) in enumerate(zip(every, names, strict=True)):
        t, value = result.roles["t"][:, k], result.roles["value"][:, k]
        both = bounds([*_ends(t), *_ends(value)])
        _points(made, axes, t, value)
        axes.plot(both, both, color=BLACK, linestyle=":", linewidth=1)
        target = named(name)
        axes.set(xlabel=f"true {target}", ylabel=f"predicted {target}", xlim=both, ylim=both, aspect="equal")
        axes.locator_params(axis="x", nbins=5 if len(names) == 1 else 4)  # so that large numbers do not touch
    _title(made, "Predicted", result, names)
    return made


def residuals(looks: Sequence[Look]) -> Any:
    """Draw by how much predictions miss, by what is predicted, and how often."""
    result = _alone(looks)
    if result is None:
        return None
    names = result.task.names[: result.roles["value"].shape[1]][:MOST_TARGETS]
    made = figure(3.6 * len(names), WIDTH)
    grid = made.subplots(len(names), 2, squeeze=False, width_ratios=(3, 2), sharey="row")
    for k, ((left, right), name) in enumerate(zip(grid, names, strict=True)):
        value = result.roles["value"][:, k]
        rest = result.roles["t"][:, k] - value
        _points(made, left, value, rest, bar=False)
        left.locator_params(axis="x", nbins=5)
        left.axhline(0, color=BLACK, linestyle=":", linewidth=1)
        left.set(xlabel=f"predicted {named(name)}", ylabel=f"true - predicted {named(name)}")
        right.hist(
            rest,
            min(BINS, max(8, int(1.5 * len(rest) ** 0.5))),
            orientation="horizontal",
            color=BLUE,
            edgecolor="white",
            linewidth=0.4,
        )
        right.set(xlabel="rows", title=f"mean {_short(rest.mean())}, deviation {_short(rest.std())}")
    _title(made, "Residuals", result, names)
    return made


def _alone(looks: Sequence[Look]) -> Result | None:
    """Return the result of the one run whose model predicts numbers, or None."""
    (look, *others) = looks
    if others or look.spec.get("data", {}).get("task") != "regression":
        return None
    return None if look.result.found.columns else look.result  # of unequal columns, none is predicted


def _points(made: Any, axes: Any, x: Any, y: Any, *, bar: bool = True) -> None:
    """Draw points, or their density where there are many."""
    if len(x) <= MANY:
        alpha = 0.7 if len(x) <= 300 else 0.35
        axes.scatter(x, y, s=14, color=BLUE, alpha=alpha, linewidths=0, rasterized=True)
        return
    cells = axes.hexbin(x, y, gridsize=BINS, mincnt=1, bins="log", cmap=SHADES, linewidths=0.1)
    if bar:
        made.colorbar(cells, ax=axes, label="rows", shrink=0.8, format=NUMBER)


def _ends(values: Any) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def _title(made: Any, what: str, result: Result, names: Sequence[str]) -> None:
    """Say above all what is drawn, and how good it is."""
    left = len(result.task.names) - len(names)
    scores = [*result.measures.items()][:2] if len(result.task.names) == 1 else []
    told = [f"{named(name)} {number(float(value))}" for name, value in scores]
    told += [f"{left} more targets"] if left > 0 else []
    title = f"{what} ({named(result.part, 40)}, {len(result)} rows)" + "\n" * bool(told) + ", ".join(told)
    made.suptitle(title, fontsize=11, x=0.01, ha="left")


def _short(value: float) -> str:
    """Return a number of about three digits, without powers of ten where they are not needed."""
    return f"{value:.0f}" if 100 <= abs(value) < 1e7 else f"{value:.3g}"
