"""Parses an author's function: its syntax tree, the meaning of its names, and errors with file and line."""

from __future__ import annotations

import ast
import builtins
import inspect
import textwrap
from collections import ChainMap
from typing import Any

from numbann.components.component import Function, arguments_of, place_of
from numbann.errors import PluginError

BITS = (ast.BitAnd, ast.BitOr, ast.BitXor, ast.LShift, ast.RShift, ast.MatMult)  # operators that are no arithmetic


class Parsed:
    """A parsed function.  path: the chain of calls that led to it, by which recursion is refused."""

    def __init__(self, function: Function, path: tuple[Function, ...] = ()) -> None:
        self.function, self.path = function, (*path, function)
        self.tree, self.place = _parse(function)
        self.locals = set(function.__code__.co_varnames)

    def refuse(self, node: ast.AST, reason: str) -> PluginError:
        """Return the error for a node."""
        return PluginError(f"{self.place}:{getattr(node, 'lineno', '?')}: {self.function.__name__}: {reason}")

    def not_a_statement(self, node: ast.stmt) -> PluginError:
        """Return the error for a statement that is not allowed in a component."""
        reason = f"{kind_of(node)} cannot be compiled; allowed are assignments, if, for over range, and return"
        return self.refuse(node, reason)

    def not_a_value(self, node: ast.expr) -> PluginError:
        """Return the error for an expression that is not allowed in a component."""
        reason = "cannot be compiled; allowed are numbers, arithmetic, comparisons and functions of math"
        return self.refuse(node, f"{kind_of(node)} {reason}")

    def not_arithmetic(self, node: ast.BinOp | ast.AugAssign) -> PluginError:
        """Return the error for an operator of anything but two numbers."""
        remedy = "; join comparisons by and, or" if isinstance(node.op, BITS) else ""
        return self.refuse(node, f"{ast.unparse(node)!r} is not arithmetic on two numbers{remedy}")

    def not_callable(self, node: ast.Call) -> PluginError:
        """Return the error for a call of anything but mathematics."""
        return self.refuse(
            node,
            f"{ast.unparse(node.func)!r} cannot be called in a component; allowed are abs, min, max, "
            "functions of math, and functions under the same rules"
            + ("; row_sum of numbann adds up a row" if self.meaning(node.func) is sum else ""),
        )

    def statements(self) -> list[ast.stmt]:
        """Return the body without the docstring."""
        if self.function.__code__.co_freevars:
            name = self.function.__code__.co_freevars[0]
            raise self.refuse(
                self.tree, f"{name!r} comes from an enclosing function; make it a parameter or a number of the module"
            )
        return self.tree.body[1:] if ast.get_docstring(self.tree) is not None else self.tree.body

    def loop_over(self, line: ast.For) -> tuple[str, ast.Call]:
        """Return a loop's variable, and the call of range that gives its values."""
        match line:
            case ast.For(target=ast.Name(id=index), iter=ast.Call(func=ast.Name(id="range")) as bounds, orelse=[]):
                return index, bounds
        raise self.refuse(line, "a loop must be: for k in range(...), without else")

    def meaning(self, node: ast.expr) -> Any:
        """Return what a global name, or module.name, stands for; None for any other expression."""
        match node:
            case ast.Name(id=name):
                scope = ChainMap(self.function.__globals__, vars(builtins))
                if name not in scope:
                    raise self.refuse(node, f"unknown name {name!r}")
                return scope[name]
            case ast.Attribute(value=owner, attr=name):
                local = isinstance(owner, ast.Name) and owner.id in self.locals
                module = self.meaning(owner) if isinstance(owner, ast.Name) and not local else None
                if not inspect.ismodule(module) or not hasattr(module, name):
                    reason = "is not a number or function of a module; a component gets numbers"
                    raise self.refuse(node, f"{ast.unparse(node)!r} {reason}")
                return getattr(module, name)
        return None

    def called(self, node: ast.Call) -> Any:
        """Return the function that a call names; recursion is refused."""
        if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
            raise self.refuse(node, "arguments of calls go by position")
        found = self.meaning(node.func)
        if found in self.path:
            raise self.refuse(node, f"{found.__name__} calls itself; recursion cannot be compiled; write a loop")
        if inspect.isfunction(found):
            known = arguments_of(found)
            node.args += [ast.copy_location(ast.Constant(it), node) for it in _left_out(found, len(node.args))]
            if len(node.args) != len(known):
                wrong = f"{found.__name__} takes {len(known)} arguments, not {len(node.args)}"
                raise self.refuse(node, f"{wrong}; give {', '.join(known)}")
        return found

    def number(self, node: ast.Name | ast.Attribute) -> bool | int | float:
        """Return the number that a name outside the function stands for."""
        found = self.meaning(node)
        if isinstance(found, (bool, int, float)):
            return found
        raise self.refuse(node, f"{ast.unparse(node)!r} is {type(found).__name__}, not a number")

    def check_element(self, node: ast.Subscript) -> None:
        """Refuse an element of a name outside the function, such as a tuple."""
        owner = node.value
        if isinstance(owner, ast.Attribute) or (isinstance(owner, ast.Name) and owner.id not in self.locals):
            fault = f"{ast.unparse(owner)!r} is {type(self.meaning(owner)).__name__}, not a row"
            raise self.refuse(node, f"{fault}; a component reads single numbers of its module: give each a name")


