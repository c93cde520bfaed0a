"""Dataclasses that are made fast: a class gets one function of its own, and shares the others with all classes.

`dataclasses` writes and compiles six functions for a frozen class, which takes half a millisecond.  For the 150 classes
of a short command that is a quarter of its time.  Components do without it: their source is written into models.
"""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import FrozenInstanceError
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls=None, /, *, frozen=False, eq=True, repr=True, **options):
        """A class as by `dataclasses.dataclass`, with shared functions for all but `__init__`."""

        def make(cls):
            first = frozen and not any(_is_frozen(base) for base in cls.__mro__[1:])
            given = {"__repr__": _repr} if repr else {}
            given |= {"__eq__": _eq, "__hash__": _hash if frozen else None} if eq else {}
            given |= {"__setattr__": _set, "__delattr__": _delete} if first else {}
            own = set(vars(cls)) - ({"__hash__"} if vars(cls).get("__hash__", ...) is None else set())
            made = dataclasses.dataclass(cls, eq=False, repr=False, frozen=frozen and not first, **options)
            made.__dataclass_params__.frozen = frozen  # for the classes that inherit from it
            for name in given.keys() - own:
                setattr(made, name, given[name])
            return made

        return make if cls is None else make(cls)


def _is_frozen(cls: Any) -> bool:
    """Whether a class is a frozen dataclass."""
    return "__dataclass_params__" in vars(cls) and bool(cls.__dataclass_params__.frozen)


def _eq(self: Any, other: Any) -> Any:
    """Whether the fields are equal, of objects of one class."""
    return _values(self) == _values(other) if other.__class__ is self.__class__ else NotImplemented


def _hash(self: Any) -> int:
    """That of the fields."""
    return hash(_values(self))


def _values(it: Any) -> tuple[Any, ...]:
    """The fields that are compared."""
    return tuple([getattr(it, name) for name in _compared(it.__class__)])


@functools.cache
def _compared(cls: Any) -> tuple[str, ...]:
    return tuple(one.name for one in dataclasses.fields(cls) if one.compare)


@recursive_repr()
def _repr(self: Any) -> str:
    """The fields by name."""
    shown = ", ".join(f"{one.name}={getattr(self, one.name)!r}" for one in dataclasses.fields(self) if one.repr)
    return f"{type(self).__qualname__}({shown})"


def _set(self: Any, name: str, value: Any) -> None:
    """Set a field once, as `__init__` does; FrozenInstanceError for anything else."""
    own = self.__dict__
    if name in own or name not in self.__dataclass_fields__:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")
    own[name] = value


def _delete(self: Any, name: str) -> None:
    """FrozenInstanceError."""
    raise FrozenInstanceError(f"cannot delete field {name!r}")
