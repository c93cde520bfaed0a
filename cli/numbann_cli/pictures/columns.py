"""Pictures of what a model makes of its columns: how important each is, and what is predicted by its values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numbann_cli.pictures.canvas import BLACK, BLUE, ORANGE, WIDTH, distinct, figure, line_style, named, panels
from numbann_cli.pictures.look import ROWS, Look

MOST_BARS = 20
MOST_COLUMNS = 6
MOST_OUTPUTS = 5
MOST_VALUES = 10  # of a column of texts


def importance(looks: Sequence[Look]) -> Any:
    """Draw how much worse the metric gets where a column is shuffled."""
    look = _alone(looks)
    if look is None:
        return None
    found = look.importance
    shown = found.order[:MOST_BARS]
    made = figure(1.4 + 0.27 * len(shown), WIDTH)
    axes = made.subplots()
    places = range(len(shown))
    error = {"xerr": found.deviation[shown], "ecolor": BLACK, "capsize": 2, "error_kw": {"linewidth": 1}}
    axes.barh(places, found.mean[shown], color=BLUE, height=0.7, **(error if found.values.shape[1] > 1 else {}))
    axes.set_yticks(places, distinct([found.names[k] for k in shown]))
    axes.invert_yaxis()
    axes.axvline(0, color=BLACK, linewidth=0.8)
    axes.grid(visible=False, axis="y")
    axes.margins(y=0.5 / len(shown))
    fall = "fall" if found.better == "higher" else "rise"
    axes.set(
        xlabel=f"{fall} of {named(found.metric)} (now {found.score:.4g}) when the column is shuffled",
        title=f"Importance of columns ({named(look.where, 40)}, {found.rows} rows)" + _left(found, len(shown)),
    )
    return made


def _left(found: Any, shown: int) -> str:
    """Return a second line of the title: what the lines are, and what is left out."""
    repeats, left = found.values.shape[1], len(found.names) - shown
    told = [f"lines: deviation of {repeats} shuffles"] if repeats > 1 else []
    told += [f"{left} less important columns left out"] if left else []
    return "\n" * bool(told) + "; ".join(told)


def dependence(looks: Sequence[Look]) -> Any:
    """Draw what is predicted on average by the values of the most important columns."""
    look = _alone(looks)
    if look is None:
        return None
    from numbann.model.dependence import POINTS, measure_dependence

    model, raw = look.model, look.rows.raw
    names = [look.importance.names[k] for k in look.importance.order[:MOST_COLUMNS]]
    points = {name: MOST_VALUES if name in raw.table.texts else POINTS for name in names}
    found = [measure_dependence(model, raw, name, points[name], rows=ROWS) for name in names]
    outputs = _outputs([one.values for one in found], model.task)
    made, every = panels(len(found), 3, 2.7)
    low = min(float(one.values[name].min()) for one in found for name in outputs)
    high = max(float(one.values[name].max()) for one in found for name in outputs)
    room = 0.06 * (high - low or 1.0)
    for axes, one, title in zip(every, found, distinct(names), strict=True):
        _draw(axes, raw, one, outputs)
        axes.set_xlabel(title)
        axes.set_ylim(low - room, high + room)
    made.supylabel(_ylabel(outputs, model.task), fontsize=10.5)
    if len(outputs) > 1:
        made.legend(*every[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    told = (
        [f"{len(names)} of {len(model.features)} columns, the most important"]
        if len(names) < len(model.features)
        else []
    )
    every_output = len(found[0].values)
    told += [f"{len(outputs)} of {every_output} outputs, which change most"] if 1 < len(outputs) < every_output else []
    title = "Mean prediction by the value of a column" + "\n" * bool(told) + "; ".join(told)
    made.suptitle(title, fontsize=11, x=0.01, ha="left")
    return made


def _alone(looks: Sequence[Look]) -> Look | None:
    """Return the one run that has columns, or None."""
    (look, *others) = looks
    return None if others or not look.spec else look


def _outputs(every: Sequence[Mapping[str, Any]], task: str) -> list[str]:
    """Return the outputs that are drawn: those that change most; of two classes the positive one."""
    names = list(every[0])
    if task == "classification" and len(names) == 2:
        return names[1:]
    reach = {name: max(float(one[name].max() - one[name].min()) for one in every) for name in names}
    chosen = sorted(names, key=lambda name: -reach[name])[:MOST_OUTPUTS]
    return [name for name in names if name in chosen]


def _draw(axes: Any, raw: Any, one: Any, outputs: Sequence[str]) -> None:
    """Draw the outputs by a column: lines over numbers, points over texts."""
    texts = one.grid.dtype.kind not in "fiu"
    x = range(len(one.grid)) if texts else one.grid
    labels = distinct([name.removeprefix("p_") for name in outputs], 16)
    for place, name in enumerate(outputs):
        style = {**line_style(place), **({"linestyle": "none", "marker": "o", "markersize": 5} if texts else {})}
        axes.plot(x, one.values[name], **style, label=labels[place])
    if texts:
        axes.set_xticks(x, distinct(one.grid, 12), rotation=60, ha="right", fontsize=8.5)
    else:
        _mark_tenths(axes, raw, one.column)


def _mark_tenths(axes: Any, raw: Any, column: str) -> None:
    """Mark the tenths of the rows along the axis, which tell where there are many."""
    import numpy as np

    cells = np.asarray(raw.table.column(slice(None), raw.table.number_names.index(column)), np.float64)
    tenths = np.quantile(cells[np.isfinite(cells)], np.linspace(0.1, 0.9, 9))
    axes.vlines(tenths, 0, 0.06, color=ORANGE, linewidth=1.2, transform=axes.get_xaxis_transform())


def _ylabel(outputs: Sequence[str], task: str) -> str:
    what = "mean prediction" if task == "regression" else "mean probability"
    return what if len(outputs) > 1 else f"{what} of {named(outputs[0].removeprefix('p_'), 40)}"
