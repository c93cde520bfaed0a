"""Whether a component compiles for CUDA, to PTX without a double-precision instruction.  It needs no GPU."""

from __future__ import annotations

from importlib.util import find_spec

from numbann.component import Component
from numbann.testing.findings import Unchecked


def check_cuda(component: Component) -> str:
    """Compile it to PTX where numba-cuda is installed."""
    if find_spec("numba_cuda") is None:
        raise Unchecked("not checked: numba-cuda is not installed")
    raise Unchecked("not checked: this version of numbann has no CUDA back end")
