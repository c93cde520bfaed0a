"""What happens to a column, one transform a file, whose name is the transform's in a spec and in a saved model.

The names are those of the files in `scales` and `missing`; no NumPy is needed to list them.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numbann.data.transforms.transform import Transform


def names_of(kind: str) -> list[str]:
    """The names of the transforms of a kind: "scales" or "missing"."""
    return sorted(module.name for module in iter_modules([str(Path(__file__).parent / kind)]))


def find_transform(kind: str, name: str) -> type[Transform]:
    """The transform of that name."""
    found: type[Transform] = import_module(f"{__name__}.{kind}.{name}").TRANSFORM
    return found
