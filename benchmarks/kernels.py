"""numbann.kernels beside NumPy: matrix products in GFLOP/s; kernels and functions of math in ns an element.

    python benchmarks/kernels.py [--json out.json] [--plot out.png]

Matrix products are also given as a share of the peak that peak.py measures in the same run, on as many processors.  A
kernel runs on the thread that calls it, without the interpreter's lock; with several threads, each takes a part of the
rows.  Functions of math are timed on data in the first-level cache.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter, thread_time
from typing import Any

import numba
import numpy as np
from peak import peaks
from peers import thread_counts, threads_label
from report import alternate, axes, options, repeat, save, show, write

from numbann import kernels
from numbann.simd.jit import SAFE
from numbann.simd.vector_math import BINDINGS

SIZES = (16, 32, 64, 100, 128, 256, 512, 1000, 1024, 2048, 4096)
SHAPES = [*((size, size, size) for size in SIZES), (256, 1024, 1024)]  # B, I, O
ELEMENTS, CACHED = 100_000, 4096
CLASSES = 10
Call = Callable[[], Any]


def products(shape: tuple[int, int, int], dtype: str, rounds: int, peak: dict[str, float]) -> Iterator[dict[str, Any]]:
    """A row of the table for each number of threads."""
    from threadpoolctl import threadpool_limits

    rows, depth, columns = shape
    random = np.random.default_rng(0)
    a, b = (random.standard_normal(size).astype(dtype) for size in ((rows, depth), (depth, columns)))
    ours, theirs = (np.empty((rows, columns), dtype) for _ in range(2))
    kernels.matmul(a, b, ours)  # compiled before anything is timed
    with ThreadPoolExecutor(thread_counts()[-1]) as pool:
        calls = {}
        for threads in thread_counts():
            limit = functools.partial(threadpool_limits, threads, user_api="blas")
            clock = thread_time if threads == 1 else perf_counter
            calls["numbann", threads] = repeat(product_in_parts(a, b, ours, threads, pool), clock=clock)
            calls["NumPy", threads] = repeat(lambda: np.matmul(a, b, out=theirs), limit, clock)
        np.testing.assert_allclose(ours, theirs, 1e-3, 1e-3)
        times = alternate(calls, rounds)
    rates = {key: 2 * rows * depth * columns / seconds / 1e9 for key, seconds in times.items()}
    for threads in thread_counts():
        most = peak["one" if threads == 1 else "all"] * 4 / np.dtype(dtype).itemsize
        ours_rate, theirs_rate = rates["numbann", threads], rates["NumPy", threads]
        yield {
            "product": "x".join(map(str, shape)),
            "precision": dtype,
            "threads": threads,
            "numbann GFLOP/s": ours_rate,
            "NumPy GFLOP/s": theirs_rate,
            "ratio": ours_rate / theirs_rate,
            "numbann, % of peak": ours_rate / most * 100,
            "NumPy, % of peak": theirs_rate / most * 100,
        }


def product_in_parts(a: np.ndarray, b: np.ndarray, out: np.ndarray, threads: int, pool: ThreadPoolExecutor) -> Call:
    """out = a b by one call, or by a call for each thread's rows."""
    if threads == 1:
        return lambda: kernels.matmul(a, b, out)
    parts = list(zip(np.array_split(a, threads), np.array_split(out, threads), strict=True))
    return lambda: list(pool.map(lambda part: kernels.matmul(part[0], b, part[1]), parts))


def over_array(function: Call) -> Call:
    """A compiled loop of a function of one number, as kernels have it."""

    @numba.njit(fastmath=SAFE, error_model="numpy")
    def run(x, out):
        for i in range(x.size):
            out[i] = function(x[i])

    return run


def functions(rounds: int) -> Iterator[dict[str, Any]]:
    """A row of the table for each function of math that NumPy has too, on one thread."""
    for dtype, found in BINDINGS.items():
        z = np.abs(np.random.default_rng(0).standard_normal(CACHED).astype(dtype))
        ours, theirs = np.empty_like(z), np.empty_like(z)
        for original, place in found.items():
            numpy_function = getattr(np, {"atan": "arctan"}.get(original.__name__, original.__name__), None)
            if numpy_function is None:
                continue
            run = over_array(place.function)
            run(z, ours)
            np.testing.assert_allclose(ours, numpy_function(z), 8 * np.finfo(dtype).eps)
            pair = functools.partial(run, z, ours), functools.partial(numpy_function, z, out=theirs)
            times = alternate(
                dict(zip(("numbann", "NumPy"), (repeat(call, clock=thread_time) for call in pair), strict=True)), rounds
            )
            a, b = (seconds / CACHED * 1e9 for seconds in times.values())
            label = f"{original.__name__}, {dtype}"
            yield {"function, 1 thread": label, "numbann ns an element": a, "NumPy ns an element": b, "ratio": b / a}


