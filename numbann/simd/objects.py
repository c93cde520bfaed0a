"""Kernels as object code: kept in the cache folder, and loaded by LLVM alone.

A kernel has one signature and needs nothing of Python.  So a process that finds all of its kernels imports no numba,
which takes longer than everything else at its start.  Where one is missing, its module is imported and numba compiles
it.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import importlib
import json
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from numbann.caches import read_checked, write_checked
from numbann.records import dataclass
from numbann.simd.cache import cache_folder, versions_hash

# What changes the code that numba makes, and what it is if nobody says otherwise
SETTINGS: dict[str, Any] = {
    "OPT": 3,
    "LOOP_VECTORIZE": 1,
    "SLP_VECTORIZE": 0,
    "ENABLE_AVX": True,
    "BOUNDSCHECK": None,
    "DEBUGINFO_DEFAULT": 0,
    "CPU_NAME": None,
    "CPU_FEATURES": None,
}
VARIABLES = {"DEBUGINFO_DEFAULT": ("DEBUGINFO", "ENABLE_PROFILING")}  # the environment's names, where they are others
COMPILER = "numbann.simd.compiler"  # imported only where something has to be compiled
MISSES = 0  # kernels that this process compiled because the cache did not have them


class Place(NamedTuple):
    """A function by the names of its module and its own; the module is imported when the function is asked for."""

    module: str
    name: str

    @property
    def function(self) -> Any:
        """The function."""
        return getattr(importlib.import_module(self.module), self.name)


class Module:
    """The functions of a module as places, such as `dense.dense_forward`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Place:
        return Place(self._name, name)


@dataclass(frozen=True)
class Object:
    """The object code of a kernel, and what is known of it without its source.

    place: the function that it was compiled from.  entry: the one symbol that it defines.  needs: the symbols that it
    takes from the process.  columns: those of an op that it reads.  lasting: whether it has no address of this process.
    """

    place: tuple[str, str]
    precision: str
    entry: str
    needs: tuple[str, ...]
    columns: tuple[str, ...]
    lasting: bool
    code: bytes


# ---- by address


@functools.cache
def address(kernel: Place, dtype: str = "float32") -> int:
    """The address of a kernel for a dtype, found in the cache or compiled."""
    return find((*kernel, dtype)) or make((*kernel, dtype), lambda: _compiler().compiled(kernel.function, dtype))


@functools.cache
def function(kernel: Place, *types: Any) -> Callable[..., Any]:
    """A kernel that Python calls without its interpreter lock; types are ctypes, the result's first."""
    return ctypes.CFUNCTYPE(*types)(address(kernel))


def loaded(address: int) -> Object:
    """What is known of the kernel at an address."""
    return _LOADED[address]


# ---- by key


def find(key: tuple[Any, ...]) -> int | None:
    """The address of the kernel that is kept under a key; None if there is none that can be loaded."""
    content = read_checked(_path(key))
    if content is None:
        return None
    head, _, code = content.partition(b"\n")
    known = Object(**json.loads(head), code=code)
    return load(known) if all(map(_llvm().address_of_symbol, known.needs)) else None


def make(key: tuple[Any, ...], compile_it: Callable[[], Object]) -> int:
    """Compile a kernel, keep it under a key, and load it."""
    global MISSES
    known = compile_it()
    MISSES += 1
    keep(key, known)
    return load(known)


def keep(key: tuple[Any, ...], known: Object) -> None:
    """Keep a kernel under a key, unless it has addresses of this process."""
    if known.lasting:
        head = {name: value for name, value in asdict(known).items() if name != "code"}
        write_checked(_path(key), json.dumps(head).encode() + b"\n" + known.code)


def load(known: Object) -> int:
    """The address at which a kernel is loaded, for as long as the process lives."""
    with _LOCK:
        if known.entry not in _ADDRESSES:
            engine = _engine()
            engine.add_object_file(_llvm().ObjectFileRef.from_data(known.code))
            engine.finalize_object()
            found = _ADDRESSES[known.entry] = engine.get_function_address(known.entry)
            _LOADED[found] = known
        return _ADDRESSES[known.entry]


_LOCK = threading.RLock()
_ADDRESSES: dict[str, int] = {}  # by entry
_LOADED: dict[int, Object] = {}


def _path(key: tuple[Any, ...]) -> Path:
    """The file of a key for this processor and these settings."""
    digest = hashlib.sha256(repr((key, _processor(), _settings())).encode()).hexdigest()
    return cache_folder() / f"{key[1]}-{digest[:20]}.object"


@functools.cache
def _processor() -> tuple[str, str, str]:
    """The kind of machine, of processor, and its features, as LLVM sees them."""
    llvm = _llvm()
    features = llvm.get_host_cpu_features()
    if sys.platform == "linux" and os.uname().machine == "aarch64":
        features["bf16"] = _arm_multiplies_bfloats()
    return llvm.get_process_triple(), llvm.get_host_cpu_name(), features.flatten()


def _arm_multiplies_bfloats() -> bool:
    """Whether Linux says that an ARM processor has instructions for bfloat16: LLVM does not ask for them."""
    ask = ctypes.CDLL(None).getauxval
    ask.argtypes, ask.restype = [ctypes.c_ulong], ctypes.c_ulong
    return bool(ask(26) & 1 << 14)  # HWCAP2_BF16 among AT_HWCAP2


def has_features(*names: str) -> bool:
    """Whether the processor has all of these features, such as "avx512f"."""
    return {*names} <= processor_features()


def processor_features() -> set[str]:
    """All features of the processor."""
    return {name[1:] for name in _processor()[2].split(",") if name.startswith("+")}


def _settings() -> list[tuple[str, Any]]:
    """What numba is told otherwise than usual; it is asked only if it is there, or told something before it is."""
    if "numba" not in sys.modules and not _told():
        return []
    config = importlib.import_module("numba.core.config")
    return [(name, value) for name, usual in SETTINGS.items() if (value := getattr(config, name)) != usual]


@functools.cache
def _told() -> bool:
    """Whether this process began with words to numba, which asks for them when it is imported."""
    names = [name for setting in SETTINGS for name in VARIABLES.get(setting, (setting,))]
    return any(f"NUMBA_{name}" in os.environ for name in names) or os.path.exists(".numba_config.yaml")


# ---- LLVM


@functools.cache
def _llvm() -> Any:
    """LLVM, ready for this machine."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


def prepare() -> None:
    """Do what does not depend on kernels: make LLVM ready, ask it for the processor, hash the sources.

    Without this the first kernel does.
    """
    _processor()
    _engine()
    versions_hash()


@functools.cache
def _engine() -> Any:
    """What loads objects, apart from that of numba."""
    llvm = _llvm()
    if sys.platform == "win32":
        _compiler()  # which has what LLVM calls of the C library there
    # It compiles nothing but an empty module, which it needs: least work for that, and done before the first object
    machine = llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(opt=0, jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.finalize_object()
    return engine


def _compiler() -> Any:
    """The module that compiles kernels, which imports numba."""
    return importlib.import_module(COMPILER)
