"""Writes docs/components.md, tables and lessons of all components, from the registry: python docs/make_components.py"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from numbann_cli.component_page import show_value
from numbann_cli.lesson import lesson_of

from numbann.components.built_in import built_in
from numbann.components.component import Component
from numbann.components.roles import KINDS
from numbann.spec.components import REQUIRED, UNSAID, parameters_of

PAGE = Path(__file__).with_name("components.md")
INTRODUCTION = """# Components

Every activation, embedding, loss, optimizer, schedule, initializer and metric, by the names that a spec uses.
Below each table is what `numbann show NAME` teaches of them; it also tells the derivative, what each parameter
takes, and the curve, which `--plot FILE` draws:

![The curve of gelu, and of its derivative](pictures/gelu.svg)

`python docs/make_components.py` writes this page.
"""
TITLES = {
    "activation": "Activations",
    "embedding": "Embeddings",
    "loss": "Losses",
    "optimizer": "Optimizers",
    "schedule": "Schedules",
    "initializer": "Initializers",
    "metric": "Metrics",
}
REMARKS = {
    "activation": "*init* is how weights start where `init` is `auto`.  Each of single units takes `blend` too.",
    "embedding": "What each number among the inputs becomes (`model.input.embedding`).  `rate` multiplies the learning "
    "rate of all\nthat is trained in it; the other trained parameters may be given to start all alike.",
    "loss": "*link* is the output activation that turns y into a prediction; with `identity` any may be chosen.\n"
    "A loss of several outputs for a target says what it *gives*: `numbann predict --outputs`.",
    "optimizer": "Each takes `l1` and `weight_decay` too; they join the gradient where they are not in the formula.\n"
    "`rates`, `bias_rate` and `bias_decay` are for tensors that learn or decay in a way of their own.",
    "schedule": "Factors of the optimizer's rate; each takes `warmup_epochs` too. epoch is fractional.",
    "initializer": "Of weights (I, O), from I inputs to O outputs; biases are 0.",
    "metric": "Of a part of the data, in the target's own unit.  One with parameters stands in `train.metrics` as an "
    'object,\n`{"type": "calibration_error", "bins": 10}`.  Some ask for what a loss gives beside predictions.',
}
TRAITS = {"activation": "init", "loss": "link"}  # the column that a kind has beside the others
OWN = ("weight_decay", "l1", *UNSAID, "warmup_epochs")  # parameters of a whole kind, which its remark tells
AUTHORS = r"(?:(?:de|van) )?[A-Z](?:et al\.|[^.;:()])*? \d{4}"
REFERENCE = re.compile(rf"(?:({AUTHORS})[^.;:()]*? )?(https?://([^/\s]+)\S*?)[.,;]?(?=\s|$)")


def page() -> str:
    """The page as text."""
    return "\n".join((INTRODUCTION, *(line for kind in KINDS for line in _section(kind))))


def _section(kind: str) -> Iterator[str]:
    trait = TRAITS.get(kind)
    names = ["name", "formula", "parameters", *([trait] if trait else []), "reference"]
    yield from (f"## {TITLES[kind]}", "", REMARKS[kind], "", _row(names), _row(["---"] * len(names)))
    for entry in built_in().entries(kind):
        one = entry.component
        cells = [_names(one), one.summary, _parameters(one), *([_trait(one, trait)] if trait else [])]
        yield _row([*cells, _references(one)])
    yield ""
    for entry in built_in().entries(kind):
        yield from _lesson(entry.component)


def _lesson(component: Component) -> Iterator[str]:
    """An example, and when to use a component; its reference is in the table."""
    sections = lesson_of(component).sections
    examples = "; ".join(f"`{each}`" for each in sections["Example"].split("; "))
    yield from (f"### {component.name}", "", examples, "")
    for name in ("Use", "For", "Against", "Trouble"):
        yield f"- *{name}*: {' '.join(sections[name].split())}"
    yield ""


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _names(component: Component) -> str:
    return ", ".join(f"`{name}`" for name in (component.name, *component.aliases))


def _trait(component: Component, trait: str) -> str:
    """A trait, or what a loss gives in its place."""
    return f"gives {', '.join(component.units)}" if component.units else f"`{component.traits[trait]}`"


def _parameters(component: Component) -> str:
    """Each parameter and its default."""
    own = {parameter.name for parameter in component.parameters}
    taken = [parameter for parameter in parameters_of(component) if parameter.name in own or parameter.name not in OWN]
    return ", ".join(
        f"`{parameter.name}`" + ("" if parameter.default is REQUIRED else f" {show_value(parameter.default)}")
        for parameter in taken
    )


def _references(component: Component) -> str:
    """The papers and pages that the docstring names, as links."""
    text = " ".join((inspect.getdoc(component.function) or "").split())
    return ", ".join(f"[{name or host}]({url})" for name, url, host in REFERENCE.findall(text))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
