"""The public names: each is there, and none is hidden by a module of its name."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from types import ModuleType

import pytest

import numbann


@pytest.mark.parametrize("name", numbann.__all__)
def test_a_public_name_is_there(name: str) -> None:
    assert not isinstance(getattr(numbann, name), ModuleType)
    assert name in dir(numbann)


@pytest.mark.parametrize("name", numbann.__all__)
def test_no_module_bears_a_public_name(name: str) -> None:
    assert importlib.util.find_spec(f"numbann.{name}") is None


def test_callbacks_are_an_attribute() -> None:
    code = "import sys, numbann; assert numbann.callbacks.Stop('x').reason; print('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert "callbacks" in dir(numbann)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = numbann.trian
