"""Writes the source of a component as a self-contained module: its functions and everything that they use.

Functions and constants of the component's own package are written out, and so are those of modules that nobody has
installed.  Public names of numbann are imported from `numbann`, all others from the module that defines them.
Comments, docstrings and layout are left out.
"""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
import math
import sys
import textwrap
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from importlib.util import resolve_name
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import numbann
from numbann.components.component import Component
from numbann.components.declare import freeze
from numbann.components.parameter import LearnableMark, Parameter
from numbann.errors import PluginError
from numbann.plugins.distributions import is_installed

UNSEEN = (
    "ctx",
    "kind",
    "type_comment",
    "type_params",
)  # fields of syntax trees that say nothing about what is computed


@functools.cache
def module_of(component: Component) -> str:
    """Return the text of a module in which the component's functions compute the same as here."""
    writer = _Writer(component.function.__module__.partition(".")[0])
    writer.add(component.function)
    terms = [term.function for term in component.terms]  # which decorators of their derivatives name
    for part in list(_parts(component).values())[1:]:
        if part in terms:
            writer.add(part)
        else:
            writer.write(part)  # not `add`: nothing calls it by name, and another part may have the same name
    texts = [ast.unparse(definition) for definition in writer.definitions]
    return "\n".join(["from __future__ import annotations", *sorted(writer.imports.values()), *texts]) + "\n"


def describe(component: Component) -> list[Any]:
    """Describe what a component computes, as JSON values that depend neither on the Python version nor on the module.

    The description holds the kind, form, traits and parameters, and the syntax trees of everything that the functions
    use.  It holds no module names of the component's distribution, and no annotations or decorators, whose effects
    stand in parameters and traits.
    """
    writer = _Writer(component.function.__module__.partition(".")[0], bare=True)
    parts = [[role, *canonical(writer.part(part))] for role, part in _parts(component).items()]
    parameters = [[*_described(parameter, writer)] for parameter in component.parameters]
    reached = [canonical(definition) for definition in writer.definitions]
    traits = sorted(item for item in component.traits.items() if item[0] != "probabilities")  # it changes no number
    return [component.kind, component.form, traits, parameters, parts, reached, sorted(writer.imports.values())]


def _described(parameter: Parameter, writer: _Writer) -> Iterator[Any]:
    """Yield what defines a parameter; how it is trained only where that is not the plain way."""
    mark = parameter.learnable
    yield from (parameter.name, getattr(parameter.type, "__name__", ""), repr(parameter.default), mark is not None)
    if mark is not None and mark != LearnableMark():
        yield [repr(getattr(mark, one.name)) for one in fields(mark) if one.name != "start"]
        yield canonical(writer.part(mark.start)) if mark.start is not None else None


def canonical(node: Any) -> Any:
    """Return a syntax tree as nested lists, without line numbers and without what differs between Python versions."""
    if isinstance(node, ast.Constant):
        return ["Constant", f"{type(node.value).__name__} {node.value!r}"]
    if isinstance(node, ast.AST):
        fields = [(name, value) for name, value in ast.iter_fields(node) if name not in UNSEEN]
        return [type(node).__name__, *([name, canonical(value)] for name, value in fields if value not in (None, []))]
    return [canonical(item) for item in node] if isinstance(node, list) else node


def _parts(component: Component) -> dict[str, Callable[..., Any]]:
    """Return the functions of a component by their roles, the main one first."""
    slopes = {f"derivative to {name}": slope for name, slope in component.slopes.items()}
    found = {"function": component.function, "derivative": component.derivative, **slopes}
    last = {"backward": component.backward, "gives": component.gives}
    last |= {f"each {name}": part for name, part in component.each.items()}
    for k, term in enumerate(component.terms):
        last[f"term {k}"] = term.function
        last |= {f"term {k} to {name}": part for name, part in term.slopes.items()}
    return {role: part for role, part in {**found, **last}.items() if part is not None}


def component_of(text: str, kind: str, name: str, place: str) -> Component:
    """Run the text of a module and return the component of a kind and name that it declares.

    This runs code: call it only for a text whose origin is trusted.  place: where the text comes from, for messages.
    """
    number = f"{zlib.crc32(text.encode()):08x}"  # since two plugins may have one name
    file = f"<{name} {number} of {place}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)  # so that inspect finds the source
    module = ModuleType(f"numbann_kept_{name}_{number}")
    module.__file__ = file
    sys.modules[module.__name__] = module
    try:
        exec(compile(text, file, "exec"), module.__dict__)
        found = [freeze(value) for value in vars(module).values() if hasattr(value, "__numbann__")]
    except (Exception, SystemExit) as error:
        cause = f"{type(error).__name__}: {error}"
        raise PluginError(f"{place}: the source kept of {name} does not run: {cause}") from error
    for component in found:
        if (component.kind, component.name) == (kind, name):
            return component
    raise PluginError(f"{place}: the source kept of {name} declares no component of that name")


