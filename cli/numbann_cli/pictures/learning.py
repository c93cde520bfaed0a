"""Pictures of the course of a training: losses and metrics, the rate, and the layers' gradients and dead units."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isfinite, nan
from typing import Any

from numbann_cli.pictures.canvas import BLACK, BLUE, NUMBER, RED, SHADES, line_style, named, panels
from numbann_cli.pictures.look import Look, Undrawn
from numbann_cli.run_page import activations_of

MOST_METRICS = 3
WIDE = 30.0  # the ratio of the largest value to the smallest from which an axis is logarithmic
UNLIKE = 10.0  # the ratio of the epochs of the longest run to those of the shortest from which theirs is
MOST_NAMES = 14
TRAIN, VALIDATION = "train_loss", "validation_loss"


def learning(looks: Sequence[Look]) -> Any:
    """Draw loss and metrics by epoch; several runs over each other."""
    drawn = [look for look in looks if look.histories]
    if not any(look.spec for look in looks):
        return None
    if not drawn:
        raise Undrawn("no epoch is complete")
    metrics = _metrics_of(drawn)
    made, (losses, *others) = panels(1 + len(metrics), 2, 3.3)
    for place, look in enumerate(drawn):
        style = {} if len(drawn) == 1 else line_style(place)
        _losses(losses, look, style)
        for axes, key in zip(others, metrics, strict=True):
            _lines(axes, look, key, {"color": RED, **style}, look.name)
    loss = {look.spec["loss"]["type"] for look in drawn}
    _dress(losses, f"loss ({named(loss.pop())})" if len(loss) == 1 else "loss")
    for axes, key in zip(others, metrics, strict=True):
        _dress(axes, f"{named(key.removeprefix('validation_'))} (validation rows)")
    if len(drawn) == 1:
        _mark_best(drawn[0], [losses, *others])
        losses.legend()
    else:
        losses.set_title("dashed: training rows, solid: validation rows")
        handles = losses.get_legend_handles_labels()
        made.legend(*_some(*handles), loc="outside lower center", ncols=3)
    return made


def rate(looks: Sequence[Look]) -> Any:
    """Draw the learning rate by epoch; nothing where it never changes."""
    drawn = [look for look in looks if look.histories]
    if not drawn or all(len({one["learning_rate"] for one in look.histories[0]}) == 1 for look in drawn):
        return None
    made, (axes,) = panels(1, 1, 3.3)
    for place, look in enumerate(drawn):
        _lines(axes, look, "learning_rate", line_style(place), look.name)
    _dress(axes, "learning rate", logarithmic=_never)
    if len(drawn) > 1:
        made.legend(*_some(*axes.get_legend_handles_labels()), loc="outside lower center", ncols=3)
    return made


def layers(looks: Sequence[Look]) -> Any:
    """Draw the norm of each layer's gradient, and the shares of dead and of saturated units."""
    (look, *others) = looks
    if others or not look.histories:
        return None
    records = [record for record in look.histories[0] if "diagnostics" in record]
    if not records:
        raise Undrawn('diagnostics are off; train with --set train.diagnostics=true ("train": {"diagnostics": true})')
    keys = {"gradient_norm": "norm of the gradient", "dead": "dead units, share", "saturated": "saturated units, share"}
    measured = [key for key in keys if any(one[key] is not None for one in records[-1]["diagnostics"])]
    made, every = panels(max(1, len(measured)), 2, 3.3)
    for axes, key in zip(every, measured, strict=False):
        _layer_lines(axes, records, key, activations_of(look.spec))
        _dress(axes, keys[key], logarithmic=_wide if key == "gradient_norm" else _never)
    for axes, key in zip(every, measured, strict=False):
        if key != "gradient_norm":
            axes.set_ylim(-0.02, 1.02)
    made.legend(*_some(*every[0].get_legend_handles_labels()), loc="outside lower center", ncols=4)
    return made


