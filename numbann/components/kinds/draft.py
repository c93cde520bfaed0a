"""What a decorator makes: a component under construction, to which further decorators add parts."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from typing import Any

from numbann.components.component import Component, Function, place_of
from numbann.errors import PluginError
from numbann.records import dataclass


@dataclass
class Draft:
    """A component under construction by the decorators, still without its arguments.

    drafts: those of its terms.  frozen: it is registered.
    """

    component: Component
    drafts: list[Draft] = field(default_factory=list)
    frozen: bool = False

    @property
    def kind(self) -> str:
        """The component's kind."""
        return self.component.kind

    def add(self, part: Function, **fields: Any) -> Function:
        """Add a part to the component by setting some of its fields, and return the part."""
        if self.frozen:
            raise PluginError(f"{place_of(part)}: the {self.kind} is registered already and can no longer be changed")
        self.component = replace(self.component, **fields)
        return part

    def derivative(self, target: str | Function = "") -> Function:
        """Serve `@f.derivative`, `@f.derivative()` and `@f.derivative("alpha")`."""
        if not target:
            return self.derivative
        if callable(target):
            return self.add(target, derivative=target)
        return lambda slope: self.add(slope, slopes={**self.component.slopes, target: slope})

    def backward(self, part: Function) -> Function:
        """Serve `@f.backward`."""
        return self.add(part, backward=part)

    def gives(self, *alone: Function, **units: str) -> Callable[[Function], Function]:
        """Serve `@f.gives(mean="target", variance="square")`."""
        for part in alone:
            raise PluginError(
                f'{place_of(part)}: name what it gives, as in @{self.component.name}.gives(mean="target")'
            )
        return lambda part: self.add(part, gives=part, traits={**self.component.traits, "units": units})

    def each(self, name: str) -> Callable[[Function], Function]:
        """Serve `@f.each("risk")`."""
        return lambda part: self.add(part, each={**self.component.each, name: part})

    def term(self, part: Function) -> Function:
        """Serve `@f.term`; the term takes `@term.derivative("frequency")`."""
        draft = Draft(Component("term", part.__name__, part))
        part.derivative = draft.derivative  # type: ignore[attr-defined]
        self.drafts.append(draft)
        return self.add(part)


def declared(
    kind: str, form: str, traits: dict[str, Any], names: Mapping[str, Any], function: Function | None
) -> Callable[..., Any]:
    """Attach a draft of its component to the author's function; without a function, return the decorator.

    names: `name` and `aliases`, which every kind takes.
    """
    if function is None:
        return functools.partial(declared, kind, form, traits, names)
    unknown = set(names) - {"name", "aliases"}
    if unknown:
        raise PluginError(
            f"{place_of(function)}: @{kind} has no trait {sorted(unknown)[0]!r} "
            f"(its traits: {', '.join(['name', 'aliases', *traits])})"
        )
    if isinstance(names.get("aliases"), str):
        raise PluginError(f"{place_of(function)}: aliases={names['aliases']!r}: give a list, ({names['aliases']!r},)")
    for trait in ("optional", "shapes"):
        if not isinstance(traits.get(trait) or {}, Mapping):
            raise PluginError(f"{place_of(function)}: {trait}={traits[trait]!r}: give a dict, with a state as each key")
    name, aliases = names.get("name") or function.__name__, tuple(names.get("aliases", ()))
    draft = Draft(Component(kind, name, function, form, aliases, traits=traits))
    function.__numbann__ = draft  # type: ignore[attr-defined]
    for part in ("derivative", "backward", "gives", "each", "term"):
        setattr(function, part, getattr(draft, part))
    return function


def surrogate_trait(given: bool) -> dict[str, bool]:
    """The trait of a derivative that is not the function's; others lack it."""
    return {"surrogate": True} if given else {}
