"""What depends on the processor: atomics, denormals, and the same bits without the widest vectors."""

from __future__ import annotations

import numba
import numpy as np
from processes import NARROW, run

from numbann.simd import machine
from numbann.simd.pointer import pointer_of
from numbann.simd.system import yield_address


@numba.njit
def counted(cells):
    """Add, load, store and replace in cells; what was there before, and whether it was replaced."""
    base = pointer_of(cells)
    before = machine.atomic_add(base, 1, 5)
    after = machine.atomic_load(base, 1)
    machine.atomic_store(base, 2, 7)
    machine.pause()
    replaced = machine.atomic_replace(base, 0, 1, 9), machine.atomic_replace(base, 0, 1, 10)
    return before, after, replaced


@numba.njit
def flush():
    return machine.flush_denormals()


@numba.njit
def restore(state):
    machine.restore_denormals(state)


@numba.njit
def wide_loop(x):
    machine.prefer_wide()
    for i in range(x.size):
        x[i] = x[i] + x[i]


def test_atomics() -> None:
    cells = np.array([1, 2, 3], np.int64)
    assert counted(cells) == (2, 7, (True, False))
    assert cells.tolist() == [9, 7, 7]


def test_denormals_are_flushed_and_restored() -> None:
    tiny, half = np.array([1e-40], np.float32), np.float32(0.5)
    restore(flush())  # compiled first: the mode holds for this whole thread
    state = flush()
    inside = tiny * half
    restore(state)
    assert (inside == 0).all()
    assert (tiny * half > 0).all()


def test_yield_has_an_address() -> None:
    assert yield_address() > 0


def test_narrow_vectors_compute_the_same_bits() -> None:
    """A training step for AVX2 alone: as on this machine, and without a register of AVX-512."""
    here, narrow = run("train_once.py"), run("train_once.py", **NARROW)
    assert narrow["digest"] == here["digest"]
    assert narrow["losses"] == here["losses"]


def test_narrow_code_has_no_wide_registers() -> None:
    wide, narrow = run("show_registers.py"), run("show_registers.py", **NARROW)
    assert narrow == {"wide": False, "zmm": 0, "ymm": narrow["ymm"]}
    assert narrow["ymm"] > 0
    assert wide["wide"] == (wide["zmm"] > 0)


def test_a_function_can_prefer_wide_registers() -> None:
    wide_loop(np.ones(3, np.float32))
    code = next(iter(wide_loop.inspect_llvm().values()))
    assert '"prefer-vector-width"="512"' in code