def numpy_softmax(z: np.ndarray, out: np.ndarray) -> None:
    """exp(z - max) / sum of a row."""
    np.subtract(z, z.max(axis=1, keepdims=True), out=out)
    np.exp(out, out=out)
    out /= out.sum(axis=1, keepdims=True)


def numpy_adam(w: np.ndarray, g: np.ndarray, m: np.ndarray, v: np.ndarray, step: int) -> None:
    """Adam with its defaults, in place."""
    m += np.float32(0.1) * (g - m)
    v += np.float32(0.001) * (g * g - v)
    scale = np.sqrt(v * np.float32(1 / (1 - 0.999**step))) + np.float32(1e-8)
    w -= np.float32(0.001 / (1 - 0.9**step)) * m / scale


def element_wise(rounds: int) -> Iterator[dict[str, Any]]:
    """A row of the table for each kernel, on one thread."""
    z = np.random.default_rng(0).standard_normal(ELEMENTS, np.float32)
    rows = z.reshape(-1, CLASSES)
    ours, theirs = np.empty_like(z), np.empty_like(z)
    ours_rows, theirs_rows = ours.reshape(rows.shape), theirs.reshape(rows.shape)
    states = [np.zeros((2, ELEMENTS), np.float32) for _ in range(2)]
    pairs: dict[str, tuple[Call, Call]] = {
        "tanh": (lambda: kernels.tanh(z, out=ours), lambda: np.tanh(z, out=theirs)),
        f"softmax, rows of {CLASSES}": (
            lambda: kernels.softmax(rows, out=ours_rows),
            lambda: numpy_softmax(rows, theirs_rows),
        ),
        "adam step": (
            lambda: kernels.adam_step(ours, z, *states[0], 1),
            lambda: numpy_adam(theirs, z, *states[1], 1),
        ),
    }
    for name, pair in pairs.items():
        ours[:] = theirs
        for call in pair:
            call()
        np.testing.assert_allclose(ours, theirs, 1e-4, 1e-6, err_msg=name)
        times = alternate(
            dict(zip(("numbann", "NumPy"), (repeat(call, clock=thread_time) for call in pair), strict=True)), rounds
        )
        a, b = (seconds / ELEMENTS * 1e9 for seconds in times.values())
        yield {"kernel, 1 thread": name, "numbann ns an element": a, "NumPy ns an element": b, "ratio": b / a}


def plot(rows: list[dict[str, Any]], path: Any) -> None:
    """GFLOP/s by the size of square matrices."""
    made = axes("matrix products in float32")
    for threads in thread_counts():
        for name in ("numbann", "NumPy"):
            single = [row for row in rows if row["threads"] == threads and row["precision"] == "float32"]
            points = [(row["product"], row[f"{name} GFLOP/s"]) for row in single]
            made.plot(*zip(*points, strict=True), label=f"{name}, {threads_label(threads)}", marker="o")
    made.set(ylabel="GFLOP/s", ylim=(0, None))
    made.tick_params(axis="x", rotation=20)
    made.legend()
    save(made, path)


def main() -> None:
    """Measure, print tables, and write a JSON file and a picture if asked."""
    given = options(__doc__).parse_args()
    peak = peaks()
    cases = itertools.product(("float32", "float64"), SHAPES)
    found = [row for dtype, shape in cases for row in products(shape, dtype, given.rounds, peak)]
    show("matrix products", found)
    elements = list(element_wise(given.rounds))
    show(f"kernels over {ELEMENTS} elements in float32", elements)
    mathematics = list(functions(given.rounds))
    show(f"functions of math over {CACHED} elements", mathematics)
    write(given.json, products=found, element_wise=elements, functions=mathematics, peak=[peak])
    if given.plot:
        plot(found, given.plot)


if __name__ == "__main__":
    main()
