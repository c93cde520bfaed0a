"""A pytest plugin for the tests of plugins: a test of each check of each component.  numbann.testing checks, not this.

    @pytest.mark.numbann("numbann_swish2")  # a module, a plugin file or folder, or decorated functions
    def test_component(numbann_check):
        numbann_check()

It is loaded wherever numbann is installed, and imports nothing until a test asks for `numbann_check`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

MARKER = "numbann(what, ...): the modules, files, folders or functions whose components `numbann_check` checks"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", MARKER)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test for each check of each component that the marker names."""
    if "numbann_check" in metafunc.fixturenames:
        found = {id: check for mark in metafunc.definition.iter_markers("numbann") for id, check in _checks(mark.args)}
        if not found:
            raise pytest.Collector.CollectError(
                f"{metafunc.definition.name}: name components to check: @pytest.mark.numbann(MODULE)"
            )
        metafunc.parametrize("numbann_check", list(found.values()), ids=list(found))


def _checks(what: tuple[Any, ...]) -> list[tuple[str, Callable[[], None]]]:
    """Each check with its name: "activation-swish2-gradient"."""
    from numbann.errors import NumbannError
    from numbann.testing import checks_of, components_of

    try:
        components = [component for each in what for component in components_of(each)]
    except NumbannError as error:
        raise pytest.Collector.CollectError(str(error)) from None
    return [
        (f"{component.kind}-{component.name}-{name}", _test(check))
        for component in components
        for name, check in checks_of(component).items()
    ]


def _test(check: Callable[[], Any]) -> Callable[[], None]:
    """A check as a test: it fails with one message and no traceback."""

    def test() -> None:
        finding = check()
        if finding.failed:
            pytest.fail(str(finding), pytrace=False)

    return test
