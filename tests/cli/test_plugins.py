"""Plugins on the command line: the commands that they add, and the list of what provides components."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from numbann_cli.main import main
from numbann_cli.overview import overview

Numbann = Callable[..., Result]
Install = Callable[..., Path]

pytestmark = pytest.mark.filterwarnings("always::numbann.errors.PluginWarning")

TEXT = '''"""A plugin for tests."""
import click
from numbann import activation, hookimpl


@activation
def bent(z):
    """Twice: a = 2 z."""
    return 2 * z


@hookimpl
def numbann_register(register):
    register(bent)


@hookimpl
def numbann_commands(group):
    @group.command()
    @click.argument("word")
    def shout(word):
        """Say it loud."""
        click.echo(word.upper())
'''
COMMAND_ALONE = TEXT.partition("@activation")[0] + TEXT[TEXT.index("@hookimpl\ndef numbann_commands") :]


def test_a_plugin_adds_a_command(numbann: Numbann, install: Install) -> None:
    install("numbann-shout", TEXT, ("bent",), commands=("shout",))
    text = numbann("--help").stdout
    assert "Commands of plugins:\n  shout  Say it loud.\n" in text
    assert numbann().stdout == text
    assert numbann("shout", "hello").stdout == "HELLO\n"
    assert "Say it loud." in numbann("shout", "--help").stdout
    assert 'there is no command "shuot"; did you mean "shout"?' in numbann("shuot").stderr


def test_help_imports_what_has_commands_and_nothing_else(numbann: Numbann, install: Install) -> None:
    install("numbann-slow", "raise SystemExit('imported')\n", ("slow",))
    install("numbann-shout", COMMAND_ALONE, (), commands=("shout",))
    install("numbann-other", COMMAND_ALONE.replace("shout", "other"), (), commands=("other",))
    assert numbann("shout", "hello").stdout == "HELLO\n"
    assert "numbann_other" not in sys.modules
    result = numbann("--help")
    assert result.stderr == ""
    assert "  other  Say it loud.\n  shout  Say it loud.\n" in result.stdout


def test_a_plugin_of_components_keeps_help_fast(
    install: Install, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is answered without click, which main alone imports for the rest."""
    install("numbann-slow", "raise SystemExit('imported')\n", ("slow",))
    monkeypatch.setattr(sys, "argv", ["numbann", "--help"])
    main()
    assert capsys.readouterr().out == overview() + "\n"


def test_commands_and_entry_points_agree(numbann: Numbann, install: Install) -> None:
    path = install("numbann-bent", TEXT, ("bent",))
    line = 1 + path.read_text().splitlines().index("def numbann_commands(group):")
    remedy = 'add COMMAND = "MODULE" to [project.entry-points."numbann.commands"]'
    said = f"numbann-bent 1.0: numbann_commands ({path}:{line - 1}): no entry point names its commands; {remedy}"
    assert said in numbann("show", "bent").stderr
    install("numbann-shout", COMMAND_ALONE, (), commands=("whisper",))
    first, second = numbann("--help").stderr.splitlines()
    assert (
        first
        == f'numbann: warning: numbann-shout 1.0: no entry point names its command "shout"; {remedy} (it is left out)'
    )
    assert second.endswith('numbann-shout 1.0: an entry point names the command "whisper", which it does not add')


def test_a_plugin_may_have_nothing_but_a_command(numbann: Numbann, here: Path) -> None:
    (here / "plugins").mkdir()
    (here / "plugins" / "loud.py").write_text(COMMAND_ALONE)
    result = numbann("--plugins-dir", "plugins", "shout", "hello")
    assert (result.stdout, result.stderr) == ("HELLO\n", "")
    assert "Say it loud." in numbann("--plugins-dir", "plugins", "--help").stdout


