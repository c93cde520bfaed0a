"""The hooks that a plugin implements, and pluggy's markers for them.  plugins/plugin.py calls the hooks.

API is the version of this interface.  A plugin module may state the version it was written for: NUMBANN_API = 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pluggy

API = 1
hookspec = pluggy.HookspecMarker("numbann")
hookimpl = pluggy.HookimplMarker("numbann")


@hookspec
def numbann_register(register: Callable[[Any], None]) -> None:
    """Call register(component) once for each component."""


@hookspec
def numbann_commands(group: Any) -> None:
    """Add commands to the command line with group.add_command(command), or @group.command().

    numbann calls it for `numbann --help`, and for a command that numbann itself does not have, in files and in modules
    that the entry-point group numbann.commands names; an entry point has the name of a command.
    """
