"""Fingerprints of components: they depend on the code, not on comments and docstrings."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import annotated_types
import numpy as np
import pluggy
import print_fingerprints
import pytest

import numbann
from numbann.components.built_in import built_in
from numbann.components.component import Component, Origin
from numbann.components.declare import freeze
from numbann.components.parameter import LearnableMark
from numbann.components.registry import Entry
from numbann.errors import PluginError, RunDirectoryError
from numbann.model import sources
from numbann.model.provenance import are_records, fingerprint, record_of, verify
from numbann.plugins import distributions
from numbann.plugins.plugin import import_file


def plain() -> Callable[[float], float]:
    def bent(z: float) -> float:
        return z if z > 0 else 0.5 * z

    return bent


def described() -> Callable[[float], float]:
    def bent(z: float) -> float:
        """Half below zero."""
        return z if z > 0 else 0.5 * z  # said on two lines

    return bent


def other() -> Callable[[float], float]:
    def bent(z: float) -> float:
        return z if z > 0 else 0.25 * z

    return bent


def component(function: Callable[..., float]) -> Component:
    return Component("activation", "bent", function)


def test_code_counts_and_words_about_it_do_not() -> None:
    assert fingerprint(component(plain())) == fingerprint(component(described()))
    assert fingerprint(component(plain())) != fingerprint(component(other()))


def test_so_does_the_derivative() -> None:
    assert fingerprint(component(plain())) != fingerprint(Component("activation", "bent", plain(), derivative=other()))


def test_every_built_in_component_can_be_recorded_and_verified() -> None:
    components = [entry.component for entry in built_in().entries()]
    records = [record_of(component) for component in components]
    assert {record["owner"] for record in records} == {"numbann"}
    assert are_records(records, "source")
    verify(records, components, "here", "")


def parameters_of(component: Component) -> list[tuple[Any, ...]]:
    """What defines its parameters, with the names of the functions that start what is trained."""
    marks = [(one, one.learnable or LearnableMark()) for one in component.parameters]
    constraints = [one.constraints for one, _ in marks]
    return [
        (one.name, one.default, one.type, bounds, replace(mark, start=None), getattr(mark.start, "__name__", ""))
        for (one, mark), bounds in zip(marks, constraints, strict=True)
    ]


@pytest.mark.parametrize("entry", [pytest.param(each, id=each.component.name) for each in built_in().entries()])
def test_the_source_kept_of_a_component_is_one_that_runs(entry: Entry) -> None:
    """It declares the same component, whose own source is the same text."""
    component = entry.component
    text = sources.module_of(component)
    again = sources.component_of(text, component.kind, component.name, "here")
    assert sources.module_of(again) == text
    assert (parameters_of(again), again.states, again.traits) == (
        parameters_of(component),
        component.states,
        component.traits,
    )


def test_a_change_is_named_with_its_place() -> None:
    plugin = Origin("of/bent.py", "", "bent")
    first, second = (replace(component(function()), plugin=plugin) for function in (plain, other))
    stored = [record_of(first)]
    verify(stored, [first], "runs/x", "")
    words = (
        r'runs/x: activation "bent" has changed .*: .*test_provenance\.py:\d+ has one of that name with other code; '
    )
    with pytest.raises(RunDirectoryError, match=words + "train anew, or pray$"):
        verify(stored, [second], "runs/x", "pray")


def test_a_change_of_numbanns_own_component_is_not_mended_by_a_plugin() -> None:
    relu = built_in().get("activation", "relu")
    with pytest.raises(
        RunDirectoryError, match=r'"relu" has changed .*: this numbann computes another .*; train anew$'
    ):
        verify([{**record_of(relu), "sha256": "0"}], [relu], "runs/x", "name a file: --plugin FILE")


MOVED = """from math import exp
from typing import Annotated

from annotated_types import Gt
from numbann import Positive, activation
from {helpers} import SHARE, part as piece

LOWEST = -3.0

@activation
def bent(z, alpha: Positive = 1.0, beta: Annotated[float, Gt(0)] = SHARE):
    return piece(z, alpha) * exp(-abs(beta * z)) if LOWEST < z else z
