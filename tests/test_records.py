"""Fast dataclasses behave as those of the standard library do."""

from __future__ import annotations

import copy
import dataclasses
import functools
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, field
from typing import Any

import pytest

from numbann import records


def classes(dataclass: Callable[..., Any]) -> dict[str, Any]:
    """Classes of several kinds, by one of the two decorators."""

    @dataclass(frozen=True)
    class Point:
        x: int
        y: list[int] = field(default_factory=list, compare=False)

        @functools.cached_property
        def double(self) -> int:
            return 2 * self.x

    @dataclass(frozen=True)
    class Named(Point):
        name: str = "it"
        hidden: int = field(default=0, repr=False)

    @dataclass(frozen=True, kw_only=True)
    class Words:
        one: str
        two: str = "b"

        def __post_init__(self) -> None:
            object.__setattr__(self, "two", self.two.upper())

        def __repr__(self) -> str:
            return "words"

    @dataclass
    class Free:
        x: int = 1

    @dataclass(frozen=True, eq=False)
    class Alone:
        x: int = 1

    return {each.__name__: each for each in (Point, Named, Words, Free, Alone)}


OURS, THEIRS = classes(records.dataclass), classes(dataclasses.dataclass)
MADE = [
    ("Point", {"x": 1}),
    ("Point", {"x": 1, "y": [2]}),
    ("Named", {"x": 1, "name": "a", "hidden": 3}),
    ("Words", {"one": "a"}),
    ("Free", {"x": 3}),
    ("Alone", {}),
]


@pytest.mark.parametrize(("name", "given"), MADE)
def test_they_are_alike(name: str, given: dict[str, Any]) -> None:
    """In text, equality, hash, copies and changes."""

    def facts(known: dict[str, Any]) -> list[Any]:
        it = known[name](**given)
        changed = dataclasses.replace(it, **{next(iter(given), "x"): "other"})
        equal = [it == known[name](**given), it == changed, it == known["Point"](1), it == copy.deepcopy(it), it == 1]
        hashed = name != "Free" and name != "Alone" and hash(it) == hash(known[name](**given))
        text = repr(it).replace("classes.<locals>.", "")
        return [text, equal, hashed, known[name].__hash__ is None, dataclasses.asdict(changed), vars(it)]

    assert facts(OURS) == facts(THEIRS)


@pytest.mark.parametrize("known", [OURS, THEIRS], ids=["ours", "theirs"])
def test_frozen_ones_do_not_change(known: dict[str, Any]) -> None:
    it = known["Named"](1)
    for name in ("x", "name", "other"):
        with pytest.raises(FrozenInstanceError):
            setattr(it, name, 2)
    with pytest.raises(FrozenInstanceError):
        del it.x
    assert it.double == 2
    known["Free"]().x = 2


def test_others_inherit_from_it() -> None:
    """As from a frozen class of the standard library."""
    below = dataclasses.dataclass(frozen=True)(type("Below", (OURS["Point"],), {"__annotations__": {"z": int}, "z": 1}))
    it = below(1, [2], 3)
    assert (it, it.z, it.double) == (below(1, [], 3), 3, 2)
    with pytest.raises(FrozenInstanceError):
        it.x = 2
    with pytest.raises(TypeError, match="non-frozen"):
        dataclasses.dataclass(type("Below", (OURS["Point"],), {}))


def test_a_known_one_is_pickled() -> None:
    from numbann.network.description import Dense

    it = Dense(3)
    assert pickle.loads(pickle.dumps(it)) == it


def test_one_that_holds_itself_has_a_text() -> None:
    it = OURS["Point"](1, [])
    it.y.append(it)
    assert repr(it).endswith("Point(x=1, y=[...])")
