"""Reads an author's function as the expression that it computes, without variables, branches and helpers.

An `if` becomes a choice, and a called function is read in place of the call.  A loop over a constant range is unrolled;
any other loop stays a loop over symbols.  The order of the author's operations is kept.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import math
import operator
from collections.abc import Callable, Iterator, Mapping

from numbann.components.component import arguments_of
from numbann.derivation.rules import KNOWN
from numbann.derivation.syntax import Function, Parsed
from numbann.derivation.terms import Number, Term, Terms
from numbann.mathematics.functions import stop_gradient

Value = Term | tuple["Value", ...]
Variables = dict[str, Value]

BINARY = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
    ast.FloorDiv: ("//", operator.floordiv),
    ast.Mod: ("%", operator.mod),
    ast.Pow: ("**", operator.pow),
}
UNARY: dict[type[ast.unaryop], tuple[str, Callable[..., Number]]] = {
    ast.USub: ("neg", operator.neg),
    ast.Not: ("not", operator.not_),
}
COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
MOST_ROUNDS = 256  # of all loops together


def read(terms: Terms, function: Function) -> Term:
    """Return what a function of numbers computes, in terms of its arguments."""
    reader = Reader(terms, function)
    result = reader.of({})
    if isinstance(result, tuple):
        raise reader.refuse(reader.tree, "returns several numbers; only one can be derived")
    return result


def read_all(terms: Terms, function: Function, given: Mapping[str, Number]) -> tuple[Term, ...]:
    """Return the numbers that a function computes, one or several, where some of its arguments are given."""
    result = Reader(terms, function).of({name: terms.of(number) for name, number in given.items()})
    flat = result if isinstance(result, tuple) else (result,)
    return tuple(term for term in flat if isinstance(term, Term))


class Reader(Parsed):
    """Reads one function, for the values of its arguments."""

    def __init__(self, terms: Terms, function: Function, path: tuple[Function, ...] = ()) -> None:
        super().__init__(function, path)
        self.terms, self.rounds = terms, 0

    def of(self, given: Variables) -> Value:
        """Return what the function returns, in terms of its arguments but those that are given."""
        names = [argument.arg for argument in (*self.tree.args.args, *self.tree.args.kwonlyargs)]
        return self.result({name: given.get(name, self.terms.argument(name)) for name in names})

    def result(self, variables: Variables) -> Value:
        """Return what the function returns."""
        found = self.run(self.statements(), variables)
        if found is None:
            raise self.refuse(self.tree, "does not return a value on every path")
        return found

    # ---- statements

    def run(self, lines: list[ast.stmt], variables: Variables) -> Value | None:
        """Execute statements, which change the variables, up to a return."""
        for place, line in enumerate(lines):
            rest = lines[place + 1 :]
            match line:
                case ast.Return():
                    if line.value is None:
                        raise self.refuse(line, "return without a value; return one on every path")
                    return self.value(line.value, variables)
                case ast.Assign():
                    value = self.value(line.value, variables)
                    for target in line.targets:
                        self.assign(target, value, variables)
                case ast.AugAssign(target=ast.Name() as target):
                    left, right = self.variable(target, variables), self.value(line.value, variables)
                    variables[target.id] = self.binary(line, left, right)
                case ast.If():
                    test = self.number_of(line.test, variables)
                    if test.is_number():
                        return self.run([*(line.body if test.value else line.orelse), *rest], variables)
                    if _returns(line):
                        return self.both(test, [*line.body, *rest], [*line.orelse, *rest], variables)
                    self.branch(test, line, variables)
                case ast.For():
                    index, given = self.loop_over(line)
                    bounds = [self.number_of(bound, variables) for bound in given.args]
                    if all(bound.is_number() for bound in bounds):
                        return self.run([*self.unrolled(line, bounds), *rest], variables)
                    self.loop(line, index, bounds, variables)
                case ast.Pass():
                    pass
                case _:
                    raise self.not_a_statement(line)
        return None

    def both(self, test: Term, yes: list[ast.stmt], no: list[ast.stmt], variables: Variables) -> Value | None:
        """Return what the two branches of an `if` return."""
        found = [self.run(lines, dict(variables)) for lines in (yes, no)]
        if found[0] is None or found[1] is None:
            return None
        return self.choice(test, found[0], found[1])

    def branch(self, test: Term, line: ast.If, variables: Variables) -> None:
        """Set the variables after an `if` without return; one that only one branch sets becomes unset."""
        yes, no = dict(variables), dict(variables)
        self.run(line.body, yes)
        self.run(line.orelse, no)
        variables.clear()
        variables.update({name: self.choice(test, yes[name], no[name]) for name in yes if name in no})

    def choice(self, test: Term, yes: Value, no: Value) -> Value:
        """Choose between two values, number by number."""
        if isinstance(yes, Term) and isinstance(no, Term):
            return self.terms.choice(test, yes, no)
        if isinstance(yes, tuple) and isinstance(no, tuple) and len(yes) == len(no):
            return tuple(self.choice(test, *pair) for pair in zip(yes, no, strict=True))
        raise self.refuse(self.tree, "gives now one number, now several")

    def unrolled(self, line: ast.For, bounds: list[Term]) -> Iterator[ast.stmt]:
        """Yield the statements of a loop over constants, once per round, with its variable set."""
        rounds = range(*(int(bound.value) for bound in bounds))
        self.rounds += len(rounds)
        if self.rounds > MOST_ROUNDS:
            raise self.refuse(line, f"more than {MOST_ROUNDS} rounds of loops are not derived; give the derivative")
        for k in rounds:
            yield ast.copy_location(ast.Assign([line.target], ast.copy_location(ast.Constant(k), line)), line)
            yield from line.body

    def loop(self, line: ast.For, own: str, bounds: list[Term], variables: Variables) -> None:
        """Set the variables after a loop with an unknown number of rounds; those first set inside become unset."""
        if _returns(line):
            raise self.refuse(line, "a return in a loop over a range that is not constant cannot be derived")
        stored = (node.id for node in ast.walk(line) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
        states = {name: variables[name] for name in dict.fromkeys(stored) if name in variables}
        starts = [start for start in states.values() if isinstance(start, Term)]
        if len(starts) < len(states) or own in states:
            raise self.refuse(line, "a loop over a range that is not constant changes numbers only, not its own index")
        index, symbols = self.terms.symbol(), [self.terms.symbol() for _ in states]
        inside: Variables = {**variables, own: index, **dict(zip(states, symbols, strict=True))}
        self.run(line.body, inside)
        results = [self.number_of(ast.copy_location(ast.Name(name, ast.Load()), line), inside) for name in states]
        variables.update(zip(states, self.terms.loop(bounds, index, symbols, starts, results), strict=True))

    def assign(self, target: ast.expr, value: Value, variables: Variables) -> None:
        """Set a variable, or several."""
        match target:
            case ast.Name():
                variables[target.id] = value
            case ast.Tuple() if isinstance(value, tuple) and len(value) == len(target.elts):
                for part, one in zip(target.elts, value, strict=True):
                    self.assign(part, one, variables)
            case _:
                raise self.refuse(target, f"cannot assign to {ast.unparse(target)!r}")

    # ---- expressions

    def value(self, node: ast.expr, variables: Variables) -> Value:
        """Return the value of an expression."""
        terms = self.terms
        match node:
            case ast.Constant(value=bool() | int() | float() as number):
                return terms.of(number)
            case ast.Name():
                return self.variable(node, variables)
            case ast.Attribute():
                return terms.of(self.number(node))
            case ast.Tuple():
                return tuple(self.value(item, variables) for item in node.elts)
            case ast.BinOp():
                return self.binary(node, self.value(node.left, variables), self.value(node.right, variables))
            case ast.UnaryOp(op=ast.UAdd()):
                return self.number_of(node.operand, variables)
            case ast.UnaryOp(op=ast.USub() | ast.Not() as sign):
                return self.operation(*UNARY[type(sign)], self.number_of(node.operand, variables))
            case ast.BoolOp():
                parts = [self.number_of(part, variables) for part in node.values]
                return terms.make("and" if isinstance(node.op, ast.And) else "or", *parts)
            case ast.Compare():
                return self.compared(node, variables)
            case ast.IfExp():
                test = self.number_of(node.test, variables)
                return self.choice(test, self.value(node.body, variables), self.value(node.orelse, variables))
            case ast.Call():
                return self.call(node, variables)
            case ast.Subscript():
                self.check_element(node)
        raise self.not_a_value(node)

    def number_of(self, node: ast.expr, variables: Variables) -> Term:
        """Return the value of an expression that is one number."""
        found = self.value(node, variables)
        if isinstance(found, tuple):
            raise self.refuse(node, "several numbers where one is needed")
        return found

    def variable(self, node: ast.Name, variables: Variables) -> Value:
        """Return a variable, or a number of the module."""
        if node.id in variables:
            return variables[node.id]
        if node.id in self.locals:
            raise self.refuse(node, f"{node.id!r} is not set on every path that leads here; set it before")
        return self.terms.of(self.number(node))

    def binary(self, node: ast.BinOp | ast.AugAssign, left: Value, right: Value) -> Term:
        """Return an operation on two numbers; an operation on two literals is evaluated."""
        if type(node.op) not in BINARY or isinstance(left, tuple) or isinstance(right, tuple):
            raise self.not_arithmetic(node)
        return self.operation(*BINARY[type(node.op)], left, right)

    def operation(self, name: str, operate: Callable[..., Number], *operands: Term) -> Term:
        """An operation; on literals alone it is done at once."""
        if all(operand.is_number() for operand in operands):
            with contextlib.suppress(ArithmeticError):
                return self.terms.of(operate(*(operand.value for operand in operands)))
        return self.terms.make(name, *operands)

    def compared(self, node: ast.Compare, variables: Variables) -> Term:
        """Return a comparison, or a chain of comparisons."""
        found = [self.number_of(part, variables) for part in (node.left, *node.comparators)]
        if not all(type(relation) in COMPARISONS for relation in node.ops):
            raise self.not_a_value(node)
        tests = [
            self.terms.make(COMPARISONS[type(relation)], left, right)
            for relation, left, right in zip(node.ops, found[:-1], found[1:], strict=True)
        ]
        return tests[0] if len(tests) == 1 else self.terms.make("and", *tests)

    def call(self, node: ast.Call, variables: Variables) -> Value:
        """Return a call of a function of math, or the expression of any other function for these arguments."""
        found = self.called(node)
        arguments = [self.value(argument, variables) for argument in node.args]
        if inspect.isfunction(found) and found is not stop_gradient:
            inner = Reader(self.terms, found, self.path)
            return inner.result(dict(zip(arguments_of(found), arguments, strict=True)))
        numbers = [argument for argument in arguments if isinstance(argument, Term)]
        of_math = found is not None and getattr(math, getattr(found, "__name__", ""), None) is found
        if len(numbers) < len(arguments) or not (of_math or found in KNOWN):
            raise self.not_callable(node)
        if found not in KNOWN:
            refusal = self.refuse(node, f"the derivative of {ast.unparse(node)!r} is not known; give the derivative")
            self.terms.refusals.setdefault(found, refusal)
        return self.terms.call(found, *numbers)


def _returns(line: ast.stmt) -> bool:
    return any(isinstance(part, ast.Return) for part in ast.walk(line))