"""
HELPERS = "from math import tanh\n\nSHARE = 1 / 4\n\ndef part(z, alpha):\n    return tanh(alpha * z)\n"


def imported(name: str) -> Component:
    return freeze(importlib.import_module(name).bent)


@pytest.fixture
def packages(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A component with helpers in `firsts`, and the same one in another package and module, `seconds.inner.deep`."""
    (here / "firsts").mkdir()
    (here / "firsts" / "helpers.py").write_text(HELPERS)
    (here / "firsts" / "plain.py").write_text(MOVED.format(helpers="firsts.helpers"))
    (here / "seconds" / "inner").mkdir(parents=True)
    (here / "seconds" / "tools.py").write_text(HELPERS)
    (here / "seconds" / "inner" / "deep.py").write_text(MOVED.format(helpers="..tools"))
    monkeypatch.syspath_prepend(here)
    monkeypatch.setenv("PYTHONPATH", str(here))
    modules = set(sys.modules)
    yield here
    for module in set(sys.modules) - modules:
        if module.partition(".")[0] in ("firsts", "seconds", "thirds", "fourths"):
            del sys.modules[module]
    distributions._find_announced.cache_clear()


def test_the_module_that_a_component_lives_in_does_not_count(packages: Path) -> None:
    first, second = imported("firsts.plain"), imported("seconds.inner.deep")
    assert fingerprint(first) == fingerprint(second)
    kept = sources.component_of(sources.module_of(second), "activation", "bent", "here")
    assert kept.function(1.5) == first.function(1.5)
    assert "seconds" not in sources.module_of(second)


def test_a_constant_and_a_helper_do(packages: Path) -> None:
    first = fingerprint(imported("firsts.plain"))
    for package, (old, new) in {"thirds": ("1 / 4", "1 / 5"), "fourths": ("tanh(alpha", "tanh(2 * alpha")}.items():
        (packages / package).mkdir()
        (packages / package / "helpers.py").write_text(HELPERS.replace(old, new))
        (packages / package / "plain.py").write_text(MOVED.format(helpers=f"{package}.helpers"))
        assert fingerprint(imported(f"{package}.plain")) != first


BESIDE = """import sys, os
sys.path.insert(0, os.path.dirname(__file__))
import helper
import helper as tool
from helper import RATES, h as first
from numbann import activation, initializer

@activation
def bent(z):
    return first(z) + helper.h(z) * tool.SHARE + helper.RATES[1] * z

@initializer
def drawn(shape, random):
    return random.normal(0, RATES[0] * tool.np.sqrt(helper.SHARE), shape)
"""
HELPER = """import numpy as np
from math import tanh

SHARE = 0.25
RATES = (1, 2 * SHARE)

def inner(z):
    return tanh(z)

def h(z):
    return inner(z) * SHARE
"""


def beside(here: Path, monkeypatch: pytest.MonkeyPatch, text: str, helper: str = HELPER) -> dict[str, Component]:
    """The components of a plugin in a file of a new folder, with a helper beside it."""
    folder = here / str(len(list(here.iterdir())))
    folder.mkdir()
    (folder / "helper.py").write_text(helper)
    (folder / "k.py").write_text(text)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "helper", raising=False)
    found = [freeze(value) for value in vars(import_file(folder / "k.py")).values() if hasattr(value, "__numbann__")]
    return {component.name: component for component in found}


