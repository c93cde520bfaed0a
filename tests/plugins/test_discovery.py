"""Finding components: the built-in ones, and one-file plugins, of which one that fails leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from numbann.components.built_in import built_in
from numbann.errors import ClashError, NumbannError, PluginError, PluginWarning
from numbann.plugins.finding import with_files
from numbann.plugins.plugin import import_file

HEAD = "from numbann import activation, hookimpl\n\n\n"
BENT = (
    HEAD
    + '''@activation
def bent(z):
    """Bent: a = 2 z."""
    return 2 * z


@hookimpl
def numbann_register(register):
    register(bent)
'''
)


def write(path: Path, text: str) -> Path:
    """A plugin file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_built_in_components_say_where_they_come_from() -> None:
    entries = list(built_in().entries())
    assert {entry.origin.module for entry in entries} == {entry.component.function.__module__ for entry in entries}
    assert {str(entry.origin) for entry in entries} == {"numbann"}
    assert built_in() is built_in()


def test_a_file_adds_to_the_built_in_components(tmp_path: Path) -> None:
    path = write(tmp_path / "bent.py", BENT)
    registry = with_files([path])
    assert registry.get("activation", "bent").function(3) == 6
    assert registry.get("activation", "relu") is built_in().get("activation", "relu")
    assert built_in().find("activation", "bent") is None
    entry = registry.find("activation", "bent")
    assert entry is not None
    assert str(entry.origin) == str(path)


def test_two_files_of_one_name_do_not_collide(tmp_path: Path) -> None:
    first = write(tmp_path / "one" / "plugin.py", BENT)
    second = write(tmp_path / "two" / "plugin.py", BENT.replace("bent", "curved").replace("2 * z", "3 * z"))
    registry = with_files([first, second])
    assert registry.get("activation", "bent").function(1) == 2
    assert registry.get("activation", "curved").function(1) == 3
    assert import_file(first).__name__ != import_file(second).__name__


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path / "bent.py", BENT)
    assert with_files([path]).get("activation", "bent").function(1) == 2
    write(path, BENT.replace("return 2 * z", "return 33 * z"))
    assert with_files([path]).get("activation", "bent").function(1) == 33


def test_numbann_keeps_its_own_name(tmp_path: Path) -> None:
    registry = with_files([write(tmp_path / "mine.py", BENT.replace("bent", "relu"))])
    with pytest.warns(
        PluginWarning, match=r'activation "relu" is numbann\'s own; that of .*mine\.py is "mine\.py:relu"'
    ):
        assert registry.get("activation", "relu") is built_in().get("activation", "relu")
    assert registry.get("activation", "mine.py:relu").function(1) == 2


def test_a_file_that_is_named_twice_is_loaded_once(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.py", BENT)
    assert with_files([path, tmp_path / ".." / tmp_path.name / "mine.py"]).get("activation", "bent").function(1) == 2


def test_two_files_of_one_name(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    first, second = write(tmp_path / "mine.py", BENT), write(tmp_path / "a" / "mine.py", BENT.replace("2 * z", "3 * z"))
    registry = with_files([first, second])
    with pytest.raises(ClashError, match=r"mine\.py, which have one name in specs; rename one of the files"):
        registry.get("activation", "mine.py:bent")
    assert registry.get("activation", f"{first}:bent").function(1) == 2
    assert registry.get("activation", f"{second}:bent").function(1) == 3


REGISTER = "@hookimpl\ndef numbann_register(register):\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def broken(:\n", r"failed to import: .*plugin\.py:1: SyntaxError"),
        ("import nowhere_to_be_found\n", r"failed to import: .*plugin\.py:1: ModuleNotFoundError.*nowhere_to_be_found"),
        ("x = 1\n1 / 0\n", r"failed to import: .*plugin\.py:2: ZeroDivisionError"),
        ("raise SystemExit(3)\n", r"failed to import: .*plugin\.py:1: SystemExit: 3"),
        (BENT.replace("@hookimpl\n", ""), r"no hook found; is @hookimpl missing on numbann_register\?"),
        (HEAD + REGISTER + "    register(bent)\n", r"its hook failed: .*plugin\.py:6: NameError"),
        (HEAD + REGISTER + "    raise SystemExit\n", r"its hook failed: .*plugin\.py:6: SystemExit"),
        (BENT.replace("@activation\n", ""), r"bent \(.*plugin\.py:4\): not a component"),
        (BENT.replace("numbann_register", "numbann_registre"), "numbann_registre"),
        ("NUMBANN_API = 2\n" + BENT, "written for plugin API 2; this numbann has 1"),
    ],
)
def test_a_plugin_that_fails_says_why(tmp_path: Path, text: str, reason: str) -> None:
    path = write(tmp_path / "plugin.py", text)
    with pytest.raises(PluginError, match=reason) as error:
        with_files([path])
    assert "plugin.py" in str(error.value)
    assert "\n" not in str(error.value)


def test_every_fault_is_said_at_once(tmp_path: Path) -> None:
    """Of two components of a file, and of the next file."""
    refused = BENT.replace("z):", "z, q):") + "    register(len)\n"
    files = [write(tmp_path / "two.py", refused), write(tmp_path / "torn.py", "1 / 0\n")]
    with pytest.raises(PluginError) as error:
        with_files(files)
    lines = str(error.value).splitlines()
    said = ["argument 'q' is neither a role", "len: not a component", "torn.py:1: ZeroDivisionError"]
    assert [word in line for word, line in zip(said, lines, strict=True)] == [True] * 3


def test_an_interrupt_is_not_swallowed(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        with_files([write(tmp_path / "plugin.py", "raise KeyboardInterrupt\n")])


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"nothing\.py: no such plugin file; plugins are paths of Python files"):
        with_files([tmp_path / "nothing.py"])


def test_something_that_is_no_python_file(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"notes\.txt: not a Python file"):
        with_files([write(tmp_path / "notes.txt", "hello")])


def test_what_failed_leaves_nothing_behind(tmp_path: Path) -> None:
    """A plugin whose second component is refused registers neither."""
    both = BENT + "    register(len)\n"
    path = write(tmp_path / "both.py", both)
    with pytest.raises(NumbannError):
        with_files([path])
    write(path, BENT)
    assert with_files([path]).get("activation", "bent")
