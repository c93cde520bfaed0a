"""Kernels are compiled once on a machine: the first of its processes does it, and the others wait for that."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from time import sleep

from numbann.caches import read
from numbann.engine.devices import make_engine
from numbann.fit.fitting import load
from numbann.model.provenance import components_of, fingerprint
from numbann.simd.cache import cache_folder
from numbann.training.lock import take
from numbann.training.preparation import Prepared

PAUSE = 0.05  # seconds between two tries to get the lock


def warm(prepared: Prepared, threads: int) -> None:
    """Compile the kernels of a model with so many threads, unless this machine has those of such models."""
    train, components = prepared.resolved.spec.train, components_of(prepared.resolved)
    what = [fingerprint(one) for one in components], prepared.plan.products, train.device, threads

    def compile_all() -> None:
        with make_engine(prepared.plan, train.device, threads) as engine:
            load(engine, prepared.job)

    warm_once(hashlib.sha256(repr(what).encode()).hexdigest()[:32], compile_all)


def warm_once(name: str, warm: Callable[[], object]) -> None:
    """Fill the cache of kernels, unless a process of this machine has filled it with those of this name.

    The file of that name is the lock while kernels are compiled, and then says that they are there.
    """
    path = cache_folder() / f"{name}.warm"
    if read(path):
        return
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:  # without a folder every process has kernels of its own
        warm()
        return
    try:
        _wait_for(handle)
        if not read(path):
            warm()
            os.write(handle, b"1")
    finally:
        os.close(handle)


def _wait_for(handle: int) -> None:
    while True:
        try:
            take(handle)
            return
        except BlockingIOError:
            sleep(PAUSE)
        except OSError:  # a file system without locks: each compiles for itself
            return
