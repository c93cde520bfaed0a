"""The builder of tables: the ops of a training step or an evaluation, in phases.

The first phases go forward through all layers to the loss, and with the deltas back down.  The last phase goes over
weights: it computes a piece of a layer's gradient, and the optimizer updates that piece at once.  A barrier ends each
phase.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from numbann.engine.cpu.operands import GRAIN, Operands
from numbann.engine.cpu.stages import BACK, FORWARD, before_loss, begin, round_values
from numbann.engine.cpu.table import Columns, Op, Slot, Step, Table, assemble
from numbann.engine.cpu.update import Update
from numbann.engine.cpu.updating import update_ops
from numbann.network.plan import ITEMSIZE
from numbann.network.steps import Activation, Enter, Link, Loss, Product, ScaleMembers
from numbann.network.steps import Step as LayerStep
from numbann.network.steps.step import BATCH, ROW
from numbann.simd.named import dense, scaling

FEW_ROWS = 64  # a thread with fewer rows of the batch would read all weights for little work: it takes panels instead
# Bytes of a batch that are fetched ahead, and the parts in which: of more lines at once the processor drops some
FETCHED, FETCHES = 16 << 10, 8
LARGE = 1 << 20  # bytes of weights that no longer stay in a thread's cache, unless it keeps to panels of its own


BARRIER: Step = (True, [])  # between steps by rows, where rows read each other


def merge_phases(steps: Iterable[Step]) -> list[list[Op]]:
    """The phases of steps (by panels or not, ops): successive steps by rows need no barrier and form one phase."""
    phases: list[list[Op]] = []
    for by_panels, together in itertools.groupby(steps, key=lambda step: step[0]):
        ops = [ops for _, ops in together]
        phases += ops if by_panels else [[row for part in ops for row in part]]
    return [phase for phase in phases if phase]


def _group_runs(ops: Iterable[tuple[bool, Op]]) -> list[Step]:
    """The ops of a layer in steps: successive ops that go by panels, or by rows, belong together."""
    runs = itertools.groupby(ops, key=lambda one: one[0])
    return [(by_panels, [op for _, op in run]) for by_panels, run in runs]


class Builder:
    """Builds tables of one plan over its operands.

    Slots: x, target, row_loss (each row's loss), out (predictions); order and offsets in training and if ordered; and
    those of its operands.
    """

    def __init__(self, operands: Operands) -> None:
        self.plan, self.layout, self.operands = operands.plan, operands.layout, operands

    def training(self, update: Update, threads: int) -> Table:
        """The table of a training step.

        Successive layers by rows share a phase.  A layer by panels has phases of its own, forward and back, in which a
        thread keeps to its own weights.
        """
        layers = range(len(self.plan.layers))
        by_panels = [self._by_panels(k, threads) for k in layers]
        steps = [step for k in layers for step in self.forward(k, by_panels[k])]
        steps += [*self.before_loss(), (False, [self.loss()])]
        steps += [step for k in reversed(layers) for step in self.backward(k, by_panels[k])]
        phases = [*merge_phases(steps), update_ops(self.operands, update, by_panels, threads)]
        return self._assemble([*self._fetching(phases), *update.after], update=update)

    def evaluation(self, losses: bool, threads: int = 1) -> Table:
        """The table that fills `out` with predictions, and with losses also `row_loss`.

        threads > 1 is for few rows: threads share layers by panels, wherever `training` would.
        """
        by_panels = [self._by_panels(k, threads) for k in range(len(self.plan.layers))]
        steps = [(False, self._scaling())]
        steps += [step for k in range(len(by_panels)) for step in self.forward(k, by_panels[k])]
        steps += self.before_loss() if losses else []
        steps.append((False, [*([self.loss()] if losses else []), *self._predictions()]))
        return self._assemble(merge_phases(steps))

    def _assemble(self, phases: list[list[Op]], **kept: Any) -> Table:
        """The table of phases, of which the first begins the batch."""
        phases[0][:0] = begin(self.operands)
        return assemble(phases, builder=self, **kept)

    # ---- phase 1

    def _by_panels(self, k: int, threads: int) -> bool:
        """Whether threads share a layer by panels of its columns instead of by rows."""
        place, rows, scopes = self.layout.layers[k], len(self.operands.counted), self.operands.chains[k].scopes
        if BATCH in scopes:
            return True
        shared = threads > 1 and place.panels % threads == 0 and ROW not in scopes
        return shared and (k == 0 or rows < FEW_ROWS * threads or self.layout.weight_bytes(k) >= LARGE)

    def _steps(self, k: int, by_panels: bool) -> list[tuple[bool, LayerStep]]:
        """A layer's steps and whether each goes by panels: from the product on, up to a step of whole rows."""
        found, panels = [], False
        for step in self.operands.chains[k].steps:
            panels = by_panels if isinstance(step, Product) else panels and step.scope != ROW
            found.append((panels, step))
        return found

    def forward(self, k: int, by_panels: bool = False) -> list[Step]:
        """The ops of a layer from its inputs to its outputs."""
        steps, operands = self._steps(k, by_panels), self.operands
        ops = [(panels, FORWARD[type(step)](operands, k, step, operands.units(k, panels))) for panels, step in steps]
        if operands.rounds:
            self._round_inputs(ops, k, steps)
        return _group_runs(ops)

    def _round_inputs(self, ops: list[tuple[bool, Op]], k: int, steps: list[tuple[bool, LayerStep]]) -> None:
        """Add the rounding of the network's inputs, or of those of the layer above, to a layer's ops."""
        if k == 0:
            place = next(place for place, (_, step) in enumerate(steps) if isinstance(step, Product))
            names = self.operands.rows[0].rounded.keys() - {"d"}
            ops[place:place] = [(False, round_values(self.operands, 0, name, -GRAIN)) for name in sorted(names)]
        if k < self._last:
            panels = steps[-1][0]
            ops.append((panels, round_values(self.operands, k + 1, "x", self.operands.units(k, panels))))

    def forward_all(self) -> list[Op]:
        """The ops of all layers by rows."""
        return [row for k in range(len(self.plan.layers)) for _, ops in self.forward(k) for row in ops]

    def _scaling(self) -> list[Op]:
        """The op from raw rows to the first layer's inputs, if there is a scaling."""
        given, scaled = self.operands.scaling, self.operands.scaled
        if given is None or scaled is None:
            return []
        columns: Columns = {
            "RAW_FLOATS" if given.dtype == "float32" else "RAW_DOUBLES": Slot("x"),
            "INPUTS": self.plan.inputs,
            "SCALED": scaled,
            "SCALED_ROW": scaled.shape[1],
            "SHIFT": given.shift,
            "SCALE": given.scale,
            "FLAG": given.flag,
        }
        return [(self.operands.kernel(getattr(scaling, f"scale_{given.dtype}")), -GRAIN, columns)]

    def loss(self) -> Op:
        """The op of each row's loss and of the last layer's d."""
        return FORWARD[Loss](self.operands, self._last, self._loss, -GRAIN)

    def before_loss(self) -> list[Step]:
        """The steps before a loss of whole batches, each with a barrier at its end."""
        phases = before_loss(self.operands, self._last, self._loss, -GRAIN)
        return [one for phase in phases for one in ((False, phase), BARRIER)]

    def backward(self, k: int, by_panels: bool = False) -> list[Step]:
        """The ops to a layer's d, from that of the layer above or from the loss."""
        steps = self._steps(k, by_panels)[::-1]
        ops: list[tuple[bool, Op]] = []
        if k < self._last:
            above, panels = self.operands.chains[k + 1].step(Product), steps[0][0]
            ops.append((panels, BACK[Product](self.operands, k + 1, above, self.operands.units(k, panels))))
        members: list[Op] = []  # by inputs, then by features, over all rows
        features: list[Op] = []
        for panels, step in steps:
            if isinstance(step, Product) and self.operands.rounds:
                ops.append((panels, round_values(self.operands, k, "d", self.operands.units(k, panels))))
            if not step.returns:
                continue
            panels = panels and not isinstance(step, Product)  # the gradient to inputs goes by rows
            op = BACK[type(step)](self.operands, k, step, self.operands.units(k, panels))
            if isinstance(step, Enter | ScaleMembers):
                (features if isinstance(step, Enter) else members).append(op)
            else:
                ops.append((panels, op))
        return [*_group_runs(ops), *((True, apart) for apart in (members, features) if apart)]

    def back(self) -> list[Step]:
        """The ops from the loss down, by rows where they can."""
        return [step for k in reversed(range(len(self.plan.layers))) for step in self.backward(k)]

    def backward_all(self) -> list[Op]:
        """The same for one thread, whose ops need no barriers."""
        return [row for _, ops in self.back() for row in ops]

    def slopes(self, k: int) -> list[Op]:
        """The ops that turn a layer's d of ones into the slopes of its activation; none for an activation of rows."""
        step = self.operands.chains[k].step(Activation)
        if step is None or step.scope == ROW:
            return []
        return [BACK[Activation](self.operands, k, step, -GRAIN)]

    def _predictions(self) -> list[Op]:
        """The op of the link on the last layer's output, if there is one, and the copy into `out`."""
        values, link = self.operands.rows[-1].values, self.operands.chains[-1].step(Link)
        copied = values["out"] if link is None else values[link.writes]
        columns: Columns = {**self.operands.behind(self._last), "A": copied, "PREDICTIONS": Slot("out")}
        copying: Op = (self.operands.kernel(dense.copy_rows), -GRAIN, columns)
        return [copying] if link is None else [FORWARD[Link](self.operands, self._last, link, -GRAIN), copying]

    @property
    def _loss(self) -> Loss:
        """The step of the loss."""
        found = self.operands.chains[-1].step(Loss)
        assert found is not None
        return found

    @property
    def _last(self) -> int:
        """The number of the last layer."""
        return len(self.plan.layers) - 1

    # ---- the next step

    def _fetching(self, phases: list[list[Op]]) -> list[list[Op]]:
        """The phases; behind each of the last ops another one fetches rows of the next batch, which lie anywhere."""
        size = len(self.operands.counted) * self.plan.inputs * ITEMSIZE[self.plan.dtype]
        if size > FETCHED:
            return phases
        count = sum(map(len, phases))
        parts = min(FETCHES, count)
        columns: Columns = {**self.operands.given(), "INPUTS": self.plan.inputs, "PARTS": parts}
        place, kernel = itertools.count(parts - count), self.operands.kernel(dense.fetch_rows)

        def with_part(op: Op, part: int) -> list[Op]:
            return [op] if part < 0 else [op, (kernel, -GRAIN, {**columns, "PART": part})]

        return [[one for op in phase for one in with_part(op, next(place))] for phase in phases]
