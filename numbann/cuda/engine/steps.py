"""A step as a list of launches, made from a plan: which kernels for which layer.  It launches none itself.

The way of a layer: product; norm over rows or columns; activation, dropout and residual connection by elements.  What
goes by elements stands in the last lines of the product where nothing comes between.  A network of narrow layers in
which nothing comes between anywhere is one kernel up to the gradients, and those of all layers are another.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from numbann.components.component import Configured
from numbann.cuda.compile import blocks as compiled
from numbann.cuda.engine.launches import Launch, Launches, Product
from numbann.cuda.engine.layout import Room, buffer
from numbann.cuda.engine.places import Places, by_rows
from numbann.cuda.threads import cublas, elements, fused, fusing, lanes, losses, norm, op, updates
from numbann.cuda.threads.batches import IN_ORDER, SHUFFLED
from numbann.cuda.threads.device import THREADS, blocks
from numbann.derivation import keeps_z
from numbann.engine.shared.hyper import hyper_width
from numbann.network.plan import NORM_EPSILON, NORM_MOMENTUM, Layer, Plan
from numbann.simd.op import CLIP_NORM


@dataclass
class Steps:
    """The launches of a step, and the arrays that their kernels read: places of the head and of each layer's row."""

    launches: list[Launch | Product]
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
        layer = self.plan.layers[k]
        before, whole_rows = self._norm(layer), by_rows(layer.activation)
        if before is None:  # a norm that is a kernel of its own
            self.launches.product(k, elements.store(op.H))
            self.launches.norm(k, self._norm_kernel(layer))
        elif whole_rows:
            self.launches.product(k, elements.both(before, elements.store(op.Z)))
        else:
            self.launches.product(k, self._outputs(k, elements.store(op.Y)))
            return
        if whole_rows:
            assert layer.activation is not None
            self.launches.by_row(k, elements.over_rows(self._module(layer.activation).value))
            if self._after(k):
                self.launches.elements(k, op.A, elements.chain(*self._after(k), elements.store(op.Y)))
        elif self._activate(layer) or self._after(k):
            self.launches.elements(
                k, op.Z, elements.chain(*self._activate(layer), *self._after(k), elements.store(op.Y))
            )

    def _outputs(self, k: int, end: Any) -> Any:
        """What happens to an element of a product where the whole way to the next layer goes by elements."""
        layer = self.plan.layers[k]
        return elements.chain(self._norm(layer), *self._activate(layer), *self._after(k), end)

    def _norm(self, layer: Layer) -> Any:
        """What a norm does to an element; None if it needs more than that."""
        if layer.norm is None:
            return elements.nothing
        return norm.running_norm(self.plan.dtype, NORM_EPSILON) if layer.norm == "batch" and not self.training else None

    def _activate(self, layer: Layer) -> list[Any]:
        """Activation by elements; in training z and a are kept where the way back or the next layer reads them."""
        if layer.activation is None:
            return []
        component, dtype = layer.activation.component, self.plan.dtype
        noisy = self.training and "u" in component.roles
        made = elements.activate(self._module(layer.activation).value, dtype, len(layer.learnable), noisy)
        if not self.training:
            return [made]
        before = [elements.kept(op.Z)] if keeps_z(component) and layer.norm is None else []
        return [*before, made, *([elements.kept(op.A)] if self.places.followed(layer) else [])]

    def _after(self, k: int) -> list[Any]:
        """Dropout and residual connection."""
        layer = self.plan.layers[k]
        drop = [elements.drop(self.plan.dtype)] if layer.dropout and self.training else []
        return [*drop, *([elements.add_inputs(self.places.source(k))] if layer.residual else [])]

    def _link(self) -> int:
        """Launch the link, if there is one; where the predictions are."""
        k, last, link = len(self.plan.layers), self.plan.layers[-1], self.plan.link
        y = int(self.places.rows[-2, op.Y])
        if link is None:
            return y
        place = self.places.work.take(buffer(last, self.batch))
        self.places.set_row(k, OUTPUTS=last.outputs, Z=y, A=place, PARAMETERS=self.places.numbers(link))
        value = self._module(link).value
        if by_rows(link):
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
        forwards = tuple(self._outputs(k, elements.kept(op.Y)) for k in range(count))
        backs = tuple(elements.chain(*self._back(k), elements.kept(op.D)) for k in range(count - 1))
        parts = self._back(count - 1)
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
        layer, last = self.plan.layers[k], k + 1 == len(self.plan.layers)
        whole_rows = by_rows(layer.activation)
        parts = self._back(k)
        finish = elements.chain(*parts, elements.store(op.DY if whole_rows else op.D))
        if not last:
            self.launches.delta(k, finish)
        elif parts:
            self.launches.elements(k, op.DY, finish)
        if whole_rows:
            assert layer.activation is not None
            self.launches.by_row(k, elements.back_over_rows(self._module(layer.activation).slope))
        if layer.norm is not None:
            back = norm.layer_norm_back if layer.norm == "layer" else norm.batch_norm_back
            self.launches.norm(k, back(self.plan.dtype))

    def _back(self, k: int) -> list[Any]:
        """What happens to an element of the gradient on its way through a layer."""
        layer, dtype = self.plan.layers[k], self.plan.dtype
        above = self.plan.layers[k + 1] if k + 1 < len(self.plan.layers) else None
        parts = [elements.add_skipped] if above is not None and above.residual else []
        parts += [elements.kept(op.SKIP)] if layer.residual and k > 0 else []
        parts += [elements.drop_back(dtype)] if layer.dropout else []
        if layer.activation is not None and not by_rows(layer.activation):
            module, component = self._module(layer.activation), layer.activation.component
            slopes = tuple(getattr(module, f"slope_{j}") for j in range(len(layer.learnable)))
            parts.append(elements.slope_back(module.slope, slopes, dtype, "u" in component.roles))
        return parts

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

    def _norm_kernel(self, layer: Layer) -> Any:
        """What normalises a layer's products while training, or rows at any time."""
        if layer.norm == "layer":
            return norm.layer_norm(self.plan.dtype, NORM_EPSILON)
        return norm.batch_norm(self.plan.dtype, NORM_EPSILON, NORM_MOMENTUM)

    def _module(self, configured: Configured) -> Any:
        return compiled.activation(configured.component, self.plan.dtype)


def _narrow(layer: Layer, k: int) -> bool:
    """Whether a layer can be a part of the kernel of a whole network; the first one may have more inputs."""
    widest = layer.outputs if k == 0 else max(layer.inputs, layer.outputs)
    return widest <= fusing.WIDEST and layer.norm is None and not by_rows(layer.activation)
