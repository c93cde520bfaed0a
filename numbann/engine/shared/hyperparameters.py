"""The numbers of the optimizer, a row for each step of an epoch, which kernels on any device read."""

from __future__ import annotations

import numpy as np

from numbann.components.component import free_parameters
from numbann.components.parameter import Tuning
from numbann.network.plan import Plan
from numbann.simd import op


def hyper_width(plan: Plan) -> int:
    """How many numbers a step has."""
    return op.FIRST_PARAMETER + len(free_parameters(plan.optimizer.component))


def set_constants(plan: Plan, hyper: np.ndarray, tuning: Tuning, sizes: np.ndarray) -> None:
    """Set the numbers that do not change with the rates; sizes (steps,): the rows of each batch."""
    own = {**plan.optimizer.values, "batch_size": sizes}
    hyper[:, op.L1] = plan.l1
    hyper[:, op.CLIP_VALUE], hyper[:, op.CLIP_NORM] = plan.clip_value or 0, plan.clip_norm or 0
    for column, name in enumerate(free_parameters(plan.optimizer.component), op.FIRST_PARAMETER):
        hyper[:, column] = own[name]


def set_rates(plan: Plan, hyper: np.ndarray, tuning: Tuning, rates: np.ndarray, decays: np.ndarray, done: int) -> None:
    """Set the numbers that change with each step of an epoch, which begins after `done` steps."""
    hyper[:, op.LEARNING_RATE] = rates * tuning.rate
    hyper[:, op.WEIGHT_DECAY] = decays if tuning.decay is None else tuning.decay
    hyper[:, op.STEP] = done + 1 + np.arange(len(hyper))
    if plan.average:
        # the average begins with the weights after the first step
        hyper[:, op.KEPT] = np.where(hyper[:, op.STEP] == 1, 0, plan.average)
