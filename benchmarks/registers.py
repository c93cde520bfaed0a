"""Registers and spills of every component's CUDA kernels, for one capability.  No GPU is needed to compile them.

    python benchmarks/registers.py [--capability 9.0] [--json out.json]

nvJitLink assembles the PTX and says what a thread takes; lines in double precision are counted in the PTX.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from report import show, write

from numbann.discovery import built_in

sys.path.remove(str(Path(__file__).parent))  # where cuda.py would hide NVIDIA's package from what is imported below


def rows(capability: tuple[int, int]) -> list[dict[str, object]]:
    """A row of the table for each kernel."""
    from numbann.compile.cuda import double_precision, ptx
    from numbann.simt.device import assembled

    found = []
    for kind in ("activation", "loss", "optimizer"):
        for entry in built_in().entries(kind):
            if entry.component.form not in ("elementwise", "row"):
                continue
            for kernel, text in ptx(entry.component.configured(), "float32", capability).items():
                numbers = assembled(text, capability) or {"registers": "?", "spills": "?"}
                double = len(double_precision(text))
                found.append({"component": entry.component.name, "kernel": kernel, **numbers, "double": double})
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--capability", default="8.0", help="of the GPU that is compiled for, such as 9.0")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table")
    arguments = parser.parse_args()
    major, minor = map(int, arguments.capability.split("."))
    table = rows((major, minor))
    show(f"Registers of a thread and bytes it spills, capability {arguments.capability}", table)
    write(arguments.json, registers=table)


if __name__ == "__main__":
    main()
