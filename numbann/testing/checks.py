"""The checks of each kind of component, in their order, and running them: each result becomes a finding."""

from __future__ import annotations

import contextlib
import io
import traceback
import warnings
from collections.abc import Callable
from functools import partial

from numbann.components.component import Component
from numbann.errors import PluginError
from numbann.testing.behaviour import (
    check_descent,
    check_factors,
    check_matrices,
    check_measure,
    check_solver,
    check_steps,
    check_weights,
)
from numbann.testing.extremes import check_extremes, check_precision, check_source
from numbann.testing.findings import FAILED, PASSED, SKIPPED, Fault, Finding, spot_of
from numbann.testing.gives import check_gives
from numbann.testing.gradients import check_gradient
from numbann.testing.rows import check_rows
from numbann.testing.signature import check_signature

Check = Callable[[Component], str]  # returns a sentence, or raises Fault, Doubt or Unchecked

COMPILED: dict[str, Check] = {"precision": check_precision, "extremes": check_extremes}
START: dict[str, Check] = {"signature": check_signature, "source": check_source}
CHECKS: dict[str, dict[str, Check]] = {
    "activation": {**START, "gradient": check_gradient, **COMPILED},
    "embedding": {**START, "gradient": check_gradient, **COMPILED},
    "loss": {**START, "gradient": check_gradient, **COMPILED},
    "optimizer": {**START, "descent": check_descent, **COMPILED},
    "schedule": {"signature": check_signature, "factors": check_factors},
    "initializer": {"signature": check_signature, "weights": check_weights},
    "metric": {"signature": check_signature, "measure": check_measure},
}
OTHER_FORMS: dict[str, dict[str, Check]] = {
    "row": {**START, "rows": check_rows, "gradient": check_gradient, **COMPILED},
    "outputs": {**START, "gradient": check_gradient, "gives": check_gives, **COMPILED},
    "batch": {**START, "rows": check_rows, "gradient": check_gradient, **COMPILED},
    # in NumPy, which is not compiled
    "matrix": {"signature": check_signature, "descent": check_matrices, "steps": check_steps},
    "solver": {"signature": check_signature, "descent": check_solver},
}
PREREQUISITES = ("signature", "source", "rows", "precision")  # if one fails, the checks after it would say nothing


def checks_of(component: Component) -> dict[str, Callable[[], Finding]]:
    """The checks of a component by name; calling one runs it alone."""
    checks = OTHER_FORMS.get(component.form, CHECKS[component.kind])
    return {name: partial(run, name, check, component) for name, check in checks.items()}


def findings_of(component: Component) -> list[Finding]:
    """Run the checks of a component; after a prerequisite has failed, the rest are skipped."""
    found: list[Finding] = []
    lost = ""
    for name, check in checks_of(component).items():
        found.append(Finding(name, SKIPPED, f"not checked, because {lost} failed") if lost else check())
        if found[-1].failed and name in PREREQUISITES:
            lost = name
    return found


def run(name: str, check: Check, component: Component) -> Finding:
    """Run one check; whatever the component raises becomes a finding, and what it prints is lost."""
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's, of overflow
            message = check(component)
    except Fault as fault:
        return fault.finding(name)
    except PluginError as error:
        place, _, rest = str(error).partition(": ")
        if place.rpartition(":")[2].isdigit():  # an error of a line begins with file:line
            return Finding(name, FAILED, rest, place)
        return Finding(name, FAILED, str(error), spot_of(component.function))
    except RecursionError:
        place = spot_of(component.function)
        return Finding(name, FAILED, "calls itself; recursion cannot be compiled", place, "write a loop")
    except (Exception, SystemExit) as error:
        place, own = spot_of(component.function), component.function.__code__.co_filename
        for frame in traceback.extract_tb(error.__traceback__):
            place = f"{frame.filename}:{frame.lineno}" if frame.filename == own else place
        plain = component.form == "elementwise" and component.kind in ("activation", "embedding", "loss", "optimizer")
        remedy = "work on numbers, with if and the functions of math" if plain else ""
        return Finding(name, FAILED, f"raises {type(error).__name__}: {error}", place, remedy)
    return Finding(name, PASSED, message)
