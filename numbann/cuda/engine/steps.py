"""The lowering of a plan to a list of launches: which kernels a step consists of, for training and for predictions.

The chain of a layer (numbann.network.chain) is cut at each step that needs a kernel of its own: a product, a norm over
rows or columns, an activation of whole rows.  The steps between, which go element by element, form a run; the kernel
before a run calls it for each of its elements before it ends.  That saves launches and passes over memory.

A network of narrow layers without such kernels beside the products is fused: one kernel from the rows to the deltas,
and one for the gradients of all layers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import Any

import numpy as np

from numbann.cuda.compile import components as compiled
from numbann.cuda.engine.launches import Launch, Launches
from numbann.cuda.engine.launches import Product as LibraryProduct
from numbann.cuda.engine.layout import Allocator
from numbann.cuda.engine.places import COLUMNS, Places
from numbann.cuda.engine.stages import BACK, FORWARD, LAUNCH_BACK, LAUNCH_FORWARD, module
from numbann.cuda.threads import cublas, elements, fused, fused_sizes, lanes, losses, op, updates
from numbann.cuda.threads.batches import IN_ORDER, SHUFFLED
from numbann.cuda.threads.device import THREADS, blocks
from numbann.engine.shared.hyperparameters import hyper_width
from numbann.network.chain import Layer
from numbann.network.plan import Plan
from numbann.network.steps import Activation, Link, Product, Step
from numbann.network.steps.step import ELEMENT, ROW
from numbann.records import dataclass
from numbann.simd.op import CLIP_NORM


@dataclass
class Steps:
    """The launches of a step, and the integers that their kernels read: the head, and each layer's row."""

    launches: list[Launch | LibraryProduct]
    head: np.ndarray
    rows: np.ndarray
    work: Allocator
    output: int  # the place of the predictions in work, for inference
    components: list[Any] = field(default_factory=list)

    @property
    def ints(self) -> np.ndarray:
        """Head and rows as one array; order, labels and keys follow it on the GPU."""
        return np.concatenate([self.head, self.rows.ravel()])


