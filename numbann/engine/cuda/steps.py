"""A step as a list of launches: which kernels, on how many blocks, for which layer.  It launches none itself.

The way of a layer: product; norm over rows or columns; activation, dropout and residual connection by elements.  What
goes by elements stands in the last lines of the product where nothing comes between, and is a launch of its own after a
product by cuBLAS.  A network of narrow layers in which nothing comes between anywhere is one kernel up to the
gradients, and those of all layers are another.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from numbann.compile import cuda as compiled
from numbann.component import Configured
from numbann.derivation import keeps_z
from numbann.engine.cuda.layout import Layout, Room, buffer
from numbann.engine.hyper import hyper_width
from numbann.plan import NORM, NORM_EPSILON, NORM_MOMENTUM, Layer, Plan
from numbann.simd.op import CLIP_NORM
from numbann.simt import cublas, elements, fused, lanes, losses, norm, op, products, tiling, updates
from numbann.simt.batches import ARENA, DATA, FROM_WORK, IN_ORDER, SHUFFLED, WORK
from numbann.simt.device import THREADS, blocks
from numbann.simt.tiling import Cut, Tile

DRAWS = 1 << 24  # a draw is one of so many integers


@dataclass(frozen=True)
class Launch:
    """A kernel, its blocks and the threads of each, and the layer it is for."""

    kernel: Any
    grid: tuple[int, ...]
    threads: int
    layer: int


@dataclass(frozen=True)
class Product:
    """A product by cuBLAS, out = left right: in which array each begins, and where, and as cublas.multiply has it."""

    out: tuple[int, int]
    left: tuple[int, int]
    right: tuple[int, int]
    size: tuple[int, int, int]
    rows: int  # which of the sizes is that of the batch
    turned: tuple[bool, bool] = (False, False)


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
        self.layout, self.work = Layout(plan), Room()
        self.fused = training and all(_narrow(layer, k) for k, layer in enumerate(plan.layers))
        self.parts = [0] * len(plan.layers)  # elements that slices of a layer's products take
        self.head = np.zeros(op.HEAD, np.int64)
        self.rows = np.zeros((len(plan.layers) + 1, op.WIDTH), np.int64)  # the last one is the link's
        self.launches: list[Launch | Product] = []
        first = plan.layers[0]
        pays = cublas.pays((rows, first.outputs, first.inputs)) or self._by_library(0)
        self.gathers = training and not self.fused and pays
        self.head[op.BATCH], self.head[op.STRIDE] = rows, self.layout.stride
        for k in range(len(plan.layers)):
            self._set_row(k)
            if k > 0 and training:
                self._set_row_above(k - 1)

    # ---- steps

    def train(self, steps: int, hyper: np.ndarray, weighted: bool) -> Steps:
        """A step of training, of so many an epoch; hyper: the optimizer's numbers of each."""
        total = steps * self.batch
        self._places(ORDER=0, ROW_LOSS=self.work.take(total), SHARES=self.work.take(total if weighted else 0))
        self._places(HYPER=self.work.take(hyper.size), HYPER_ROW=hyper.shape[1], LENGTH=self.layout.length)
        if self.fused:
            self._network(weighted)
        else:
            if self.gathers:
                self._launch(elements.gather(SHUFFLED), (self.batch, 1), THREADS, 0)
            for k in range(len(self.plan.layers)):
                self._forward(k)
            self._loss(SHUFFLED, weighted)
            for k in reversed(range(len(self.plan.layers))):
                self._backward(k)
        self._update()
        return self._steps(0)

    def evaluate(self, with_losses: bool) -> Steps:
        """A step that predicts, and with losses also gives each row's."""
        self._places(ROW_LOSS=self.work.take(self.batch))
        for k in range(len(self.plan.layers)):
            self._forward(k)
        if with_losses:
            self._loss(IN_ORDER, False)
        return self._steps(self._link())

    def _steps(self, output: int) -> Steps:
        parts = [layer.activation for layer in self.plan.layers if layer.activation]
        for k, count in enumerate(self.parts):
            self._row(k, PARTS=self.work.take(count))
        chosen = [*parts, self.plan.loss, self.plan.optimizer, *([self.plan.link] if self.plan.link else [])]
        return Steps(self.launches, self.head, self.rows, self.work, output, [one.component for one in chosen])

    # ---- forward

    def _forward(self, k: int) -> None:
        """The launches from a layer's inputs to its outputs."""
        layer = self.plan.layers[k]
        before, by_rows = self._norm(layer), _by_rows(layer.activation)
        if before is None:  # a norm that is a kernel of its own
            self._product(k, elements.store(op.H))
            self._launch_norm(k, self._norm_kernel(layer))
        elif by_rows:
            self._product(k, elements.both(before, elements.store(op.Z)))
        else:
            self._product(k, self._outputs(k, elements.store(op.Y)))
            return
        if by_rows:
            assert layer.activation is not None
            self._by_row(k, elements.over_rows(self._module(layer.activation).value))
            if self._after(k):
                self._elements(k, op.A, elements.chain(*self._after(k), elements.store(op.Y)))
        elif self._activate(layer) or self._after(k):
            self._elements(k, op.Z, elements.chain(*self._activate(layer), *self._after(k), elements.store(op.Y)))

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
        return [*before, made, *([elements.kept(op.A)] if self._followed(layer) else [])]

    def _after(self, k: int) -> list[Any]:
        """Dropout and residual connection."""
        layer = self.plan.layers[k]
        drop = [elements.drop(self.plan.dtype)] if layer.dropout and self.training else []
        return [*drop, *([elements.add_inputs(self._source(k))] if layer.residual else [])]

    def _link(self) -> int:
        """Launch the link, if there is one; where the predictions are."""
        k, last, link = len(self.plan.layers), self.plan.layers[-1], self.plan.link
        y = int(self.rows[-2, op.Y])
        if link is None:
            return y
        place = self.work.take(buffer(last, self.batch))
        self._row(k, OUTPUTS=last.outputs, Z=y, A=place, PARAMETERS=self._numbers(link))
        value = self._module(link).value
        if _by_rows(link):
            self._by_row(k, elements.over_rows(value))
        else:
            made = elements.activate(value, self.plan.dtype, 0, False)
            self._elements(k, op.Z, elements.both(made, elements.store(op.A)))
        return place

    # ---- the way back

    def _network(self, weighted: bool) -> None:
        """Launch the kernel of the whole way up to what the gradients are made of."""
        count, rows = len(self.plan.layers), fused.rows_of_block(self.batch, self.processors)
        slices = self._first_product() if self.plan.inputs > fused.WIDEST else 0
        forwards = tuple(self._outputs(k, elements.kept(op.Y)) for k in range(count))
        backs = tuple(elements.chain(*self._back(k), elements.kept(op.D)) for k in range(count - 1))
        parts = self._back(count - 1)
        last = elements.chain(*parts, elements.kept(op.D)) if parts else None
        loss = losses.loss_of_rows(*self._loss_parts(SHUFFLED, weighted))
        sizes = tuple((layer.inputs, layer.outputs) for layer in self.plan.layers)
        kernel = fused.network(fused.Shape(sizes, rows, slices, self.plan.dtype), forwards, loss, last, backs)
        self._launch(kernel, (-(-self.batch // rows), 1), THREADS, 0)

    def _first_product(self) -> int:
        """Launch the product of a first layer that is too wide; how many slices are to be added up."""
        layer = self.plan.layers[0]
        size = self.batch, layer.outputs, layer.inputs
        tile, cut = tiling.divide(*size, self.processors, launch=0)
        assert cut is not None
        self._launch_slices(products.forward(None, self.plan.dtype, tile, SHUFFLED, cut), tile, cut, size, 0)
        return cut.slices

    def _loss(self, source: int, weighted: bool) -> None:
        width = lanes.COUNT if self.plan.loss.component.form == "row" else self.plan.outputs
        self._by_row(len(self.plan.layers) - 1, losses.row_loss(*self._loss_parts(source, weighted)), width)

    def _loss_parts(self, source: int, weighted: bool) -> tuple[Any, ...]:
        """What makes the loss of a row."""
        component, k = self.plan.loss.component, len(self.plan.layers) - 1
        module, row = compiled.loss(component, self.plan.dtype), component.form == "row"
        slope = None if row else module.slope
        labels = "label" in component.roles
        width = self.plan.outputs // component.traits["outputs"]
        self._row(k, LOSS=self._numbers(self.plan.loss), TARGET_ROW=width)
        return module.value, slope, labels, source, weighted, self.plan.dtype

    def _backward(self, k: int) -> None:
        """The launches from the gradient to a layer's outputs, or from d of the layer above, down to its own d."""
        layer, last = self.plan.layers[k], k + 1 == len(self.plan.layers)
        by_rows = _by_rows(layer.activation)
        parts = self._back(k)
        finish = elements.chain(*parts, elements.store(op.DY if by_rows else op.D))
        if not last:
            self._delta(k, finish)
        elif parts:
            self._elements(k, op.DY, finish)
        if by_rows:
            assert layer.activation is not None
            self._by_row(k, elements.back_over_rows(self._module(layer.activation).slope))
        if layer.norm is not None:
            back = norm.layer_norm_back if layer.norm == "layer" else norm.batch_norm_back
            self._launch_norm(k, back(self.plan.dtype))

    def _back(self, k: int) -> list[Any]:
        """What happens to an element of the gradient on its way through a layer."""
        layer, dtype = self.plan.layers[k], self.plan.dtype
        above = self.plan.layers[k + 1] if k + 1 < len(self.plan.layers) else None
        parts = [elements.add_skipped] if above is not None and above.residual else []
        parts += [elements.kept(op.SKIP)] if layer.residual and k > 0 else []
        parts += [elements.drop_back(dtype)] if layer.dropout else []
        if layer.activation is not None and not _by_rows(layer.activation):
            module, component = self._module(layer.activation), layer.activation.component
            slopes = tuple(getattr(module, f"slope_{j}") for j in range(len(layer.learnable)))
            parts.append(elements.slope_back(module.slope, slopes, dtype, "u" in component.roles))
        return parts

    def _update(self) -> None:
        """The launches that move the weights."""
        plan, dtype = self.plan, self.plan.dtype
        extras = plan.extras
        module = compiled.optimizer(plan.optimizer.component, dtype, self.layout.states, extras)
        move = updates.mover(module.move, self.layout.parts)
        whole = bool(plan.clip_norm) or any(self._by_library(k) for k in range(len(plan.layers)))
        take = updates.keeper if whole else move
        if whole:
            self._places(GRADIENT=self.work.take(self.layout.length), FACTOR=self.work.keep(np.ones(1)))
        numbers = hyper_width(plan)
        together = None if whole else updates.Together(module.move, self.layout.parts, numbers, dtype)
        self._gradients(updates.on_weights(take), together)
        for k, layer in enumerate(plan.layers):
            if layer.vectors:
                kernel = updates.on_vectors(take, dtype)
                self._launch(kernel, (-(-layer.outputs // updates.ACROSS), len(layer.vectors)), THREADS, k)
        if plan.clip_norm:
            count = -(-self.layout.length // updates.BLOCK)
            self._places(SQUARES=self.work.take(count))
            self._launch(updates.squares(dtype), (count, 1), THREADS, 0)
            self._launch(updates.clip(dtype, CLIP_NORM), (1, 1), THREADS, 0)
        if whole:
            self._launch(updates.scaled(move), (blocks(self.layout.length), 1), THREADS, 0)

    def _gradients(self, finish: Any, together: updates.Together | None) -> None:
        """The launches of the gradients to all layers' w and b."""
        if self.fused:
            self._all_gradients(finish, together)
            return
        for k, layer in enumerate(self.plan.layers):
            if self._by_library(k):
                self._gradient_by_library(k)
                continue
            make = functools.partial(products.gradient, source=self._source(k), together=together)
            self._multiply(make, finish, (layer.inputs + 1, layer.outputs, self.batch), k, of_weights=True)

    def _all_gradients(self, finish: Any, together: updates.Together | None) -> None:
        """The launch of the gradients of all layers, and where they are cut, the one that adds their parts."""
        layers, dtype = self.plan.layers, self.plan.dtype
        size = max(layer.inputs for layer in layers) + 1, max(layer.outputs for layer in layers), self.batch
        tile, cut = tiling.divide(*size, self.processors, len(layers))
        if cut is None:
            grid = *tile.blocks(*size[:2]), len(layers)
            self._launch(products.gradients(finish, dtype, tile, together=together), grid, tile.threads, 0)
            return
        self._launch_slices(products.gradients(None, dtype, tile, cut), tile, cut, size, 0, len(layers))
        added = products.add_parts(finish, dtype, cut, True)
        self._launch(added, (blocks(size[0] * size[1]), len(layers)), THREADS, 0)

    # ---- products by cuBLAS, which leaves what it makes in a buffer

    def _by_library(self, k: int) -> bool:
        """Whether cuBLAS makes the gradient to a layer's w; then all are stored, and move the weights in the end."""
        layer = self.plan.layers[k]
        return not self.fused and cublas.pays((layer.inputs, layer.outputs, self.batch))

    def _gradient_by_library(self, k: int) -> None:
        layer, row = self.plan.layers[k], self.rows[k]
        out = WORK, int(self.head[op.GRADIENT]) + self.layout.weights[k]
        size, left, right = (layer.inputs, layer.outputs, self.batch), (WORK, int(row[op.X])), (WORK, int(row[op.D]))
        self.launches.append(Product(out, left, right, size, rows=2, turned=(True, False)))
        kernel = updates.on_biases(updates.keeper, self.plan.dtype)
        self._launch(kernel, (-(-layer.outputs // updates.ACROSS), 1), THREADS, k)

    # ---- launches

    def _product(self, k: int, finish: Any) -> None:
        """x w + b."""
        layer, row = self.plan.layers[k], self.rows[k]
        size = self.batch, layer.outputs, layer.inputs
        if cublas.pays(size):
            left = (WORK if self._source(k) == FROM_WORK else DATA), int(row[op.X])
            h, w = (WORK, int(row[op.H])), (ARENA, int(row[op.W]))
            self.launches.append(Product(h, left, w, size, rows=0))
            self._elements(k, op.H, elements.both(elements.add_bias, finish))
            return
        self._multiply(functools.partial(products.forward, source=self._source(k)), finish, size, k)

    def _multiply(
        self, make: Callable[..., Any], finish: Any, size: tuple[int, int, int], k: int, of_weights: bool = False
    ) -> None:
        """Launch a product of so many rows, columns and elements of a sum, and if it is cut, what adds its parts."""
        tile, cut = tiling.divide(*size, self.processors)
        if cut is None:
            self._launch(make(finish, self.plan.dtype, tile), tile.blocks(*size[:2]), tile.threads, k)
            return
        self._launch_slices(make(None, self.plan.dtype, tile, cut=cut), tile, cut, size, k)
        added = products.add_parts(finish, self.plan.dtype, cut, of_weights)
        self._launch(added, (blocks(size[0] * size[1]), 1), THREADS, k)

    def _launch_slices(
        self, kernel: Any, tile: Tile, cut: Cut, size: tuple[int, int, int], k: int, layers: int = 1
    ) -> None:
        """Launch the slices of a product, or of those of so many layers, and make room for their parts."""
        for layer in range(k, k + layers):
            self.parts[layer] = max(self.parts[layer], cut.slices * size[0] * size[1])
        self._launch(kernel, (*tile.blocks(*size[:2]), cut.slices * layers), tile.threads, k)

    def _delta(self, k: int, finish: Any) -> None:
        """d w' of the layer above."""
        row, above = self.rows[k], self.plan.layers[k + 1].outputs
        size = self.batch, self.plan.layers[k].outputs, above
        if cublas.pays(size):
            d, w = (WORK, int(row[op.NEXT_D])), (ARENA, int(row[op.NEXT_W]))
            product = Product((WORK, int(row[op.D])), d, w, size, rows=0, turned=(False, True))
            self.launches.append(product)
            self._elements(k, op.D, finish)
            return
        self._multiply(products.delta, finish, size, k)

    def _elements(self, k: int, column: int, finish: Any) -> None:
        grid = blocks(self.batch, 1), -(-int(self.rows[k, op.OUTPUTS]) // THREADS)
        self._launch(elements.over_elements(column, finish), grid, THREADS, k)

    def _by_row(self, k: int, kernel: Any, width: int = lanes.COUNT) -> None:
        """Launch a kernel in which so many threads do a row, at most a warp."""
        threads = min(THREADS, 4 * lanes.COUNT)  # so that few rows are spread over many processors
        self._launch(kernel, (blocks(self.batch * min(width, lanes.COUNT), threads), 1), threads, k)

    def _norm_kernel(self, layer: Layer) -> Any:
        """What normalises a layer's products while training, or rows at any time."""
        if layer.norm == "layer":
            return norm.layer_norm(self.plan.dtype, NORM_EPSILON)
        return norm.batch_norm(self.plan.dtype, NORM_EPSILON, NORM_MOMENTUM)

    def _launch_norm(self, k: int, kernel: Any) -> None:
        units = self.batch if self.plan.layers[k].norm == "layer" else self.plan.layers[k].outputs
        self._launch(kernel, (units, 1), THREADS, k)

    def _launch(self, kernel: Any, grid: tuple[int, ...], threads: int, layer: int) -> None:
        self.launches.append(Launch(kernel, grid, threads, layer))

    # ---- places

    def _source(self, k: int) -> int:
        """Where a layer finds its rows."""
        if k > 0 or self.gathers:
            return FROM_WORK
        return SHUFFLED if self.training else IN_ORDER

    def _followed(self, layer: Layer) -> bool:
        """Whether something follows the activation, so that its a is not the layer's output y."""
        return layer.residual or (self.training and layer.dropout is not None)

    def _module(self, configured: Configured) -> Any:
        return compiled.activation(configured.component, self.plan.dtype)

    def _numbers(self, configured: Configured) -> int:
        """A place for a component's parameters."""
        return self.work.keep(np.array([*configured.values.values(), 0], self.plan.dtype))

    def _places(self, **columns: int) -> None:
        for name, value in columns.items():
            self.head[getattr(op, name)] = value

    def _row(self, k: int, **columns: int) -> None:
        for name, value in columns.items():
            self.rows[k, getattr(op, name)] = value

    def _set_row(self, k: int) -> None:
        """A layer's sizes, its weights and its buffers; those that need not be kept apart are one."""
        layer, part = self.plan.layers[k], 0 if self.training else self.layout.predicting
        shift = part * self.layout.stride
        vectors = self.layout.vectors(k) + shift
        norms = len(NORM) if layer.norm else 0

        def room() -> int:
            return self.work.take(buffer(layer, self.batch))

        gathered = self.work.take(self.batch * layer.inputs) if k == 0 and self.gathers else 0
        y = room()
        a = room() if layer.activation is not None and self._followed(layer) else y
        kept = layer.activation is not None and (keeps_z(layer.activation.component) or layer.norm is not None)
        z = room() if kept or (layer.norm and self._followed(layer)) else a
        self._row(
            k,
            X=int(self.rows[k - 1, op.Y]) if k else gathered,
            INPUTS=layer.inputs,
            OUTPUTS=layer.outputs,
            W=self.layout.weights[k] + shift,
            H=room() if layer.norm else z,
            Z=z,
            A=a,
            Y=y,
            NORM_VECTORS=vectors,
            VECTORS=vectors + norms * layer.outputs,
            STATISTICS=self.layout.statistics.get(k, 0),
            FACTORS=self.work.take(max(self.batch, layer.outputs)) if layer.norm else 0,
            PARAMETERS=self._numbers(layer.activation) if layer.activation else 0,
        )
        self._set_row_back(k, room)

    def _set_row_back(self, k: int, room: Callable[[], int]) -> None:
        """The buffers of the way back; without training there is only what the loss writes to."""
        layer, last = self.plan.layers[k], k + 1 == len(self.plan.layers)
        if not self.training:
            self._row(k, DY=room() if last else 0)
            return
        d, count = room(), buffer(layer, self.batch)
        apart = _by_rows(layer.activation) or (last and bool(self._back(k)))
        slopes = self.work.take(count * len(layer.vectors))
        drop = layer.dropout
        self._row(
            k,
            D=d,
            DY=room() if apart else d,
            SKIP=room() if layer.residual and k > 0 else 0,
            NORM_SLOPES=slopes,
            SLOPES=slopes + (len(NORM) * count if layer.norm else 0),
            SLOPES_STRIDE=count,
            KEY=2 * k,
            DROPOUT=self.work.keep(np.array([drop.scale, drop.shift, drop.dropped])) if drop else 0,
            LIMIT=int(np.dtype(self.plan.dtype).type(drop.rate) * np.float64(DRAWS)) if drop else 0,
        )

    def _set_row_above(self, k: int) -> None:
        """What a layer needs of the one above."""
        above = self.rows[k + 1]
        self._row(
            k,
            NEXT_D=int(above[op.D]),
            NEXT_OUTPUTS=int(above[op.OUTPUTS]),
            NEXT_W=int(above[op.W]),
            NEXT_SKIP=int(above[op.SKIP]),
        )


def _by_rows(activation: Configured | None) -> bool:
    """Whether an activation is of whole rows."""
    return activation is not None and activation.component.form == "row"


def _narrow(layer: Layer, k: int) -> bool:
    """Whether a layer can be a part of the kernel of a whole network; the first one may have more inputs."""
    widest = layer.outputs if k == 0 else max(layer.inputs, layer.outputs)
    return widest <= fused.WIDEST and layer.norm is None and not _by_rows(layer.activation)
