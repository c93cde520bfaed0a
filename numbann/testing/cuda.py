"""Whether a component compiles for CUDA, to PTX without a double-precision instruction.  It needs no GPU."""

from __future__ import annotations

from importlib.util import find_spec

from numbann.component import Component
from numbann.derivation import derivative_of, slopes_of
from numbann.testing.findings import Doubt, Unchecked, spot_of


def check_cuda(component: Component) -> str:
    """Compile it to PTX where numba-cuda is installed."""
    if component.form != "elementwise":
        raise Unchecked("not checked: functions of rows are not compiled for CUDA yet")
    if find_spec("numba_cuda") is None:
        raise Unchecked("not checked: numba-cuda is not installed")
    from numbann.compile.cuda import ptx_of

    functions = [component.function]
    if component.kind != "optimizer":
        functions += [derivative_of(component), *slopes_of(component)]
    try:
        ptx = ptx_of(component, functions, "float32")
    except Exception as error:
        if type(error).__name__ == "CudaSupportError":
            raise Unchecked("not checked: what it calls needs the CUDA driver") from error
        raise
    if ".f64" in ptx:
        raise Doubt(
            "its PTX has instructions in double precision",
            spot_of(component.function),
            "those of sin and cos for large angles are CUDA's own",
        )
    return "compiles to PTX, without an instruction in double precision"
