"""A step as a list of launches, made from a plan: which kernels for which layer.  It launches none itself.

The way of a layer: product; norm over rows or columns; activation, dropout and residual connection by elements.  What
goes by elements stands in the last lines of the product where nothing comes between.  A network of narrow layers in
which nothing comes between anywhere is one kernel up to the gradients, and those of all layers are another.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from numbann.cuda.compile import blocks as compiled
from numbann.cuda.engine.launches import Launch, Launches
from numbann.cuda.engine.launches import Product as LibraryProduct
from numbann.cuda.engine.layout import Room
from numbann.cuda.engine.places import COLUMNS, Places
from numbann.cuda.engine.stages import BACK, FORWARD, LAUNCH_BACK, LAUNCH_FORWARD, module
from numbann.cuda.threads import cublas, elements, fused, fusing, lanes, losses, op, updates
from numbann.cuda.threads.batches import IN_ORDER, SHUFFLED
from numbann.cuda.threads.device import THREADS, blocks
from numbann.engine.shared.hyper import hyper_width
from numbann.network.chain import ELEMENT, ROW, Activation, Layer, Link, Product, Step
from numbann.network.plan import Plan
from numbann.simd.op import CLIP_NORM


@dataclass
class Steps:
    """The launches of a step, and the arrays that their kernels read: places of the head and of each layer's row."""

    launches: list[Launch | LibraryProduct]
    head: np.ndarray
    rows: np.ndarray
    work: Room
    output: int  # where in work the predictions are, of inference
    components: list[Any] = field(default_factory=list)

    @property
    def ints(self) -> np.ndarray:
        """The integers that kernels read, without what follows them."""
        return np.concatenate([self.head, self.rows.ravel()])


