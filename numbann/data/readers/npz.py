"""The format of several arrays in one .npz file: those named by `features` and `target`, by default x and y."""

from __future__ import annotations

from typing import TYPE_CHECKING

from numbann.data.contract import Format

if TYPE_CHECKING:
    from numbann.data.files import Files
    from numbann.data.reading import Reading
    from numbann.data.table import Raw

DEFAULT_FEATURES = ("x",)
DEFAULT_TARGETS = ("y",)


def read(source: Files, reading: Reading, need_target: bool) -> Raw:
    """Read the arrays as columns."""
    from numbann.data.archive import open_archive
    from numbann.data.arrays import raw_from_arrays
    from numbann.data.reading import choose_weight

    file = source.data
    features = reading.features or DEFAULT_FEATURES
    targets = reading.targets or DEFAULT_TARGETS
    with open_archive(file) as archive:
        x = {name: archive.read(name, reading.key("data.features")) for name in features}
        y = {name: archive.read(name, reading.key("data.target")) for name in targets if need_target}
        weights = choose_weight(reading, archive.names, [*features, *targets], file.name) if need_target else ()
        weight = {name: archive.read(name, None) for name in weights}
    return raw_from_arrays(x, y, reading, file.name, listed_features=False, weight=weight)


FORMAT = Format("npz", (".npz",), read)
