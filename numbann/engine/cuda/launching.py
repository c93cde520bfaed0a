"""A table of launches with its arrays on the GPU: sends, steps, reads.  What the launches are, steps.py knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from numbann.compile import cuda as compiled
from numbann.engine.cuda.steps import Launch, Product, Steps
from numbann.plan import ITEMSIZE, Plan
from numbann.simt import cublas, device, op, products

TOGETHER = 64  # steps of a graph


@dataclass
class _Rows:
    """The rows of the batches, for what the host calls with them: all, those of a whole one, and steps behind."""

    total: int
    batch: int
    begun: int = 0

    def of(self, step: int) -> int:
        """Those of a step, counted from the steps behind; the last batch may be smaller."""
        return min(self.batch, self.total - (self.begun + step) * self.batch)


class Table:
    """Steps over an arena: rows x (N, I) and targets lie in `data`, order, labels and keys behind the ints."""

    def __init__(
        self, plan: Plan, steps: Steps, arena: Any, shape: tuple[int, int], targets: np.ndarray, keys: int
    ) -> None:
        self._plan, self._steps = plan, steps
        rows, inputs = shape
        labels = targets.ndim == 1
        self.output = steps.output
        self._inputs, self._target = inputs, rows * inputs
        last = len(plan.layers) - 1
        steps.rows[last, op.TARGET] = self._target
        own = len(steps.ints)
        steps.head[op.TOTAL], steps.head[op.ORDER] = rows, own
        steps.head[op.LABELS], steps.head[op.KEYS] = own + rows, own + 2 * rows
        self.ints = steps.ints
        size = own + 2 * rows + keys
        what = f"{rows} rows of {inputs} inputs"
        self._data = device.empty(self._target + (0 if labels else targets.size), plan.dtype, what)
        self._ints = device.filled(np.append(self.ints, np.zeros(size - own, np.int64)), "the order of the rows")
        self._work = device.filled(steps.work.filled(plan.dtype), f"buffers of a batch of {steps.head[op.BATCH]} rows")
        self._arrays = arena, self._work, self._data, self._ints
        self._rows = _Rows(rows, int(steps.head[op.BATCH]))
        self.by_library = any(isinstance(one, Product) for one in steps.launches)
        self._workspace = device.empty(cublas.WORKSPACE // 4 if self.by_library else 0, "float32", "products by cuBLAS")
        self._launches = self._on(0)
        self._graph: Callable[[], None] | None = None

    def compile(self) -> None:
        """Compile every kernel, so that a fault of a component shows before anything is trained."""
        if not device.SIMULATED:
            kernels = [launch.kernel for launch in self._steps.launches if isinstance(launch, Launch)]
            for kernel in dict.fromkeys([*kernels, products.advance]):
                compiled.compile_kernel(kernel, self._plan.dtype, self._steps.components)

    def step(self, index: int) -> None:
        """Launch a step, counted from those that are done; it does not wait for the GPU."""
        for launch, arguments in self._launches:
            launch(*arguments, index)

    def epoch(self, steps: int) -> Iterator[int]:
        """Launch so many steps; gives how many are launched.

        Many steps are a CUDA graph, which is launched again and again.
        """
        self._ints[op.BEGUN : op.BEGUN + 1].copy_to_device(np.zeros(1, np.int64))
        done = self._rows.begun = 0
        while self._graph and self.whole_batches - done >= TOGETHER:
            self._graph()
            done += TOGETHER
            self._rows.begun = done
            yield done
        for index in range(steps - done):
            self.step(index)
            yield done + index + 1

    @property
    def whole_batches(self) -> int:
        """The steps of an epoch that have all rows of a batch."""
        return self._rows.total // self._rows.batch

    def record(self) -> None:
        """Record the graph of some steps, after which so many are done; every kernel must be compiled."""
        for one, (launch, arguments) in zip(self._steps.launches, self._launches, strict=True):
            if isinstance(one, Product):  # cuBLAS loads its kernels at a first call, which must not be recorded
                launch(*arguments, 0)
        self._graph = device.recorded(self._launch_together)

    def _launch_together(self, stream: Any) -> None:
        launches = self._on(stream)
        for index in range(TOGETHER):
            for launch, arguments in launches:
                launch(*arguments, index)
        device.launcher(products.advance, 1, 1, stream)(*self._arrays, 0, TOGETHER)

    def _on(self, stream: Any) -> list[tuple[Callable[..., None], tuple[Any, ...]]]:
        """The launches with their arguments, but for the step."""
        return [
            (self._multiplier(one, stream), ())
            if isinstance(one, Product)
            else (device.launcher(one.kernel, one.grid, one.threads, stream), (*self._arrays, one.layer))
            for one in self._steps.launches
        ]

    def _multiplier(self, product: Product, stream: Any) -> Callable[[int], None]:
        """A product by cuBLAS, to be called with the step."""
        out, left, right = (self._address(*place) for place in (product.out, product.left, product.right))
        own, dtype, rows = cublas.handle(), self._plan.dtype, self._rows
        on, workspace = device.stream_address(stream), device.address(self._workspace)

        def multiply(step: int) -> None:
            size = list(product.size)
            size[product.rows] = rows.of(step)
            cublas.multiply(own, dtype, out, left, right, (size[0], size[1], size[2]), product.turned, on, workspace)

        return multiply

    def _address(self, array: int, place: int) -> int:
        """Of an element of one of the arrays."""
        return device.address(self._arrays[array]) + place * ITEMSIZE[self._plan.dtype]

    # ---- to the GPU

    def fill(self, x: np.ndarray, t: np.ndarray | None) -> None:
        """Other rows, at most as many as there is room for, and their targets."""
        self.fill_inputs(0, x)
        if t is not None:
            self.fill_targets(t)
        self._rows.total = len(x)
        self._ints[op.TOTAL : op.TOTAL + 1].copy_to_device(np.array([len(x)], np.int64))

    def fill_inputs(self, first: int, x: np.ndarray) -> None:
        """Rows from the first one on."""
        flat = np.ascontiguousarray(x, self._plan.dtype).ravel()
        start = first * self._inputs
        self._data[start : start + len(flat)].copy_to_device(flat)

    def fill_targets(self, t: np.ndarray) -> None:
        """The targets of the rows from the first one on."""
        if t.ndim == 1:
            self.send_ints(op.LABELS, t)
        else:
            self._data[self._target : self._target + t.size].copy_to_device(t.ravel())

    def send_ints(self, column: int, values: np.ndarray) -> None:
        """Integers to the place that a column of the head names."""
        start = int(self.ints[column])
        if len(values):
            self._ints[start : start + len(values)].copy_to_device(values)

    def send(self, column: int, values: np.ndarray) -> None:
        """Numbers to the place in `work` that a column of the head names."""
        start = int(self.ints[column])
        self._work[start : start + len(values)].copy_to_device(values)

    def read(self, start: int, count: int) -> np.ndarray:
        """Numbers of `work`, when the GPU is done."""
        found: np.ndarray = self._work[start : start + count].copy_to_host()
        return found
