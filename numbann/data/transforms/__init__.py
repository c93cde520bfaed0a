"""What happens to a column, one transform a file, whose name is the transform's in a spec and in a saved model.

The names are those of the files in `scales` (each a class Scale) and `missing` (each a class Missing); no NumPy is
needed to list them.
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
    """The transform that `data.scale` means; ValueError if there is none."""
    return import_module(f"{__name__}.scales.{SCALES[SCALES.index(name)]}").Scale


def find_missing(name: str) -> type[Transform]:
    """The transform that `data.missing` means; ValueError if there is none."""
    return import_module(f"{__name__}.missing.{MISSING[MISSING.index(name)]}").Missing