class TestAHelperModuleBesideAPlugin:
    @pytest.mark.parametrize(
        ("old", "new"), [("0.25", "0.5"), ("(1,", "(2,"), ("tanh(z)", "tanh(2 * z)"), ("(z) * SHARE", "(z)")]
    )
    def test_counts(self, here: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str) -> None:
        first, same, other = (
            {name: fingerprint(component) for name, component in beside(here, monkeypatch, BESIDE, helper).items()}
            for helper in (HELPER, HELPER, HELPER.replace(old, new))
        )
        assert first == same
        assert first["bent"] != other["bent"]
        assert (first["drawn"] != other["drawn"]) == (old in ("0.25", "(1,"))

    def test_is_kept(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        components = beside(here, monkeypatch, BESIDE)
        records = {name: sources.module_of(component) for name, component in components.items()}
        expected = {name: fingerprint(component) for name, component in components.items()}
        for path in here.iterdir():
            shutil.rmtree(path)
        monkeypatch.delitem(sys.modules, "helper")
        for component in components.values():
            assert "import helper" not in records[component.name]
            kept = sources.component_of(records[component.name], component.kind, component.name, "here")
            assert fingerprint(kept) == expected[component.name]
            given = (1.5,) if component.kind == "activation" else ((3, 2), np.random.default_rng(0))
            again = (1.5,) if component.kind == "activation" else ((3, 2), np.random.default_rng(0))
            assert np.array_equal(kept.function(*given), component.function(*again))

    def test_an_import_that_would_hide_code_is_refused(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        hidden = BESIDE.replace("    return random", "    from helper import h\n    return random")
        component = beside(here, monkeypatch, hidden)["drawn"]
        with pytest.raises(PluginError, match=r"imports helper within a function; import it above"):
            fingerprint(component)
        passed = BESIDE.replace("RATES[0] *", "getattr(tool, 'SHARE') *")
        component = beside(here, monkeypatch, passed)["drawn"]
        with pytest.raises(PluginError, match=r"uses the module 'tool' itself; write tool\.NAME"):
            fingerprint(component)


HOOK = "\nfrom numbann import hookimpl\n\n@hookimpl\ndef numbann_register(register):\n    register(bent)\n"


def announce(folder: Path, module: str) -> None:
    """Let an installed distribution say that a module of it has the component."""
    metadata = folder / "bent-1.0.dist-info"
    metadata.mkdir(exist_ok=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: bent\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[numbann]\nbent = {module}\n")
    distributions._find_announced.cache_clear()  # a process looks once


def test_a_model_outlives_a_move_of_its_components(packages: Path) -> None:
    """The module and its helpers go elsewhere in their distribution."""
    (packages / "firsts" / "plain.py").write_text(MOVED.format(helpers="firsts.helpers") + HOOK)
    announce(packages, "firsts.plain")
    (packages / "rows.csv").write_text("x,y\n" + "".join(f"{k / 20},{k / 10 - 1}\n" for k in range(40)))
    spec = {
        "data": {"path": "rows.csv", "target": "y"},
        "model": {"layers": [{"units": 4, "activation": "bent"}]},
        "train": {"epochs": 2},
    }
    run = numbann.train(spec, output="run")
    expected = run.model.predict(np.ones((3, 1)))
    shutil.rmtree(packages / "firsts")
    (packages / "seconds" / "inner" / "deep.py").write_text(MOVED.format(helpers="..tools") + HOOK)
    announce(packages, "seconds.inner.deep")
    assert numbann.load(run.path).predict(np.ones((3, 1))).tobytes() == expected.tobytes()


def other_pythons() -> list[str]:
    """Pythons of other versions than this one, beside it or on the path."""
    beside = sorted(Path(sys.base_prefix).parent.glob("*/bin/python3"))
    names = [f"python3.{minor}" for minor in range(11, 20)]
    found = {}
    for path in [*map(str, beside), *names]:
        question = [path, "-c", "import sys; print(*sys.version_info[:2])"]
        try:
            answer = subprocess.run(question, capture_output=True, encoding="utf-8", timeout=20)
        except OSError:
            continue
        if answer.returncode == 0 and (version := tuple(map(int, answer.stdout.split()))) >= (3, 11):
            found[version] = path
    return [path for version, path in found.items() if version != sys.version_info[:2]]


def test_they_are_the_same_on_every_python(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pythons = other_pythons()
    if not pythons:
        pytest.skip("there is one Python here")
    print_fingerprints.main()
    ours = json.loads(capsys.readouterr().out)
    for package in (numbann, annotated_types, pluggy):
        (here / package.__name__).symlink_to(Path(package.__file__).parent)
    for python in pythons:
        program = [python, print_fingerprints.__file__]
        environment = {**os.environ, "PYTHONPATH": str(here), "PYTHONDONTWRITEBYTECODE": "1"}
        told = subprocess.run(program, capture_output=True, encoding="utf-8", env=environment, check=True)
        theirs = json.loads(told.stdout)
        assert len(theirs) > 80
        assert theirs == {name: ours[name] for name in theirs}


@numbann.activation(init="he_normal")
def by_the_package(z: float, slope: numbann.Positive = 0.1) -> float:
    """Names that the package has are called by it."""
    return slope * z if z < 0 else z


def test_names_of_the_package_itself_are_imported() -> None:
    component = freeze(by_the_package)
    again = sources.component_of(sources.module_of(component), "activation", "by_the_package", "here")
    assert fingerprint(again) == fingerprint(component)
    assert again.parameters == component.parameters
