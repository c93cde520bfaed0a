"""The registry: names, aliases, clashes, nearest names.  Its components are made here."""

from __future__ import annotations

import pytest

from numbann.components.built_in import built_in
from numbann.components.component import Component
from numbann.components.declare import activation, freeze, loss
from numbann.components.registry import Origin, Registry
from numbann.errors import PluginError, RegistryError

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


@pytest.mark.parametrize(
    ("name", "aliases", "taken"),
    [("bend", (), "bend"), ("bow", (), "bow"), ("new", ("bend",), "bend"), ("new", ("bow",), "bow")],
)
def test_a_clash_names_both_owners(registry: Registry, name: str, aliases: tuple[str, ...], taken: str) -> None:
    message = f'activation "{taken}" is registered twice: by here 1.0 and by there 2.1; rename one of them'
    with pytest.raises(RegistryError, match=message):
        registry.register(made(name, *aliases), THERE)
    assert registry.names("activation") == ["bend"]


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
    assert list(dict.fromkeys(kinds)) == ["activation", "loss", "optimizer", "schedule", "initializer", "metric"]
    names = [entry.component.name for entry in built_in().entries("optimizer")]
    assert names == sorted(names) == built_in().names("optimizer")


def test_something_undecorated_is_refused(registry: Registry) -> None:
    def plain(z):
        return z

    with pytest.raises(PluginError, match=r"plain \(.*test_registry\.py:\d+\): not a component; decorate it with @"):
        registry.register(plain, HERE)
