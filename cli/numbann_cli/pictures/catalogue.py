"""The catalogue of pictures of runs: what there is, and what each tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from numbann_cli.pictures.canvas import styled
from numbann_cli.pictures.classes import calibration, confusion, precision_recall, roc
from numbann_cli.pictures.columns import dependence, importance
from numbann_cli.pictures.folds import folds
from numbann_cli.pictures.learning import layers, learning, rate
from numbann_cli.pictures.look import Look, Undrawn
from numbann_cli.pictures.sweeps import parallel, parameters, trials
from numbann_cli.pictures.values import predicted, residuals
from numbann_cli.pictures.weights import weights

Draw = Callable[[Sequence[Look]], Any]  # returns a figure, or None where there is nothing of the kind


class Picture(NamedTuple):
    """A picture: the function that draws it, its title, and how to read it."""

    draw: Draw
    title: str
    reading: str


PICTURES = {
    "learning": Picture(
        learning,
        "Learning curves",
        "The loss falls on training rows; where it rises on validation rows, the model learns training rows by heart.",
    ),
    "rate": Picture(rate, "Learning rate", "What the schedule makes of the optimizer's rate."),
    "layers": Picture(
        layers,
        "Layers",
        "Gradients that fall by many powers of ten from the last layer to the first vanish; a dead unit learns nothing "
        "more, a saturated one hardly.",
    ),
    "confusion": Picture(
        confusion, "Confusion", "Rows are true classes, columns predicted ones; the diagonal is right."
    ),
    "roc": Picture(
        roc,
        "ROC curve",
        "A random row of the class gets a larger probability than one of the others as often as the area says.",
    ),
    "precision-recall": Picture(
        precision_recall, "Precision and recall", "What a lower threshold finds more, and what it costs."
    ),
    "calibration": Picture(
        calibration,
        "Calibration",
        "Of what is predicted with 0.8, four of five should be so: points on the dotted line.",
    ),
    "predicted": Picture(predicted, "Predicted and true", "Points on the dotted line are right."),
    "residuals": Picture(
        residuals, "Residuals", "A trend or a funnel is something that the model could know and does not."
    ),
    "importance": Picture(
        importance,
        "Importance of columns",
        "How much worse the model gets where a column's cells are shuffled. Of columns that say the same each looks "
        "unimportant.",
    ),
    "dependence": Picture(
        dependence,
        "Partial dependence",
        "What is predicted on average where all rows have one value in the column; orange ticks are the tenths of the "
        "rows.",
    ),
    "weights": Picture(
        weights, "Weights of the first layer", "What each unit looks for: purple counts for it, orange against it."
    ),
    "folds": Picture(folds, "Folds", "How much the figures differ from fold to fold."),
    "trials": Picture(trials, "Trials", "A line that has long been level says that the search is at its end."),
    "parameters": Picture(
        parameters,
        "Parameters",
        "Where the best trials lie. A parameter explains as much as the ranks of trials with like values agree; what "
        "two do only together does not show.",
    ),
    "parallel": Picture(
        parallel,
        "Trials over all parameters",
        "Best is above. Where lines of the best go together, that value matters.",
    ),
}


class Drawn(NamedTuple):
    """A figure, or the reason why there is none."""

    name: str
    figure: Any
    reason: str = ""


def draw_each(looks: Sequence[Look], names: Sequence[str]) -> Iterator[Drawn]:
    """Draw pictures of runs, those of these names; without a figure and a reason where there is nothing of the kind."""
    for name in names:
        try:
            with styled():
                yield Drawn(name, PICTURES[name].draw(looks))
        except Undrawn as error:
            yield Drawn(name, None, str(error))


def reasons(every: Sequence[Drawn]) -> list[str]:
    """Return a line for each reason, with the pictures that are missing for it."""
    found: dict[str, list[str]] = {}
    for one in every:
        if one.reason:
            found.setdefault(one.reason, []).append(one.name)
    return [f"{', '.join(names)}: {reason}" for reason, names in found.items()]
