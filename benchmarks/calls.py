"""What a call of a kernel from Python costs: each kernel of numbann.kernels on 16 numbers, defaults left out.

    python benchmarks/calls.py [--names relu,adam_step] [--json out.json] [--plot out.png]

The time of a call includes the kernel's own work, which `copies` times over as many rows shows: what is left for no
rows is the cost of the call.  A thread's processor time counts, the least of the rounds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from report import options, plot_bars, show, write

from numbann import kernels
from numbann.components.built_in import built_in
from numbann.kernels.arguments import Argument
from numbann.kernels.components import names_of
from numbann.kernels.host import HOST

SIZE, FEWER = 4, 2  # rows of a call, and of one with half as much work
CALLS, ROUNDS = 200, 20
EMBEDDINGS = {entry.component.name: entry.component for entry in built_in().entries("embedding")}
LOSSES = {entry.component.name: entry.component for entry in built_in().entries("loss")}


def given(name: str, rows: int) -> list[Any]:
    """The arguments that a kernel must be given, on so many rows."""
    arguments = getattr(kernels, name).arguments
    found = [value(name, argument, rows) for argument in arguments if argument.default is ...]
    if name in LOSSES and "label" not in LOSSES[name].roles:
        outputs, columns = LOSSES[name].traits["outputs"], max(1, len(LOSSES[name].columns))
        found = [np.full((rows, width), 0.5, np.float32) for width in (outputs, columns)]
    return found


def value(name: str, argument: Argument, rows: int) -> Any:
    """A value for one argument."""
    simple: dict[str, Any] = {"labels": np.zeros(rows, np.int64), "count": 1, "seed": 7, "number": 0.5, "numbers": 0.5}
    if argument.kind in simple:
        return simple[argument.kind]
    if component := EMBEDDINGS.get(name.removesuffix("_backward")):
        first = rows if argument.name in ("x", "de") else SIZE
        width = SIZE * (len(component.terms) if argument.name == "mix" else 1)
        last = SIZE + (argument.name == "de" and component.traits["passes"])
        return np.full((first, width, last)[: argument.ndim], 0.5, np.float32)
    whole = argument.name in ("b", "w") and name in ("matmul", "dense_forward", "dense_backward")
    vector = argument.ndim == 1 or (argument.name == "b" and name != "matmul")
    return np.full(SIZE if vector else (SIZE if whole else rows, SIZE), 0.5, np.float32)


def microseconds(call: Callable[[], Any]) -> float:
    """The least of the rounds, of a call."""
    call()
    least = float("inf")
    for _ in range(ROUNDS):
        start = time.thread_time()
        for _ in range(CALLS):
            call()
        least = min(least, time.thread_time() - start)
    return least / CALLS * 1e6


def measure(name: str) -> dict[str, Any]:
    """A row of the table."""
    function, many, few = getattr(kernels, name), given(name, SIZE), given(name, FEWER)
    whole, half = microseconds(lambda: function(*many)), microseconds(lambda: function(*few))
    work = max(0.0, (whole - half) * SIZE / (SIZE - FEWER))
    return {"kernel": name, "a call, us": whole, "its work": work, "the rest": whole - work}


def main() -> None:
    """Measure, print a table, and write a JSON file and a picture if asked."""
    parser = options(__doc__, rounds=ROUNDS)
    parser.add_argument("--names", default="", help="of the kernels, with commas between; all if left out")
    parsed = parser.parse_args()
    rows = [
        measure(name)
        for name in (parsed.names.split(",") if parsed.names else sorted({*dir(kernels)} - {*names_of(HOST)}))
    ]
    show(f"calls from Python on {SIZE} x {SIZE} numbers in float32", sorted(rows, key=lambda row: -row["the rest"]))
    write(parsed.json, calls=rows)
    if parsed.plot:
        plot_bars(parsed.plot, "calls from Python", {row["kernel"]: row["the rest"] for row in rows}, "microseconds")


if __name__ == "__main__":
    main()
