"""Random calls of kernels, right and wrong: NumPy's answer or one error, never a crash.

NUMBANN_RANDOM_CALLS=20000 makes as many, of all kernels; each call has a seed of its own, which an error names.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from processes import run
from random_calls import run as make

from numbann import kernels
from numbann.kernels.components import names_of
from numbann.kernels.host import HOST

MANY = int(os.environ.get("NUMBANN_RANDOM_CALLS", "0"))
SOME = ["matmul", "relu", "softmax_cross_entropy", "adam_step"]  # each order of arrays is compiled anew


def test_random_calls() -> None:
    found = make(MANY or 200, 0, dir(kernels) if MANY else SOME)
    assert min(found["answered"], found["refused"]) > sum(found.values()) / 5


def test_random_calls_of_initializers_and_metrics() -> None:
    found = make(MANY or 300, 0, names_of(HOST))
    assert min(found["answered"], found["refused"]) > sum(found.values()) / 5


@pytest.mark.slow
def test_a_process_that_checks_its_heap() -> None:
    """Also with the calls that once ended it; glibc fills what is freed, and looks for harm at every turn."""
    checker = next(Path("/lib").glob("*-linux-gnu/libc_malloc_debug.so.0"), "")
    heap = {"MALLOC_PERTURB_": 165, "MALLOC_CHECK_": 3, "LD_PRELOAD": checker}
    found = run("random_calls.py", 40, 1, "matmul", **heap)
    assert sum(found.values()) == 40
