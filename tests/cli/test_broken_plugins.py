"""Broken plugins: each fault gives one message with plugin, file:line and remedy, and everything else works."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Numbann = Callable[..., Result]
WriteSpec = Callable[..., Path]
Install = Callable[..., Path]

pytestmark = pytest.mark.filterwarnings("always::numbann.errors.PluginWarning")

HEAD = """import numpy as np
from numbann import activation, hookimpl, optimizer

ZERO = 0


"""
HOOK = """

@hookimpl
def numbann_register(register):
    register(broken)
"""


def activation(body: str, signature: str = "z") -> str:
    """A plugin with an activation of this body, in line 9 of the file."""
    return f"{HEAD}@activation\ndef broken({signature}):\n    {body}\n\n\n{DERIVATIVE}{HOOK}"


DERIVATIVE = "@broken.derivative\ndef slope(z):\n    return 2\n"
RIGHT = activation("return 2 * z")
CLOSURE = f"""{HEAD}def made(factor):
    @activation
    def broken(z):
        return factor * z
    return broken


broken = made(2.0)


{DERIVATIVE}{HOOK}"""
FEWER = f"{HEAD}@optimizer\ndef broken(w, g, m, v, learning_rate: float = 0.1):\n    return w - g, m\n{HOOK}"

# name: text, line to blame, words of what is wrong and of the remedy
AT_IMPORT: dict[str, tuple[str, int, str]] = {
    "import_error": (
        "\nimport nowhere_at_all\n",
        2,
        "No module named 'nowhere_at_all'; install nowhere_at_all, or leave",
    ),
    "syntax_error": (RIGHT.replace("2 * z", "2 * * z"), 9, "invalid syntax.*; repair the plugin, or leave it out"),
    "wrong_arity": (activation("return z", "z, q"), 7, r"argument 'q' is neither a role .* \(give it a default\)"),
    "no_role": (activation("return x", "x: float = 0"), 7, r"every activation asks for z \(its roles: z, u\)"),
    "wrong_derivative": (RIGHT.replace("slope(z)", "slope(q)"), 12, "argument 'q' is none of z, u, a; use those"),
    "unknown_hook": (RIGHT.replace("numbann_register", "numbann_registre"), 17, 'did you mean "numbann_register"'),
    "wrong_hook": (RIGHT.replace("(register)", "(registry)"), 17, "takes registry; name it register"),
    "failing_hook": (RIGHT.replace("register(broken)", "register(brokn)"), 19, "NameError: .*; repair the plugin"),
    "old_api": ("NUMBANN_API = 0\n" + RIGHT, 1, "for plugin API 0; this numbann has 1: install versions that fit"),
    "exits": ("import sys\n\nsys.exit(3)\n", 3, "SystemExit: 3; repair the plugin, or leave it out"),
    "twice": (RIGHT + "    register(broken)\n", 7, "registered twice by .*; register it once"),
    "forgotten": (RIGHT.replace("@hookimpl\n", ""), 17, "no hook found; is @hookimpl missing on numbann_register"),
    "undecorated": (HEAD + "def broken(z):\n    return z\n" + HOOK, 7, "not a component; decorate it with @activation"),
}
WHEN_COMPILED: dict[str, tuple[str, int, str]] = {
    "arrays": (activation("return np.maximum(z, 0)"), 9, r"'np\.maximum' cannot be called.*; allowed are"),
    "elements": (activation("return z[0]"), 9, r"'z\[0\]' is an element of an array, but a component gets one number"),
    "prints": (activation("print(z)\n    return z"), 9, "a call such as print.*; allowed are"),
    "returns_none": (activation("y = 2 * z"), 9, "ends without a value; return one on every path"),
    "returns_sometimes": (activation("if z > 0:\n        return z"), 9, "ends without a value; return one"),
    "returns_two": (activation("return z, z"), 9, "returns 2 values; return one value"),
    "float64": (activation("return np.float64(2) * z"), 9, r"'np\.float64' cannot be called.*; allowed are"),
    "zero": (activation("return z + 1 / 0"), 9, "divides by 0; write inf or nan of math"),
    "zero_of_the_module": (activation("return z % ZERO"), 9, "divides by 0; write inf or nan of math"),
    "recursion": (activation("return broken(z - 1) if z > 0 else z"), 9, "calls itself.*; write a loop"),
    "closure": (CLOSURE, 9, "'factor' comes from an enclosing function; make it a parameter"),
    "helper": (
        activation("return half(z, z)").replace("\n\n@act", "def half(z):\n    return z\n@act"),
        9,
        "not 2; give z",
    ),
    "fewer_states": (FEWER, 9, "returns 2 values; return w and every state: w, m, v"),
}
BROKEN = {**AT_IMPORT, **WHEN_COMPILED}


def needs(name: str) -> dict[str, object]:
    """The sections of a spec that use what the plugin would provide."""
    if name == "fewer_states":
        return {"optimizer": "broken", "model": {"layers": [{"units": 4}]}}
    return {"model": {"layers": [{"units": 4, "activation": "broken"}]}}


def one_message(result: Result, path: Path, line: int, words: str) -> str:
    """The single line that a command said on stderr, which must name the file, the line and what to do."""
    assert result.exit_code == 2, result.output
    (message,) = result.stderr.splitlines()
    assert re.search(rf"{re.escape(str(path))}:{line}\b", message), message
    assert re.search(words, message), message
    return message


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_a_spec_names(numbann: Numbann, write_spec: WriteSpec, here: Path, name: str) -> None:
    text, line, words = BROKEN[name]
    path = here / f"{name}_plugin.py"
    path.write_text(text)
    result = numbann("train", write_spec(plugins=[path.name], **needs(name)), "-o", "out")
    one_message(result, path, line, words)
    assert not (here / "out").exists()


@pytest.mark.parametrize("name", BROKEN)
def test_an_installed_plugin(numbann: Numbann, write_spec: WriteSpec, install: Install, name: str) -> None:
    text, line, words = BROKEN[name]
    path = install(f"numbann-{name.replace('_', '-')}", text)
    message = one_message(numbann("train", write_spec(**needs(name)), "-o", "out"), path, line, words)
    assert f"numbann-{name.replace('_', '-')} 1.0" in message


@pytest.mark.parametrize("name", AT_IMPORT)
def test_other_commands_work_beside_a_broken_plugin(
    numbann: Numbann, write_spec: WriteSpec, install: Install, name: str
) -> None:
    text, line, words = BROKEN[name]
    path = install(f"numbann-other-{name.replace('_', '-')}", text)
    assert numbann("check", write_spec()).stderr == ""
    assert numbann("show", "tanh").exit_code == 0
    result = numbann("--help")
    assert result.exit_code == 0
    listed = numbann("plugins", "list", "--json")
    assert (listed.exit_code, listed.stderr) == (0, "")
    (plugin,) = [one for one in json.loads(listed.stdout) if one["name"] != "numbann"]
    assert plugin["state"] == "failed"
    assert f"{path}:{line}" in plugin["reason"]
    assert re.search(words, plugin["reason"])
    result = numbann("schema")
    assert result.exit_code == 0
    assert result.stderr.count("numbann: warning: ") == 1
    assert str(path) in result.stderr


def test_a_folder_with_a_broken_file(numbann: Numbann, write_spec: WriteSpec, here: Path) -> None:
    (here / "plugins").mkdir()
    (here / "plugins" / "bad.py").write_text("1 / 0\n")
    (here / "plugins" / "good.py").write_text(RIGHT.replace("broken", "bent"))
    spec = write_spec(model={"layers": [{"units": 4, "activation": "bent"}]})
    result = numbann("--plugins-dir", "plugins", "check", spec)
    assert result.exit_code == 0
    (warning,) = result.stderr.splitlines()
    assert re.match(r"numbann: warning: .*bad\.py: .*bad\.py:1: ZeroDivisionError", warning)


def test_something_that_is_no_readable_file(numbann: Numbann, write_spec: WriteSpec, here: Path) -> None:
    (here / "folder.py").mkdir()
    (here / "latin.py").write_bytes("Ü = 1\n".encode("latin-1"))
    (here / "notes.txt").write_text("hello")
    for name, words in (
        ("folder.py", r"is a directory; name the plugin's Python file in it"),
        ("latin.py", r"latin\.py:1: SyntaxError: .*; repair the plugin, or leave it out"),
        ("notes.txt", "not a Python file"),
        ("absent.py", "no such plugin file; plugins are paths of Python files, relative to the spec"),
    ):
        result = numbann("train", write_spec(plugins=[name]))
        assert result.exit_code == 2
        (message,) = result.stderr.splitlines()
        assert str(here / name) in message
        assert re.search(words, message)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_a_file_that_may_not_be_read(
    numbann: Numbann, write_spec: WriteSpec, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A permission is not enough for root, so reading is made to fail."""
    (here / "locked.py").write_text(RIGHT)

    def refuse(self: object, path: str) -> bytes:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("importlib.machinery.SourceFileLoader.get_data", refuse)
    result = numbann("train", write_spec(plugins=["locked.py"]))
    (message,) = result.stderr.splitlines()
    assert re.search(
        r"locked\.py: failed to import: .*PermissionError: .*Permission denied.*; repair the plugin, or leave it out",
        message,
    )
