"""The table of transforms of columns, one file each; a file's name is the transform's name in specs and models.

The files are in `scales` (each with a class Scale), in `missing` (with a class Missing) and in `codes` (with a class
Coding).  Listing them needs no NumPy.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numbann.data.transforms.code import Code
    from numbann.data.transforms.transform import Transform

FOLDERS = [iter_modules([str(Path(__file__).parent / kind)]) for kind in ("scales", "missing", "codes")]
SCALES, MISSING, CODES = (sorted(module.name for module in folder) for folder in FOLDERS)
DATES = ("cyclic", "parts")  # the codes of dates


def find_scale(name: str) -> type[Transform]:
    """Return the transform that `data.scale` names; ValueError if there is none."""
    return import_module(f"{__name__}.scales.{SCALES[SCALES.index(name)]}").Scale


def find_missing(name: str) -> type[Transform]:
    """Return the transform that `data.missing` names; ValueError if there is none."""
    return import_module(f"{__name__}.missing.{MISSING[MISSING.index(name)]}").Missing


def find_code(name: str) -> type[Code]:
    """Return the code that `data.columns` names; ValueError if there is none."""
    return import_module(f"{__name__}.codes.{CODES[CODES.index(name)]}").Coding
