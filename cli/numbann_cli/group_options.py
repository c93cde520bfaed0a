"""The options of the group, which every command also accepts after its name.

If a command has an option of the same name, its own wins; a command that accepts any option receives these too.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

OPTIONS: dict[str, tuple[str, ...]] = {
    "plugins": ("--plugin",),
    "plugins_dir": ("--plugins-dir",),
    "quiet": ("-q", "--quiet"),
    "verbose": ("-v", "--verbose"),
    "debug": ("--debug",),
}
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
KINDS: dict[str, dict[str, Any]] = {
    "plugins": {"type": FILE, "metavar": "FILE", "is_eager": True, "multiple": True},
    "plugins_dir": {"type": FOLDER, "metavar": "DIR", "is_eager": True},
}


def before_name() -> list[click.Parameter]:
    """Return the options as the group takes them."""
    return [_option(setting, names) for setting, names in OPTIONS.items()]


def after_name(command: click.Command) -> click.Command:
    """Return a copy of the command that takes the options too, as does every command below it."""
    same = copy.copy(command)
    if not command.context_settings.get("ignore_unknown_options", command.ignore_unknown_options):
        own = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        free = {setting: [name for name in names if name not in own] for setting, names in OPTIONS.items()}
        added = [_option(setting, names, hidden=True) for setting, names in free.items() if names]
        same.params = [*command.params, *added]
        same.epilog = _add_epilog(command.epilog, added)
    if isinstance(same, click.Group):
        find = same.get_command
        same.get_command = lambda ctx, cmd_name: _below(find(ctx, cmd_name))  # type: ignore[method-assign]
    return same


def look_ahead(group: click.Context, name: str, arguments: Sequence[str]) -> None:
    """Find --plugin and --plugins-dir among the arguments of a command, since the command may come from there."""
    command = click.Command(name, params=[_option(kind, OPTIONS[kind]) for kind in KINDS], add_help_option=False)
    command.make_context(name, [*arguments], parent=group, ignore_unknown_options=True, allow_extra_args=True)


def _option(setting: str, names: Sequence[str], **extra: Any) -> click.Option:
    """Create an option that changes a setting, under a name that no command's parameter is likely to have."""

    def note(context: click.Context, _: click.Parameter, value: Any) -> None:
        if value:  # a flag stays set once given; files add up; of two folders the later one wins
            settings = context.find_root().obj
            known = getattr(settings, setting) if isinstance(value, tuple) else ()
            setattr(settings, setting, tuple(dict.fromkeys((*known, *value))) if isinstance(value, tuple) else value)

    kind = KINDS.get(setting, {"is_flag": True})
    return click.Option([f"numbann_{setting}", *names], expose_value=False, callback=note, **kind, **extra)


def _add_epilog(epilog: str | None, added: Sequence[click.Option]) -> str:
    """Return the last lines of a command's help: its own, and one that names the options."""
    names = ", ".join(f"{option.opts[0]} {option.metavar or ''}".rstrip() for option in added)
    ours = f"Also {names}: see numbann --help." if added else ""
    return "\n\n".join(filter(None, [inspect.cleandoc(epilog or ""), ours]))


def _below(command: click.Command | None) -> click.Command | None:
    return command and after_name(command)
