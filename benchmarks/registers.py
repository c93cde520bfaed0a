"""Registers and spills of the CUDA kernels of components and of products, for one capability.  No GPU is needed.

    python benchmarks/registers.py [--capability 9.0] [--json out.json]

nvJitLink assembles the PTX and says what a thread takes; lines in double precision are counted in the PTX.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from report import show, write

from numbann.components.built_in import built_in


def rows(capability: tuple[int, int]) -> list[dict[str, object]]:
    """A row of the table for each kernel."""
    from numbann.cuda.compile.components import double_precision, ptx
    from numbann.cuda.threads.device import assemble

    found = []
    for kind in ("activation", "loss", "optimizer"):
        for entry in built_in().entries(kind):
            if entry.component.form not in ("elementwise", "row"):
                continue
            for kernel, text in ptx(entry.component.configured(), "float32", capability).items():
                numbers = assemble(text, capability) or {"registers": "?", "spills": "?"}
                double = len(double_precision(text))
                found.append({"component": entry.component.name, "kernel": kernel, **numbers, "double": double})
    return found


def products(capability: tuple[int, int]) -> list[dict[str, object]]:
    """As `rows`, of a layer's products with relu and Adam in their last lines."""
    from numba import types

    from numbann.cuda.compile import components as compiled
    from numbann.cuda.threads import elements, op, products, tiling, updates
    from numbann.cuda.threads.batches import FROM_WORK
    from numbann.cuda.threads.device import DTYPES, assemble, ptx
    from numbann.simd.op import FIRST_PARAMETER

    relu, adam = (built_in().get(kind, name) for kind, name in (("activation", "relu"), ("optimizer", "adam")))
    stored = adam.configured().stored_states
    activation, move = compiled.activation(relu, "float32"), compiled.optimizer(adam, "float32", stored).move
    ahead = elements.pipe(elements.activate(activation.value, "float32", 0, False), elements.store(op.Y))
    back = elements.pipe(elements.activate_back(activation.slope, (), "float32", False), elements.store(op.D))
    numbers = FIRST_PARAMETER + len(adam.parameters)
    update = updates.RowUpdate(move, 1 + len(stored), numbers, "float32")
    real, whole = types.Array(DTYPES["float32"], 1, "C"), types.Array(types.int64, 1, "C")
    found = []
    for tile in tiling.TILES:
        kernels = {
            "forward": products.forward(ahead, "float32", tile, FROM_WORK),
            "delta": products.delta(back, "float32", tile),
            "gradient": products.gradient(None, "float32", tile, FROM_WORK, update=update),
        }
        for name, kernel in kernels.items():
            text = ptx(kernel, (real, real, real, whole, types.int64, types.int64), capability)
            numbers_of = assemble(text, capability) or {"registers": "?", "spills": "?"}
            found.append({"tile": f"{tile.rows} x {tile.columns}", "kernel": name, **numbers_of})
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--capability", default="8.0", help="of the GPU that is compiled for, such as 9.0")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table")
    arguments = parser.parse_args()
    major, minor = map(int, arguments.capability.split("."))
    for_capability = f"capability {arguments.capability}"
    tiles = products((major, minor))
    show(f"Products: registers of a thread and bytes it spills, {for_capability}", tiles)
    table = rows((major, minor))
    show(f"Components: registers of a thread and bytes it spills, {for_capability}", table)
    write(arguments.json, registers=table, products=tiles)


if __name__ == "__main__":
    main()
