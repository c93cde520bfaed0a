"""What happens to a column, one transform a file, whose name is the transform's in a spec and in a saved model.

The names are those of the files in `scales` (each a class Scale) and `missing` (each a class Missing); no NumPy is
needed to list them.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numbann.data.transforms.transform import Transform


def scale_named(name: str) -> type[Transform]:
    """The transform that `data.scale` means."""
    return _file("scales", name).Scale


def missing_named(name: str) -> type[Transform]:
    """The transform that `data.missing` means."""
    return _file("missing", name).Missing


def _file(kind: str, name: str) -> ModuleType:
    if name not in names_of(kind):
        raise ValueError(f"there is no transform {name!r} of {kind}")
    return import_module(f"{__name__}.{kind}.{name}")


def names_of(kind: str) -> list[str]:
    """The names of the transforms of a kind: "scales" or "missing"."""
    return sorted(module.name for module in iter_modules([str(Path(__file__).parent / kind)]))


SCALES, MISSING = names_of("scales"), names_of("missing")
