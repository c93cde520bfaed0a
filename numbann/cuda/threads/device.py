"""The door to numba.cuda, which no other file imports: compiling functions for a GPU, finding the GPU, its memory.

With NUMBA_ENABLE_CUDASIM=1 set before Python starts, kernels run as Python on the CPU.  That checks their numbers;
compiling to PTX checks their types.  Neither needs a GPU.
"""

from __future__ import annotations

import contextlib
import importlib.util
import re
import threading
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

from numbann.errors import DeviceError

INSTALL = 'pip install "numbann[cuda]"'
Capability = tuple[int, int]
CAPABILITIES: tuple[Capability, ...] = ((7, 5), (8, 0), (8, 9), (9, 0), (10, 0))  # those that tests compile for


def _numba_cuda() -> ModuleType:
    """numba.cuda of the package numba-cuda; the copy inside numba is no longer maintained."""
    if importlib.util.find_spec("numba_cuda") is None:
        raise DeviceError(f"cuda needs the package numba-cuda: {INSTALL}")
    try:
        from numba import cuda
    except ImportError as error:
        raise DeviceError(f"cuda: numba-cuda lacks something: {INSTALL} ({error})") from error
    return cuda


cuda = _numba_cuda()

from numba import types  # noqa: E402
from numba.cuda.core import config  # noqa: E402

SIMULATED = bool(config.ENABLE_CUDASIM)
DTYPES = {"float32": types.float32, "float64": types.float64}
THREADS = 4 if SIMULATED else 256  # of a block, unless a kernel needs another number; few where each is a Python thread
MOST_BLOCKS = 2 if SIMULATED else 4096  # of a kernel whose threads stride over the grid


# ---- compiling


def inner(function: Callable[..., Any]) -> Any:
    """Compile a device function: one that kernels call and that becomes part of them."""
    return cuda.jit(device=True)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a device function that is always inlined; the compiler would call one that is used more than once."""
    return inner(function) if SIMULATED else cuda.jit(device=True, forceinline=True)(function)


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a kernel when it is first launched with arguments of new types."""
    return cuda.jit(function)


def kernel_of(threads: int) -> Callable[[Callable[..., Any]], Any]:
    """As `kernel`, with launch bounds: blocks of this many threads, of which a multiprocessor need hold one only.

    Keep the bounds: without them the assembler saves registers, and moves loads from memory to right before their use,
    where nothing hides their latency.
    """
    return kernel if SIMULATED else cuda.jit(launch_bounds=(threads, 1))


def bounds_of(function: Any) -> Any:
    """A kernel's launch bounds, or None."""
    return getattr(function, "targetoptions", {}).get("launch_bounds")


_DEVICE = threading.RLock()


@contextlib.contextmanager
def _pretend_capability(capability: Capability) -> Iterator[None]:
    """Let numba-cuda compile device functions without a GPU: it asks the current device for its capability."""
    from numba.cuda import dispatcher

    with _DEVICE:
        before = dispatcher.get_current_device
        dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=capability)
        try:
            yield
        finally:
            dispatcher.get_current_device = before


def ptx(function: Callable[..., Any], arguments: tuple[Any, ...], capability: Capability) -> str:
    """A kernel's PTX for a compute capability and types of arguments.  It needs no GPU."""
    if SIMULATED:
        raise DeviceError("PTX is not made in the simulator; unset NUMBA_ENABLE_CUDASIM")
    here = cuda.is_available() and capability_in_use() == capability
    python = getattr(function, "py_func", function)
    with contextlib.nullcontext() if here else _pretend_capability(capability):
        text, _ = cuda.compile_ptx(python, types.void(*arguments), cc=capability, launch_bounds=bounds_of(function))
    return str(text)


def assemble(text: str, capability: Capability) -> dict[str, int] | None:
    """Assemble PTX and return a thread's registers and spilled bytes; None without an assembler.

    The assembler is nvJitLink, which comes with the extra `cuda` and needs no GPU.
    """
    try:
        from cuda.bindings import nvjitlink

        job = nvjitlink.create(2, [f"-arch=sm_{capability[0]}{capability[1]}", "-verbose"])
    except (ImportError, RuntimeError):
        return None
    try:
        nvjitlink.add_data(job, nvjitlink.InputType.PTX, text.encode(), len(text.encode()), "kernel.ptx")
        nvjitlink.complete(job)
        said = bytearray(nvjitlink.get_info_log_size(job))
        nvjitlink.get_info_log(job, said)
    finally:
        nvjitlink.destroy(job)
    words = {"registers": rb"Used (\d+) registers", "spills": rb"(\d+) bytes spill stores"}
    return {key: max(map(int, re.findall(pattern, said)), default=0) for key, pattern in words.items()}


