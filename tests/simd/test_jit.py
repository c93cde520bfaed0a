"""How functions inside kernels are compiled."""

from __future__ import annotations

from typing import Any

import numba
import pytest

from numbann.simd import jit


@jit.inner
def length(text: Any, number: Any) -> Any:
    """The length of a text, and a number."""
    return len(text) + number


def test_a_function_is_compiled_once_for_all_texts() -> None:
    """Checks get the message of their error: compiled for each, they would be most of what a kernel compiles."""
    call = numba.njit(lambda number: length("a", number) + length("abc", number))
    assert call(1) == 6
    assert len(length.signatures) == 1


def test_python_is_refused() -> None:
    with pytest.raises(TypeError, match="length is called by compiled code alone"):
        length("a", 1)
