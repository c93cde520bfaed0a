"""Machine code of kernels, their launches and CUDA graphs, by cuda-core; device.py compiles functions to PTX.

numba-cuda inspects all arguments at each launch, which takes the host 25 us.  Here the arguments are put together once,
and a launch takes less than 1 us.  In the simulator a kernel is its own machine code, and a graph is its launches.
"""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from numbann.cuda.threads.device import SIMULATED, Capability, cuda, ptx
from numbann.errors import DeviceError
from numbann.records import dataclass

if not SIMULATED:
    from cuda.core import Device, LaunchConfig, Linker, LinkerOptions, ObjectCode, Stream, launch
    from cuda.pathfinder import DynamicLibNotFoundError, load_nvidia_dynamic_lib

ENTRY = re.compile(r"\.entry\s+([\w$]+)\(([^)]*)\)")  # in PTX: a kernel's name and its parameters
LIBRARIES = ("nvvm", "nvJitLink")  # the compiler and the assembler
BoundLaunch = Callable[[Any, int], None]


# ---- machine code


@dataclass(frozen=True)
class Binary:
    """Machine code for one compute capability, and the name of the kernel in it."""

    entry: str
    code: bytes


def compile_binary(kernel: Any, arguments: tuple[Any, ...], capability: Capability) -> Binary:
    """Compile and assemble a kernel of one-dimensional arrays and 64-bit integers.  It needs no GPU."""
    text = ptx(kernel, arguments, capability)
    entry, parameters = ENTRY.findall(text)[0]
    expected = sum(7 if hasattr(argument, "layout") else 1 for argument in arguments)
    if parameters.count(".param") != expected:
        raise DeviceError(f"cuda: numba-cuda {version('numba-cuda')} passes arrays in a way that numbann does not know")
    options = LinkerOptions(arch=f"sm_{capability[0]}{capability[1]}")
    return Binary(entry, bytes(Linker(ObjectCode.from_ptx(text.encode()), options=options).link("cubin").code))


def load(made: Binary) -> Any:
    """Load machine code to the GPU in use; returns the kernel, for `bind`."""
    return ObjectCode.from_cubin(made.code).get_kernel(made.entry)


@functools.cache
def toolchain() -> tuple[object, ...]:
    """What machine code depends on besides its source: the versions of the tools that make it."""
    return version("numba-cuda"), *map(_stamp, LIBRARIES)


def _stamp(library: str) -> tuple[object, ...]:
    """The size and the time of a library's file, which stand for its version."""
    try:
        found = Path(str(load_nvidia_dynamic_lib(library).abs_path)).stat()
    except DynamicLibNotFoundError:  # then the driver assembles
        return (library,)
    return found.st_size, found.st_mtime_ns


# ---- launches


def bind(kernel: Any, grid: tuple[int, ...], threads: int, arrays: tuple[Any, ...], layer: int) -> BoundLaunch:
    """Bind a kernel of the engine to all arguments but the step; returns a function (stream, step) that launches it.

    stream: None for the default stream, which copies use too, or the builder of a graph.
    """
    if SIMULATED:
        return lambda stream, step: kernel[grid, threads](*arrays, layer, step)
    config, default = LaunchConfig(grid=grid, block=threads), Stream.from_handle(0)
    fixed = [number for array in arrays for number in _kernel_arguments(array)]

    def go(stream: Any, step: int) -> None:
        launch(default if stream is None else stream, config, kernel, *fixed, layer, step)

    return go


def _kernel_arguments(array: Any) -> tuple[int, ...]:
    """A one-dimensional array as numba's kernels take it: two empty fields, size, item size, address, shape, stride."""
    width = array.dtype.itemsize
    return 0, 0, array.size, width, array.__cuda_array_interface__["data"][0], array.size, width


def record(go: Callable[[Any], None]) -> Callable[[], None]:
    """Record what `go` launches on a stream as a CUDA graph; returns a function that launches the graph.

    If the driver or cuda-core cannot do it, a warning says why, and the function calls `go`.
    """
    if SIMULATED:
        return lambda: go(None)
    here, default = Device(cuda.get_current_device().id), Stream.from_handle(0)
    try:
        here.set_current()
        builder = here.create_stream().create_graph_builder().begin_building()
        go(builder)
        graph = builder.end_building().complete()
    except Exception as error:  # a fault of `go` itself shows again when it is called without a graph
        warnings.warn(f"cuda: steps are launched one by one, since CUDA graphs fail: {error}", stacklevel=2)
        return lambda: go(None)
    return lambda: graph.launch(default)


def mark() -> Callable[[], None]:
    """Mark this moment; returns a function that waits until everything launched before it is done."""
    if SIMULATED:
        return lambda: None
    event = cuda.event(timing=False)
    event.record()
    return lambda: event.synchronize()
