"""The division of a function of rows among the lanes of a warp, by rewriting its statements, for CUDA.

All lanes call the function.  They execute the same statements on the same numbers, with two exceptions:

- A loop over a whole row is divided, one iteration to each lane in turn, if its iterations are independent: each
  touches only its own elements, reads no variable of another one, and beside that only adds to variables.  After the
  loop the lanes' sums are added.
- An element that any other statement stores is stored by one lane.

Barriers stand before and after each store of elements, so that no lane reads an element too early or too late.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from numbann.records import dataclass

BARRIER = "lanes.barrier()"


def divide(body: list[ast.stmt], known: set[str], cast: str) -> list[ast.stmt] | None:
    """Divide the statements of a function of rows; None if it is not one.

    A function of rows touches elements, or calls a reduction or a function of rows.  known: the names of those found so
    far.  cast: the name of the precision's type in the text.
    """
    of_rows = any(isinstance(part, ast.Subscript) or _calls(part, known) for part in _nodes(body))
    return _Divider(body, known, cast).divide_all(body) if of_rows else None


@dataclass(frozen=True)
class _Effects:
    """What a divisible loop writes beside elements: variables of one iteration, and sums over all."""

    variables: set[str]
    sums: set[str]


class _Divider:
    """Divides the body of one function."""

    def __init__(self, body: list[ast.stmt], known: set[str], cast: str) -> None:
        self.body, self.known, self.cast, self.count = body, known, cast, 0
        self.loops = [part for part in _nodes(body) if isinstance(part, ast.For)]
        shapes = ((loop, _effects_of(loop, known)) for loop in self.loops)
        self.effects = {id(loop): shape for loop, shape in shapes if shape is not None}
        self.chosen = {id(loop) for loop in self.loops if id(loop) in self.effects and self.is_alone(loop)}

    def is_alone(self, loop: ast.For) -> bool:
        """Whether nothing reads what a loop's last iteration leaves in its index and its variables.

        After a divided loop each lane has those of its own last iteration.
        """
        alike = [one for one in self.loops if _index(one) == _index(loop)]
        if any(one is not loop and any(part is loop for part in ast.walk(one)) for one in alike):
            return False
        return not self.is_used_outside(_index(loop), alike) and not any(
            self.is_used_outside(name, [one for one in self.loops if name in self.variables(one)])
            for name in self.variables(loop)
        )

    def variables(self, loop: ast.For) -> set[str]:
        """The variables of one iteration, if the loop is divisible."""
        return self.effects[id(loop)].variables if id(loop) in self.effects else set()

    def is_used_outside(self, name: str, loops: list[ast.For]) -> bool:
        """Whether a name is used outside these loops, each of which sets it before reading it."""
        inside = {id(part) for loop in loops for part in _nodes([loop.target, *loop.body])}
        return any(_is_name(part, name) and id(part) not in inside for part in _nodes(self.body))

    def divide_all(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """Divide statements, and join barriers that follow each other."""
        made: list[ast.stmt] = []
        for line in (new for old in body for new in self.divide_one(old)):
            if not (made and ast.unparse(line) == ast.unparse(made[-1]) == BARRIER):
                made.append(line)
        return made

    def divide_one(self, node: ast.stmt) -> list[ast.stmt]:
        """Divide one statement."""
        match node:
            case ast.For() if id(node) in self.chosen:
                return self.divide_loop(node, self.effects[id(node)].sums)
            case ast.For():
                node.body = self.divide_all(node.body)
            case ast.If():
                node.body, node.orelse = self.divide_all(node.body), self.divide_all(node.orelse)
            case ast.AugAssign(target=ast.Subscript() as element):
                return [_put(element, ast.BinOp(element, node.op, node.value))]
            case ast.Assign() if any(isinstance(part, ast.Subscript) for part in _nodes(node.targets)):
                leaves: list[ast.expr] = []
                held = [self.hold(target, leaves) for target in node.targets]
                stores = [_store(leaf, f"held_{self.count - len(leaves) + k + 1}") for k, leaf in enumerate(leaves)]
                return [_fix(ast.Assign(held, node.value)), *stores]
        return [node]

    def hold(self, target: ast.expr, leaves: list[ast.expr]) -> ast.expr:
        """Replace each name or element that an assignment sets by a new variable, and collect them in leaves."""
        if isinstance(target, ast.Tuple):
            return ast.Tuple([self.hold(item, leaves) for item in target.elts])
        leaves.append(target)
        self.count += 1
        return ast.Name(f"held_{self.count}")

    def divide_loop(self, node: ast.For, sums: set[str]) -> list[ast.stmt]:
        """Divide a loop: each lane runs its iterations, and then the lanes add their sums."""
        index, stores = _index(node), False
        for part in _nodes(node.body):
            if isinstance(part, ast.Subscript):
                stores |= isinstance(part.ctx, ast.Store)
                part.slice = ast.Name(f"{index}_at") if _is_name(part.slice, index) else part.slice
            elif isinstance(part, ast.Name) and part.id in sums:
                part.id = _local(part.id)
        count = ast.unparse(node.iter).replace("range", "lanes.share", 1)
        (loop,) = _parse(f"for {_local(index)} in range({count}): {index}_at = lanes.element({_local(index)})")
        assert isinstance(loop, ast.For)
        loop.body += [*_parse(f"{index} = np.int64({index}_at)"), *node.body]
        before = [line for name in sorted(sums) for line in _parse(f"{_local(name)} = {self.cast}(0)")]
        after = [line for name in sorted(sums) for line in _parse(f"{name} += lanes.reduce_sum({_local(name)})")]
        barrier = _parse(BARRIER) if stores else []
        return [*before, *barrier, loop, *barrier, *after]


# ---- loops that can be divided


def _effects_of(loop: ast.For, known: set[str]) -> _Effects | None:
    """What a loop writes beside elements if it is divisible, else None."""
    match loop.iter:
        case ast.Call(args=[ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=row)])]):
            elements = {_index(loop), f"{_index(loop)} + len({row})"}
        case _:
            return None
    parts = list(_nodes(loop.body))
    if any(isinstance(part, ast.Subscript) and ast.unparse(part.slice) not in elements for part in parts):
        return None
    if any(isinstance(part, ast.For | ast.Return) or _calls(part, known) for part in parts):
        return None
    added = [part for part in parts if isinstance(part, ast.AugAssign) and isinstance(part.target, ast.Name)]
    sums = {ast.unparse(part.target) for part in added}
    names = [part for part in parts if isinstance(part, ast.Name)]
    read = sum(part.id in sums for part in names) > len(added)
    if read or any(not isinstance(part.op, ast.Add | ast.Sub) for part in added):
        return None
    variables = {part.id for part in names if isinstance(part.ctx, ast.Store)} - sums
    if _index(loop) in variables | sums or _read_first(loop.body, variables):
        return None
    return _Effects(variables, sums)


def _read_first(lines: list[ast.stmt], variables: set[str]) -> bool:
    """Whether a variable may be read before a top-level statement has set it."""
    missing = set(variables)
    for line in lines:
        names = [part for part in ast.walk(line) if isinstance(part, ast.Name)]
        if any(part.id in missing and isinstance(part.ctx, ast.Load) for part in names):
            return True
        if isinstance(line, ast.Assign):
            missing -= {part.id for part in names if isinstance(part.ctx, ast.Store)}
    return bool(missing)


def _index(loop: ast.For) -> str:
    return ast.unparse(loop.target)


# ---- parts of the text


def _nodes(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    return (part for node in nodes for part in ast.walk(node))


def _is_name(part: ast.AST, name: str) -> bool:
    return isinstance(part, ast.Name) and part.id == name


def _calls(part: ast.AST, known: set[str]) -> bool:
    """Whether a node calls a reduction, or one of the known functions."""
    if not isinstance(part, ast.Call):
        return False
    name = ast.unparse(part.func)
    return name.startswith("rows.") or name in known


def _local(name: str) -> str:
    """The name of a lane's part of a sum."""
    return f"{name}_of_lane"


def _store(leaf: ast.expr, held: str) -> ast.stmt:
    """The statement that assigns a held variable to a name or an element."""
    return _put(leaf, ast.Name(held)) if isinstance(leaf, ast.Subscript) else _fix(ast.Assign([leaf], ast.Name(held)))


def _put(element: ast.Subscript, value: ast.expr) -> ast.stmt:
    return _fix(ast.Expr(ast.Call(_expression("lanes.put"), [element.value, element.slice, value], [])))


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _parse(text: str) -> list[ast.stmt]:
    return ast.parse(text).body


def _fix(node: ast.stmt) -> ast.stmt:
    """Add line numbers, without which statements do not become text."""
    return ast.fix_missing_locations(node)