class Builder:
    """Builds the steps of one plan for batches of so many rows.  training: rows come in an epoch's order."""

    def __init__(self, plan: Plan, rows: int, training: bool, processors: int) -> None:
        self.plan, self.batch, self.training, self.processors = plan, rows, training, processors
        self.fused = training and all(_narrow(layer, k) for k, layer in enumerate(plan.layers))
        first = plan.layers[0]
        pays = cublas.pays((rows, first.outputs, first.inputs)) or self._by_library(0)
        self.gathers = training and not self.fused and pays
        self.places = Places(plan, rows, training, self.gathers)
        self.launches = Launches(self.places, processors)

    # ---- steps

    def train(self, steps: int, hyper: np.ndarray, weighted: bool) -> Steps:
        """A step of training, of so many an epoch; hyper: the optimizer's numbers of each."""
        total, work = steps * self.batch, self.places.work
        self.places.set_head(ROW_LOSS=work.take(total), SHARES=work.take(total if weighted else 0))
        self.places.set_head(HYPER=work.take(hyper.size), HYPER_ROW=hyper.shape[1])
        if self.fused:
            self._network(weighted)
        else:
            if self.gathers:
                self.launches.gather()
            for k in range(len(self.plan.layers)):
                self._forward(k)
            self._loss(SHUFFLED, weighted)
            for k in reversed(range(len(self.plan.layers))):
                self._backward(k)
        self._update()
        return self._steps(0)

    def evaluate(self, with_losses: bool) -> Steps:
        """A step that predicts, and with losses also gives each row's."""
        self.places.set_head(ROW_LOSS=self.places.work.take(self.batch))
        for k in range(len(self.plan.layers)):
            self._forward(k)
        if with_losses:
            self._loss(IN_ORDER, False)
        return self._steps(self._link())

    def _steps(self, output: int) -> Steps:
        self.launches.make_room()
        parts = [layer.activation for layer in self.plan.layers if layer.activation]
        chosen = [*parts, self.plan.loss, self.plan.optimizer, *([self.plan.link] if self.plan.link else [])]
        places, components = self.places, [one.component for one in chosen]
        return Steps(self.launches.all, places.head, places.rows, places.work, output, components)

    # ---- forward

    def _forward(self, k: int) -> None:
        """The launches from a layer's inputs to its outputs."""
        for at, run, step in self._runs(k):
            finish = elements.chain(*run, elements.store(COLUMNS[step.reads if step else "out"]))
            if at is None:
                self.launches.product(k, finish)
            elif run:
                self.launches.elements(k, COLUMNS[at], finish)
            if step:
                LAUNCH_FORWARD[type(step)](self.launches, k, step)

    def _runs(self, k: int) -> Iterator[tuple[str | None, list[Any], Step | None]]:
        """What is done to an element in a row: in which buffer it is at first (None: it comes from the product), the
        device functions, and the step that needs a launch of its own after them, or None at the end.

        In training what the way back reads is kept.
        """
        chain, at, run = self.places.chains[k], None, list[Any]()
        for step in chain.steps:
            if isinstance(step, Product):
                continue
            if step.scope != ELEMENT:
                yield at, run, step
                at, run = step.writes, []
                continue
            fresh = at is None or bool(run)
            if self.training and fresh and step.reads in chain.kept:
                run.append(elements.kept(COLUMNS[step.reads]))
            run.append(FORWARD[type(step)](self.launches, k, step))
        yield at, run, None

    def _link(self) -> int:
        """Launch the link, if there is one; where the predictions are."""
        k, link = len(self.plan.layers), self.places.chains[-1].step(Link)
        y, place = (int(self.places.rows[-2, column]) for column in (op.Y, op.DY))
        if link is None:
            return y
        numbers = self.places.numbers(link.configured)
        self.places.set_row(k, OUTPUTS=self.plan.outputs, Z=y, A=place, PARAMETERS=numbers)
        value = module(self.launches, link.configured).value
        if link.scope == ROW:
            self.launches.by_row(k, elements.over_rows(value))
        else:
            made = elements.activate(value, self.plan.dtype, 0, False)
            self.launches.elements(k, op.Z, elements.both(made, elements.store(op.A)))
        return place

    # ---- the way back

    def _network(self, weighted: bool) -> None:
        """Launch the kernel of the whole way up to what the gradients are made of."""
        count, rows = len(self.plan.layers), fusing.rows_of_block(self.batch, self.processors)
        slices = self.launches.first_slices() if self.plan.inputs > fusing.WIDEST else 0
        forwards = tuple(elements.chain(*self._run(k), elements.kept(op.Y)) for k in range(count))
        backs = tuple(elements.chain(*self._run_back(k), elements.kept(op.D)) for k in range(count - 1))
        parts = self._run_back(count - 1)
        last = elements.chain(*parts, elements.kept(op.D)) if parts else None
        loss = losses.loss_of_rows(*self._loss_parts(SHUFFLED, weighted))
        sizes = tuple((layer.inputs, layer.outputs) for layer in self.plan.layers)
        kernel = fused.network(fusing.Shape(sizes, rows, slices, self.plan.dtype), forwards, loss, last, backs)
        self.launches.launch(kernel, (-(-self.batch // rows), 1), THREADS, 0)

    def _loss(self, source: int, weighted: bool) -> None:
        width = lanes.COUNT if self.plan.loss.component.form == "row" else self.plan.outputs
        self.launches.by_row(len(self.plan.layers) - 1, losses.row_loss(*self._loss_parts(source, weighted)), width)

    def _loss_parts(self, source: int, weighted: bool) -> tuple[Any, ...]:
        """What makes the loss of a row."""
        component, k = self.plan.loss.component, len(self.plan.layers) - 1
        module, row = compiled.loss(component, self.plan.dtype), component.form == "row"
        slope = None if row else module.slope
        labels = "label" in component.roles
        width = self.plan.outputs // component.traits["outputs"]
        self.places.set_row(k, LOSS=self.places.numbers(self.plan.loss), TARGET_ROW=width)
        return module.value, slope, labels, source, weighted, self.plan.dtype

    def _backward(self, k: int) -> None:
        """The launches from the gradient to a layer's outputs, or from d of the layer above, down to its own d."""
        for n, (run, step) in enumerate(self._runs_back(k)):
            first = n == 0
            finish = elements.chain(*run, elements.store(op.DY if isinstance(step, Activation) else op.D))
            if first and k + 1 < len(self.plan.layers):
                self.launches.delta(k, finish)
            elif run:
                self.launches.elements(k, op.DY if first else op.D, finish)
            if step:
                LAUNCH_BACK[type(step)](self.launches, k, step)

    def _runs_back(self, k: int) -> Iterator[tuple[list[Any], Step | None]]:
        """What is done to an element of the gradient in a row, and the step that needs a launch after it."""
        chains, run = self.places.chains, list[Any]()
        if k + 1 < len(chains) and chains[k + 1].skips:
            run.append(elements.add_skipped)
        for step in reversed(chains[k].steps):
            if not step.returns:
                continue
            if step.scope == ELEMENT:
                run.append(BACK[type(step)](self.launches, k, step))
            else:
                yield run, step
                run = []
        yield run, None

    def _update(self) -> None:
        """The launches that move the weights."""
        plan, dtype = self.plan, self.plan.dtype
        extras = plan.extras
        module = compiled.optimizer(plan.optimizer.component, dtype, self.places.layout.states, extras)
        move = updates.mover(module.move, self.places.layout.parts)
        whole = bool(plan.clip_norm) or any(self._by_library(k) for k in range(len(plan.layers)))
        take = updates.keeper if whole else move
        if whole:
            self.places.set_head(
                GRADIENT=self.places.work.take(self.places.layout.length), FACTOR=self.places.work.keep(np.ones(1))
            )
        numbers = hyper_width(plan)
        together = None if whole else updates.Together(module.move, self.places.layout.parts, numbers, dtype)
        self._gradients(updates.on_weights(take), together)
        for k, layer in enumerate(plan.layers):
            if layer.vectors:
                kernel = updates.on_vectors(take, dtype)
                self.launches.launch(kernel, (-(-layer.outputs // updates.ACROSS), len(layer.vectors)), THREADS, k)
        if plan.clip_norm:
            count = -(-self.places.layout.length // updates.BLOCK)
            self.places.set_head(SQUARES=self.places.work.take(count))
            self.launches.launch(updates.squares(dtype), (count, 1), THREADS, 0)
            self.launches.launch(updates.clip(dtype, CLIP_NORM), (1, 1), THREADS, 0)
        if whole:
            self.launches.launch(updates.scaled(move), (blocks(self.places.layout.length), 1), THREADS, 0)

    def _gradients(self, finish: Any, together: updates.Together | None) -> None:
        """The launches of the gradients to all layers' w and b."""
        if self.fused:
            self.launches.gradients(finish, together)
            return
        for k in range(len(self.plan.layers)):
            if self._by_library(k):
                self.launches.gradient_by_library(k)
            else:
                self.launches.gradient(k, finish, together)

    def _by_library(self, k: int) -> bool:
        """Whether cuBLAS makes the gradient to a layer's w; then all are stored, and move the weights in the end."""
        layer = self.plan.layers[k]
        return not self.fused and cublas.pays((layer.inputs, layer.outputs, self.batch))

    def _run(self, k: int) -> list[Any]:
        """Of a layer in which all goes by elements: what is done to one."""
        ((_, run, _),) = self._runs(k)
        return run

    def _run_back(self, k: int) -> list[Any]:
        """What is done to its gradient."""
        ((run, _),) = self._runs_back(k)
        return run


def _narrow(layer: Layer, k: int) -> bool:
    """Whether a layer can be a part of the kernel of a whole network; the first one may have more inputs."""
    widest = layer.outputs if k == 0 else max(layer.inputs, layer.outputs)
    return widest <= fusing.WIDEST and layer.training.scopes == {ELEMENT}
