"""Pictures of a sweep: the trials and the best so far, what each parameter does, and all of them side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numbann_cli.pictures.canvas import BLACK, BLUE, GREY, NUMBER, RED, WIDTH, distinct, figure, named, panels
from numbann_cli.pictures.look import Look, Sweep, Undrawn

MOST_PARAMETERS = 6
MOST_NAMES = 8  # of the values of a parameter
PALE = "#c4c4c4"
BEST = 0.1  # the share of trials that stand out, some at least
FAR = 6.0  # how many times as long the axis must be for all trials as for those near the best, so that some are cut
ROOM = 0.06  # of an axis, left free at both ends


def trials(looks: Sequence[Look]) -> Any:
    """Draw the figure of each trial, and the best so far."""
    sweep = _alone(looks)
    if sweep is None:
        return None
    import numpy as np

    kept = [row for row in sweep.rows if row.get("value") is not None]
    failed = [row["trial"] for row in sweep.rows if row.get("value") is None]
    shown = _shown([row["value"] for row in kept], sweep.lower)
    rungs = sorted({row.get("rung", 0) for row in kept})
    made, (axes,) = panels(1, 1, 3.8)
    for place, rung in enumerate(rungs):
        some = [row for row in kept if row.get("rung", 0) == rung]
        label = "a trial" if len(rungs) == 1 else f"rung {rung}: {len(some)} trials"
        shade = BLUE if place == len(rungs) - 1 else PALE if place == 0 else GREY
        _points(axes, [row["trial"] for row in some], [row["value"] for row in some], shade, shown, label=label)
    if len(rungs) == 1:
        fold = np.minimum if sweep.lower else np.maximum
        best = fold.accumulate([row["value"] for row in kept])
        axes.step([row["trial"] for row in kept], best, where="post", color=RED, label="the best so far")
    if failed:
        axes.plot(failed, [0.02] * len(failed), "x", color=BLACK, transform=axes.get_xaxis_transform(), label="failed")
    axes.set(xlabel="trial", ylabel=named(sweep.metric), title=_title(sweep, len({row["trial"] for row in kept})))
    _limit(axes, [row["value"] for row in kept], shown)
    made.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return made


def parameters(looks: Sequence[Look]) -> Any:
    """Draw the figure of each trial by the value of each parameter, with how much each explains alone."""
    sweep = _alone(looks)
    if sweep is None:
        return None
    from numbann.training.sweeps.effects import comparable, effects, values_of

    rows = comparable(sweep.rows)
    found = effects(sweep.rows, sweep.parameters)
    names = list(found)[:MOST_PARAMETERS]
    shown = _shown([row["value"] for row in rows], sweep.lower)
    best = sorted(rows, key=lambda row: row["value"] if sweep.lower else -row["value"])[: _count(rows)]
    made, every = panels(len(names), 3 if len(names) > 4 else 2, 3.0)
    for axes, path, title in zip(every, names, distinct([_short(name) for name in names], 26), strict=True):
        x, texts = values_of(rows, path, sweep.parameters[path])
        chosen = [any(row is one for one in best) for row in rows]
        colours = [BLUE if one else PALE for one in chosen]
        order = sorted(range(len(rows)), key=lambda k: chosen[k])
        y = [rows[k]["value"] for k in order]
        _points(axes, [x[k] for k in order], y, [colours[k] for k in order], shown)
        _scale(axes, texts, _logarithmic(sweep, path))
        _limit(axes, y, shown)
        axes.set(xlabel=title, title=f"explains {found[path]:.0%}")
    made.supylabel(named(sweep.metric), fontsize=10.5)
    left = len(found) - len(names)
    more = f"; {left} parameters that explain less left out" if left else ""
    made.suptitle(
        f"Trials by their parameters; blue: the best{_several(len(best))}{more}", fontsize=11, x=0.01, ha="left"
    )
    return made


def parallel(looks: Sequence[Look]) -> Any:
    """Draw each trial as a line over all parameters, up to its figure."""
    sweep = _alone(looks)
    if sweep is None or len(sweep.parameters) < 2:
        return None
    import numpy as np

    from numbann.training.sweeps.effects import comparable, effects, values_of

    rows = comparable(sweep.rows)
    names = list(effects(sweep.rows, sweep.parameters))[:MOST_PARAMETERS]
    values = np.array([row["value"] for row in rows], np.float64)
    places = [_place(*values_of(rows, path, sweep.parameters[path]), _logarithmic(sweep, path)) for path in names]
    shown = _shown(values, sweep.lower)
    goal = _place(np.clip(values, *shown))
    heights = np.stack([*(height for height, _ in places), 1 - goal[0] if sweep.lower else goal[0]])
    order = np.argsort(-values if sweep.lower else values, kind="stable")  # the best last, above the others
    made = figure(4.6, WIDTH)
    axes = made.subplots()
    _draw_lines(axes, heights[:, order], _count(rows))
    end = 1.0 if sweep.lower else 0.0
    cut = " or worse" if _outside(values, shown).any() else ""
    figures = [(1 - at if sweep.lower else at, text + cut * (at == end)) for at, text in goal[1]]
    _draw_scales(axes, [*(ticks for _, ticks in places), figures])
    titles = distinct([*(_short(name) for name in names), sweep.metric], 16)
    axes.set_xticks(range(len(heights)), titles)
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    others = _count(rows) - 1
    next_ones = f", blue: the next{_several(others)}" if others else ""
    axes.set(xlim=(-0.1, len(heights) - 0.6), title=f"Each line a trial; thick: the best{next_ones}")
    return made


def _draw_lines(axes: Any, heights: Any, chosen: int) -> None:
    """Draw each column of heights (P, N) as a line; the last ones, which are chosen, in colour."""
    for left, line in zip(range(heights.shape[1], 0, -1), heights.T, strict=True):
        style = {"color": RED, "linewidth": 2.2} if left == 1 else {"color": BLUE, "linewidth": 1.3}
        axes.plot(line, **(style if left <= chosen else {"color": PALE, "linewidth": 0.7}))


def _draw_scales(axes: Any, scales: Sequence[Sequence[tuple[float, str]]]) -> None:
    """Draw upright scales side by side.  scales: of each the heights of its ticks and their texts."""
    box = {"color": "white", "alpha": 0.75, "pad": 0.6}
    for place, ticks in enumerate(scales):
        axes.axvline(place, color=BLACK, linewidth=0.8)
        for at, text in ticks:
            axes.text(place + 0.03, at, text, fontsize=8.5, va="center", bbox=box)


def _alone(looks: Sequence[Look]) -> Sweep | None:
    """Return the one sweep, or None."""
    (look, *others) = looks
    if others or look.sweep is None:
        return None
    if not any(row.get("value") is not None for row in look.sweep.rows):
        raise Undrawn("no trial has ended well")
    return look.sweep


def _count(rows: Sequence[Any]) -> int:
    """Return how many trials stand out."""
    return max(min(3, -(-len(rows) // 4)), round(BEST * len(rows)))


def _several(count: int) -> str:
    return f" {count}" if count > 1 else ""


def _title(sweep: Sweep, count: int) -> str:
    return f"{count} trials, {'less' if sweep.lower else 'more'} {named(sweep.metric)} is better"


def _short(path: str) -> str:
    """Return the path of a key without its section."""
    return path.partition(".")[2] or path


def _shown(values: Any, lower: bool) -> tuple[float, float]:
    """Return the range of an axis: of all trials, or without the worst ones, where they are far off."""
    import numpy as np

    best = min(values) if lower else max(values)
    away = np.sort(np.abs(np.asarray(values, np.float64) - best))
    inside = int((away <= 5 * away[len(away) // 2]).sum())
    while inside < len(away) and away[inside] <= (1 + 2 * ROOM) * away[inside - 1]:
        inside += 1  # who would be drawn on the edge is no further off than the others
    if away[-1] <= FAR * away[inside - 1] or not away[inside - 1]:
        inside = len(away)
    reach = float(away[inside - 1])
    return (best, best + reach) if lower else (best - reach, best)


def _outside(values: Any, shown: tuple[float, float]) -> Any:
    """Tell of each value whether it is beyond what is shown; the ends are shown, but for their rounding."""
    import numpy as np

    low, high = shown
    little = 1e-9 * (high - low)
    y = np.asarray(values, np.float64)
    return (y < low - little) | (y > high + little)


def _edges(shown: tuple[float, float]) -> tuple[float, float]:
    low, high = shown
    room = ROOM * (high - low or abs(high) or 1.0)
    return low - room, high + room


def _points(
    axes: Any, x: Sequence[float], y: Sequence[float], colour: Any, shown: tuple[float, float], **more: Any
) -> None:
    """Draw trials as points; those beyond what is shown as triangles on the edge."""
    import numpy as np

    beyond, (bottom, top) = _outside(y, shown), _edges(shown)
    across, up, colours = np.asarray(x), np.asarray(y), np.broadcast_to(colour, len(y))
    axes.scatter(across[~beyond], up[~beyond], s=20, color=colours[~beyond].tolist(), **more)
    if beyond.any():
        above = up[beyond][0] > top
        edge = np.full(int(beyond.sum()), top if above else bottom)
        mark = {"marker": "^" if above else "v", "s": 30, "clip_on": False, "zorder": 3}
        axes.scatter(across[beyond], edge, color=colours[beyond].tolist(), **mark)


def _limit(axes: Any, values: Sequence[float], shown: tuple[float, float]) -> None:
    """Leave trials that are far worse than most out of sight, and say how many."""
    outside = int(_outside(values, shown).sum())
    if outside:
        axes.set_ylim(*_edges(shown))
        above = bool(max(values) > _edges(shown)[1])
        text, place = f"triangles: {outside} worse, {'above' if above else 'below'}", {"ha": "right", "va": "bottom"}
        axes.text(1.0, 1.01, text, fontsize=8.5, color=GREY, transform=axes.transAxes, **place)


def _logarithmic(sweep: Sweep, path: str) -> bool:
    asked = sweep.parameters[path]
    return bool(isinstance(asked, Mapping) and asked.get("log"))


def _scale(axes: Any, texts: Sequence[str], logarithmic: bool) -> None:
    """Scale the axis of a parameter, by names, powers of ten or as it is."""
    if texts:
        shown = list(range(len(texts)))[:MOST_NAMES]
        told = distinct([texts[k] for k in shown], 14)
        turned = {"rotation": 30, "ha": "right"} if sum(map(len, told)) > 24 else {}
        axes.set_xticks(shown, told, fontsize=8.5, **turned)
    elif logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(NUMBER)


def _place(x: Any, texts: Sequence[str] = (), logarithmic: bool = False) -> tuple[Any, list[tuple[float, str]]]:
    """Return the height of each value from 0 to 1, and heights with their labels."""
    import numpy as np

    if texts:
        top = max(1, len(texts) - 1)
        named_ones = list(enumerate(distinct(texts, 14)))[:: -(-len(texts) // MOST_NAMES)]
        return x / top, [(k / top, text) for k, text in named_ones]
    bent = np.log10(x) if logarithmic else x
    low, high = float(bent.min()), float(bent.max())
    if high == low:
        return np.full(len(x), 0.5), [(0.5, f"{x[0]:.4g}")]
    at = [0.0, 0.5, 1.0]
    told = [low + one * (high - low) for one in at]
    labels = [f"{10**one:.3g}" if logarithmic else f"{one:.4g}" for one in told]
    return (bent - low) / (high - low), list(zip(at, labels, strict=True))
