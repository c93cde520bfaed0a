"""The networks that the benchmarks train, with data made for them, and how much arithmetic they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Net:
    """A network and its data: classes if `classes`, else regression by squared error; batch 0 is the whole data."""

    name: str
    widths: tuple[int, ...]
    batch: int
    rows: int
    activation: str = "relu"
    classes: bool = True

    @property
    def batch_rows(self) -> int:
        """Rows in a batch."""
        return self.batch or self.rows

    @property
    def steps(self) -> int:
        """Steps in an epoch."""
        return self.rows // self.batch_rows

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """(I, O) of each layer."""
        return list(zip(self.widths, self.widths[1:], strict=False))

    @property
    def row_flops(self) -> int:
        """Operations of the matrix products of one row forward, two for a product and a sum."""
        return 2 * sum(inputs * outputs for inputs, outputs in self.sizes)

    @property
    def step_flops(self) -> int:
        """Operations of a step's matrix products: forward, gradients, and the deltas of all layers but the first."""
        inputs, outputs = self.sizes[0]
        return self.batch_rows * (3 * self.row_flops - 2 * inputs * outputs)

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Normal inputs, and random classes or smooth targets."""
        random = np.random.default_rng(0)
        x = random.standard_normal((self.rows, self.widths[0]), np.float32)
        if self.classes:
            return x, random.integers(0, self.widths[-1], self.rows)
        return x, np.sin(x @ random.standard_normal((self.widths[0], self.widths[-1]))).astype(np.float32)

    def __str__(self) -> str:
        return "-".join(map(str, self.widths)) + f" ({self.batch_rows})"


NETS = {
    net.name: net
    for net in (
        Net("T", (64, 32, 10), 32, 32_000),
        Net("S", (784, 128, 10), 32, 9_600),
        Net("M", (784, 256, 128, 10), 128, 12_800),
        Net("L", (784, 1024, 1024, 10), 256, 2_560),
        Net("W", (32, 64, 64, 64, 2), 64, 32_000),
        Net("C", (4, 32, 16, 4), 0, 10_000, activation="tanh", classes=False),
    )
}