def _metrics_of(looks: Sequence[Look]) -> list[str]:
    """Return the keys of the metrics that all runs have."""
    first, *others = (look.histories[0][0] for look in looks)
    found = [key for key in first if key.startswith("validation_") and key != VALIDATION]
    return [key for key in found if all(key in record for record in others)][:MOST_METRICS]


def _losses(axes: Any, look: Look, style: Mapping[str, Any]) -> None:
    """Draw both losses of a run: of several, dashed for training rows."""
    validated = VALIDATION in look.histories[0][0]
    if style:
        _lines(axes, look, VALIDATION if validated else TRAIN, style, look.name)
        if validated:
            _lines(axes, look, TRAIN, {**style, "linestyle": "--", "linewidth": 0.9}, "")
        return
    several = f" ({len(look.histories)} models)" if len(look.histories) > 1 else ""
    _lines(axes, look, TRAIN, {"color": BLUE}, f"training rows{several}")
    if validated:
        _lines(axes, look, VALIDATION, {"color": RED}, f"validation rows{several}")


def _lines(axes: Any, look: Look, key: str, style: Mapping[str, Any], label: str) -> None:
    """Draw a value of the history, of each model of an ensemble thinly."""
    thin = {"linewidth": 0.9, "alpha": 0.7} if len(look.histories) > 1 else {}
    for number, history in enumerate(look.histories):
        points = {"marker": "o"} if len(history) == 1 else {}
        y = [_number(record.get(key)) for record in history]
        told = {"label": named(label, 32)} if label and not number else {}
        axes.plot([record["epoch"] for record in history], y, **{**style, **thin, **points, **told})


def _mark_best(look: Look, every: Sequence[Any]) -> None:
    """Mark the epoch whose weights were kept."""
    if look.metrics is None or len(look.histories) > 1:
        return
    best = look.metrics["best_epoch"]
    for axes in every:
        axes.axvline(best, color=BLACK, linestyle=":", linewidth=1, label=f"best: epoch {best}")


def _layer_lines(axes: Any, records: Sequence[Mapping[str, Any]], key: str, names: Sequence[str]) -> None:
    from matplotlib import colormaps

    count = len(records[-1]["diagnostics"])
    for k in range(count):
        y = [_number(record["diagnostics"][k][key]) for record in records]
        colour = colormaps[SHADES](0.9 * k / max(1, count - 1))
        label = f"layer {k + 1} ({named(names[k], 16)})"
        axes.plot([record["epoch"] for record in records], y, color=colour, label=label, marker="." * (len(y) == 1))


def _number(value: Any) -> float:
    """Return a number of the history, which holds null for one that is not finite."""
    return nan if value is None else float(value)


def _values(axes: Any) -> Iterator[float]:
    for line in axes.get_lines():
        yield from (float(y) for y in line.get_ydata() if isfinite(y))


def _wide(values: Sequence[float]) -> bool:
    return bool(values) and min(values) > 0 and max(values) > WIDE * min(values)


def _never(_: Sequence[float]) -> bool:
    return False


def _dress(axes: Any, label: str, logarithmic: Callable[[Sequence[float]], bool] = _wide) -> None:
    """Name the axes; a wide range is logarithmic, and so are the epochs of runs of unlike length."""
    from matplotlib.ticker import MaxNLocator

    ends = [float(line.get_xdata()[-1]) for line in axes.get_lines()]
    if logarithmic([*_values(axes)]):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(NUMBER)
    axes.set(xlabel="epoch", ylabel=label)
    if max(ends) > UNLIKE * min(ends):
        axes.set(xscale="log", xlabel="epoch (logarithmic)")
        axes.xaxis.set_major_formatter(NUMBER)
        return
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))


def _some(handles: Sequence[Any], labels: Sequence[str]) -> tuple[Sequence[Any], Sequence[str]]:
    """Return the entries of a legend, not too many of them."""
    left = len(labels) - MOST_NAMES
    if left <= 0:
        return handles, labels
    return [*handles[:MOST_NAMES], handles[-1]], [*labels[:MOST_NAMES], f"and {left} more"]
