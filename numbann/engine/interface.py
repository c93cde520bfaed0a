"""The interface of an engine on any device: a network in memory that trains, predicts and can be inspected.

N rows, I inputs, O outputs.  Tensors have the names and shapes of `Plan.tensors` and the plan's dtype.  An engine
returns copies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, Self

import numpy as np

from numbann.engine.shared.feeding import Inputs
from numbann.network.plan import Plan
from numbann.records import dataclass

NO_NUMBERS: Mapping[str, np.ndarray] = {}
Progress = Callable[[int, int], None]  # called now and then with the number of steps done and of all steps


class Paused(Exception):
    """Raised by a function of progress to leave an epoch between two steps.  Of several ranks, all leave it."""


@dataclass(frozen=True)
class LayerFacts:
    """A layer's facts on some rows: da/dz (B, O), None if an output depends on all z; dw (I, O) and db (O,)."""

    slopes: np.ndarray | None
    dw: np.ndarray
    db: np.ndarray


class Snapshot(Protocol):
    """An engine's parameters and states at one moment, in the engine's own layout."""

    def parameters(self) -> dict[str, np.ndarray]:
        """As `Engine.parameters`."""

    def state(self) -> dict[str, np.ndarray]:
        """As `Engine.state`."""


class Engine(Protocol):
    """A network in memory.

    device: the name of the device, "cpu" or "cuda:0".  gpu: the name of the GPU, if it is one.  threads: the most
    threads that may work.  steps_done: the steps of training since `initialize`, or since the steps that `restore` set.
    ranks: how many processes train together.
    """

    plan: Plan
    device: str
    gpu: str | None
    threads: int
    steps_done: int
    ranks: int

    @property
    def exchanged(self) -> float:
        """The seconds of training that have passed with what ranks tell each other."""

    @property
    def compiled(self) -> int:
        """How many kernels were compiled since the engine was made, because the cache did not have them."""

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages that only this engine uses; a manifest records their versions."""

    # ---- weights and states

    def initialize(self, seed: int) -> None:
        """Set the initial weights, zero states and no steps done.

        RuntimeError before `load_data`, if an initializer asks for a sample of the rows.
        """

    def parameters(self) -> dict[str, np.ndarray]:
        """The tensors that predict: the average of the weights, if the plan averages them."""

    def set_parameters(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Set the tensors that predict; training goes on from these weights.  KeyError if one is missing."""

    def state(self) -> dict[str, np.ndarray]:
        """What training needs beside `parameters`, by name: the optimizer's states and the number of steps done."""

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Set what `state` has returned."""

    def snapshot(self, into: Snapshot | None = None) -> Snapshot:
        """Copy `parameters` and `state` as they are now; into: an older snapshot to overwrite."""

    def is_finite(self) -> bool:
        """Whether all numbers of `parameters` are finite."""

    def squares(self) -> float:
        """The sum of the squares of all weights that predict, without biases and other vectors."""

    # ---- training

    def load_data(
        self,
        x: Inputs,
        t: np.ndarray,
        weight: np.ndarray | None = None,
        rows: np.ndarray | None = None,
        group: np.ndarray | None = None,
    ) -> None:
        """Take the training rows: x (N, I), t as labels (N,) or rows (N, O), and how much each row counts, weight (N,).

        rows: the numbers of the rows to train on; None for all.  group (N,): the group of each row, a whole number, if
        batches hold whole groups; DeviceError from an engine whose batches do not.  Compiles what training needs, so
        that a fault of a component shows before training starts.
        """

    def epoch(
        self,
        index: int,
        rates: np.ndarray,
        progress: Progress | None = None,
        losses: np.ndarray | Sequence[float] = (),
        numbers: Mapping[str, np.ndarray] = NO_NUMBERS,
        order: np.ndarray | None = None,
    ) -> float:
        """Train an epoch with a learning rate for each step; return the mean over its batches of their (weighted) mean
        loss.

        The order of the rows and all noise depend on the plan's seed and on index.  RuntimeError before `load_data`.
        An exception that progress raises ends the epoch between two steps; with ranks it must be Paused, and the epochs
        of all of them end after the same step.  `steps_done` then counts the steps that are done and `step_losses` has
        their losses; from these, the weights and the states the epoch goes on, here or in another process, to the same
        bits.  losses: of the steps that are done already, the epoch's first.  numbers: of each step, for what has a
        course, by name; a name left out keeps the number of the plan.  order: the numbers of the rows in their order,
        in the place of one that is drawn; ShapeError where batches hold whole groups.
        """

    def step_losses(self) -> np.ndarray:
        """The (weighted) mean loss of each step done of the last epoch, before the step updated the weights."""

    # ---- inference

    def predict(self, x: Inputs) -> np.ndarray:
        """Predictions (N, O) for rows x (N, I), after the output activation."""

    def predict_raw(self, raw: np.ndarray, shift: np.ndarray, scale: np.ndarray) -> np.ndarray | None:
        """Predictions (N, O) for inputs (raw - shift) / scale, raw (N, I) contiguous float32 or float64.

        shift and scale (I,), float64, are the same at every call.  None if an input is infinite or NaN, or if the
        engine takes scaled inputs only.
        """

    def evaluate(
        self, x: Inputs, t: np.ndarray, weight: np.ndarray | None = None, group: np.ndarray | None = None
    ) -> tuple[float, np.ndarray]:
        """The mean loss over rows, weighted by weight (N,), and predictions (N, O).

        group (N,): the group of each row, for a loss of whole batches.
        """

    def probe(
        self, x: np.ndarray, t: np.ndarray, weight: np.ndarray | None = None, group: np.ndarray | None = None
    ) -> list[LayerFacts]:
        """Each layer's slopes, and the gradient of the mean loss to its weights, on rows x (B, I); no weight changes.

        weight (B,): how much each row counts in the mean.  group (B,): the group of each row, for a loss by groups.
        """

    # ---- the end

    def close(self) -> None:
        """End the threads and free the memory."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
