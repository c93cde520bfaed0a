"""The program as sphinx-click shows it: the commands of numbann, without those of installed plugins."""

from __future__ import annotations

import re

import click
from numbann_cli.group import numbann
from numbann_cli.overview import COMMANDS, OPTIONS

SAYS = {names.split()[0].rstrip(","): text for names, text in OPTIONS.items()}


def plain(command: click.Command) -> click.Command:
    """A command with its texts escaped, for sphinx-click takes them for reStructuredText."""
    for option in command.params:
        if isinstance(option, click.Option):
            option.help = _escaped(option.help or SAYS.get(option.opts[0]))
    for inner in getattr(command, "commands", {}).values():
        plain(inner)
    command.help, command.epilog = _escaped(command.help), _escaped(command.epilog)
    return command


def _escaped(text: str | None) -> str | None:
    return text and re.sub(r"(?<!\\)([*_`|\\])", r"\\\1", text)


def _commands() -> dict[str, click.Command]:
    context = click.Context(numbann, info_name="numbann")
    return {name: plain(command) for name in COMMANDS if (command := numbann.get_command(context, name))}


program = plain(click.Group("numbann", help=numbann.help, params=numbann.params, commands=_commands()))
