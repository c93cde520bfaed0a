"""The catalogue of what is built in, of installed plugins, and of files: made once for whoever asks.

Each plugin is loaded alone, so that one that fails is named and leaves nothing behind, and only when it is needed.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterable
from pathlib import Path

from numbann.errors import PluginWarning
from numbann.plugins import distributions
from numbann.plugins.catalogue import Catalogue
from numbann.plugins.plugin import Plugin, plugin_of_distribution, plugin_of_file


def with_files(paths: Iterable[Path] = ()) -> Catalogue:
    """The components built in, of installed plugins, and of the files at these paths; an error if a file fails."""
    catalogue = Catalogue(installed_plugins())
    for path in paths:
        catalogue.add(plugin_of_file(path))
    return catalogue


def load_everything(paths: Iterable[Path] = ()) -> Catalogue:
    """The same with every plugin loaded; those that fail, files too, are left out with a warning."""
    catalogue = with_files()
    catalogue.load_all()
    for path in paths:
        catalogue.try_to_add(plugin_of_file(path))
    return catalogue


def installed_plugins() -> list[Plugin]:
    """The plugins that distributions announce, by their names; not imported.  A warning of names that are not there."""
    for name in distributions.list_unknown():
        message = f"{distributions.VARIABLE} names {name}, which is no installed distribution with plugins"
        warnings.warn(message, PluginWarning, stacklevel=2)
    return [_plugin_of(one) for one in distributions.find_announced()]


@functools.cache
def _plugin_of(one: distributions.Announcement) -> Plugin:
    """One plugin object for the length of the process, so that its components are the same each time."""
    return plugin_of_distribution(one)
