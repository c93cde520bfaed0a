"""The plugins that installed distributions announce by entry points, found without importing them.

The search reads the entry points of each folder of sys.path for the line of a group: `[numbann]`, of components, or
`[numbann.commands]`.  importlib.metadata parses what is found; it is slow to import, and a process without plugins does
without it.
"""

from __future__ import annotations

import functools
import os
import re
import site
import sys
import sysconfig
from collections.abc import Iterator
from typing import NamedTuple

from numbann.components.names import normalize

COMPONENTS, COMMANDS = "numbann", "numbann.commands"  # the groups of entry points
VARIABLE = "NUMBANN_PLUGINS"  # the distributions to use, comma-separated; empty: none; not set: all
ANNOUNCED = re.compile(rb"^\s*\[numbann(\.commands)?\]\s*$", re.MULTILINE)


class Announcement(NamedTuple):
    """A module that a distribution announces as a plugin, and the names of its entry points: components and commands.

    place: the folder of the distribution's metadata.  allowed: whether the environment variable allows it.
    """

    distribution: str
    version: str
    module: str
    names: tuple[str, ...]
    commands: tuple[str, ...]
    place: str
    allowed: bool


def find_announced() -> tuple[Announcement, ...]:
    """Find every announced module, sorted by distribution and module.

    Python has the working folder on its path, where anybody's archive may lie: nobody has installed what is there,
    unless PYTHONPATH names the folder.
    """
    named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    folders = (folder for folder in sys.path if folder and (folder in named or not _is_working_folder(folder)))
    return _find_announced(tuple(folders), os.environ.get(VARIABLE))


@functools.cache
def is_installed(module: str) -> bool:
    """Whether an imported module is Python's own or an installed distribution's, so that its name says what it is."""
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None or file.startswith(_library_folders()):
        return True
    import importlib.metadata as metadata

    top = module.partition(".")[0]
    owners = map(metadata.distribution, metadata.packages_distributions().get(top, ()))
    return any(file.startswith(str(owner.locate_file(top))) for owner in owners)


def _library_folders() -> tuple[str, ...]:
    """The folders of Python's own modules and of those that pip installs."""
    folders = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return tuple(os.path.join(one, "") for one in (*folders, *site.getsitepackages(), site.getusersitepackages()))


def list_unknown() -> list[str]:
    """The names in the environment variable that no installed distribution with plugins has."""
    named = _parse_names(os.environ.get(VARIABLE))
    return sorted((named or set()) - {normalize(one.distribution) for one in find_announced()})


def _is_working_folder(folder: str) -> bool:
    try:
        return folder == os.getcwd()
    except OSError:  # it is gone
        return False


@functools.cache
def _find_announced(folders: tuple[str, ...], variable: str | None) -> tuple[Announcement, ...]:
    allowed, found = _parse_names(variable), {}
    for place in _find_metadata(folders):
        from importlib.metadata import Distribution  # slower to import than everything else here

        distribution = Distribution.at(place)
        name = distribution.metadata["Name"] or os.path.basename(place).split("-")[0]
        if normalize(name) in found:
            continue  # the first on the path wins, as in an import
        modules: dict[str, dict[str, list[str]]] = {}
        for point in distribution.entry_points:
            if point.group in (COMPONENTS, COMMANDS):
                modules.setdefault(point.value, {COMPONENTS: [], COMMANDS: []})[point.group].append(point.name)
        may = allowed is None or normalize(name) in allowed
        found[normalize(name)] = [
            Announcement(
                name, distribution.version or "", module, tuple(names[COMPONENTS]), tuple(names[COMMANDS]), place, may
            )
            for module, names in sorted(modules.items())
        ]
    return tuple(one for name in sorted(found) for one in found[name])


def _find_metadata(folders: tuple[str, ...]) -> Iterator[str]:
    """The metadata folders that announce a plugin, in the order of the path."""
    for folder in folders:
        try:
            names = sorted(entry.name for entry in os.scandir(folder or "."))
        except OSError:  # a folder that is missing or cannot be read
            continue
        for name in names:
            if name.endswith((".dist-info", ".egg-info")) and _announces_plugin(os.path.join(folder, name)):
                yield os.path.join(folder, name)


def _announces_plugin(place: str) -> bool:
    try:
        with open(os.path.join(place, "entry_points.txt"), "rb") as file:
            return ANNOUNCED.search(file.read()) is not None
    except OSError:
        return False


def _parse_names(variable: str | None) -> set[str] | None:
    """The distributions in the environment variable; None, for all, if it is not set."""
    return None if variable is None else {normalize(name) for name in variable.split(",") if name.strip()}
