"""The options of the group, which every command takes after its name too.  They note what is given and do no more.

A command's own option wins where the names are the same; a command that takes any option takes these as its own.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

OPTIONS: dict[str, tuple[str, ...]] = {
    "plugins_dir": ("--plugins-dir",),
    "quiet": ("-q", "--quiet"),
    "verbose": ("-v", "--verbose"),
    "debug": ("--debug",),
}
FOLDER = {"type": click.Path(exists=True, file_okay=False, path_type=Path), "metavar": "DIR", "is_eager": True}


def before_name() -> list[click.Parameter]:
    """The options as the group takes them."""
    return [_option(setting, names) for setting, names in OPTIONS.items()]


def after_name(command: click.Command) -> click.Command:
    """The same command, but it takes the options too, and so does every command below it."""
    same = copy.copy(command)
    if not command.context_settings.get("ignore_unknown_options", command.ignore_unknown_options):
        own = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        free = {setting: [name for name in names if name not in own] for setting, names in OPTIONS.items()}
        added = [_option(setting, names, hidden=True) for setting, names in free.items() if names]
        same.params = [*command.params, *added]
        same.epilog = _told(command.epilog, added)
    if isinstance(same, click.Group):
        find = same.get_command
        same.get_command = lambda ctx, cmd_name: _below(find(ctx, cmd_name))  # type: ignore[method-assign]
    return same


def look_ahead(group: click.Context, name: str, arguments: Sequence[str]) -> None:
    """Note the folder of --plugins-dir among the arguments of a command that may come from there."""
    command = click.Command(name, params=[_option("plugins_dir", OPTIONS["plugins_dir"])], add_help_option=False)
    command.make_context(name, [*arguments], parent=group, ignore_unknown_options=True, allow_extra_args=True)


def _option(setting: str, names: Sequence[str], **extra: Any) -> click.Option:
    """An option that changes a setting; its own name is one that a command's parameter hardly has."""

    def note(context: click.Context, _: click.Parameter, value: Any) -> None:
        if value:  # a flag that was given once stays, and of two folders the later one does
            setattr(context.find_root().obj, setting, value)

    kind: dict[str, Any] = FOLDER if setting == "plugins_dir" else {"is_flag": True}
    return click.Option([f"numbann_{setting}", *names], expose_value=False, callback=note, **kind, **extra)


def _told(epilog: str | None, added: Sequence[click.Option]) -> str:
    """The last lines of a command's help: its own, and one that names the options."""
    names = ", ".join(f"{option.opts[0]} {option.metavar or ''}".rstrip() for option in added)
    ours = f"Also {names}: see numbann --help." if added else ""
    return "\n\n".join(filter(None, [inspect.cleandoc(epilog or ""), ours]))


def _below(command: click.Command | None) -> click.Command | None:
    return command and after_name(command)
