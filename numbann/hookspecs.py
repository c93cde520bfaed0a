"""The hook a plugin implements, and its two markers.  It calls nothing: discovery.py does.

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