class _Plain(ast.NodeTransformer):
    """Takes the annotations of variables away: v: float = 0."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        """An assignment, if there is a value."""
        return node if node.value is None else ast.copy_location(ast.Assign([node.target], node.value), node)


def _left_out(function: Any, given: int) -> list[Any]:
    """Return the defaults of arguments that a call leaves out; empty if one of them is no number."""
    names, positional = arguments_of(function), function.__defaults__ or ()
    last = function.__code__.co_argcount
    defaults = dict(zip(names[last - len(positional) : last], positional, strict=True))
    left = [{**defaults, **(function.__kwdefaults__ or {})}.get(name) for name in names[given:]]
    return left if all(isinstance(it, (bool, int, float)) for it in left) else []


def _parse(function: Function) -> tuple[ast.FunctionDef, str]:
    """Return the syntax tree of a function, with line numbers of its file."""
    try:
        lines, first = inspect.getsourcelines(function)
        place = inspect.getsourcefile(function) or "?"
    except (OSError, TypeError) as error:
        raise PluginError(f"{place_of(function)}: its source cannot be read; define it in a file of UTF-8") from error
    tree = ast.parse(textwrap.dedent("".join(lines))).body[0]
    ast.increment_lineno(tree, first - 1)
    if not isinstance(tree, ast.FunctionDef):
        raise PluginError(f"{place}:{first}: a component is a function made with def, not {type(tree).__name__}")
    return _Plain().visit(tree), place


def kind_of(node: ast.AST) -> str:
    """Return a node's name for messages."""
    names = {
        ast.Expr: "a statement without effect (or a call such as print)",
        ast.While: "while",
        ast.Lambda: "lambda",
        ast.Constant: "None" if getattr(node, "value", "") is None else "text",
        ast.Raise: "raise",
        ast.Assert: "assert",
        ast.Import: "import",
        ast.ImportFrom: "import",
        ast.Delete: "del",
        ast.AnnAssign: "an annotation without a value",
        ast.FunctionDef: "a function within a function",
        ast.NamedExpr: "an assignment within an expression (:=)",
        ast.JoinedStr: "text",
        ast.ListComp: "list",
        ast.Subscript: "an element of an array",
        ast.UnaryOp: "the operator ~",
        ast.Compare: "a comparison by in or is",
    }
    return names.get(type(node), type(node).__name__.lower())
