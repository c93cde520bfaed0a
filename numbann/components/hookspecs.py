"""The hooks a plugin implements, and their two markers.  It calls none: plugins/plugin.py does.

API is the number of this interface; a plugin module may name the one it was written for with NUMBANN_API = 1.
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

    It is called for `numbann --help` and for a command that numbann itself lacks.
    """
