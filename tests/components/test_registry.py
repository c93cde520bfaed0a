"""The registry: names, aliases, clashes, nearest names.  Its components are made here."""

from __future__ import annotations

from dataclasses import replace

import pytest

from numbann.components.built_in import built_in
from numbann.components.component import Component, Origin
from numbann.components.declare import activation, freeze, loss
from numbann.components.registry import OWN, Registry
from numbann.errors import ClashError, PluginError, RegistryError

HERE, THERE = Origin("here", "1.0", "here"), Origin("there", "2.1", "there.module")


def made(name: str, *aliases: str, kind: str = "activation") -> Component:
    """A component of this name."""

    def function(z):
        return z

    def value(y, t):
        return y - t

    decorate = activation if kind == "activation" else loss
    return freeze(decorate(name=name, aliases=aliases)(function if kind == "activation" else value))


@pytest.fixture
def registry() -> Registry:
    """A registry with one activation that has an alias."""
    registry = Registry()
    registry.register(made("bend", "bow"), HERE)
    return registry


def test_names_and_aliases_find_the_same(registry: Registry) -> None:
    assert registry.get("activation", "bow") is registry.get("activation", "bend")
    entry = registry.find("activation", "bow")
    assert entry is not None
    assert str(entry.origin) == "here 1.0"
    assert registry.names("activation") == ["bend"]
    assert registry.find("loss", "bend") is None


TAKEN = [("bend", (), "bend"), ("bow", (), "bow"), ("new", ("bend",), "bend"), ("new", ("bow",), "bow")]


@pytest.mark.parametrize(("name", "aliases", "taken"), TAKEN)
def test_an_owner_registers_a_name_once(registry: Registry, name: str, aliases: tuple[str, ...], taken: str) -> None:
    message = f'activation "{taken}" is registered twice by here 1.0, first for .*; register it once'
    with pytest.raises(ClashError, match=message):
        registry.register(made(name, *aliases), HERE)
    assert registry.names("activation") == ["bend"]


@pytest.mark.parametrize(("name", "aliases", "taken"), TAKEN)
def test_two_owners_may_have_one_name(registry: Registry, name: str, aliases: tuple[str, ...], taken: str) -> None:
    first = registry.get("activation", taken)
    second = registry.register(replace(made(name, *aliases), plugin=THERE), THERE)
    message = f'activation "{taken}" is in here 1.0 and there 2.1; name the one that you mean: .*"there:{name}"'
    with pytest.raises(ClashError, match=message):
        registry.get("activation", taken)
    assert registry.get("activation", f"here:{taken}") is first
    assert registry.get("activation", f"There:{taken}") is second
    assert second.title == f"there:{name}"
    assert {entry.component for entry in registry.entries("activation")} == {first, second}


def test_of_its_own_name_numbann_has_the_first_claim(registry: Registry) -> None:
    own = registry.register(made("bow"), Origin(OWN, "", "somewhere"))
    assert registry.get("activation", "bow") is registry.get("activation", "numbann:bow") is own
    assert registry.get("activation", "here:bow") is registry.get("activation", "bend")


def test_a_trait_means_the_same_plugin(registry: Registry) -> None:
    there = registry.register(replace(made("bend"), plugin=THERE), THERE)
    assert registry.named_by(replace(made("value", kind="loss"), plugin=THERE), "activation", "bend") is there
    with pytest.raises(ClashError):
        registry.named_by(made("value", kind="loss"), "activation", "bend")


def test_kinds_have_names_of_their_own(registry: Registry) -> None:
    registry.register(made("bend", "bow", kind="loss"), THERE)
    assert registry.get("loss", "bow").kind == "loss"
    assert registry.get("activation", "bow").kind == "activation"


def test_an_unknown_name_gets_the_nearest(registry: Registry) -> None:
    with pytest.raises(RegistryError, match=r'unknown activation "bent"; did you mean "bend"\? \(1 are known: bend; '):
        registry.get("activation", "bent")
    with pytest.raises(RegistryError, match=r'unknown activation "zzz" \(1 are known: bend; numbann plugins list\)'):
        registry.get("activation", "zzz")
    with pytest.raises(RegistryError, match=r'unknown loss "bend" \(0 are known'):
        registry.get("loss", "bend")


def test_a_long_list_of_names_is_cut() -> None:
    registry = Registry()
    for letter in "abcdefghij":
        registry.register(made(letter * 3), HERE)
    with pytest.raises(RegistryError, match=r"\(10 are known: aaa, bbb, ccc, ddd, eee, fff, ggg, \.\.\.; "):
        registry.get("activation", "unlike")


def test_a_copy_is_independent(registry: Registry) -> None:
    other = registry.copy()
    other.register(made("arch", "vault"), THERE)
    assert registry.find("activation", "vault") is None
    assert other.get("activation", "vault").name == "arch"
    assert other.get("activation", "bend") is registry.get("activation", "bend")


def test_entries_go_by_kind_and_name() -> None:
    kinds = [entry.component.kind for entry in built_in().entries()]
    assert list(dict.fromkeys(kinds)) == [
        *("activation", "embedding", "loss", "optimizer", "schedule", "initializer", "metric")
    ]
    names = [entry.component.name for entry in built_in().entries("optimizer")]
    assert names == sorted(names) == built_in().names("optimizer")


def test_something_undecorated_is_refused(registry: Registry) -> None:
    def plain(z):
        return z

    with pytest.raises(PluginError, match=r"plain \(.*test_registry\.py:\d+\): not a component; decorate it with @"):
        registry.register(plain, HERE)
