"""The options of the group after a command's name: of numbann's commands, of those below them, and of plugins'."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import Result
from numbann_cli.group import numbann as group
from numbann_cli.group_options import OPTIONS
from numbann_cli.overview import COMMANDS

Numbann = Callable[..., Result]
WriteSpec = Callable[..., Path]
NAMES = [name for names in OPTIONS.values() for name in names]
PLUGIN = '''"""A plugin for tests: a command, a group of two, and one that hands its arguments on."""
import click
from numbann import hookimpl


@click.command(epilog="Own last words.")
@click.argument("word")
@click.option("-q", "quality", type=int)
@click.option("--loud", "verbose", is_flag=True)
@click.pass_obj
def shout(settings, word, quality, verbose):
    """Say it loud."""
    click.echo(f"{word} {quality} {verbose} {settings.quiet} {settings.verbose}")


@click.group()
@click.pass_context
def tools(context):
    """Has an object of its own."""
    context.obj = "mine"


@tools.command()
@click.pass_context
def fail(context):
    """Fail."""
    raise ValueError(f"{context.obj} {context.find_root().obj.quiet}")


@tools.command(context_settings={"ignore_unknown_options": True})
@click.argument("rest", nargs=-1, type=click.UNPROCESSED)
def hand_on(rest):
    """Hand everything on."""
    click.echo(" ".join(rest))


@hookimpl
def numbann_commands(group):
    for command in (shout, tools):
        group.add_command(command)
'''


def commands(at: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    """The names that lead to each of numbann's own commands."""
    for name in COMMANDS if at is group else at.commands:
        yield (*path, name)
        command = at.get_command(click.Context(at, obj=None), name)
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)


@pytest.fixture
def folder(here: Path) -> Path:
    """A folder of plugins with PLUGIN."""
    path = here / "plugins"
    path.mkdir()
    (path / "several.py").write_text(PLUGIN)
    return path


@pytest.mark.parametrize("path", [*commands(group)], ids=" ".join)
def test_every_command_takes_them(numbann: Numbann, here: Path, path: tuple[str, ...]) -> None:
    (here / "one.py").touch()
    valued = {"--plugin": here / "one.py", "--plugins-dir": here}
    given = [part for name in NAMES for part in ((name, valued[name]) if name in valued else (name,))]
    result = numbann(*path, *given, "--help")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.endswith("\n\n  Also --plugin FILE, --plugins-dir DIR, -q, -v, --debug: see numbann --help.\n")


@pytest.mark.parametrize("name", NAMES[2:])
def test_a_flag_may_stand_at_either_place_and_at_both(numbann: Numbann, write_spec: WriteSpec, name: str) -> None:
    command = ("train", write_spec(loss="msee" if name == "--debug" else "auto"), "--dry-run")
    plain, before, after = numbann(*command), numbann(name, *command), numbann(*command, name)
    assert plain.output != before.output
    assert before.exit_code == after.exit_code == plain.exit_code
    if name == "--debug":
        assert "Traceback" in before.stderr
        assert "Traceback" in after.stderr
    else:
        assert before.output == after.output == numbann(name, *command, name).output
    assert numbann(*command).output == plain.output  # nothing stays for the next


def test_flags_of_both_places_count(numbann: Numbann, folder: Path) -> None:
    result = numbann("--quiet", "shout", "a", "-v", "--plugins-dir", folder)
    assert result.stdout == "a None False True True\n"


def test_the_later_folder_wins(numbann: Numbann, here: Path, folder: Path) -> None:
    (here / "empty").mkdir()
    for arguments in (
        ("plugins", "list", "--plugins-dir"),
        ("plugins", "--plugins-dir", folder, "list", "--plugins-dir"),
    ):
        assert "plugins/several.py: loaded" in numbann("--plugins-dir", "empty", *arguments, folder).stdout
        assert "several.py" not in numbann("--plugins-dir", folder, *arguments, "empty").stdout


@pytest.mark.parametrize("given", [("--plugins-dir", "plugins"), ("--plugins-dir=plugins",)])
def test_a_command_is_found_in_a_folder_that_follows_its_name(
    numbann: Numbann, folder: Path, given: tuple[str, ...]
) -> None:
    assert numbann("shout", "a", "--loud", *given).stdout == "a None True False False\n"
    assert numbann("shout", *given, "-q", 3, "a").stdout == "a 3 False False False\n"
    assert 'did you mean "shout"?' in numbann("shuot", *given).stderr
    assert 'no command "shout"' in numbann("shout", "--", *given).stderr


def test_a_commands_own_option_wins(numbann: Numbann, folder: Path) -> None:
    here = ("--plugins-dir", folder)
    assert numbann(*here, "shout", "a", "-q", 3).stdout == "a 3 False False False\n"
    assert numbann(*here, "shout", "a", "-q", 3, "--quiet").stdout == "a 3 False True False\n"
    text = numbann(*here, "shout", "--help").stdout
    assert text.endswith(
        "  Own last words.\n\n  Also --plugin FILE, --plugins-dir DIR, --quiet, -v, --debug: see numbann\n  --help.\n"
    )


def test_commands_below_a_plugins_command(numbann: Numbann, folder: Path) -> None:
    for arguments in (("tools", "fail", "-q", "--debug"), ("tools", "-q", "--debug", "fail"), ("tools", "-q", "fail")):
        result = numbann("--plugins-dir", folder, *arguments)
        assert result.exit_code == 1
        assert ("Traceback" in result.stderr) == ("--debug" in arguments)
        assert 'the command "tools" of a plugin failed: ValueError: mine True (--debug shows where)' in result.stderr


def test_a_command_that_takes_unknown_options_keeps_them(numbann: Numbann, folder: Path) -> None:
    result = numbann("--plugins-dir", folder, "tools", "hand-on", "-q", "--debug", "-x")
    assert result.stdout == "-q --debug -x\n"
