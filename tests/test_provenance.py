"""Fingerprints of components: code counts, words about it do not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from numbann import sources
from numbann.component import Component
from numbann.discovery import built_in
from numbann.errors import RunDirectoryError
from numbann.provenance import fingerprint, recorded, verify
from numbann.registry import Entry


def plain() -> Callable[[float], float]:
    def bent(z: float) -> float:
        return z if z > 0 else 0.5 * z

    return bent


def described() -> Callable[[float], float]:
    def bent(z: float) -> float:
        """Half below zero."""
        return z if z > 0 else 0.5 * z  # said on two lines

    return bent


def other() -> Callable[[float], float]:
    def bent(z: float) -> float:
        return z if z > 0 else 0.25 * z

    return bent


def component(function: Callable[..., float]) -> Component:
    return Component("activation", "bent", function)


def test_code_counts_and_words_about_it_do_not() -> None:
    assert fingerprint(component(plain())) == fingerprint(component(described()))
    assert fingerprint(component(plain())) != fingerprint(component(other()))


def test_so_does_the_derivative() -> None:
    assert fingerprint(component(plain())) != fingerprint(Component("activation", "bent", plain(), derivative=other()))


def test_every_built_in_component_can_be_recorded_and_verified() -> None:
    components = [entry.component for entry in built_in().entries()]
    records = recorded(components, built_in())
    assert {record["origin"] for record in records} == {"numbann"}
    assert all(record["source"] for record in records)
    verify(records, components, "here")


@pytest.mark.parametrize("entry", [pytest.param(each, id=each.component.name) for each in built_in().entries()])
def test_the_source_kept_of_a_component_is_one_that_runs(entry: Entry) -> None:
    """It declares the same component, whose own source is the same text."""
    component = entry.component
    text = sources.module_of(component)
    again = sources.component_of(text, component.kind, component.name, "here")
    assert sources.module_of(again) == text
    assert (again.parameters, again.states, again.traits) == (
        component.parameters,
        component.states,
        component.traits,
    )


def test_a_change_is_named_with_its_place() -> None:
    stored = [{"kind": "activation", "name": "bent", "sha256": fingerprint(component(plain()))}]
    verify(stored, [component(plain())], "runs/x")
    with pytest.raises(RunDirectoryError, match=r'runs/x: activation "bent" has changed .*test_provenance\.py:\d+'):
        verify(stored, [component(other())], "runs/x")
