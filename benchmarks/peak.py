"""The peak of this machine: fused multiply-adds on vectors that stay in registers, in GFLOP/s.

    python benchmarks/peak.py [--json out.json] [--plot out.png]

As many independent chains as a tile of the matrix product has sums repeat x a + b.  The best of the rounds counts.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numba
import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from report import options, plot_bars, processors, show, write

from numbann.simd.machine import WIDE
from numbann.simd.pointer import pointer_of
from numbann.simd.vector import load, multiply_add, splat, store

CHAINS = 24 if WIDE else 6  # vectors of 64 bytes, which all stand in registers
LANES = 16  # floats in a vector
TURNS = 2_000_000


@intrinsic
def _grow(typing, chains, turns):
    """x = x a + b, `turns` times, for each of CHAINS vectors in memory; a and b are the two floats after them."""

    def generate(context, builder, signature, arguments):
        base, turns = arguments
        a, b = (splat(builder, builder.load(cgutils.gep_inbounds(builder, base, CHAINS * LANES + k))) for k in (0, 1))
        sums = [cgutils.alloca_once_value(builder, load(builder, base, k * LANES)) for k in range(CHAINS)]
        with cgutils.for_range(builder, turns):
            for place in sums:
                builder.store(multiply_add(builder, builder.load(place), a, b), place)
        for k, place in enumerate(sums):
            store(builder, builder.load(place), base, k * LANES)
        return context.get_dummy_value()

    return types.void(chains, types.intp), generate


@numba.njit(nogil=True)
def _run(chains, turns):
    _grow(pointer_of(chains), turns)


def peaks(rounds: int = 5) -> dict[str, float]:
    """GFLOP/s of each processor alone, by its number, of the best of them ("one"), and of all at once ("all")."""
    cpus = processors()
    alone = {str(cpu): max(_gflops([cpu]) for _ in range(rounds)) for cpu in cpus}
    return {**alone, "one": max(alone.values()), "all": max(_gflops(cpus) for _ in range(rounds))}


def _gflops(cpus: list[int]) -> float:
    """GFLOP/s of a thread on each of these processors, all at the same time."""
    barrier = Barrier(len(cpus))
    with ThreadPoolExecutor(len(cpus)) as pool:
        spans = list(pool.map(lambda cpu: _span(cpu, barrier), cpus))
    seconds = max(end for _, end in spans) - min(start for start, _ in spans)
    return len(cpus) * TURNS * CHAINS * LANES * 2 / seconds / 1e9


def _span(cpu: int, barrier: Barrier) -> tuple[float, float]:
    """When one thread began and ended."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, [cpu])  # of the calling thread alone
    chains = np.append(np.arange(CHAINS * LANES), (0.5, 1)).astype(np.float32)
    _run(chains, 1)
    barrier.wait()
    start = time.perf_counter()
    _run(chains, TURNS)
    return start, time.perf_counter()


def main() -> None:
    """Measure each processor and all."""
    given = options(__doc__).parse_args()
    found = peaks(given.rounds)
    rows = [{"processor": name, "GFLOP/s": rate} for name, rate in found.items()]
    show("peak of fused multiply-adds in float32", rows)
    write(given.json, peak=rows)
    if given.plot:
        plot_bars(given.plot, "fused multiply-adds in float32", found, "GFLOP/s")


if __name__ == "__main__":
    main()
