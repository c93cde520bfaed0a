"""The table of data formats, one file each.

`numbann check` and `schema` read this table, so a format's file imports NumPy only inside its functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from numbann.data.contract import Format, split_array

NAMES = sorted(module.name for module in iter_modules(__path__))
FORMATS: dict[str, Format] = {name: import_module(f"{__name__}.{name}").FORMAT for name in NAMES}
PAIRS = {format.pair: format for format in FORMATS.values() if format.pair}


def format_of(source: Any, given: str) -> Format | None:
    """Return the format of a source: by its keys if it is an object, by its array, as given, or by its ending."""
    if isinstance(source, Mapping):
        return next((format for pair, format in PAIRS.items() if source.keys() & set(pair)), None)
    file, array = split_array(str(source))
    if array:
        return FORMATS["npy"]
    if given != "auto":
        return FORMATS.get(given)
    ending = Path(file.lower().removesuffix(".gz").removesuffix(".zst")).suffix
    return next((format for format in FORMATS.values() if ending in format.endings), None)
