"""Pictures of a sweep: the trials and the best so far, what each parameter does, and all of them side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numbann_cli.pictures.canvas import BLACK, BLUE, GREY, NUMBER, RED, WIDTH, distinct, figure, named, panels
from numbann_cli.pictures.look import Look, Sweep, Undrawn

MOST_PARAMETERS = 6
MOST_NAMES = 8  # of the values of a parameter
PALE = "#c4c4c4"
BEST = 0.1  # the share of trials that stand out


def trials(looks: Sequence[Look]) -> Any:
    """Draw the figure of each trial, and the best so far."""
    sweep = _alone(looks)
    if sweep is None:
        return None
    import numpy as np

    kept = [row for row in sweep.rows if row.get("value") is not None]
    failed = [row["trial"] for row in sweep.rows if row.get("value") is None]
    rungs = sorted({row.get("rung", 0) for row in kept})
    made, (axes,) = panels(1, 1, 3.8)
    for place, rung in enumerate(rungs):
        some = [row for row in kept if row.get("rung", 0) == rung]
        label = "a trial" if len(rungs) == 1 else f"rung {rung}: {len(some)} trials"
        shade = BLUE if place == len(rungs) - 1 else PALE if place == 0 else GREY
        axes.scatter([row["trial"] for row in some], [row["value"] for row in some], s=20, color=shade, label=label)
    if len(rungs) == 1:
        fold = np.minimum if sweep.lower else np.maximum
        best = fold.accumulate([row["value"] for row in kept])
        axes.step([row["trial"] for row in kept], best, where="post", color=RED, label="the best so far")
    if failed:
        axes.plot(failed, [0.02] * len(failed), "x", color=BLACK, transform=axes.get_xaxis_transform(), label="failed")
    axes.set(xlabel="trial", ylabel=named(sweep.metric), title=_title(sweep, len({row["trial"] for row in kept})))
    _limit(axes, [row["value"] for row in kept], sweep.lower)
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
    best = sorted(rows, key=lambda row: row["value"] if sweep.lower else -row["value"])[: _count(rows)]
    made, every = panels(len(names), 3 if len(names) > 4 else 2, 3.0)
    for axes, path, title in zip(every, names, distinct([_short(name) for name in names], 26), strict=True):
        x, texts = values_of(rows, path, sweep.parameters[path])
        chosen = [any(row is one for one in best) for row in rows]
        colours = [BLUE if one else PALE for one in chosen]
        order = sorted(range(len(rows)), key=lambda k: chosen[k])
        y = [rows[k]["value"] for k in order]
        axes.scatter([x[k] for k in order], y, s=20, color=[colours[k] for k in order])
        _scale(axes, texts, _logarithmic(sweep, path))
        _limit(axes, y, sweep.lower)
        axes.set(xlabel=title, title=f"explains {found[path]:.0%}")
    made.supylabel(named(sweep.metric), fontsize=10.5)
    left = len(found) - len(names)
    more = f"; {left} parameters that explain less left out" if left else ""
    made.suptitle(f"Trials by their parameters; blue: the best {len(best)}{more}", fontsize=11, x=0.01, ha="left")
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
    goal = _place(np.clip(values, *_core(values, sweep.lower)))
    heights = np.stack([*(height for height, _ in places), 1 - goal[0] if sweep.lower else goal[0]])
    order = np.argsort(-values if sweep.lower else values, kind="stable")  # the best last, above the others
    made = figure(4.6, WIDTH)
    axes = made.subplots()
    for rank, k in enumerate(order):
        left = len(order) - rank
        style = {"color": RED, "linewidth": 2.2} if left == 1 else {"color": BLUE, "linewidth": 1.3}
        style = style if left <= _count(rows) else {"color": PALE, "linewidth": 0.7}
        axes.plot(range(len(heights)), heights[:, k], **style)
    marks = [*(ticks for _, ticks in places), [(1 - at if sweep.lower else at, text) for at, text in goal[1]]]
    for place, ticks in enumerate(marks):
        axes.axvline(place, color=BLACK, linewidth=0.8)
        for at, text in ticks:
            axes.text(
                place + 0.03, at, text, fontsize=8.5, va="center", bbox={"color": "white", "alpha": 0.75, "pad": 0.6}
            )
    titles = distinct([*(_short(name) for name in names), sweep.metric], 16)
    axes.set_xticks(range(len(heights)), titles)
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set(xlim=(-0.1, len(heights) - 0.6), title=f"Each line a trial; red: the best, blue: the best {_count(rows)}")
    return made


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
    return max(1, round(BEST * len(rows)))


def _title(sweep: Sweep, count: int) -> str:
    return f"{count} trials, {'less' if sweep.lower else 'more'} {named(sweep.metric)} is better"


def _short(path: str) -> str:
    """Return the path of a key without its section."""
    return path.partition(".")[2] or path


def _core(values: Any, lower: bool) -> tuple[float, float]:
    """Return the range of what is worth a look: without the worst trials, where they are far off."""
    import numpy as np

    low, half, high = (float(one) for one in np.quantile(values, [0.0, 0.5, 1.0]))
    reach = 4 * (half - low if lower else high - half)
    return (low, min(high, half + reach)) if lower else (max(low, half - reach), high)


def _limit(axes: Any, values: Sequence[float], lower: bool) -> None:
    """Leave trials that are far worse than most out of sight, and say so."""
    import numpy as np

    low, high = _core(np.array(values), lower)
    outside = sum(not low <= value <= high for value in values)
    room = 0.06 * (high - low or abs(high) or 1.0)
    if outside:
        axes.set_ylim(low - room, high + room)
        text, place = f"{outside} worse {'above' if lower else 'below'}", {"ha": "right", "va": "bottom"}
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
