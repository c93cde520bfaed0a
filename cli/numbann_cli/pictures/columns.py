"""Pictures of what a model makes of its columns: how important each is, and what is predicted by its values."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from numbann_cli.pictures.canvas import BLACK, BLUE, ORANGE, WIDTH, distinct, figure, line_style, named, panels
from numbann_cli.pictures.look import ROWS, Look

MOST_BARS = 20
MOST_COLUMNS = 6
MOST_OUTPUTS = 5
MOST_VALUES = 10  # of a column of texts
MOST_DATES = 60  # months or weeks show


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
    along = {name: _cells(look, name) for name in names}
    points = {"texts": MOST_VALUES, "dates": MOST_DATES, "numbers": POINTS}
    found = [measure_dependence(model, raw, name, points[_kind(along[name])], rows=ROWS) for name in names]
    counts = {one.column: _values_cut(raw, one) if along[one.column] is None else 0 for one in found}
    outputs = _outputs([one.values for one in found], model.task)
    made, every = panels(len(found), 3, 2.7)
    low = min(float(one.values[name].min()) for one in found for name in outputs)
    high = max(float(one.values[name].max()) for one in found for name in outputs)
    room = 0.06 * (high - low or 1.0)
    for axes, one, title in zip(every, found, distinct(names), strict=True):
        _draw(axes, one, outputs, along[one.column])
        there = counts[one.column]
        axes.set_xlabel(f"{title} ({len(one.grid)} of {there} values)" if there else title)
        axes.set_ylim(low - room, high + room)
    made.supylabel(_ylabel(outputs, model.task), fontsize=10.5)
    if len(outputs) > 1:
        _legend(made, outputs, {cells is None for cells in along.values()})
    told = (
        [f"{len(names)} of {len(model.features)} columns, the most important"]
        if len(names) < len(model.features)
        else []
    )
    every_output = len(found[0].values)
    told += [f"{len(outputs)} of {every_output} outputs, which change most"] if 1 < len(outputs) < every_output else []
    told += ["of texts the most frequent values"] if any(counts.values()) else []
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


def _cells(look: Look, column: str) -> Any:
    """Return the numbers or the dates (N,) of the rows that have one in a column; None of a column of texts."""
    import numpy as np

    table, code = look.rows.raw.table, look.model.preprocessing.encoding.codes.get(column)
    if column not in table.texts:
        cells = np.asarray(table.column(slice(None), table.number_names.index(column)), np.float64)
        return cells[np.isfinite(cells)]
    texts = table.texts[column]
    dates = None if code is None else code.dates(texts.values)
    if dates is None:
        return None
    dates = dates[texts.codes[~texts.missing]]
    return dates[~np.isnat(dates)]


def _values_cut(raw: Any, one: Any) -> int:
    """Return how many texts a column has, 0 if all of them are drawn."""
    count = len({*raw.table.texts[one.column].original} - {None})
    return count if count > len(one.grid) else 0


def _kind(cells: Any) -> str:
    return "texts" if cells is None else "dates" if cells.dtype.kind == "M" else "numbers"


def _draw(axes: Any, one: Any, outputs: Sequence[str], cells: Any) -> None:
    """Draw the outputs by a column: lines over numbers and dates, points over texts."""
    texts = cells is None
    x = range(len(one.grid)) if texts else one.grid
    for place, name in enumerate(outputs):
        axes.plot(x, one.values[name], **_style(place, {texts}))
    if texts:
        axes.set_xticks(x, distinct(one.grid, 12), rotation=60, ha="right", fontsize=8.5)
        return
    if cells.dtype.kind == "M":
        _scale_dates(axes)
    _mark_tenths(axes, cells)


def _style(place: int, of_texts: Collection[bool]) -> dict[str, Any]:
    """Return how an output is drawn: as a line, as points over texts, or what stands for both."""
    points = {"marker": "o", "markersize": 5} if True in of_texts else {}
    return {**line_style(place), **points, **({} if False in of_texts else {"linestyle": "none"})}


def _legend(made: Any, outputs: Sequence[str], of_texts: Collection[bool]) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], **_style(place, of_texts)) for place in range(len(outputs))]
    labels = distinct([name.removeprefix("p_") for name in outputs], 16)
    made.legend(handles, labels, loc="outside lower center", ncols=3)


def _scale_dates(axes: Any) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=7)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.tick_params(axis="x", labelsize=8.5)
    axes.xaxis.get_offset_text().set_fontsize(8.5)


def _mark_tenths(axes: Any, cells: Any) -> None:
    """Mark the tenths of the rows along the axis, which tell where there are many."""
    import numpy as np

    kind = cells.dtype  # of dates the quantiles are of seconds
    numbers = cells.astype(np.int64) if kind.kind == "M" else cells
    tenths = np.quantile(numbers, np.linspace(0.1, 0.9, 9)).astype(np.int64 if kind.kind == "M" else kind).astype(kind)
    axes.vlines(tenths, 0, 0.06, color=ORANGE, linewidth=1.2, transform=axes.get_xaxis_transform())


def _ylabel(outputs: Sequence[str], task: str) -> str:
    what = "mean prediction" if task == "regression" else "mean probability"
    return what if len(outputs) > 1 else f"{what} of {named(outputs[0].removeprefix('p_'), 40)}"
