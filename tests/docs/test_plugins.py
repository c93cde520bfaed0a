"""docs/plugins.md: every example is a file that registers, trains a network, or adds its command."""

from __future__ import annotations

import doctest
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import numbann
from numbann.components.component import Component
from numbann.components.declare import freeze
from numbann.plugins.plugin import import_file

PAGE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")
HOOK = """
from numbann import hookimpl


@hookimpl
def numbann_register(register):
    for component in ({names},):
        register(component)
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def components_of(block: str, folder: Path) -> list[Component]:
    """The components that an example declares, of a copy of its own."""
    path = folder / "looked_at.py"
    path.write_text(block)
    return [freeze(value) for value in vars(import_file(path)).values() if hasattr(value, "__numbann__")]


def uses(component: Component) -> dict[str, Any]:
    """Sections of a spec that use a component; numbers are the target unless it is for classes."""
    regression = {"data": {"target": "sum", "drop": ["colour"]}, "loss": "mse"}
    match component.kind:
        case "activation":
            return {"model": {"layers": [{"units": 8, "activation": component.name}]}}
        case "embedding":
            return {"model": {"input": {"embedding": component.name}, "layers": [8]}}
        case "loss" if len(component.columns) == 1:
            return {**regression, "loss": component.name}
        case "loss" if component.columns:
            return {"data": {"target": ["sum", "y"], "drop": ["colour"]}, "loss": component.name}
        case "loss":
            return {"loss": component.name} if "label" in component.roles else {**regression, "loss": component.name}
        case "optimizer":
            batch = {"train": {"batch_size": "full"}} if component.form == "solver" else {}
            return {"optimizer": component.name, **batch}
        case "schedule":
            return {"schedule": component.name}
        case "initializer":
            return {"model": {"layers": [{"units": 8}], "init": component.name}}
    given = {"loss": "gaussian_nll"} if component.outputs else {}
    return {**regression, **given, "train": {"metrics": [component.name]}}


@pytest.mark.parametrize("block", [each for each in blocks("python") if "click" not in each])
def test_an_example_trains(block: str, write_spec: Callable[..., Path], here: Path) -> None:
    """Named by a spec, each of its components is used, and the loss falls."""
    components = components_of(block, here)
    assert components
    hook = "" if "hookimpl" in block else HOOK.format(names=", ".join(each.function.__name__ for each in components))
    (here / "example.py").write_text(block + hook)
    for component in components:
        given = {"optimizer": {"type": "adam", "learning_rate": 0.01}, **uses(component)}
        run = numbann.train(write_spec(plugins=["example.py"], **given), output=component.name)
        losses = [record["train_loss"] for record in run.history]
        assert losses[-1] < losses[0], component.name


def test_every_kind_and_form_has_an_example(here: Path) -> None:
    found = {(each.kind, each.form) for block in blocks("python") for each in components_of(block, here)}
    kinds = ("activation", "embedding", "loss", "optimizer", "schedule", "initializer", "metric")
    assert found == {
        *((kind, "elementwise") for kind in kinds),
        ("activation", "row"),
        ("loss", "row"),
        ("loss", "outputs"),
        ("loss", "batch"),
        ("optimizer", "matrix"),
        ("optimizer", "solver"),
    }


def test_functions_in_python(here: Path) -> None:
    (here / "bent.py").write_text(blocks("python")[0])
    for block in blocks("pycon"):
        run = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
        run.run(doctest.DocTestParser().get_doctest(block, {}, "plugins.md", None, None))
        assert run.summarize().failed == 0


def test_the_spec_of_the_page_is_json() -> None:
    assert all(json.loads(block)["plugins"] for block in blocks("json"))
