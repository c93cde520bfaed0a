"""Collects the commands that plugins add, and prints warnings about plugins that are skipped."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from numbann_cli.overview import COMMANDS

if TYPE_CHECKING:
    from numbann.plugins.plugin import Plugin


def commands_of_plugins(files: list[Path], wanted: str | None = None) -> dict[str, click.Command]:
    """Return every command that an installed plugin or one of the files adds; clashes and failures are warnings.

    wanted: installed plugins that do not announce this command are not imported.
    """
    from numbann.errors import PluginWarning, warn
    from numbann.plugins.finding import installed_plugins
    from numbann.plugins.plugin import plugin_of_file

    commands: dict[str, click.Command] = {}
    owners = dict.fromkeys(COMMANDS, "numbann")
    for plugin in [*installed_plugins(), *map(plugin_of_file, files)]:
        if not plugin.allowed or not plugin.may_add(wanted):
            continue
        for name, command in _added_by(plugin).items():
            owner = owners.setdefault(name, str(plugin.origin))
            if owner == str(plugin.origin):
                commands[name] = command
            else:
                commands.pop(name, None)
                message = f'the command "{name}" is given twice: by {owner} and by {plugin.origin}; rename one of them'
                warn(message, PluginWarning)
    return commands


def _added_by(plugin: Plugin) -> dict[str, click.Command]:
    """Return the commands that a plugin adds; none, and a warning, if it fails or announces others."""
    from numbann.errors import PluginError, PluginWarning, warn
    from numbann.plugins.plugin import ANNOUNCE

    group = click.Group()
    try:
        plugin.add_commands(group)
    except PluginError as error:
        warn(f"{error} (it is left out)", PluginWarning)
        return {}
    for name in sorted(set(group.commands) - set(group.commands if plugin.commands is None else plugin.commands)):
        warn(f'{plugin.origin}: no entry point names its command "{name}"; {ANNOUNCE} (it is left out)', PluginWarning)
        del group.commands[name]
    for name in sorted(set(plugin.commands or ()) - set(group.commands)):
        warn(f'{plugin.origin}: an entry point names the command "{name}", which it does not add', PluginWarning)
    return dict(group.commands)


def usable(files: list[Path]) -> list[Path]:
    """Return the files that load as plugins, and warn about each of the others."""
    if not files:
        return []
    from numbann.plugins.finding import with_files
    from numbann.plugins.plugin import plugin_of_file

    catalogue = with_files()
    return [file for file in files if catalogue.try_to_add(plugin_of_file(file))]


def files_of(folder: Path | None) -> list[Path]:
    """Return the one-file plugins of a folder, sorted."""
    return sorted(folder.glob("*.py")) if folder else []


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Print warnings about plugins and the cache as plain lines on stderr."""
    with warnings.catch_warnings():
        others = warnings.showwarning

        def show(message: Any, category: type[Warning], *place: Any, **extra: Any) -> None:
            from numbann.errors import CacheWarning, ClusterWarning, PluginWarning

            if issubclass(category, PluginWarning | CacheWarning | ClusterWarning):
                print(f"numbann: warning: {message}", file=sys.stderr)
            else:
                others(message, category, *place, **extra)

        warnings.showwarning = show
        yield
