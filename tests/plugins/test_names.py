"""Plugins with names that others have: each spec, run and model keeps meaning what it meant."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import numbann
from numbann.errors import PluginError, PluginWarning, RegistryError, RunDirectoryError, SpecError
from numbann.plugins import distributions

Install = Callable[..., Path]
WriteSpec = Callable[..., Path]
POINTS = np.array([[0.0, 3.0], [3.0, 0.0], [-3.0, 0.0], [1.0, 1.0]])
TEXT = """from numbann import activation, hookimpl, metric

@activation
def {name}(z):
    return {slope} * z if z < 0 else z

@metric
def accuracy(t, label, weight):
    return {slope}

@hookimpl
def numbann_register(register):
    register({name})
    register(accuracy)
"""
TWIN = TEXT.replace("accuracy", "constant").replace("{name}", "twin")


def spec_of(write_spec: WriteSpec, *activations: str, **more: Any) -> Path:
    """A spec with a hidden layer for each activation."""
    return write_spec(model={"layers": [{"units": 6, "activation": name} for name in activations]}, **more)


def remove(here: Path, name: str) -> None:
    """Uninstall a distribution."""
    (here / "site" / f"{name.replace('-', '_')}-1.0.dist-info" / "entry_points.txt").unlink()
    distributions._find_announced.cache_clear()


def test_a_plugin_takes_no_built_in_from_a_spec_or_a_model(install: Install, write_spec: WriteSpec) -> None:
    run = numbann.train(spec_of(write_spec, "relu"), output="run")
    before = run.model.predict_proba(POINTS).tobytes()
    install("numbann-relu", TEXT.format(name="relu", slope=0.5), ("relu", "accuracy"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a model knows what it means
        assert numbann.load("run").predict_proba(POINTS).tobytes() == before
        numbann.resume("run", epochs=5)
    with pytest.warns(PluginWarning, match='activation "relu" is numbann\'s own; .* is "numbann-relu:relu"'):
        again = numbann.train("spec.json", output="again")
    assert again.model.predict_proba(POINTS).tobytes() == before
    for name in ("numbann-relu:relu", "numbann:relu"):
        other = numbann.train(
            spec_of(write_spec, name, train={"metrics": ["numbann-relu:accuracy"]}), output=name[-12:]
        )
        assert (other.model.predict_proba(POINTS).tobytes() == before) == (name == "numbann:relu")
        assert other.metrics["train"]["accuracy"] == 0.5


def test_two_plugins_of_one_name_in_one_network(install: Install, write_spec: WriteSpec, here: Path) -> None:
    """Against the same mathematics under names of their own."""
    for name, slope in (("a", 0.5), ("b", 0.25)):
        install(f"numbann-dup{name}", TWIN.format(slope=slope), ("twin",))
        (here / f"{name}.py").write_text(
            TEXT.format(name=f"twin_{name}", slope=slope).replace("accuracy", f"of_{name}")
        )
    with pytest.raises(SpecError, match=r'name the one that you mean: "numbann-dupa:twin" or "numbann-dupb:twin"'):
        numbann.train(spec_of(write_spec, "twin"))
    plain = numbann.train(spec_of(write_spec, "twin_a", "twin_b", plugins=["a.py", "b.py"]), output="plain")
    run = numbann.train(spec_of(write_spec, "numbann-dupa:twin", "Numbann_dupb:twin", plugins=[]), output="run")
    expected = plain.model.predict_proba(POINTS).tobytes()
    assert run.model.predict_proba(POINTS).tobytes() == expected
    resolved = json.loads(Path("run/spec.resolved.json").read_text())
    assert [layer["activation"]["type"] for layer in resolved["model"]["layers"]] == [
        "numbann-dupa:twin",
        "numbann-dupb:twin",
    ]
    assert numbann.train("run/spec.resolved.json", output="again").model.predict_proba(POINTS).tobytes() == expected
    assert numbann.load("run").predict_proba(POINTS).tobytes() == expected
    assert numbann.load("run", trust=True).predict_proba(POINTS).tobytes() == expected
    remove(here, "numbann-dupb")
    with pytest.raises(RunDirectoryError, match=r'needs activation "twin" of numbann-dupb 1\.0, and runs nothing'):
        numbann.load("run")
    (here / "moved.py").write_text(TWIN.format(slope=0.25))
    assert numbann.load("run", plugins=["moved.py"]).predict_proba(POINTS).tobytes() == expected


def test_a_model_finds_its_plugin_beside_a_twin(install: Install, write_spec: WriteSpec) -> None:
    install("numbann-dupa", TWIN.format(slope=0.5), ("twin",))
    run = numbann.train(spec_of(write_spec, "twin"), output="run")
    install("numbann-dupb", TWIN.format(slope=0.25), ("twin",))
    assert numbann.load("run").predict_proba(POINTS).tobytes() == run.model.predict_proba(POINTS).tobytes()
    assert len(numbann.resume("run", epochs=5).history) == 5


def test_two_files_of_one_name(here: Path, write_spec: WriteSpec) -> None:
    """No name of what both have could stand in the resolved spec."""
    for folder in ("x1", "x2"):
        (here / folder).mkdir()
        (here / folder / "same.py").write_text(TWIN.format(slope=0.5))
    for name in ("twin", "same.py:twin", f"{here}/x1/same.py:twin"):
        words = r'twin" is in .*x1/same\.py and .*x2/same\.py, which have one name in specs; rename one of the files'
        with pytest.raises(SpecError, match=words):
            numbann.train(spec_of(write_spec, name, plugins=["x1/same.py", "x2/same.py"]), output="run")


def test_functions_take_the_owner_too(install: Install) -> None:
    install("numbann-relu", TEXT.format(name="relu", slope=0.5), ("relu",))
    assert numbann.get_activation("numbann-relu:relu").configured.name == "numbann-relu:relu"
    assert numbann.get_activation("numbann:relu").configured.name == "relu"
    with pytest.warns(PluginWarning, match="own"):
        assert numbann.get_activation("relu").configured.name == "relu"


def test_a_plugins_identity_is_no_identity(install: Install, write_spec: WriteSpec) -> None:
    """What the core knows by name is numbann's own."""
    install("numbann-odd", TEXT.format(name="identity", slope=0.5), ("identity",))
    run = numbann.train(spec_of(write_spec, "numbann-odd:identity"), output="run")
    assert run.model.resolved.layers[0].applies == "numbann-odd:identity"
    assert len(run.model.plan.layers[0].training.steps) > len(run.model.plan.layers[1].training.steps)


