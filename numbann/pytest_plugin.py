"""A pytest plugin for authors of numbann plugins: runs each check of numbann.testing on each component as a test.

    @pytest.mark.numbann("numbann_swish2")  # a module, a plugin file or folder, or decorated functions
    def test_component(numbann_check):
        numbann_check()

pytest loads it wherever numbann is installed, so it imports numbann only when a test asks for `numbann_check`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

MARKER = "numbann(what, ...): the modules, files, folders or functions whose components `numbann_check` checks"


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", MARKER)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Generate a test for each check of each component that the marker names."""
    if "numbann_check" in metafunc.fixturenames:
        found = {id: check for mark in metafunc.definition.iter_markers("numbann") for id, check in _checks(mark.args)}
        if not found:
            raise pytest.Collector.CollectError(
                f"{metafunc.definition.name}: name components to check: @pytest.mark.numbann(MODULE)"
            )
        metafunc.parametrize("numbann_check", list(found.values()), ids=list(found))


def _checks(what: tuple[Any, ...]) -> list[tuple[str, Callable[[], None]]]:
    """Return each check with its name, such as "activation-swish2-gradient"."""
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
    """Wrap a check as a test that fails with one message and no traceback."""

    def test() -> None:
        finding = check()
        if finding.failed:
            pytest.fail(str(finding), pytrace=False)

    return test
