"""The check that a component compiles for CUDA, to PTX without double precision.  It needs no GPU."""

from __future__ import annotations

from numbann.components.component import Component
from numbann.derivation.outputs import rows_of
from numbann.errors import DeviceError
from numbann.testing.findings import Doubt, Unchecked, spot_of

CAPABILITY = (8, 0)


def check_cuda(component: Component) -> str:
    """Compile a component's kernels to PTX, if numba-cuda is installed; returns what they take, in words."""
    component = rows_of(component)
    if component.kind == "embedding":
        raise Unchecked("not checked: embeddings do not run on a GPU")
    if component.form not in ("elementwise", "row"):
        raise Unchecked(f"not checked: {component.form} form does not run on a GPU")
    try:
        from numbann.cuda.compile.components import NO_ROWS, double_precision, ptx
        from numbann.cuda.threads.device import assemble

        if component.rows or component.gradients or "width" in component.traits:
            raise Unchecked(f"not checked: {NO_ROWS}")

        texts = ptx(component.configured(), "float32", CAPABILITY)
    except DeviceError as error:
        raise Unchecked(f"not checked: {error}") from error
    if any(double_precision(text) for text in texts.values()):
        raise Doubt(
            "its PTX has instructions in double precision, which are slow on most GPUs",
            spot_of(component.function),
            "look for an integer divided by an integer, or a function of math that gives an integer",
        )
    found = {name: assemble(text, CAPABILITY) for name, text in texts.items()}
    registers = ", ".join(
        f"{name} {numbers['registers']}" + (f" and {numbers['spills']} bytes spilled" if numbers["spills"] else "")
        for name, numbers in found.items()
        if numbers
    )
    return "compiles to PTX, without double precision" + (f"; registers: {registers}" if registers else "")
