"""The one place that imports nvmath-python: products of large matrices by NVIDIA's cuBLAS, where both are installed.

Without the package numbann's own products do all; where it is there and does not work, that is an error, since a run
that is slower in silence is one too.  In the simulator it is never used.

cuBLAS takes matrices column by column.  Ours lie row by row, so that each is its transpose to cuBLAS, which is asked
for out' = right' left'.
"""

from __future__ import annotations

import functools
import importlib.util
import threading
from typing import Any

import numpy as np

from numbann.cuda.threads import device
from numbann.errors import DeviceError

# From here on cuBLAS pays: what it gains must cover the passes over memory that our own products do not need, 8 bytes
# for each element of the result, and one or two more launches.  On an H100 in float32, with 18 operations in the time
# of a byte and a gain of a third, the bytes are worth a depth of about 200, and half of that while they stay in the
# cache; two launches of 1.5 us are a third of 9 us, in which our own products do some 130 million operations.
# These are estimates: no GPU has measured them.
DEPTH, OPERATIONS = 128, 1 << 27
WORKSPACE = 1 << 25  # bytes that a product may use, as NVIDIA advises for its largest cards
INSTALL = 'pip install "numbann[cublas]"'

_CONSTANTS = {dtype: np.array([1, 0], dtype) for dtype in device.DTYPES}  # of out = 1 (left right) + 0 out
_SCALES = {dtype: (one.ctypes.data, one.ctypes.data + one.itemsize) for dtype, one in _CONSTANTS.items()}
_LOCK = threading.Lock()  # a handle's stream and workspace belong to the call that set them


@functools.cache
def is_installed() -> bool:
    """Whether there is nvmath-python, and a GPU to use it on."""
    return not device.SIMULATED and importlib.util.find_spec("nvmath") is not None


def pays(size: tuple[int, int, int]) -> bool:
    """Whether cuBLAS is there, and a product of so many rows, columns and depth is large enough for it."""
    rows, columns, depth = size
    return depth >= DEPTH and 2 * rows * columns * depth >= OPERATIONS and is_installed()


def handle() -> int:
    """The handle of cuBLAS for the GPU in use; DeviceError, which says what to do, if it does not work."""
    return _handle(device.index())


@functools.cache
def _handle(index: int) -> int:
    try:
        made = _bindings().create()
    except Exception as error:  # whatever it is that the library or the driver lacks
        raise DeviceError(
            f"cuda: nvmath-python is installed, but its cuBLAS does not work: {INSTALL}, or uninstall nvmath-python "
            f"to go without ({type(error).__name__}: {error})"
        ) from error
    # full float32: TF32, which has 10 bits of the mantissa, and emulation by smaller types have modes of their own
    _bindings().set_math_mode(made, _bindings().Math.DEFAULT_MATH)
    return int(made)


@functools.cache
def _bindings() -> Any:
    """The functions of cuBLAS."""
    from nvmath.bindings import cublas

    return cublas


def multiply(
    own: int,
    dtype: str,
    out: int,
    left: int,
    right: int,
    size: tuple[int, int, int],
    transposed: tuple[bool, bool] = (False, False),
    stream: int = 0,
    workspace: int = 0,
) -> None:
    """out (M, N) = left (M, K) right (K, N), C-ordered matrices at addresses on the GPU.

    own: the handle.  turned: whether left lies there as (K, M), and right as (N, K).  workspace: the address of
    WORKSPACE bytes, which a CUDA graph needs and which no other product may use at the same time; 0: cuBLAS's own.
    """
    m, n, k = size
    library, (one, zero) = _bindings(), _SCALES[dtype]
    gemm = library.sgemm if dtype == "float32" else library.dgemm
    turn_left, turn_right = (int(one) for one in transposed)  # CUBLAS_OP_N is 0, CUBLAS_OP_T is 1
    left_row, right_row = (m if transposed[0] else k), (k if transposed[1] else n)
    with _LOCK:
        library.set_stream(own, stream)  # and cuBLAS's own workspace
        if workspace:
            library.set_workspace(own, workspace, WORKSPACE)
        gemm(own, turn_right, turn_left, n, m, k, one, right, right_row, left, left_row, zero, out, n)
