"""A program: makes machine code of two CUDA kernels and prints, as JSON, their sizes and how many it compiled.

    python assemble_once.py

It needs no GPU.  Tests run it in processes of their own, with caches of their choice.
"""

from __future__ import annotations

import json

from networks import configured

from numbann.cuda.compile import components
from numbann.cuda.threads import batches, elements


def main() -> None:
    """Make it and print what came of it."""
    component = configured("activation", "softmax").component
    kernels = batches.advance, elements.activate_rows(components.activation(component, "float32").value)
    made = [components.find_binary(kernel, "float32", (8, 0), [component]) for kernel in kernels]
    print(json.dumps({"entries": [one.entry[:12] for one in made], "compiled": components.MISSES}))


if __name__ == "__main__":
    main()
