"""The program of a helper: compiles the kernels whose keys it reads, a line each, into the cache, and answers each."""

from __future__ import annotations

import contextlib
import importlib
import signal
import sys
from ast import literal_eval
from typing import Any

from numbann.compile.named import component_kernel
from numbann.components.built_in import built_in
from numbann.simd.objects import COMPILER, Place, address


def main() -> None:
    """Say that all is ready, and compile until there is an empty line or no more.

    An interrupt is the other process's affair.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prepare()
    answer("ready")
    while line := sys.stdin.readline().strip():
        with contextlib.suppress(Exception):  # the other process meets it too, and tells it
            compile_key(*literal_eval(line))
        answer("done")


def answer(word: str) -> None:
    """Answer the other process."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def prepare() -> None:
    """Load the compiler; numba imports SciPy if it is there, for functions that no kernel calls."""
    sys.modules["scipy"] = None  # type: ignore[assignment]
    importlib.import_module(COMPILER).prepare()


def compile_key(module: str, name: str, *rest: Any) -> None:
    """Compile the kernel of a key: a place with a dtype, or one of a built-in component with its settings."""
    if len(rest) == 1:
        address(Place(module, name), *rest)
        return
    kind, component, *settings = rest
    component_kernel(Place(module, name), built_in().get(kind, component), *settings)
