"""Kernels as machine code, their launches and CUDA graphs, by cuda-core.  How functions become PTX, device.py knows.

A launch by numba-cuda looks at all arguments anew, which takes the host 25 us; one with everything put together before
takes less than 1.  In the simulator a kernel is its own machine code, and a graph is its launches.
"""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from numbann.cuda.threads.device import SIMULATED, Capability, cuda, ptx
from numbann.errors import DeviceError

if not SIMULATED:
    from cuda.core import Device, LaunchConfig, Linker, LinkerOptions, ObjectCode, Stream, launch
    from cuda.pathfinder import DynamicLibNotFoundError, load_nvidia_dynamic_lib

ENTRY = re.compile(r"\.entry\s+([\w$]+)\(([^)]*)\)")  # of PTX: a kernel's name and its parameters
LIBRARIES = ("nvvm", "nvJitLink")  # that make machine code
BoundLaunch = Callable[[Any, int], None]


# ---- machine code


@dataclass(frozen=True)
class Binary:
    """Machine code for one compute capability, and the name of the kernel in it."""

    entry: str
    code: bytes


def compile_binary(kernel: Any, arguments: tuple[Any, ...], capability: Capability) -> Binary:
    """Compile and assemble a kernel for arrays of one dimension and integers of 64 bits; no GPU is needed."""
    text = ptx(kernel, arguments, capability)
    entry, parameters = ENTRY.findall(text)[0]
    expected = sum(7 if hasattr(argument, "layout") else 1 for argument in arguments)
    if parameters.count(".param") != expected:
        raise DeviceError(f"cuda: numba-cuda {version('numba-cuda')} passes arrays in a way that numbann does not know")
    options = LinkerOptions(arch=f"sm_{capability[0]}{capability[1]}")
    return Binary(entry, bytes(Linker(ObjectCode.from_ptx(text.encode()), options=options).link("cubin").code))


def load(made: Binary) -> Any:
    """Machine code as a kernel that can be launched."""
    return ObjectCode.from_cubin(made.code).get_kernel(made.entry)


@functools.cache
def toolchain() -> tuple[object, ...]:
    """What machine code depends on besides its source: the versions of what makes it."""
    return version("numba-cuda"), *map(_stamp, LIBRARIES)


def _stamp(library: str) -> tuple[object, ...]:
    """Size and time of a library's file."""
    try:
        found = Path(str(load_nvidia_dynamic_lib(library).abs_path)).stat()
    except DynamicLibNotFoundError:  # the driver assembles, then
        return (library,)
    return found.st_size, found.st_mtime_ns


# ---- launches


def bind(kernel: Any, grid: tuple[int, ...], threads: int, arrays: tuple[Any, ...], layer: int) -> BoundLaunch:
    """The launch of a kernel of the engine, (arrays, layer, step), to be called with a stream and the step.

    stream: None for the default one, which copies use too, or a graph that is being recorded.
    """
    if SIMULATED:
        return lambda stream, step: kernel[grid, threads](*arrays, layer, step)
    config, default = LaunchConfig(grid=grid, block=threads), Stream.from_handle(0)
    fixed = [number for array in arrays for number in _kernel_arguments(array)]

    def go(stream: Any, step: int) -> None:
        launch(default if stream is None else stream, config, kernel, *fixed, layer, step)

    return go


def _kernel_arguments(array: Any) -> tuple[int, ...]:
    """An array of one dimension as numba's kernels take it: nothing twice, size, width, address, shape and strides."""
    width = array.dtype.itemsize
    return 0, 0, array.size, width, array.__cuda_array_interface__["data"][0], array.size, width


def record(go: Callable[[Any], None]) -> Callable[[], None]:
    """What `go` launches on the stream it is given, as a CUDA graph: what is given back launches it anew.

    If a driver or cuda-core cannot do it, a warning says why, and it is `go` that is called each time.
    """
    if SIMULATED:
        return lambda: go(None)
    here, default = Device(cuda.get_current_device().id), Stream.from_handle(0)
    try:
        here.set_current()
        builder = here.create_stream().create_graph_builder().begin_building()
        go(builder)
        graph = builder.end_building().complete()
    except Exception as error:  # a fault of `go` itself comes out again without a graph
        warnings.warn(f"cuda: steps are launched one by one, since CUDA graphs fail: {error}", stacklevel=2)
        return lambda: go(None)
    return lambda: graph.launch(default)


def mark() -> Callable[[], None]:
    """What waits until everything is done that has been launched by now."""
    if SIMULATED:
        return lambda: None
    event = cuda.event(timing=False)
    event.record()
    return lambda: event.synchronize()
