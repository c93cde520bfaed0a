"""Which code a model was made with: its components' sources, as stored with it and as found now.  It runs none."""

from __future__ import annotations

import ast
import hashlib
import inspect
import textwrap
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from numbann.component import Component
from numbann.errors import RunDirectoryError
from numbann.registry import Registry


def components_of(resolved: Any) -> list[Component]:
    """Every component that a resolved spec uses, once each, sorted by kind and name."""
    used = [resolved.loss, resolved.optimizer, resolved.schedule, resolved.output_activation]
    used += [part for layer in resolved.layers for part in (layer.activation, layer.init)]
    found = {(part.component.kind, part.name): part.component for part in used}
    found |= {(metric.kind, metric.name): metric for metric in resolved.metrics}
    return [component for _, component in sorted(found.items())]


def recorded(components: Iterable[Component], registry: Registry) -> list[dict[str, str]]:
    """The components as JSON: kind, name, origin, source and the hash of their code."""
    return [_record(component, registry) for component in components]


def _record(component: Component, registry: Registry) -> dict[str, str]:
    entry = registry.find(component.kind, component.name)
    return {
        "kind": component.kind,
        "name": component.name,
        "origin": str(entry.origin) if entry else "",
        "sha256": fingerprint(component),
        "source": "\n\n".join(map(_source, _functions(component))),
    }


def verify(stored: Iterable[Mapping[str, str]], components: Iterable[Component], place: str) -> None:
    """RunDirectoryError if the code of one of these components is not what was stored."""
    hashes = {(record["kind"], record["name"]): record["sha256"] for record in stored}
    for component in components:
        if hashes.get((component.kind, component.name)) != fingerprint(component):
            code = component.function.__code__
            raise RunDirectoryError(
                f'{place}: {component.kind} "{component.name}" has changed since the model was trained '
                f"(now {code.co_filename}:{code.co_firstlineno}); bring the old code back, or train anew"
            )


def fingerprint(component: Component) -> str:
    """The hash of a component's code; comments, docstrings, decorators and layout do not count."""
    text = "\n".join(map(_bare_code, _functions(component)))
    return hashlib.sha256(text.encode()).hexdigest()


def _functions(component: Component) -> list[Callable[..., Any]]:
    parts = (component.function, component.derivative, *component.slopes.values(), component.backward)
    return [part for part in parts if part is not None]


def _source(function: Callable[..., Any]) -> str:
    return textwrap.dedent(inspect.getsource(function)).rstrip()


def _bare_code(function: Callable[..., Any]) -> str:
    tree = ast.parse(_source(function))
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef)
    definition.decorator_list = []
    if ast.get_docstring(definition) is not None:
        definition.body = definition.body[1:] or [ast.Pass()]
    return ast.unparse(tree)
