"""Kernels of functions of whole rows on the CPU: losses, and activations forward and back.

All rows of a block go through a part of the function (parts.py) before the next one.  The names that a part gives wait
in memory, a number for each row.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from numbann.compile.parts import NUMBERS, RESULT, ROW
from numbann.compile.precision import Lowered
from numbann.compile.text import DRAW, DRAWS, NO_DRAW, call_of, parameters_of, variable_of, vectors_of
from numbann.components.component import Component, arguments_of

KERNEL = """def kernel(op, first, last, step, scratch):
    prefer_wide()
    outputs, lanes = op.OUTPUTS, lanes_like(op.PARAMETERS)
{parameters}
{given}
{kept}
    most = max(1, min({together}, {near} // {row}))
    for start in range(first, last, most):
        count = min(most, last - start)
{turns}
"""
TURN = """        for n in range(count):
            r = start + n
{found}
{lines}"""
TURN_OF_NUMBERS = """        r = start
{found}
        for n in range(np.uintp((count + lanes - 1) & -lanes)):
{lines}"""
TOGETHER, NEAR = 64, 2048  # the most rows in a block, and the most numbers: they stay in the first-level cache

OF_LOSS = """    {batch}
    order, base = advance(op.ORDER, op.MOVES * step[START]), (1 - op.MOVES) * step[START]
    losses = view(op.ROW_LOSS, step[START], last)
    y_at, y_row, d_at, d_row, target = op.A, op.A_ROW, op.D, op.D_ROW, op.{targets}"""
TARGETS = {
    "label": "own_label = target[base + order[r]]",
    "t": "own_t = view(target, (base + order[r]) * op.TARGET_ROW, outputs // {share} * {columns})",
}
NOISE = """{key}
column, own_u = 0, carray(advance(scratch, op.Z_ROW), outputs)
for i in range(op.COLUMNS):
    own_u[i] = {draw}"""
COPY = """given = view(op.D, r * op.D_ROW, {made})
for k in range(padded(own_da)):
    own_da[k] = given[k]"""


def row_forward(component: Component, lowered: Lowered, training: bool) -> str:
    """The text of the kernel of a."""
    turns = _turns(component, lowered, component.function, _rows(component, training))
    return _kernel(component, "op.Z_ROW", _vectors(component), turns)


def row_backward(component: Component, lowered: Lowered, training: bool) -> str:
    """The text of the kernel of dz, which takes the place of da, so that da is copied first."""
    made = _made(component)
    filled = {"dz": "own_dz = view(op.D, r * op.D_ROW, outputs)"}
    for k, row in enumerate(component.gradients.values()):
        filled[row] = f"own_{row} = view(op.SLOPES, {k} * op.SLOPES_STRIDE + r * op.D_ROW, outputs)"
    da = f"own_da = carray(advance(scratch, n * op.D_ROW), {made})"
    turns = [
        _turn([da, COPY.format(made=made)]),
        *_turns(component, lowered, component.backward, {**_rows(component, training), "da": da, **filled}),
        *(_turn([line, f"scale_row(own_{row}, F(1))"]) for row, line in filled.items()),
    ]
    return _kernel(component, "op.D_ROW", _vectors(component), turns)


def row_loss(component: Component, lowered: Lowered, batch: str, scale: str) -> str:
    """The text of the kernel of each row's loss and dy; batch: the line that the factor `scale` of dy needs."""
    target, column = ("label", "LABELS") if "label" in component.roles else ("t", "TARGET")
    share, columns = component.traits["outputs"], max(1, len(component.columns))
    rows = {
        "y": "own_y = view(y_at, r * y_row, outputs)",
        "dy": "own_dy = view(d_at, r * d_row, outputs)",
        target: TARGETS[target].format(share=share, columns=columns),
    }
    last = _turn([rows["dy"], f"losses[r] = kept_{RESULT}[n]", f"scale_row(own_dy, {scale})"])
    turns = [*_turns(component, lowered, component.function, rows), last]
    return _kernel(component, "outputs", OF_LOSS.format(batch=batch, targets=column), turns)


def _kernel(component: Component, row: str, given: str, turns: Iterable[str]) -> str:
    """The text of a kernel that takes turns over the rows of a block; given: the lines before, row: a row's numbers."""
    text = "\n".join(turns)
    kept = sorted(set(re.findall(r"\bkept_\w+", text)))
    return KERNEL.format(
        parameters=parameters_of(component),
        given=given,
        kept="\n".join(f"    {name} = on_stack({TOGETHER}, F(0))" for name in kept),
        together=1 if "u" in component.roles else TOGETHER,  # noise is drawn for a row at a time
        near=NEAR,
        row=row,
        turns=text,
    )


def _turns(component: Component, lowered: Lowered, function: Any, rows: Mapping[str, str]) -> Iterator[str]:
    """The turns of a function of rows, with the line that finds each row; its value is kept as RESULT."""
    each = [name for name, mark in component.marks.items() if not mark.shared]
    parts = [] if "u" in rows else lowered.parts(function, {*rows, *each})
    if not parts:
        call = call_of(lowered.add(function), component, function, {row: variable_of(row) for row in rows})
        yield _turn([*rows.values(), f"kept_{RESULT}[n] = {call}" if component.kind == "loss" else call])
    own = {*arguments_of(function)}.union(*(part.sets for part in parts))
    kept: set[str] = set()
    for part in parts:
        found = [line for row, line in rows.items() if row in part.reads]
        read = [f"{variable_of(name)} = kept_{name}[n]" for name in sorted(kept & part.reads)]
        lines = [ast.unparse(_Own(own).visit(line)) for line in part.lines]
        given = [f"kept_{name}[n] = {variable_of(name)}" for name in sorted(part.gives)]
        yield _turn(found, [*read, *lines, *given], part.touches)
        kept |= part.gives


class _Own(ast.NodeTransformer):
    """Renames a function's own names, which the kernel around it may use too."""

    def __init__(self, names: set[str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        """A name, renamed if it is one of them."""
        return ast.Name(variable_of(node.id), node.ctx) if node.id in self.names else node


def _turn(found: Sequence[str], lines: Sequence[str] = (), touches: str = ROW) -> str:
    """The text of a loop over the rows of a block: the lines that find a row, and those that work on it."""
    template, depth = (TURN_OF_NUMBERS, 8) if touches == NUMBERS else (TURN, 12)
    return template.format(
        found=textwrap.indent("\n".join(found), " " * depth), lines=textwrap.indent("\n".join(lines), " " * 12)
    )


def _rows(component: Component, training: bool) -> dict[str, str]:
    """The lines that find a row of an activation's values, and of its noise."""
    made = _made(component)
    rows = {"z": "own_z = view(op.Z, r * op.Z_ROW, outputs)", "a": f"own_a = view(op.A, r * op.A_ROW, {made})"}
    if "u" in component.roles:
        rows["u"] = NOISE.format(key=DRAWS if training else "", draw=DRAW if training else NO_DRAW)
    return rows


def _made(component: Component) -> str:
    """How many numbers an activation of whole rows makes."""
    return "op.MADE" if "width" in component.traits else "outputs"


def _vectors(component: Component) -> str:
    """Lines that read the trained numbers of an activation of whole rows."""
    return vectors_of(component, "    {own} = view(op.VECTORS, {k} * op.COLUMNS, outputs)")
