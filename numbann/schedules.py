"""Schedules: the factor of the learning rate over time, as plain Python.  They see no weights and no gradients."""

from __future__ import annotations

from numbann.component import schedule
from numbann.hookspecs import hookimpl


@schedule
def constant():
    """Constant: the factor is 1 at every step."""
    return 1.0


@hookimpl
def numbann_register(register):
    register(constant)
