"""What an engine is, on any device: a network in memory that is trained, predicts and can be looked into.

N rows, I inputs, O outputs.  Tensors are named and shaped as in `Plan.tensors`.  Numbers are in the plan's dtype, and
what an engine gives are copies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from numbann.engine.shared.feeding import Inputs
from numbann.network.plan import Plan

Progress = Callable[[int, int], None]  # is told now and then how many steps of how many are done


@dataclass(frozen=True)
class LayerFacts:
    """A layer on some rows: da/dz (B, O), None if an output depends on all z; the gradient to w (I, O) and b (O,)."""

    slopes: np.ndarray | None
    dw: np.ndarray
    db: np.ndarray


class Snapshot(Protocol):
    """An engine's parameters and states at one moment, in its own layout."""

    def parameters(self) -> dict[str, np.ndarray]:
        """As `Engine.parameters`."""

    def state(self) -> dict[str, np.ndarray]:
        """As `Engine.state`."""


class Engine(Protocol):
    """A network in memory.

    device: the name of the device, "cpu" or "cuda:0".  gpu: the name of the GPU, if it is one.  threads: how many
    threads may work.  steps_done: steps of training since `initialize`, or since those of `restore`.
    """

    plan: Plan
    device: str
    gpu: str | None
    threads: int
    steps_done: int

    @property
    def compiled(self) -> int:
        """How many kernels had to be compiled since the engine was made, because the cache did not have them."""

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages that this engine alone goes through; a manifest has their versions."""

    # ---- weights and states

    def initialize(self, seed: int) -> None:
        """Set the initial weights; states are zero, and no step is done."""

    def parameters(self) -> dict[str, np.ndarray]:
        """The tensors that predict: where the plan averages the weights, their average."""

    def set_parameters(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Take over what `parameters` gave; training goes on from these weights.  KeyError if one is missing."""

    def weights(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Each layer's w (I, O) and b (O,), those that predict."""

    def set_weights(self, weights: list[tuple[np.ndarray, np.ndarray]]) -> None:
        """Set each layer's w (I, O) and b (O,), and leave everything else as it is."""

    def state(self) -> dict[str, np.ndarray]:
        """What training needs beside `parameters`, by name: the optimizer's states and the number of steps done."""

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Take over what `state` gave."""

    def snapshot(self, into: Snapshot | None = None) -> Snapshot:
        """What `parameters` and `state` say at this moment, in one copy; into: an older one to overwrite."""

    # ---- training

    def load_data(
        self, x: Inputs, t: np.ndarray, weight: np.ndarray | None = None, rows: np.ndarray | None = None
    ) -> None:
        """Take the training rows: x (N, I), t as labels (N,) or rows (N, O), and how much each counts, weight (N,).

        rows: the numbers of those that are trained on; all if None.  It compiles what training needs, so that a
        fault of a component shows before anything is trained.
        """

    def epoch(self, index: int, rates: np.ndarray, progress: Progress | None = None) -> float:
        """Train an epoch with a learning rate for each step; the mean over its batches of their (weighted) mean loss.

        The order of the rows and all noise depend on the plan's seed and on index.  RuntimeError before `load_data`.
        KeyboardInterrupt comes out between two steps, and steps_done tells which.
        """

    def step_losses(self) -> np.ndarray:
        """The (weighted) mean loss over rows of each step of the last epoch, before the step moved the weights."""

    # ---- inference

    def predict(self, x: Inputs) -> np.ndarray:
        """Predictions (N, O) for rows x (N, I), after the output activation."""

    def predict_raw(self, raw: np.ndarray, shift: np.ndarray, scale: np.ndarray) -> np.ndarray | None:
        """Predictions (N, O) for inputs (raw - shift) / scale, raw (N, I) contiguous float32 or float64.

        shift and scale (I,), float64, are the same at every call.  None if an input is infinite or no number, or if
        the engine takes scaled inputs alone.
        """

    def evaluate(self, x: Inputs, t: np.ndarray, weight: np.ndarray | None = None) -> tuple[float, np.ndarray]:
        """The mean loss over rows, weighted by weight (N,), and predictions (N, O)."""

    def probe(self, x: np.ndarray, t: np.ndarray, weight: np.ndarray | None = None) -> list[LayerFacts]:
        """Each layer's slopes, and the gradient of the mean loss to its weights, on rows x (B, I); nothing moves.

        weight (B,): how much each row counts in the mean.
        """

    # ---- the end

    def close(self) -> None:
        """Let threads end and memory go."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
