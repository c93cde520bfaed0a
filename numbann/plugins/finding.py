"""Catalogues of the built-in components, the installed plugins and plugin files.

Each plugin is loaded in isolation and only when it is needed: one that fails is named and leaves nothing behind.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path

from numbann.errors import NumbannError, PluginError, PluginWarning, warn
from numbann.plugins import distributions
from numbann.plugins.catalogue import Catalogue
from numbann.plugins.plugin import Plugin, plugin_of_distribution, plugin_of_file


def with_files(paths: Iterable[Path] = ()) -> Catalogue:
    """The catalogue of built-in components, installed plugins and these files; an error names all files that fail."""
    catalogue, faults = Catalogue(installed_plugins()), []
    for path in {path.resolve(): path for path in paths}.values():
        try:
            catalogue.add(plugin_of_file(path))
        except NumbannError as error:
            faults.append(error)
    if faults:
        raise faults[0] if len(faults) == 1 else PluginError("\n".join(map(str, faults)))
    return catalogue


def load_everything(paths: Iterable[Path] = ()) -> Catalogue:
    """The same catalogue with every plugin loaded; plugins and files that fail are left out with a warning."""
    catalogue = with_files()
    catalogue.load_all()
    for path in paths:
        catalogue.try_to_add(plugin_of_file(path))
    return catalogue


def installed_plugins() -> list[Plugin]:
    """The announced plugins, not imported; a warning for each unknown name in the environment variable."""
    for name in distributions.list_unknown():
        message = f"{distributions.VARIABLE} names {name}, which is no installed distribution with plugins"
        warn(message, PluginWarning)
    return [_plugin_of(one) for one in distributions.find_announced()]


@functools.cache
def _plugin_of(one: distributions.Announcement) -> Plugin:
    """The plugin object of an announcement, one for the whole process, so that its components stay the same objects."""
    return plugin_of_distribution(one)