# ---- the GPU


def describe_fault() -> str:
    """Why no GPU can be used, and what to do about it; empty if one can."""
    if cuda.is_available():
        return ""
    error = None if SIMULATED else cuda.cuda_error()
    if error is None or "NO_DEVICE" in str(error):
        return "no NVIDIA GPU was found; nvidia-smi lists those there are"
    reason = str(error).strip().partition("\n")[0]
    return f"no NVIDIA driver that works was found; install one from https://www.nvidia.com/drivers ({reason})"


def require(index: int = 0) -> None:
    """Use the GPU of this number from here on; DeviceError, which says what to do, if there is none."""
    if found := describe_fault():
        raise DeviceError(f"cuda: {found}")
    count = len(cuda.gpus)
    if index >= count:
        known = ", ".join(f"cuda:{k}" for k in range(count))
        raise DeviceError(f"cuda:{index}: there is no such GPU (there are: {known})")
    cuda.select_device(index)


def capability_in_use() -> Capability:
    """The compute capability of the GPU in use."""
    major, minor = cuda.get_current_device().compute_capability
    return major, minor


def index() -> int:
    """The number of the GPU in use."""
    return 0 if SIMULATED else int(cuda.get_current_device().id)


def name() -> str:
    """The name of the GPU in use."""
    found = "simulator" if SIMULATED else cuda.get_current_device().name
    return found.decode() if isinstance(found, bytes) else str(found)


# ---- launching


def blocks(units: int, threads: int = THREADS) -> int:
    """The number of blocks for a kernel whose threads stride over the grid: a thread for each unit, up to a maximum."""
    return max(1, min(-(-units // threads), MOST_BLOCKS))


def launcher(kernel: Any, grid: Any, threads: Any = THREADS, stream: Any = 0) -> Callable[..., None]:
    """A kernel with its grid, to call with its arguments; numba's warning about small grids is off."""
    if SIMULATED:  # where a kernel remembers one grid only
        return lambda *arguments: kernel[grid, threads, stream](*arguments)
    before = config.CUDA_LOW_OCCUPANCY_WARNINGS
    config.CUDA_LOW_OCCUPANCY_WARNINGS = 0
    try:
        return kernel[grid, threads, stream]
    finally:
        config.CUDA_LOW_OCCUPANCY_WARNINGS = before


def array(value: Any) -> Any:
    """A view, as numba's device array, of anything with __cuda_array_interface__; TypeError for anything else."""
    if getattr(value, "__cuda_ndarray__", False):
        return value
    if found := describe_fault():
        raise DeviceError(f"cuda: {found}")
    if not hasattr(value, "__cuda_array_interface__"):
        raise TypeError(f"an array on the GPU is needed, not {type(value).__name__}: numba.cuda.to_device copies one")
    return cuda.as_cuda_array(value)


def stream_address(stream: Any) -> int:
    """The address of a stream, as other libraries take it; 0 is the default stream."""
    return 0 if SIMULATED or stream is None or isinstance(stream, int) else int(stream.__cuda_stream__()[1])


# ---- memory


def address(array: Any) -> int:
    """The address of an array on the GPU."""
    interface = array.__array_interface__ if SIMULATED else array.__cuda_array_interface__
    return int(interface["data"][0])


def processors() -> int:
    """The number of multiprocessors; at least as many blocks run at the same time."""
    return 1 if SIMULATED else int(cuda.get_current_device().MULTIPROCESSOR_COUNT)


def empty(count: int, dtype: str, what: str) -> Any:
    """A new array on the GPU; DeviceError, which names what it is for, if there is no room."""
    size = count * (4 if dtype == "float32" else 8)
    try:
        return cuda.device_array(max(count, 1), dtype)
    except MemoryError as error:
        raise _out_of_memory(size, what) from error
    except Exception as error:
        if "OUT_OF_MEMORY" in str(error):
            raise _out_of_memory(size, what) from error
        raise


def upload(values: Any, what: str) -> Any:
    """Copy an array to the GPU; errors as of `empty`."""
    made = empty(values.size, values.dtype.name, what)
    if values.size:
        made.copy_to_device(values)
    return made


def _out_of_memory(size: int, what: str) -> DeviceError:
    free, total = cuda.current_context().get_memory_info()
    return DeviceError(
        f"cuda: {what} need {size / 1e9:.2f} GB, and {free / 1e9:.2f} of the GPU's {total / 1e9:.2f} GB are free; "
        'take a smaller train.batch_size or network, end what else uses the GPU, or give train.device "cpu"'
    )