class _Writer:
    """Collects imports and definitions, in an order in which they can be executed.

    package: the package whose functions are written out.  bare: leave out annotations and the decorators of components.
    """

    def __init__(self, package: str, bare: bool = False) -> None:
        self.package, self.bare = package, bare
        self.imports: dict[str, str] = {}
        self.definitions: list[ast.stmt] = []
        self._known: dict[str, Any] = {}

    def add(self, function: Callable[..., Any]) -> None:
        """Write a function that is called by its name, once."""
        if self._is_new(function.__name__, function):
            self.write(function)

    def write(self, function: Callable[..., Any]) -> None:
        """Write a function, after everything that it uses."""
        found = _tree(function)
        if self.bare and hasattr(function, "__numbann__"):
            found.decorator_list = []
        self.definitions.append(self._complete(found, _globals(function)))

    def part(self, function: Callable[..., Any]) -> ast.stmt:
        """Return the definition of a part of a component, without the decorator and the name, which do not compute."""
        found = _tree(function)
        found.decorator_list, found.name = [], ""
        return self._complete(found, _globals(function))

    def _write_class(self, one: type) -> None:
        """Write a class, after everything that it uses."""
        self.definitions.append(self._complete(_tree(one), vars(sys.modules[one.__module__])))

    def _complete(self, tree: ast.stmt, scope: Mapping[str, Any]) -> ast.stmt:
        """Write everything that a definition uses, and return the definition."""
        if self.bare:
            _strip(tree)
        self._reach(tree, scope)
        return tree

    def _reach(self, tree: ast.stmt, scope: Mapping[str, Any]) -> None:
        """Write everything in a module's scope that a tree names; MODULE.NAME becomes one name in it."""
        members = _Members(self.writes, scope)
        members.visit(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id in members.found:
                self._write_member(node.id, *members.found[node.id])
            elif isinstance(node, ast.Name) and node.id in scope:
                self._write_name(node.id, scope)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                self._check_import(node, scope)

    def _check_import(self, node: ast.Import | ast.ImportFrom, scope: Mapping[str, Any]) -> None:
        """Refuse an import in a function, of code that would have to be written."""
        names = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            names = [resolve_name("." * node.level + (node.module or ""), scope["__package__"] or None)]
        for name in filter(self.writes, names):
            raise PluginError(f"{scope['__name__']}: imports {name} within a function; import it above all functions")

    def _write_member(self, name: str, module: ModuleType, member: str) -> None:
        """Write a member of a module under another name."""
        if module is numbann and member in numbann.HOMES:  # which are no members before they are used
            self._import(f"from numbann import {member}", member, name)
            return
        if member not in vars(module):
            raise PluginError(
                f"{module.__name__}: where {member!r} comes from cannot be told; define it in that module"
            )
        self._write_name(name, vars(module), member)

    def _write_name(self, name: str, scope: Mapping[str, Any], original: str = "") -> None:
        """Write one name of a module's scope.  original: what it is called there, if not so."""
        value = scope[original or name]
        public = _public(value)
        if public:
            self._import(f"from numbann import {public}", public, name)
        elif isinstance(value, ModuleType):
            if self.writes(value.__name__):
                raise PluginError(f"{scope['__name__']}: uses the module {name!r} itself; write {name}.NAME there")
            self._import(f"import {value.__name__}", value.__name__, name)
        elif isinstance(value, FunctionType) and self.writes(value.__module__):
            self.add(value)
            if value.__name__ != name and self._is_new(name, value):
                self._define(name, value.__name__)
        elif isinstance(value, type) and self.writes(value.__module__):
            if self._is_new(value.__name__, value):
                self._write_class(value)
            if value.__name__ != name and self._is_new(name, value):
                self._define(name, value.__name__)
        elif isinstance(value, FunctionType | BuiltinFunctionType | type):
            self._import(f"from {value.__module__} import {value.__name__}", value.__name__, name)
        elif type(value) in (int, float, bool, str, type(None)):
            if self._is_new(name, value):
                self._define(name, _literal(value))
        elif self._is_new(name, value):
            if original:
                self._write_name(original, scope)
                self._define(name, original)
            else:
                self._write_assignment(name, scope)

    def _write_assignment(self, name: str, scope: Mapping[str, Any]) -> None:
        """Write the statement that assigns to a name, or imports it, as it stands in the module."""
        for node in ast.parse(_text(scope)).body:
            if isinstance(node, ast.Assign) and name in map(ast.unparse, node.targets):
                value = ast.Expr(node.value)
                self._reach(value, scope)
                node.value = value.value
                self.definitions.append(node)
                return
            if isinstance(node, ast.ImportFrom):
                alias = next((alias for alias in node.names if name == (alias.asname or alias.name)), None)
                if alias is not None:
                    module = resolve_name("." * node.level + (node.module or ""), scope["__package__"] or None)
                    self._write_import(module, alias.name, name)
                    return
        raise PluginError(f"{scope['__name__']}: where {name!r} comes from cannot be told; define it in that module")

    def _write_import(self, module: str, original: str, name: str) -> None:
        """Write a name that a module imports: its assignment in the distribution's other module, or an import."""
        if not self.writes(module):
            self._import(f"from {module} import {original}", original, name)
            return
        self._write_assignment(original, vars(sys.modules[module]))
        if original != name:
            self._define(name, original)

    def _import(self, line: str, original: str, name: str) -> None:
        self.imports[name] = line if original == name else f"{line} as {name}"

    def _define(self, name: str, text: str) -> None:
        self.definitions.append(ast.parse(f"{name} = {text}").body[0])

    def writes(self, module: str) -> bool:
        """Tell whether a module's functions are written out."""
        return module.partition(".")[0] in (self.package, "numbann") or not is_installed(module)

    def _is_new(self, name: str, value: Any) -> bool:
        """Note a name, and tell whether it is new.  PluginError if it already stands for something else."""
        if name not in self._known:
            self._known[name] = value
            return True
        known = self._known[name]
        if known is not value and not (type(known) is type(value) and repr(known) == repr(value)):
            raise PluginError(f"{name!r} means two things in the modules of a component; rename one of them")
        return False


class _Members(ast.NodeTransformer):
    """Replaces MODULE.NAME by one name, for modules whose functions are written out; `found` has the two for it."""

    def __init__(self, writes: Callable[[str], bool], scope: Mapping[str, Any]) -> None:
        self.found: dict[str, tuple[ModuleType, str]] = {}
        self._writes, self._scope = writes, scope

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """Replace a member of a module, which may be a module itself that has one."""
        self.generic_visit(node)
        if not isinstance(node.value, ast.Name) or not isinstance(node.ctx, ast.Load):
            return node
        module = self._value(node.value.id)
        if not isinstance(module, ModuleType) or not self._writes(module.__name__):
            return node
        name = f"{node.value.id}__{node.attr}"
        self.found[name] = module, node.attr
        return ast.Name(name, node.ctx)

    def _value(self, name: str) -> Any:
        """Return what a name stands for."""
        module, member = self.found.get(name, (None, name))
        return (self._scope if module is None else vars(module)).get(member)


def _public(value: Any) -> str | None:
    """Return the public name of a value in numbann, or None; modules not yet imported cannot hold the value."""
    homes = ((name, sys.modules.get(module)) for name, module in numbann.HOMES.items())
    return next((name for name, module in homes if module is not None and vars(module).get(name) is value), None)


def _text(scope: Mapping[str, Any]) -> str:
    """Return the source of the module that has a scope, which need not be the one that its name stands for now."""
    linecache.checkcache(scope["__file__"])
    return "".join(linecache.getlines(scope["__file__"]))


def _globals(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the global names that a function can see, with their values."""
    local = function.__code__.co_varnames
    return {name: value for name, value in function.__globals__.items() if name not in local}


def _tree(definition: Any) -> ast.FunctionDef | ast.ClassDef:
    """Return the syntax tree of a function or a class without docstrings."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(definition))).body[0]
    if not isinstance(tree, ast.FunctionDef | ast.ClassDef):
        raise PluginError(f"{definition.__name__}: a component is a function made with def")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return tree


def _strip(tree: ast.stmt) -> None:
    """Remove all annotations from a tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)


def _literal(value: Any) -> str:
    """Write a constant as Python source."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    return repr(value)
