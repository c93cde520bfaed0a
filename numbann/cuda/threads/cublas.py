"""Products of large matrices by NVIDIA's cuBLAS, through nvmath-python.  No other file imports nvmath-python.

Without the package numbann's own kernels compute all products.  If the package is installed and does not work, that is
an error: nothing gets slower silently.  The simulator never uses it.

cuBLAS reads matrices column by column.  Ours lie row by row, so cuBLAS sees the transpose of each, and is asked for
out' = right' left'.
"""

from __future__ import annotations

import functools
import importlib.util
import threading
from typing import Any

import numpy as np

from numbann.cuda.threads import device
from numbann.errors import DeviceError

# The size from which cuBLAS pays.  Its gain must cover what our own products do without: a pass over the result, 8
# bytes an element, and one or two launches.  An H100 does 18 operations in float32 in the time of a byte.  If cuBLAS
# gains a third, the bytes cost as much as a depth of about 200, or half of that while they stay in the cache; and two
# launches of 1.5 us are a third of 9 us, in which our own products do some 130 million operations.
# These are estimates: no GPU has measured them.
DEPTH, OPERATIONS = 128, 1 << 27
WORKSPACE = 1 << 25  # bytes of scratch memory for a product, as NVIDIA advises for its largest GPUs
INSTALL = 'pip install "numbann[cublas]"'

_CONSTANTS = {dtype: np.array([1, 0], dtype) for dtype in device.DTYPES}  # of out = 1 (left right) + 0 out
_SCALES = {dtype: (one.ctypes.data, one.ctypes.data + one.itemsize) for dtype, one in _CONSTANTS.items()}
_LOCK = threading.Lock()  # stream and workspace are set on the handle, which all threads share


@functools.cache
def is_installed() -> bool:
    """Whether nvmath-python is installed; never in the simulator."""
    return not device.SIMULATED and importlib.util.find_spec("nvmath") is not None


def pays(size: tuple[int, int, int]) -> bool:
    """Whether cuBLAS is there and pays for a product of these rows, columns and depth."""
    rows, columns, depth = size
    return depth >= DEPTH and 2 * rows * columns * depth >= OPERATIONS and is_installed()


def handle() -> int:
    """The handle of cuBLAS for the GPU in use; DeviceError, which says what to do, if it does not work."""
    return _handle(device.index())


@functools.cache
def _handle(index: int) -> int:
    try:
        made = _bindings().create()
    except Exception as error:  # the library and the driver raise many kinds
        raise DeviceError(
            f"cuda: nvmath-python is installed, but its cuBLAS does not work: {INSTALL}, or uninstall nvmath-python "
            f"to go without ({type(error).__name__}: {error})"
        ) from error
    # full float32, not TF32, which keeps 10 bits of the mantissa, nor emulation by smaller types
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

    own: the handle.  transposed: whether left is stored as (K, M), and right as (N, K).  workspace: the address of
    WORKSPACE bytes that no other product uses at the same time, which a CUDA graph needs; 0: cuBLAS's own.
    """
    m, n, k = size
    library, (one, zero) = _bindings(), _SCALES[dtype]
    gemm = library.sgemm if dtype == "float32" else library.dgemm
    turn_left, turn_right = (int(one) for one in transposed)  # CUBLAS_OP_N is 0, CUBLAS_OP_T is 1
    left_row, right_row = (m if transposed[0] else k), (k if transposed[1] else n)
    with _LOCK:
        library.set_stream(own, stream)  # this also resets the workspace to cuBLAS's own
        if workspace:
            library.set_workspace(own, workspace, WORKSPACE)
        gemm(own, turn_right, turn_left, n, m, k, one, right, right_row, left, left_row, zero, out, n)
