"""The one place that imports numba.cuda: how functions are compiled for a GPU, and whether there is one.

With NUMBA_ENABLE_CUDASIM=1 before Python starts, kernels run as Python on the CPU; that checks no types, which
compiling to PTX does.  Neither needs a GPU.
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
CAPABILITIES: tuple[Capability, ...] = ((7, 5), (8, 0), (8, 9), (9, 0), (10, 0))  # that tests compile for


def _numba_cuda() -> ModuleType:
    """numba.cuda as the package numba-cuda has it; the one within numba is no longer cared for."""
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
THREADS = 4 if SIMULATED else 256  # in a block, where a kernel does not care
MOST_BLOCKS = 2 if SIMULATED else 4096  # of a kernel that strides over its grid


# ---- compiling


def inner(function: Callable[..., Any]) -> Any:
    """Compile a function that kernels call; it becomes part of each of them."""
    return cuda.jit(device=True)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """As `inner`, also where the compiler would rather call a function that is used more than once."""
    return inner(function) if SIMULATED else cuda.jit(device=True, forceinline=True)(function)


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a kernel, when it is first launched with arguments of new types."""
    return cuda.jit(function)


def kernel_of(threads: int) -> Callable[[Callable[..., Any]], Any]:
    """As `kernel`, for blocks of so many threads, of which a multiprocessor need hold no more than one.

    Without these bounds the assembler saves registers, and loads from memory at the last moment.
    """
    return kernel if SIMULATED else cuda.jit(launch_bounds=(threads, 1))


def bounds_of(function: Any) -> Any:
    """The bounds of a kernel that has some."""
    return getattr(function, "targetoptions", {}).get("launch_bounds")


_DEVICE = threading.RLock()


@contextlib.contextmanager
def _pretend_capability(capability: Capability) -> Iterator[None]:
    """Let numba-cuda compile the functions that a kernel calls where no GPU is: it asks the GPU for its capability."""
    from numba.cuda import dispatcher

    with _DEVICE:
        before = dispatcher.get_current_device
        dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=capability)
        try:
            yield
        finally:
            dispatcher.get_current_device = before


def ptx(function: Callable[..., Any], arguments: tuple[Any, ...], capability: Capability) -> str:
    """A kernel's PTX for a compute capability and types of arguments; no GPU is needed."""
    if SIMULATED:
        raise DeviceError("PTX is not made in the simulator; unset NUMBA_ENABLE_CUDASIM")
    here = cuda.is_available() and capability_in_use() == capability
    python = getattr(function, "py_func", function)
    with contextlib.nullcontext() if here else _pretend_capability(capability):
        text, _ = cuda.compile_ptx(python, types.void(*arguments), cc=capability, launch_bounds=bounds_of(function))
    return str(text)


def assemble(text: str, capability: Capability) -> dict[str, int] | None:
    """A thread's registers and the bytes it spills, as the assembler says them for PTX; None where there is none.

    The assembler is nvJitLink, which needs no GPU and comes with the extra.
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
    """Why no GPU can be used, with what to do; empty if one can."""
    if cuda.is_available():
        return ""
    error = None if SIMULATED else cuda.cuda_error()
    if error is None or "NO_DEVICE" in str(error):
        return "no NVIDIA GPU was found; nvidia-smi lists those there are"
    reason = str(error).strip().partition("\n")[0]
    return f"no NVIDIA driver that works was found; install one from https://www.nvidia.com/drivers ({reason})"


def require(index: int = 0) -> None:
    """DeviceError, which says what to do, unless there is a GPU of this number; it is used from here on."""
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
    """How many blocks a kernel gets that strides over its grid, with a thread for each unit."""
    return max(1, min(-(-units // threads), MOST_BLOCKS))


def launcher(kernel: Any, grid: Any, threads: Any = THREADS, stream: Any = 0) -> Callable[..., None]:
    """A kernel with its grid, to be called with its arguments; numba's advice on small grids is left out."""
    if SIMULATED:  # where a kernel remembers one grid only
        return lambda *arguments: kernel[grid, threads, stream](*arguments)
    before = config.CUDA_LOW_OCCUPANCY_WARNINGS
    config.CUDA_LOW_OCCUPANCY_WARNINGS = 0
    try:
        return kernel[grid, threads, stream]
    finally:
        config.CUDA_LOW_OCCUPANCY_WARNINGS = before


def array(value: Any) -> Any:
    """A view of anything with __cuda_array_interface__ as a device array of numba's; TypeError for all else."""
    if getattr(value, "__cuda_ndarray__", False):
        return value
    if found := describe_fault():
        raise DeviceError(f"cuda: {found}")
    if not hasattr(value, "__cuda_array_interface__"):
        raise TypeError(f"an array on the GPU is needed, not {type(value).__name__}: numba.cuda.to_device copies one")
    return cuda.as_cuda_array(value)


def stream_address(stream: Any) -> int:
    """A stream as libraries other than numba-cuda take it; 0 is the default one."""
    return 0 if SIMULATED or stream is None or isinstance(stream, int) else int(stream.__cuda_stream__()[1])


# ---- memory


def address(array: Any) -> int:
    """Where an array on the GPU begins."""
    interface = array.__array_interface__ if SIMULATED else array.__cuda_array_interface__
    return int(interface["data"][0])


def processors() -> int:
    """How many blocks of threads work at a time at least."""
    return 1 if SIMULATED else int(cuda.get_current_device().MULTIPROCESSOR_COUNT)


def empty(count: int, dtype: str, what: str) -> Any:
    """An array on the GPU; DeviceError, which says what for, if there is no room for it."""
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
    """A copy of an array on the GPU, as `empty`."""
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
