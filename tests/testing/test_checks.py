"""The checks of components: every built-in one passes them, and each thing that is wrong is found by the right one."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from numbann.components.built_in import built_in
from numbann.components.component import Component
from numbann.errors import PluginError
from numbann.testing import (
    check_activation,
    check_loss,
    check_optimizer,
    checks_of,
    components_of,
    findings_of,
    parts_of,
)
from numbann.testing.findings import FAILED, PASSED, SKIPPED, WARNING

COMPILED = ("precision", "extremes")
BUILT_IN = [pytest.param(entry.component, id=entry.component.name) for entry in built_in().entries()]


@pytest.mark.parametrize("component", BUILT_IN)
def test_built_in_components_pass_in_plain_python(component: Component) -> None:
    for name, check in checks_of(component).items():
        if name not in COMPILED:
            finding = check()
            assert finding.state != FAILED, str(finding)


@pytest.mark.slow
@pytest.mark.parametrize("component", BUILT_IN)
def test_built_in_components_pass_compiled(component: Component) -> None:
    for name in COMPILED:
        if name in checks_of(component):
            finding = checks_of(component)[name]()
            assert finding.state != FAILED, str(finding)
            if component.kind == "loss" and component.outputs and name == "extremes":
                assert finding.state == PASSED, str(finding)


# ---- what is wrong

BROKEN = {
    "log of a class": ("precision", "the loss for t = 0, 0, 1 is finite nowhere", "give finite numbers"),
    "no chances": ("signature", "gives numbers that are not between 0 and 1", "or give chances"),
    "last class": ("gradient", "last_class is 0 at element 6 of a row of 7 for the label 6", "correct the formula"),
    "changes its array": ("measure", "raises ValueError: output array is read-only", ""),
    "another training": ("factors", "gives other factors in a second training", "keep nothing between calls"),
    "second output": ("extremes", "the loss is nan at width = 30 for t = -1.3", "so that nothing overflows"),
    "second half": ("extremes", r"a\[0\] is nan at z\[1\] = 100", "so that nothing overflows"),
    "negative learnable": (
        "gradient",
        r"of_positive_slope is 0.25 at z = .* \(beta = -0.25\), but the slope is -0.25; wrong at 245 of",
        "correct the formula",
    ),
    "learnable without bounds": (
        "precision",
        r"^a \(alpha = -1\) is finite nowhere",
        "a trained parameter goes to its bounds",
    ),
    "too fine for float32": ("precision", "^da/dz is wrong in float32: .* where float64 gives", "no step below 1e-4"),
    "gives too few": ("gives", "too_few returns 1 of 2 numbers", "return mean, width, in the order of .gives"),
    "gives below 0": (
        "gives",
        "width is -0.3 at mean = 0, width = -0.3",
        'what has the unit "difference" is at least 0',
    ),
    "gives no number": ("gives", "raises ZeroDivisionError", ""),
    "zero gradient in float32": (
        "steps",
        r"^w \(6, 4\) is nan after step 1 in float32, where gradients are 0",
        "add an epsilon",
    ),
    "yields an array": ("descent", r"yields what is no number; sum it first, as in yield \(g \* g\).sum\(\)", ""),
    "metric of columns": ("measure", r"an array of the shape \(2,\) of 2 targets, not one number", "return one"),
    "changes its row": ("rows", "raises ValueError: assignment destination is read-only", ""),
    "half a row": ("rows", r"^a\[8\] is not filled, in a row of 16", "give every element of a a number"),
    "no dz": ("rows", "^dz is not filled, in a row of 16", "give every element of dz a number"),
    "no dy": ("rows", "^dy is not filled, in a row of 16", "give every element of dy a number"),
    "adds to dy": ("rows", r"^dy\[0\] goes by what dy held before", "set each element of dy before you add to it"),
    "noise at its end": ("precision", r"^a with u = 2\.98023e-08 is finite nowhere", r"noise is drawn from 2\^-25"),
    "derived at a kink": (
        "gradient",
        "behind_dz is 0.5 at z = 0, but the slope is 1; wrong at 1 of 245 points",
        "it is derived from the formula, where min, max and abs .*: write a choice instead",
    ),
    "compared nowhere": ("gradient", "infinite_dz could be compared at no point", "give finite numbers"),
    "wrong gradient": (
        "gradient",
        "wrong_slope is 3 at z = .* but the slope is 2; wrong at 245 of 245 points",
        "correct the formula",
    ),
    "wrong slope": ("gradient", "learned_slope is 0 at z = .* but the slope is", "correct the formula"),
    "wrong loss": ("gradient", "wrong_loss_slope is .* but the slope is", "correct the formula or leave"),
    "wrong backward": ("gradient", "row_back is .* at element . of a row", "correct the formula; surrogate=True says"),
    "wrong dy": ("gradient", "row_loss is .* at element . of a row", "correct the formula; surrogate=True says"),
    "nan at 0": ("extremes", "a is nan at z = 0", "treat 0 by itself"),
    "surrogate without a number": ("gradient", "of_no_number is nan at z = -30", "a finite number everywhere"),
    "surrogate that leaves out": (
        "rows",
        r"dz\[1\] is not filled, in a row of 16",
        "give every element of dz a number",
    ),
    "division by zero": ("extremes", "a is inf at z = 0", "treat 0 by itself"),
    "overflow": ("extremes", "a is nan at z = 100", "so that nothing overflows"),
    "swallows nan": ("extremes", "NaN does not come through", "0 if z < 0 else z"),
    "float64 on purpose": ("source", "'np.float64' cannot be called in a component", ""),
    "prints": ("source", "a call such as print", ""),
    "recursion": ("source", "recursive calls itself; recursion cannot be compiled", ""),
    "array arithmetic": (
        "signature",
        "raises AttributeError: 'float' object has no attribute 'sum'",
        "work on numbers",
    ),
    "returns none": ("signature", "sometimes at z = -3 returns None, not a number", "return a number on every path"),
    "few states": ("signature", "few returns 1 of 2 values", "return w, m"),
    "climbs": ("descent", "does not fall from w = 1", "signs"),
    "zero gradient": ("descent", "raises ZeroDivisionError", "work on numbers"),
    "no array in memory": ("descent", "memory holds what is no array", r"make it one: np\.array"),
    "not in place": ("descent", "returns something", "change w and the states in place"),
    "predicts what stays": ("descent", "does not fall from w = 1: after 3000 steps mean = 1", "signs"),
    "sums of some": ("descent", "yields for some matrices and not for others; yield for each", ""),
    "wrong shape at last": ("weights", r"gives \(64, 1\) for the shape \(64, 32\)", "return an array of the shape"),
    "state that matters": ("descent", 'optional says that "m" is not needed while rho = 0', "leave 'm' out"),
    "keeps something": ("source", "'calls' is list, not a row; a component reads single numbers", ""),
    "negative factor": ("factors", "gives the factor -1 at step 0", "at least 0"),
    "wrong shape": ("weights", r"gives \(64, 1\) for the shape \(64, 32\)", "return an array of the shape"),
    "better the other way": ("measure", "is 1 where all is right", 'better is "lower": is that so'),
}


@pytest.fixture(scope="module")
def module() -> ModuleType:
    path = Path(__file__).with_name("broken.py")
    specification = importlib.util.spec_from_file_location("broken", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_wrong_is_found(case: str, module: ModuleType) -> None:
    """By the check that it belongs to, at the line of the function, with a remedy."""
    check, message, remedy = BROKEN[case]
    function, blamed = module.CASES[case]
    (component,) = components_of(function)
    findings = {finding.check: finding for finding in findings_of(component)}
    finding = findings[check]
    assert finding.state == FAILED, "\n".join(map(str, findings.values()))
    assert re.search(message, finding.message), finding.message
    assert re.search(remedy, finding.remedy), finding.remedy
    path, _, line = finding.place.rpartition(":")
    assert Path(path).name == "broken.py"
    code = blamed.__code__
    assert code.co_firstlineno <= int(line) <= code.co_firstlineno + 5
    before = list(findings)[: list(findings).index(check)]
    assert not [name for name in before if findings[name].state == FAILED]


def test_a_surrogate_is_not_compared(module: ModuleType) -> None:
    """The check says so, and it passes; without the word the remedy names it."""
    findings = {finding.check: finding for finding in findings_of(components_of(module.binary)[0])}
    assert not [str(finding) for finding in findings.values() if finding.failed]
    assert findings["gradient"].message == (
        "surrogate=True: on purpose not the function's, so not compared; finite at 245 points"
    )


def test_checks_after_a_failure_of_the_ground_are_left_out(module: ModuleType) -> None:
    (component,) = components_of(module.CASES["prints"][0])
    states = {finding.check: finding.state for finding in findings_of(component)}
    assert states == {"signature": WARNING, "source": FAILED} | dict.fromkeys(
        ("gradient", "precision", "extremes"), SKIPPED
    )


@pytest.mark.parametrize("name", ["talks", "interval", "of_positive_values"])
def test_what_is_right_passes(name: str, module: ModuleType) -> None:
    """What is not compiled may print; a target whose columns are in order is drawn in that order."""
    findings = findings_of(components_of(getattr(module, name))[0])
    assert not [str(finding) for finding in findings if finding.state != "passed"]


def test_a_state_that_is_forgotten_is_a_warning(module: ModuleType) -> None:
    (component,) = components_of(module.forgets)
    finding = next(each for each in findings_of(component) if each.check == "descent")
    assert finding.state == WARNING
    assert "the state m stays 0; change it in place, as in m[:] = ..." in str(finding)


def test_as_assertions(module: ModuleType) -> None:
    assert [finding.check for finding in check_activation(module.fine)] == list(
        checks_of(components_of(module.fine)[0])
    )
    with pytest.raises(AssertionError, match=r"(?s)activation wrong:\n\s*gradient: .*broken\.py:\d+: wrong_slope is 3"):
        check_activation(module.CASES["wrong gradient"][0])
    with pytest.raises(AssertionError, match="few returns 1 of 2 values"):
        check_optimizer(module.CASES["few states"][0])
    with pytest.raises(AssertionError, match="fine is of the kind activation, not loss"):
        check_loss(module.fine)


# ---- where components are found

PLUGIN = '''"""A plugin."""

from numbann import activation, hookimpl


@activation
def {name}(z):
    """Doubled: 2 z."""
    return 2 * z


@hookimpl
def numbann_register(register):
    register({name})
'''


def test_components_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one.py").write_text(PLUGIN.format(name="first"))
    (tmp_path / "two.py").write_text(PLUGIN.format(name="second"))
    project = tmp_path / "project"
    (project / "src").mkdir(parents=True)
    (project / "pyproject.toml").write_text('[project.entry-points.numbann]\nthird = "module_of_third"\n')
    (project / "src" / "module_of_third.py").write_text(PLUGIN.format(name="third"))
    monkeypatch.setattr("sys.path", [*sys.path])

    def names(what: Any) -> list[str]:
        return [component.name for component in components_of(what)]

    assert names(tmp_path / "one.py") == ["first"]
    assert names(tmp_path) == ["first", "second"]
    assert names(project) == ["third"]
    assert names("module_of_third") == ["third"]
    assert "relu" in names("numbann.mathematics.activations.rectified")


def test_components_that_cannot_be_found(tmp_path: Path) -> None:
    (tmp_path / "taken.py").write_text(PLUGIN.format(name="relu"))
    with pytest.raises(PluginError, match="no_such_module: failed to import"):
        components_of("no_such_module")
    assert {component.title for component in components_of(tmp_path / "taken.py")} == {"taken.py:relu"}
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    with pytest.raises(PluginError, match="no entry points of the group numbann; add"):
        components_of(tmp_path)


CORN = '''"""A loss whose link is in the same file, an activation that breaks a rule, and one that does not."""

from math import exp

from numbann import activation, hookimpl, loss, row_max, row_sum


@activation
def rule_breaker(z, q):
    """Rule breaker: q is neither a role nor a parameter."""
    return z


@activation(form="row")
def own_link(z, a):
    """Own link: exp(z)."""
    for k in range(len(z)):
        a[k] = exp(z[k])


@own_link.backward
def own_link_backward(a, da, dz):
    for k in range(len(dz)):
        dz[k] = da[k] * a[k]


@loss(form="row", link="own_link")
def linked(y, t, dy):
    """Linked: the sum of exp(y) - t y."""
    total = 0
    for k in range(len(y)):
        dy[k] = exp(y[k]) - t[k]
        total += exp(y[k]) - t[k] * y[k]
    return total


@loss(link="own_lnik")
def misspelt(y, t):
    """Misspelt: (y - t)^2, with a link that is not there."""
    return (y - t) ** 2


@activation
def fine(z):
    """Fine: 2 z."""
    return 2 * z


@hookimpl
def numbann_register(register):
    for component in (rule_breaker, own_link, linked, misspelt, fine):
        register(component)
'''


def test_a_fault_hides_no_other_component(tmp_path: Path) -> None:
    """Of one file, and of several files in a folder."""
    (tmp_path / "corn.py").write_text(CORN)
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / "torn.py").write_text("def torn(:\n")
    parts = list(parts_of(tmp_path))
    assert [part.name for part in parts if isinstance(part, Component)] == ["own_link", "linked", "fine"]
    messages = [str(part) for part in parts if not isinstance(part, Component)]
    for said, message in zip(
        (
            "broken.py:1: ZeroDivisionError",
            r"rule_breaker .*corn\.py:8\): argument 'q' is neither",
            r"misspelt \(.*corn\.py:\d+\): its link: unknown activation \"own_lnik\"; did you mean \"own_link\"",
            "torn.py:1: SyntaxError",
        ),
        messages,
        strict=True,
    ):
        assert re.search(said, message), message
    with pytest.raises(PluginError, match=r"broken\.py:1: ZeroDivisionError"):
        components_of(tmp_path)