def test_a_command_that_two_provide_is_of_neither(numbann: Numbann, install: Install) -> None:
    install("numbann-one", COMMAND_ALONE, (), commands=("shout",))
    install("numbann-two", COMMAND_ALONE, (), commands=("shout",))
    install("numbann-train", COMMAND_ALONE.replace("shout", "train"), (), commands=("train",))
    result = numbann("--help")
    assert "shout" not in result.stdout
    assert 'the command "shout" is given twice: by numbann-one 1.0 and by numbann-two 1.0; rename one' in result.stderr
    assert 'the command "train" is given twice: by numbann and by numbann-train 1.0' in result.stderr
    assert "Train the model of SPEC" not in numbann("train", "--help").stderr


def test_a_command_hook_that_fails_hides_no_other(numbann: Numbann, install: Install) -> None:
    path = install("numbann-bad", COMMAND_ALONE.replace("@group.command()", "@group.comand()"), (), commands=("shout",))
    install("numbann-shout", TEXT, ("bent",), commands=("shout",))
    result = numbann("shout", "hello")
    assert result.stdout == "HELLO\n"
    (warning,) = result.stderr.splitlines()
    assert warning.startswith(f"numbann: warning: numbann-bad 1.0: its hook failed: {path}:")
    assert "AttributeError" in warning


def test_a_command_that_fails_is_the_plugins_fault(numbann: Numbann, install: Install) -> None:
    install("numbann-shout", TEXT.replace("word.upper()", "word.uper()"), ("bent",), commands=("shout",))
    result = numbann("shout", "hello")
    assert result.exit_code == 1
    (message,) = result.stderr.splitlines()
    assert 'the command "shout" of a plugin failed: AttributeError' in message


def test_the_list_of_providers(numbann: Numbann, install: Install, here: Path) -> None:
    install("numbann-shout", TEXT, ("bent", "promised"), commands=("shout",))
    bad = install("numbann-bad", "1 / 0\n", ("bad",))
    install("numbann-loud", COMMAND_ALONE, (), commands=("loud",))
    (here / "plugins").mkdir()
    (here / "plugins" / "curved.py").write_text(TEXT.replace("bent", "curved"))
    lines = numbann("--plugins-dir", "plugins", "plugins", "list").stdout.splitlines()
    assert lines[0] == "numbann 0.1.0: built in"
    assert "numbann-shout 1.0 (numbann_shout): loaded" in lines
    assert lines[lines.index("numbann-shout 1.0 (numbann_shout): loaded") + 2].split() == ["activation", "bent"]
    assert "numbann-bad 1.0 (numbann_bad): failed" in lines
    assert "plugins/curved.py: loaded" in lines
    assert lines[lines.index("numbann-loud 1.0 (numbann_loud): not imported") + 1].split() == ["command", "loud"]
    rows = json.loads(numbann("plugins", "list", "--json").stdout)
    found = {row["name"]: row for row in rows}
    assert found["numbann-shout"]["components"] == {"activation": ["bent"]}
    assert found["numbann-shout"]["entry_points"] == ["bent", "promised"]
    assert found["numbann-shout"]["reason"] == "it registers no promised, which its entry points name"
    assert f"{bad}:1: ZeroDivisionError" in found["numbann-bad"]["reason"]
    every = json.loads(numbann("plugins", "list", "--all", "--json").stdout)
    assert next(row for row in every if row["name"] == "bent")["origin"] == "numbann-shout 1.0"


def test_what_the_environment_leaves_out_is_listed(
    numbann: Numbann, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("numbann-shout", TEXT, ("bent",), commands=("shout",))
    monkeypatch.setenv("NUMBANN_PLUGINS", "")
    lines = numbann("plugins", "list").stdout.splitlines()
    left_out = ["numbann-shout 1.0 (numbann_shout): left out", "  NUMBANN_PLUGINS does not name it"]
    assert lines[-3:] == [*left_out, "  command     shout"]
    assert "shout" not in numbann("--help").stdout
    assert "comes from numbann-shout 1.0, which NUMBANN_PLUGINS leaves out" in numbann("show", "bent").stderr


def test_show_finds_them(numbann: Numbann, install: Install) -> None:
    path = install("numbann-shout", TEXT, ("bent",), commands=("shout",))
    page = numbann("show", "bent").stdout
    assert "numbann-shout 1.0" in page
    assert f"{path}:6" in page
