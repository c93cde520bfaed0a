"""A table of launches (steps.py) bound to its arrays on the GPU: it sends data, launches steps and reads results."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from numbann.cuda.compile import components as compiled
from numbann.cuda.engine.launches import Launch, Product
from numbann.cuda.engine.steps import Steps
from numbann.cuda.threads import batches, cublas, device, op, running
from numbann.cuda.threads.running import BoundLaunch
from numbann.network.plan import ITEMSIZE, Plan
from numbann.records import dataclass

GRAPH_STEPS = 64  # steps of a CUDA graph, at most
GRAPH_FLOPS = 1e11  # its operations, at most: some hundredths of a second, since Ctrl-C waits for the end of a graph


@dataclass
class _Rows:
    """The numbers of rows that the host needs for cuBLAS: of the data, of a full batch, and the steps done before."""

    total: int
    batch: int
    begun: int = 0

    def of(self, step: int) -> int:
        """The rows of a step, counted from `begun`; the last batch may be smaller."""
        return min(self.batch, self.total - (self.begun + step) * self.batch)


class Table:
    """Steps over an arena.  The rows x (N, I) and targets lie in `data`; order, labels and keys follow the ints."""

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
        self._ints = device.upload(np.append(self.ints, np.zeros(size - own, np.int64)), "the order of the rows")
        self._work = device.upload(steps.work.filled(plan.dtype), f"buffers of a batch of {steps.head[op.BATCH]} rows")
        self._arrays = arena, self._work, self._data, self._ints
        self._rows = _Rows(rows, int(steps.head[op.BATCH]))
        self.has_cublas = any(isinstance(one, Product) for one in steps.launches)
        self._workspace = device.empty(cublas.WORKSPACE // 4 if self.has_cublas else 0, "float32", "products by cuBLAS")
        self._launches: list[BoundLaunch] = []
        self._parts: list[tuple[int, Callable[[], None]]] = []
        self._launch_all: Callable[[int, int, Any], None] = lambda count, begun, stream: None

    def compile(self) -> None:
        """Compile every kernel, so that a component's fault shows before training starts."""
        self._launches = [
            self._bind_product(one) if isinstance(one, Product) else self._bind(one) for one in self._steps.launches
        ]

    def _bind(self, launch: Launch) -> BoundLaunch:
        ready = compiled.load_kernel(launch.kernel, self._plan.dtype, self._steps.components)
        return running.bind(ready, launch.grid, launch.threads, self._arrays, launch.layer)

    def _bind_product(self, one: Product) -> BoundLaunch:
        """Bind a product by cuBLAS to its addresses."""
        out, left, right = (self._address(*place) for place in (one.out, one.left, one.right))
        own, dtype, rows, workspace = cublas.handle(), self._plan.dtype, self._rows, device.address(self._workspace)

        def multiply(stream: Any, step: int) -> None:
            size = list(one.size)
            size[one.rows] = rows.of(step)
            on = device.stream_address(stream)
            cublas.multiply(own, dtype, out, left, right, (size[0], size[1], size[2]), one.transposed, on, workspace)

        return multiply

    def _address(self, array: int, place: int) -> int:
        """The address of an element of one of the arrays."""
        return device.address(self._arrays[array]) + place * ITEMSIZE[self._plan.dtype]

    def step(self, index: int, stream: Any = None) -> None:
        """Launch a step, counted from those done before, without waiting for the GPU."""
        for launch in self._launches:
            launch(stream, index)

    def record(self, steps: int) -> None:
        """Record an epoch as CUDA graphs: one of many steps, launched again and again, and one of the steps left.

        The epoch's last batch, which may be smaller, is in the last graph: cuBLAS has its number of rows recorded.
        """
        advance = self._bind(Launch(batches.advance, (1, 1), 1, 0))
        for one, launch in zip(self._steps.launches, self._launches, strict=True):
            if isinstance(one, Product):  # cuBLAS loads its kernels at the first call, which no graph can record
                launch(None, 0)

        def launch_all(count: int, begun: int, stream: Any) -> None:
            self._rows.begun = begun
            for index in range(count):
                self.step(index, stream)
            advance(stream, count)

        self._launch_all = launch_all
        per_graph = steps_of_graph(self._plan, int(self._steps.head[op.BATCH]))
        times, rest = divmod(steps - 1, per_graph)
        counts = [(per_graph, 0), (rest + 1, steps - rest - 1)] if times else [(rest + 1, 0)]
        parts = [(one[0], running.record(functools.partial(launch_all, *one))) for one in counts]
        self._parts = parts[:-1] * times + parts[-1:]

    def epoch(self, first: int = 0) -> Iterator[int]:
        """Launch the recorded epoch from a step on; yields the number of steps launched so far.

        What is left of a graph in whose midst it begins is launched step by step.  The host stays two graphs ahead of
        the GPU: far enough to keep it busy, near enough to report progress and to stop at Ctrl-C.
        """
        self._ints[op.BEGUN : op.BEGUN + 1].copy_to_device(np.array([first], np.int64))
        done, before = 0, None
        for count, launch in self._parts:
            done += count
            if done <= first:
                continue
            if done - count < first:
                self._launch_all(done - first, first, None)
            else:
                launch()
            wait, before = before, running.mark()
            if wait:
                wait()
            yield done

    # ---- to the GPU

    def fill(self, x: np.ndarray, t: np.ndarray | None) -> None:
        """Send other rows, at most as many as the table was made for, and their targets."""
        self.fill_inputs(0, x)
        if t is not None:
            self.fill_targets(t)
        self._rows.total = len(x)
        self._ints[op.TOTAL : op.TOTAL + 1].copy_to_device(np.array([len(x)], np.int64))

    def fill_inputs(self, first: int, x: np.ndarray) -> None:
        """Send rows; first: the place of the first one."""
        flat = np.ascontiguousarray(x, self._plan.dtype).ravel()
        start = first * self._inputs
        self._data[start : start + len(flat)].copy_to_device(flat)

    def fill_targets(self, t: np.ndarray) -> None:
        """Send the targets of all rows."""
        if t.ndim == 1:
            self.send_ints(op.LABELS, t)
        else:
            self._data[self._target : self._target + t.size].copy_to_device(t.ravel())

    def send_ints(self, column: int, values: np.ndarray) -> None:
        """Send integers to the place that a column of the head names."""
        start = int(self.ints[column])
        if len(values):
            self._ints[start : start + len(values)].copy_to_device(values)

    def send(self, column: int, values: np.ndarray) -> None:
        """Send numbers to the place in `work` that a column of the head names."""
        start = int(self.ints[column])
        self._work[start : start + len(values)].copy_to_device(values)

    def read(self, start: int, count: int) -> np.ndarray:
        """Read numbers of `work`, once the GPU is done."""
        found: np.ndarray = self._work[start : start + count].copy_to_host()
        return found


def steps_of_graph(plan: Plan, batch: int) -> int:
    """The number of steps in a graph."""
    return max(1, min(GRAPH_STEPS, int(GRAPH_FLOPS / plan.step_flops(batch))))
