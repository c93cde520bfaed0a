"""The source of a component as a module that stands alone: its functions, and all that they reach.  It runs none.

Functions of the component's own distribution are written out, as are the numbers of their modules; what comes from
elsewhere is imported.  Comments, docstrings and layout are left out, so that they do not count as a change.
"""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import linecache
import math
import sys
import textwrap
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from numbann.component import Component, freeze
from numbann.errors import PluginError

OURS = ("numbann.component", "numbann.hookspecs", "numbann.rows")  # what they define is imported


@functools.cache
def module_of(component: Component) -> str:
    """The text of a module in which the component's functions do what they do here."""
    written = _Written(component.function.__module__.partition(".")[0])
    written.add(component.function)
    for part in (component.derivative, *component.slopes.values(), component.backward):
        if part is not None:
            written.write(part)  # nothing calls it by its name, which may be that of another one
    return "\n".join(["from __future__ import annotations", *sorted(written.imports), *written.texts]) + "\n"


def component_of(text: str, kind: str, name: str, place: str) -> Component:
    """Run such a text and give the component of a kind and name that it declares.

    It runs code: ask for it only where its origin is trusted.  place: where the text comes from, for messages.
    """
    file = f"<{name} of {place}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)  # its source can then be read
    module = ModuleType(f"numbann_kept_{name}")
    module.__file__ = file
    sys.modules[module.__name__] = module
    try:
        exec(compile(text, file, "exec"), module.__dict__)
        found = [freeze(value) for value in vars(module).values() if hasattr(value, "__numbann__")]
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"
        raise PluginError(f"{place}: the source kept of {name} does not run: {cause}") from error
    for component in found:
        if (component.kind, component.name) == (kind, name):
            return component
    raise PluginError(f"{place}: the source kept of {name} declares no component of that name")


class _Written:
    """Imports, and definitions in an order in which they can be executed; `package`: whose functions are written."""

    def __init__(self, package: str) -> None:
        self.package = package
        self.imports: set[str] = set()
        self.texts: list[str] = []
        self._known: dict[str, Any] = {}

    def add(self, function: Callable[..., Any]) -> None:
        """A function that is called by its name, once."""
        if self._is_new(function.__name__, function):
            self.write(function)

    def write(self, function: Callable[..., Any]) -> None:
        """A function, after all that it reaches."""
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        definition = tree.body[0]
        if not isinstance(definition, ast.FunctionDef):
            raise PluginError(f"{function.__name__}: a component is a function made with def")
        local = function.__code__.co_varnames
        self._reach(definition, {name: value for name, value in function.__globals__.items() if name not in local})
        if ast.get_docstring(definition) is not None:
            definition.body = definition.body[1:] or [ast.Pass()]
        self.texts.append(ast.unparse(definition))

    def _reach(self, tree: ast.AST, scope: dict[str, Any]) -> None:
        """Everything in a module's scope that a tree names."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id in scope and not hasattr(builtins, node.id):
                self._name(node.id, scope)

    def _name(self, name: str, scope: dict[str, Any]) -> None:
        """One name of a module's scope."""
        value = scope[name]
        if isinstance(value, ModuleType):
            self.imports.add(_as(f"import {value.__name__}", value.__name__, name))
        elif isinstance(value, FunctionType) and self._is_own(value.__module__):
            self.add(value)
            if value.__name__ != name and self._is_new(name, value):
                self.texts.append(f"{name} = {value.__name__}")
        elif isinstance(value, FunctionType | BuiltinFunctionType | type):
            self.imports.add(_as(f"from {value.__module__} import {value.__name__}", value.__name__, name))
        elif type(value) in (int, float, bool, str, type(None)):
            if self._is_new(name, value):
                self.texts.append(f"{name} = {_literal(value)}")
        else:
            self._assigned(name, scope)

    def _assigned(self, name: str, scope: dict[str, Any]) -> None:
        """A name of another kind: one of numbann's, or whatever the module assigns to it."""
        ours = next((module for module in OURS if getattr(sys.modules.get(module), name, None) is scope[name]), None)
        if ours is not None:
            self.imports.add(f"from {ours} import {name}")
            return
        if not self._is_new(name, scope[name]):
            return
        for node in ast.parse(inspect.getsource(sys.modules[scope["__name__"]])).body:
            if isinstance(node, ast.ImportFrom) and name in (alias.asname or alias.name for alias in node.names):
                self.imports.add(ast.unparse(node))
                return
            if isinstance(node, ast.Assign) and name in map(ast.unparse, node.targets):
                self._reach(node.value, scope)
                self.texts.append(ast.unparse(node))
                return
        raise PluginError(f"{scope['__name__']}: where {name!r} comes from cannot be told; define it in that module")

    def _is_own(self, module: str) -> bool:
        """Whether a module's functions are written out."""
        return module.partition(".")[0] in (self.package, "numbann") and module not in OURS

    def _is_new(self, name: str, value: Any) -> bool:
        """Note a name; whether it was not known.  PluginError if it was something else."""
        if name not in self._known:
            self._known[name] = value
            return True
        known = self._known[name]
        if known is not value and not (type(known) is type(value) and repr(known) == repr(value)):
            raise PluginError(f"{name!r} means two things in the modules of a component; rename one of them")
        return False


def _as(line: str, name: str, alias: str) -> str:
    return line if name == alias else f"{line} as {alias}"


def _literal(value: Any) -> str:
    """A constant as Python writes it."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    return repr(value)
