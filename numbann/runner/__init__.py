"""The runner: many jobs over any Executor, with results in the order of asking.  It knows nothing of networks."""

from __future__ import annotations

from numbann.runner.clusters import connected
from numbann.runner.line import Line
from numbann.runner.running import Done, Lacking, run

__all__ = ["Done", "Lacking", "Line", "connected", "run"]
