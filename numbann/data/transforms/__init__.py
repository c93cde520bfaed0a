"""The table of transforms of columns, one file each; a file's name is the transform's name in specs and models.

The files are in `scales` (each with a class Scale) and in `missing` (each with a class Missing).  Listing them needs no
NumPy.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numbann.data.transforms.transform import Transform

FOLDERS = [iter_modules([str(Path(__file__).parent / kind)]) for kind in ("scales", "missing")]
SCALES, MISSING = (sorted(module.name for module in folder) for folder in FOLDERS)


def find_scale(name: str) -> type[Transform]:
    """Return the transform that `data.scale` names; ValueError if there is none."""
    return import_module(f"{__name__}.scales.{SCALES[SCALES.index(name)]}").Scale


def find_missing(name: str) -> type[Transform]:
    """Return the transform that `data.missing` names; ValueError if there is none."""
    return import_module(f"{__name__}.missing.{MISSING[MISSING.index(name)]}").Missing
