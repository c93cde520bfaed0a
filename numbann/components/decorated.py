"""What type checkers know of the decorators: a decorated function, and the decorators of its parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, ParamSpec, Protocol, TypeVar, overload

Given = ParamSpec("Given")
Result = TypeVar("Result", covariant=True)
Part = TypeVar("Part", bound=Callable[..., Any])


class Decorated(Protocol[Given, Result]):
    """An author's function: it is called as before, and takes parts."""

    def __call__(self, *args: Given.args, **kwargs: Given.kwargs) -> Result: ...

    @overload
    def derivative(self, target: str = "", /) -> Callable[[Part], Part]: ...
    @overload
    def derivative(self, target: Part, /) -> Part: ...
    def backward(self, part: Part, /) -> Part: ...
    def gives(self, **units: Literal["target", "difference", "square", "none"]) -> Callable[[Part], Part]: ...


class Decorator(Protocol):
    """A decorator of components, with traits or without; numbann/components/kinds says which each has."""

    @overload
    def __call__(self, function: Callable[Given, Result], /) -> Decorated[Given, Result]: ...
    @overload
    def __call__(self, **traits: Any) -> Callable[[Callable[Given, Result]], Decorated[Given, Result]]: ...
