"""Which engine a plan gets: by the device that was asked for, or the faster one that is there."""

from __future__ import annotations

import importlib.util
import re
from typing import Any

from numbann.cuda.refusals import refusal
from numbann.engine.cpu.engine import Engine
from numbann.errors import DeviceError
from numbann.network.plan import Plan

LARGE = 50_000_000  # floating-point operations of a step, from which "auto" takes a GPU: fewer are launched too slowly
NAMES = re.compile(r"cuda(?::(\d+))?")


def make_engine(plan: Plan, device: str = "auto", threads: int | str = "auto", rows: int | None = None) -> Any:
    """The engine for a device, "auto", "cpu", "cuda" or "cuda:N".

    rows: how many there are to train on; "auto" takes a GPU if there is one, does all that the plan asks for, and a
    step is large, and without rows never.
    """
    if device == "auto":
        device = "cuda" if rows is not None and _worthwhile(plan, rows) and _there() else "cpu"
    index = require(device)
    if index is None:
        return Engine(plan, threads)
    from numbann.cuda.engine.engine import Engine as CudaEngine

    return CudaEngine(plan, threads, index)


def require(device: str) -> int | None:
    """The number of the GPU that a device names, None for no certain one; DeviceError if it is not there."""
    if device in ("auto", "cpu"):
        return None
    found = NAMES.fullmatch(device)
    if found is None:
        raise DeviceError(f'device "{device}": unknown; give "auto", "cpu", "cuda" or "cuda:N"')
    index = int(found[1] or 0)
    try:
        from numbann.cuda.threads import device as gpu

        gpu.require(index)
    except DeviceError as error:
        raise DeviceError(f'device "{device}": {error}; or compute on "cpu"') from error
    return index


def _worthwhile(plan: Plan, rows: int) -> bool:
    """Whether a GPU would do a plan, and faster."""
    return not refusal(plan) and plan.step_flops(plan.batch_rows(rows)) >= LARGE


def _there() -> bool:
    """Whether there is a GPU with what it needs."""
    if importlib.util.find_spec("numba_cuda") is None:
        return False
    try:
        from numbann.cuda.threads import device
    except DeviceError:
        return False
    return not device.SIMULATED and not device.fault()