class Builder:
    """Builds a step of a plan for batches of `rows` rows.  training: rows come in an epoch's order."""

    def __init__(self, plan: Plan, rows: int, training: bool, processors: int) -> None:
        self.plan, self.batch, self.training, self.processors = plan, rows, training, processors
        self.fused = training and all(_is_narrow(layer, k) for k, layer in enumerate(plan.layers))
        first = plan.layers[0]
        pays = cublas.pays((rows, first.outputs, first.inputs)) or self._uses_cublas(0)
        self.gathers = training and not self.fused and pays
        self.places = Places(plan, rows, training, self.gathers)
        self.launches = Launches(self.places, processors)

    # ---- steps

    def train(self, steps: int, hyper: np.ndarray, weighted: bool) -> Steps:
        """Build a step of training.  steps: of an epoch; hyper: the optimizer's numbers of each step."""
        total, work = steps * self.batch, self.places.work
        self.places.set_head(ROW_LOSS=work.take(total), SHARES=work.take(total if weighted else 0))
        self.places.set_head(HYPER=work.take(hyper.size), HYPER_ROW=hyper.shape[1])
        if self.fused:
            self._launch_network(weighted)
        else:
            if self.gathers:
                self.launches.add_gather()
            for k in range(len(self.plan.layers)):
                self._launch_forward(k)
            self._launch_loss(SHUFFLED, weighted)
            for k in reversed(range(len(self.plan.layers))):
                self._launch_backward(k)
        self._launch_update()
        return self._collect(0)

    def evaluate(self, with_losses: bool) -> Steps:
        """Build a step that predicts and, with losses, computes the loss of each row."""
        self.places.set_head(ROW_LOSS=self.places.work.take(self.batch))
        for k in range(len(self.plan.layers)):
            self._launch_forward(k)
        if with_losses:
            self._launch_loss(IN_ORDER, False)
        return self._collect(self._launch_link())

    def _collect(self, output: int) -> Steps:
        self.launches.reserve_parts()
        parts = [layer.activation for layer in self.plan.layers if layer.activation]
        chosen = [*parts, self.plan.loss, self.plan.optimizer, *([self.plan.link] if self.plan.link else [])]
        places, components = self.places, [one.component for one in chosen]
        return Steps(self.launches.all, places.head, places.rows, places.work, output, components)

    # ---- forward

    def _launch_forward(self, k: int) -> None:
        """Launch a layer from its inputs to its outputs."""
        for at, run, step in self._runs_forward(k):
            finish = elements.pipe(*run, elements.store(COLUMNS[step.reads if step else "out"]))
            if at is None:
                self.launches.add_product(k, finish)
            elif run:
                self.launches.add_elements(k, COLUMNS[at], finish)
            if step:
                LAUNCH_FORWARD[type(step)](self.launches, k, step)

    def _runs_forward(self, k: int) -> Iterator[tuple[str | None, list[Any], Step | None]]:
        """The runs of a layer, each as: the buffer that it reads, None if it follows the product; its device functions;
        the step after it that needs a launch of its own, None at the end.

        In training a run stores the values that the way back reads.
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
                run.append(elements.keep(COLUMNS[step.reads]))
            run.append(FORWARD[type(step)](self.launches, k, step))
        yield at, run, None

    def _launch_link(self) -> int:
        """Launch the link, if there is one; returns the place of the predictions."""
        k, link = len(self.plan.layers), self.places.chains[-1].step(Link)
        y, place = (int(self.places.rows[-2, column]) for column in (op.Y, op.DY))
        if link is None:
            return y
        numbers = self.places.store_parameters(link.configured)
        self.places.set_row(k, OUTPUTS=self.plan.outputs, Z=y, A=place, PARAMETERS=numbers)
        value = module(self.launches, link.configured).value
        if link.scope == ROW:
            self.launches.add_rows(k, elements.activate_rows(value))
        else:
            made = elements.activate(value, self.plan.dtype, 0, False)
            self.launches.add_elements(k, op.Z, elements.pipe_pair(made, elements.store(op.A)))
        return place

    # ---- the way back

    def _launch_network(self, weighted: bool) -> None:
        """Launch the fused kernel, from the rows to the deltas, from which the gradients are computed."""
        count, rows = len(self.plan.layers), fused_sizes.rows_of_block(self.batch, self.processors)
        slices = self.launches.add_first_slices() if self.plan.inputs > fused_sizes.WIDEST else 0
        forwards = tuple(elements.pipe(*self._finish_of(k), elements.keep(op.Y)) for k in range(count))
        backs = tuple(elements.pipe(*self._finish_back_of(k), elements.keep(op.D)) for k in range(count - 1))
        parts = self._finish_back_of(count - 1)
        last = elements.pipe(*parts, elements.keep(op.D)) if parts else None
        loss = losses.make_row_loss(*self._loss_parts(SHUFFLED, weighted))
        sizes = tuple((layer.inputs, layer.outputs) for layer in self.plan.layers)
        kernel = fused.make_kernel(fused_sizes.Shape(sizes, rows, slices, self.plan.dtype), forwards, loss, last, backs)
        self.launches.add(kernel, (-(-self.batch // rows), 1), THREADS, 0)

    def _launch_loss(self, source: int, weighted: bool) -> None:
        width = lanes.COUNT if self.plan.loss.component.form == "row" else self.plan.outputs
        self.launches.add_rows(len(self.plan.layers) - 1, losses.row_loss(*self._loss_parts(source, weighted)), width)

    def _loss_parts(self, source: int, weighted: bool) -> tuple[Any, ...]:
        """The arguments of `losses.make_row_loss`; sets the loss's columns."""
        component, k = self.plan.loss.component, len(self.plan.layers) - 1
        module, row = compiled.loss(component, self.plan.dtype), component.form == "row"
        slope = None if row else module.slope
        labels = "label" in component.roles
        width = component.targets(self.plan.outputs)
        self.places.set_row(k, LOSS=self.places.store_parameters(self.plan.loss), TARGET_ROW=width)
        return module.value, slope, labels, source, weighted, self.plan.dtype

    def _launch_backward(self, k: int) -> None:
        """Launch a layer's way back: to its d, from d of the layer above or, for the last layer, from dL/dy."""
        for n, (run, step) in enumerate(self._runs_back(k)):
            first = n == 0
            finish = elements.pipe(*run, elements.store(op.DY if isinstance(step, Activation) else op.D))
            if first and k + 1 < len(self.plan.layers):
                self.launches.add_delta(k, finish)
            elif run:
                self.launches.add_elements(k, op.DY if first else op.D, finish)
            if step:
                LAUNCH_BACK[type(step)](self.launches, k, step)

    def _runs_back(self, k: int) -> Iterator[tuple[list[Any], Step | None]]:
        """The runs of a layer's way back, each with the step after it that needs a launch, None at the end."""
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

    def _launch_update(self) -> None:
        """Launch what moves the weights.

        Without clip_norm and cuBLAS each product of a gradient calls the optimizer, and no gradient is stored.
        """
        plan, dtype = self.plan, self.plan.dtype
        extras = plan.extras
        module = compiled.optimizer(plan.optimizer.component, dtype, self.places.layout.states, extras)
        move = updates.move_weight(module.move, self.places.layout.parts)
        whole = bool(plan.clip_norm) or any(self._uses_cublas(k) for k in range(len(plan.layers)))
        take = updates.store_gradient if whole else move
        if whole:
            self.places.set_head(
                GRADIENT=self.places.work.take(self.places.layout.length), FACTOR=self.places.work.store(np.ones(1))
            )
        numbers = hyper_width(plan)
        update = None if whole else updates.RowUpdate(module.move, self.places.layout.parts, numbers, dtype)
        self._launch_gradients(updates.update_weights(take), update)
        for k, layer in enumerate(plan.layers):
            if layer.vectors:
                kernel = updates.update_vectors(take, dtype)
                self.launches.add(kernel, (-(-layer.outputs // updates.SUM_COLUMNS), len(layer.vectors)), THREADS, k)
        if plan.clip_norm:
            count = -(-self.places.layout.length // updates.BLOCK)
            self.places.set_head(SQUARES=self.places.work.take(count))
            self.launches.add(updates.sum_squares(dtype), (count, 1), THREADS, 0)
            self.launches.add(updates.compute_clip_factor(dtype, CLIP_NORM), (1, 1), THREADS, 0)
        if whole:
            self.launches.add(updates.update_scaled(move), (blocks(self.places.layout.length), 1), THREADS, 0)

    def _launch_gradients(self, finish: Any, update: updates.RowUpdate | None) -> None:
        """Launch the gradients to w and b of all layers."""
        if self.fused:
            self.launches.add_gradients(finish, update)
            return
        for k in range(len(self.plan.layers)):
            if self._uses_cublas(k):
                self.launches.add_cublas_gradient(k)
            else:
                self.launches.add_gradient(k, finish, update)

    def _uses_cublas(self, k: int) -> bool:
        """Whether cuBLAS computes the gradient to a layer's w; then all gradients are stored before weights move."""
        layer = self.plan.layers[k]
        return not self.fused and cublas.pays((layer.inputs, layer.outputs, self.batch))

    def _finish_of(self, k: int) -> list[Any]:
        """The device functions of a fused layer, which has one run."""
        ((_, run, _),) = self._runs_forward(k)
        return run

    def _finish_back_of(self, k: int) -> list[Any]:
        """The device functions of a fused layer's way back, which has one run."""
        ((run, _),) = self._runs_back(k)
        return run


def _is_narrow(layer: Layer, k: int) -> bool:
    """Whether a layer fits in the fused kernel; the first one may have more inputs."""
    widest = layer.outputs if k == 0 else max(layer.inputs, layer.outputs)
    return widest <= fused_sizes.WIDEST and layer.training.scopes == {ELEMENT}
