"""Installed plugins: found by entry points, imported when they are needed, left out where the environment says so."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

import numbann
from numbann.components.built_in import built_in
from numbann.errors import ClashError, PluginError, PluginWarning, RegistryError
from numbann.plugins.distributions import find_announced
from numbann.plugins.finding import load_everything, with_files
from numbann.plugins.plugin import plugin_of_file

Install = Callable[..., Path]

TEXT = '''"""A plugin for tests."""
from numbann import activation, hookimpl, loss


@activation(aliases=("ALIAS",))
def NAME(z):
    """Twice: a = 2 z."""
    return 2 * z


@loss
def NAME_loss(y, t):
    """Twice the distance."""
    return 2 * abs(y - t)


@hookimpl
def numbann_register(register):
    register(NAME)
    register(NAME_loss)
'''


def plugin(name: str, alias: str = "") -> str:
    """The text of a plugin with an activation and a loss."""
    return TEXT.replace("ALIAS", alias or f"{name}_too").replace("NAME", name)


def loaded(module: str) -> bool:
    """Whether a module is imported."""
    return module in sys.modules


def test_what_is_announced_needs_no_import(install: Install) -> None:
    install("numbann-bent", plugin("bent"), ("bent", "bent_loss"), version="2.1")
    (one,) = [one for one in find_announced() if one.distribution == "numbann-bent"]
    assert (one.version, one.module, one.names, one.allowed) == ("2.1", "numbann_bent", ("bent", "bent_loss"), True)
    assert not loaded("numbann_bent")


def test_only_what_is_needed_is_imported(install: Install) -> None:
    install("numbann-bent", plugin("bent"), ("bent", "bent_loss"))
    install("numbann-arch", plugin("arch"), ("arch",))
    catalogue = with_files()
    assert catalogue.get("activation", "relu") is built_in().get("activation", "relu")
    assert not loaded("numbann_bent")
    assert catalogue.get("activation", "bent").function(3) == 6
    assert loaded("numbann_bent")
    assert not loaded("numbann_arch")
    entry = catalogue.find("loss", "bent_loss")
    assert entry is not None
    assert str(entry.origin) == "numbann-bent 1.0"
    assert with_files().get("activation", "bent") is catalogue.get("activation", "bent")
    assert built_in().find("activation", "bent") is None


def test_a_name_found_nowhere_imports_the_rest(install: Install) -> None:
    install("numbann-bent", plugin("bent", "bow"), ("bent",))
    assert with_files().get("activation", "bow").name == "bent"
    install("numbann-arch", plugin("arch"), ("arch",))
    with pytest.raises(RegistryError, match=r'unknown activation "arhc"; did you mean "arch"\?'):
        with_files().get("activation", "arhc")


def test_an_entry_point_that_names_nothing_is_said(install: Install) -> None:
    install("numbann-bent", plugin("bent"), ("bent", "promised"))
    words = (
        r'activation "promised" is not there: numbann-bent 1\.0 has an entry point "promised", '
        "but its module numbann_bent registers no such name"
    )
    with pytest.raises(RegistryError, match=words):
        with_files().get("activation", "promised")


def test_a_warning_points_at_the_line_that_called(install: Install) -> None:
    install("numbann-bad", "1 / 0\n", ("bad",))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with pytest.raises(RegistryError):
            numbann.get_activation("rleu")
    (one,) = told
    assert issubclass(one.category, PluginWarning)
    assert one.filename == __file__


def test_functions_of_python_find_them(install: Install) -> None:
    import numpy as np

    install("numbann-bent", plugin("bent"), ("bent",))
    z = np.array([1.0, -2.0])
    assert numbann.get_activation("bent")(z).tolist() == [2.0, -4.0]
    assert numbann.get_loss("bent_loss")(z[:, None], z[:, None] - 1)[0] == 2.0


def test_a_built_in_wins_its_name_with_one_warning(install: Install) -> None:
    install("numbann-relu", plugin("relu"), ("relu",))
    catalogue = with_files()
    words = 'activation "relu" is numbann\'s own; that of numbann-relu 1.0 is "numbann-relu:relu"'
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default")
        for _ in range(3):
            assert catalogue.get("activation", "relu") is built_in().get("activation", "relu")
    assert [str(one.message) for one in told] == [words]
    assert catalogue.get("activation", "numbann-relu:relu").function(1) == 2
    assert catalogue.get("activation", "Numbann_Relu:relu_too").title == "numbann-relu:relu"
    owners = [entry.origin.owner for entry in with_files().find_named("relu")]
    assert owners == ["numbann", "numbann-relu"]


def test_of_two_distributions_the_spec_names_one(install: Install, here: Path) -> None:
    install("numbann-one", plugin("bent"), ("bent",))
    install("numbann-two", plugin("bent").replace("2 * z", "3 * z"), ("bent",))
    catalogue = with_files()
    words = r'in numbann-one 1\.0 and numbann-two 1\.0; name the one .*: "numbann-one:bent" or "numbann-two:bent"'
    with pytest.raises(ClashError, match=words):
        catalogue.get("activation", "bent")
    assert catalogue.get("activation", "numbann-two:bent").function(1) == 3
    with pytest.raises(RegistryError, match=r'unknown activation "numbann-tow:bent"; did you mean "numbann-two:bent"'):
        catalogue.get("activation", "numbann-tow:bent")
    file = here / "mine.py"
    file.write_text(plugin("bent"))
    assert with_files([file]).get("activation", "mine.py:bent").function(1) == 2


def test_only_the_plugin_that_is_named_is_imported(install: Install) -> None:
    install("numbann-one", plugin("bent"), ("bent",))
    install("numbann-two", plugin("bent"), ("bent",))
    assert with_files().get("activation", "numbann-two:bent").title == "numbann-two:bent"
    assert not loaded("numbann_one")


def test_the_same_name_in_another_kind_is_no_clash(install: Install) -> None:
    install("numbann-bent", plugin("bent").replace("bent_loss", "tanh"), ("bent", "tanh"))
    catalogue = with_files()
    assert catalogue.get("activation", "tanh") is built_in().get("activation", "tanh")
    assert catalogue.get("loss", "tanh").kind == "loss"


def test_a_plugin_that_fails_is_an_error_only_where_it_is_needed(install: Install) -> None:
    path = install("numbann-bent", "import nowhere_at_all\n", ("bent",))
    install("numbann-arch", plugin("arch", "vault"), ("arch",))
    assert with_files().get("activation", "arch").name == "arch"
    with pytest.warns(PluginWarning, match=rf"numbann-bent 1\.0: failed to import: {path}:1: .* \(it is left out\)"):
        assert with_files().get("activation", "vault").name == "arch"
    message = r'activation "bent" would come from a plugin that failed: numbann-bent 1\.0: failed to import'
    with pytest.raises(RegistryError, match=message):
        with_files().get("activation", "bent")
    with pytest.warns(PluginWarning):
        catalogue = load_everything()
    assert [str(one.origin) for one in catalogue.failed] == ["numbann-bent 1.0"]
    assert "unknown" not in catalogue.unknown("activation", "bent")


def test_the_environment_chooses_distributions(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("numbann-bent", plugin("bent"), ("bent",))
    install("numbann-arch", plugin("arch"), ("arch",))
    monkeypatch.setenv("NUMBANN_PLUGINS", "Numbann_Bent,")
    assert with_files().get("activation", "bent").name == "bent"
    with pytest.raises(RegistryError, match=r"comes from numbann-arch 1\.0, which NUMBANN_PLUGINS leaves out; add it"):
        with_files().get("activation", "arch")
    monkeypatch.setenv("NUMBANN_PLUGINS", "")
    with pytest.raises(RegistryError, match="numbann-bent"):
        with_files().get("activation", "bent")
    monkeypatch.setenv("NUMBANN_PLUGINS", "numbann-absent")
    with pytest.warns(PluginWarning, match="NUMBANN_PLUGINS names numbann-absent, which is no installed distribution"):
        with_files()


@pytest.mark.filterwarnings("ignore::numbann.errors.PluginWarning")
def test_one_plugin_of_several_modules_fails_alone(install: Install, here: Path) -> None:
    install("numbann-bent", plugin("bent"), ("bent",))
    (here / "site" / "numbann_bent-1.0.dist-info" / "entry_points.txt").write_text(
        "[numbann]\nbent = numbann_bent\nother = numbann_lost\nthird = numbann_bent:bent\n"
    )
    assert with_files().get("activation", "bent").name == "bent"
    for name, words in (("other", "No module named 'numbann_lost'"), ("third", "let it name the module alone")):
        with pytest.raises(RegistryError, match=words):
            with_files().get("activation", name)


def test_the_first_on_the_path_counts(install: Install, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install("numbann-bent", plugin("bent"), ("bent",))
    other = here / "other" / "numbann_bent-0.1.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: numbann_bent\nVersion: 0.1\n")
    (other / "entry_points.txt").write_text("[numbann]\nold = numbann_bent\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(here / "other")])
    assert [(one.version, one.names) for one in find_announced() if "bent" in one.distribution] == [("1.0", ("bent",))]


@pytest.mark.parametrize("folder", ["", "."])
def test_the_working_folder_is_no_place_of_installation(
    install: Install, here: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    """An archive with a model may hold files that look like an installed distribution."""
    install("numbann-bent", plugin("bent"), ("bent",))
    monkeypatch.chdir(here / "site")
    monkeypatch.setattr(sys, "path", [folder and str(here / "site"), *sys.path])
    assert "numbann-bent" not in [one.distribution for one in find_announced()]
    monkeypatch.setenv("PYTHONPATH", str(here / "site"))
    assert "numbann-bent" in [one.distribution for one in find_announced()]


def test_a_failed_plugin_raises_the_same_again(here: Path) -> None:
    file = here / "mine.py"
    file.write_text("1 / 0\n")
    one = plugin_of_file(file)
    for _ in range(2):
        with pytest.raises(PluginError, match=r"mine\.py:1: ZeroDivisionError"):
            one.components()


def test_without_plugins_no_metadata_is_parsed() -> None:
    code = "from numbann.plugins.distributions import find_announced; find_announced(); "
    code += "print('importlib.metadata' in sys.modules)"
    command = [
        sys.executable,
        "-I",
        "-c",
        f"import sys; sys.path.insert(0, {str(Path(numbann.__file__).parents[1])!r}); {code}",
    ]
    found = subprocess.run(command, capture_output=True, text=True, check=True, env={"NUMBANN_PLUGINS": ""})
    assert found.stdout.split() == ["False"]
