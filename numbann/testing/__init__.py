"""Checks of components, for plugin writers; numbann runs the same checks over its own components.

    from numbann.testing import check_activation
    check_activation(swish)                    # AssertionError with every fault, its place and its remedy

    findings = findings_of(swish)              # or look at the findings

In a plugin's test file the pytest plugin (numbann/pytest_plugin.py) makes a test of each check of each component.
"""

from __future__ import annotations

from typing import Any

from numbann.testing.checks import checks_of, findings_of
from numbann.testing.findings import Finding
from numbann.testing.sources import components_of, parts_of

__all__ = [
    "Finding",
    "check_activation",
    "check_embedding",
    "check_initializer",
    "check_loss",
    "check_metric",
    "check_optimizer",
    "check_schedule",
    "checks_of",
    "components_of",
    "findings_of",
    "parts_of",
]


def check_activation(component: Any) -> list[Finding]:
    """Run every check of an activation; returns the findings, AssertionError names the checks that failed."""
    return _check("activation", component)


def check_embedding(component: Any) -> list[Finding]:
    """Run every check of an embedding; returns the findings, AssertionError names the checks that failed."""
    return _check("embedding", component)


def check_loss(component: Any) -> list[Finding]:
    """Run every check of a loss; returns the findings, AssertionError names the checks that failed."""
    return _check("loss", component)


def check_optimizer(component: Any) -> list[Finding]:
    """Run every check of an optimizer; returns the findings, AssertionError names the checks that failed."""
    return _check("optimizer", component)


def check_schedule(component: Any) -> list[Finding]:
    """Run every check of a schedule; returns the findings, AssertionError names the checks that failed."""
    return _check("schedule", component)


def check_initializer(component: Any) -> list[Finding]:
    """Run every check of an initializer; returns the findings, AssertionError names the checks that failed."""
    return _check("initializer", component)


def check_metric(component: Any) -> list[Finding]:
    """Run every check of a metric; returns the findings, AssertionError names the checks that failed."""
    return _check("metric", component)


def _check(kind: str, component: Any) -> list[Finding]:
    from numbann.components.declare import freeze

    frozen = freeze(component)
    assert frozen.kind == kind, f"{frozen.name} is of the kind {frozen.kind}, not {kind}"
    found = findings_of(frozen)
    failed = [finding for finding in found if finding.failed]
    assert not failed, f"{kind} {frozen.name}:\n" + "\n".join(map(str, failed))
    return found
