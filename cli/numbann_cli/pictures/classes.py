"""Pictures of how well classes are told apart: confusion, ROC, precision and recall, and calibration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from numbann_cli.pictures.canvas import BLUE, GREY, SHADES, WIDTH, distinct, figure, line_style, named
from numbann_cli.pictures.look import Look, Result, Undrawn

if TYPE_CHECKING:
    import numpy as np

MOST_CURVES, FEW_CURVES = 6, 3
WRITTEN = 25  # classes up to which each cell of a confusion has its number
LABELLED = 40  # classes up to which each has its name


class Against(NamedTuple):
    """A class against all others: its name, the rows of it (N,), and the probability or score of it (N,)."""

    name: str
    positive: np.ndarray
    chance: np.ndarray


def confusion(looks: Sequence[Look]) -> Any:
    """Draw how many rows of each class are predicted as each class."""
    look = _alone(looks)
    if look is None or look.result.roles["t"].ndim > 1:
        return None
    import numpy as np

    result = look.result
    names, size = result.task.subjects, len(result.task.subjects)
    if size > 100:
        raise Undrawn(f"a confusion of {size} classes is too large to be read; 100 are the most")
    t, label = result.roles["t"].astype(int), result.roles["label"].astype(int)
    counts = np.bincount(t * size + label, minlength=size * size).reshape(size, size)
    shares = counts / np.maximum(1, counts.sum(1, keepdims=True))
    side = min(WIDTH, 4.2 + 0.22 * size)
    made = figure(side * 0.86, side)
    axes = made.subplots()
    image = axes.imshow(shares, cmap=SHADES, vmin=0, vmax=1)
    made.colorbar(image, label="share of the rows of the true class", shrink=0.85)
    if size <= WRITTEN:
        _write_counts(axes, counts, shares)
    every = 1 if size <= LABELLED else -(-size // LABELLED)
    ticks = range(0, size, every)
    told = [distinct(names, 14)[k] for k in ticks]
    small = {"fontsize": 10 if size <= 12 else 8}
    turned = max(map(len, told)) * len(told) > 8 * side
    axes.set_xticks(ticks, told, **small, rotation=90 if turned else 0)
    axes.set_yticks(ticks, told, **small)
    axes.grid(visible=False)
    axes.set(xlabel="predicted class", ylabel="true class", title=_title("Rows by class", result))
    return made


def _write_counts(axes: Any, counts: Any, shares: Any) -> None:
    size = len(counts)
    font = 10 if size <= 12 else 7
    for row, column in ((row, column) for row in range(size) for column in range(size)):
        if counts[row, column]:
            dark = shares[row, column] < 0.55
            text = f"{counts[row, column]}"
            axes.text(column, row, text, ha="center", va="center", fontsize=font, color="white" if dark else "black")


def roc(looks: Sequence[Look]) -> Any:
    """Draw the share of each class that is found against that of the others taken for it."""
    look = _alone(looks)
    if look is None:
        return None
    from numbann.model.curves import roc as curve

    found, shown = _curves(look.result, curve, "area")
    made = figure(5.5, _width(shown))
    axes = made.subplots()
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1, label="chance: 0.5")
    for place, (name, one) in enumerate(_distinct(shown)):
        axes.plot(one.false, one.true, **line_style(place), label=f"{name}: {one.area:.3f}", drawstyle=_steps(one))
    axes.set(
        xlabel="share of the other rows taken for the class",
        ylabel="share of the class that is found",
        title=_title("ROC curve", look.result),
        xlim=(-0.02, 1.02),
        ylim=(-0.02, 1.02),
    )
    _legend(made, axes, _chosen("area under the curve", shown, found, "smallest areas"), "lower right")
    return made


def precision_recall(looks: Sequence[Look]) -> Any:
    """Draw how many of the rows taken for a class are of it against how many of it are found."""
    look = _alone(looks)
    if look is None:
        return None
    from numbann.model.curves import precision_recall as curve

    found, shown = _curves(look.result, curve, "average")
    made = figure(5.5, _width(shown))
    axes = made.subplots()
    for place, (name, one) in enumerate(_distinct(shown)):
        style = line_style(place)
        axes.plot(one.recall, one.precision, **style, drawstyle="steps-pre", label=f"{name}: {one.average:.3f}")
        if len(shown) == 1:
            axes.axhline(one.share, color=GREY, linestyle=":", linewidth=1, label=f"chance: {one.share:.3f}")
    axes.set(
        xlabel="recall: share of the class that is found",
        ylabel="precision: share of those taken for it that are right",
        title=_title("Precision and recall", look.result),
        ylim=(0, 1.03),
        xlim=(0, 1.01),
    )
    _legend(made, axes, _chosen("average precision", shown, found, "smallest ones"), "lower left")
    return made


def calibration(looks: Sequence[Look]) -> Any:
    """Draw how often what is predicted with a probability comes true."""
    look = _alone(looks)
    if look is None:
        return None
    from numbann.model.curves import calibration as curve

    one = _said(look.result)
    found = curve(one.positive, one.chance)
    made = figure(5.6, 6.0)
    above, below = made.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    above.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1, label="as often as it says")
    reach = [found.happened - found.low, found.high - found.happened]
    above.errorbar(
        found.said, found.happened, reach, color=BLUE, marker="o", markersize=5, capsize=3, label="this model"
    )
    above.set(ylabel="how often it is so", title=_title("Calibration", look.result), ylim=(-0.02, 1.02))
    above.legend(title="bars: 95 % confidence", loc="upper left", alignment="left")
    width = found.edges[:, 1] - found.edges[:, 0]
    below.bar(found.edges[:, 0], found.rows, width, align="edge", color=BLUE, edgecolor="white")
    below.set(xlabel=one.name, ylabel="rows", xlim=(-0.02, 1.02))
    return made


def _alone(looks: Sequence[Look]) -> Look | None:
    """Return the one run whose model predicts classes, or None."""
    (look, *others) = looks
    named_task = look.spec.get("data", {}).get("task")
    return look if not others and named_task in ("classification", "multilabel") else None


def _against(result: Result) -> list[Against]:
    """Return each class against the others; of two the positive one alone."""
    chances = result.roles.get("probability", result.found.y)
    names, t = result.task.subjects, result.roles["t"]
    if chances.shape[1] not in (1, len(names)):
        raise Undrawn(f"{result.found.activation} gives no number for each class")
    first = 1 if len(names) == 2 and t.ndim == 1 else 0
    positive = [t[:, k] == 1 if t.ndim > 1 else t == k for k in range(len(names))]
    columns = range(first, len(names))
    return [Against(str(names[k]), positive[k], chances[:, min(k, chances.shape[1] - 1)]) for k in columns]


def _said(result: Result) -> Against:
    """Return a probability for each row, and whether it came true: of the positive class, a label, or the likeliest."""
    import numpy as np

    if "probability" not in result.roles:
        raise Undrawn(f"{result.found.activation} gives scores, no probabilities")
    chances, t = result.roles["probability"], result.roles["t"]
    if t.ndim > 1:
        return Against("probability of a label", t.ravel() == 1, chances.ravel())
    if chances.shape[1] == 2:
        return Against(f"probability of {named(result.task.subjects[1])}", t == 1, chances[:, 1])
    return Against("probability of the likeliest class", t == chances.argmax(1), np.max(chances, 1))


def _title(what: str, result: Result) -> str:
    return f"{what} ({named(result.part, 40)}, {len(result)} rows)"


def _curves(result: Result, curve: Callable[..., Any], measure: str) -> tuple[list[Any], list[Any]]:
    """Return the curve of each class by name, and those to be drawn: of many the ones least in this measure."""
    weight = result.roles["weight"]
    found = [(one.name, curve(one.positive, one.chance, weight)) for one in _against(result)]
    least = sorted(found, key=lambda one: getattr(one[1], measure))[:MOST_CURVES]
    return found, least if len(found) > MOST_CURVES else found


def _distinct(shown: Sequence[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield what is shown with its names shortened."""
    yield from zip(distinct([name for name, _ in shown]), (one for _, one in shown), strict=True)


def _width(shown: Sequence[Any]) -> float:
    """Return the width of a square picture, with room for a legend beside many curves."""
    return WIDTH if len(shown) > FEW_CURVES else 5.5


def _legend(made: Any, axes: Any, title: str, place: str) -> None:
    """Write the legend into the picture, or beside many curves."""
    entries = axes.get_legend_handles_labels()
    if made.get_figwidth() == WIDTH:
        made.legend(*entries, title=title, loc="outside right upper", alignment="left")
    else:
        axes.legend(*entries, title=title, loc=place, alignment="left")


def _chosen(what: str, shown: Sequence[Any], found: Sequence[Any], how: str) -> str:
    """Return the title of a legend, which says which classes are left out."""
    return what if len(shown) == len(found) else f"{what}\n({len(shown)} of {len(found)} classes, the {how})"


def _steps(curve: Any) -> str:
    """Draw few points as steps, which is what they are, and many as a line."""
    return "steps-post" if len(curve.false) < 1000 else "default"