def test_a_decorated_function_and_a_files_component_are_functions_of_arrays(here: Path) -> None:
    (here / "mine.py").write_text(TEXT.format(name="bent", slope=2))
    z = np.array([1.0, -2.0])
    own = numbann.get_activation("bent", plugins=["mine.py"])
    assert own(z).tolist() == [1.0, -4.0]
    assert repr(own) == "get_activation('mine.py:bent')"
    with pytest.raises(RegistryError, match='unknown activation "bent"'):
        numbann.get_activation("bent")

    @numbann.activation
    def scaled(z, by: float = 3.0):
        """Scaled: by z."""
        return by * z

    @numbann.loss
    def distance(y, t):
        """Distance: (y - t)^2."""
        return (y - t) ** 2

    @numbann.optimizer
    def downhill(w, g, learning_rate: float = 0.5):
        """Downhill: w - learning_rate g."""
        return w - learning_rate * g

    assert numbann.get_activation(scaled)(z).tolist() == [3.0, -6.0]
    assert numbann.get_activation(scaled, by=2).backward(z, z, z).tolist() == [2.0, -4.0]
    value, dy = numbann.get_loss(distance)(z[:, None], z[:, None] - 1)
    assert (value, dy.ravel().tolist()) == (1.0, [1.0, 1.0])
    descent = numbann.get_optimizer(downhill)
    descent.step(z, np.array([2.0, 2.0]), descent.init(z))
    assert z.tolist() == [0.0, -3.0]

    @numbann.loss
    def joined(y, t):
        """Joined: bits are no numbers."""
        return 1 if (y > 0) & (t > 0) else 0

    with pytest.raises(PluginError, match=r"test_names\.py:\d+: joined: .* join comparisons by and, or"):
        numbann.get_loss(joined)
    with pytest.raises(RegistryError, match=r'loss "distance" is no activation; numbann\.get_activation takes one'):
        numbann.get_activation(distance)
