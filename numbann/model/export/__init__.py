"""Models for other programs: the table of formats, one file each, and what writes and checks a model in one.

A format's file has the ending of its files, what writes them, and what predicts with them: ENDING, `write`, `predict`.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from numbann.errors import ExportError, did_you_mean, path_from

if TYPE_CHECKING:
    from numbann.model.export.verify import Check
    from numbann.model.model import Model

FORMATS = {"onnx": ".onnx"}  # by name, the ending of its files
NEEDS = {"onnx": "onnx"}  # the package of an extra of the same name that a format needs


class Exported(NamedTuple):
    """What an export wrote, and what its check found; None where none was asked for."""

    files: tuple[Path, ...]
    check: Check | None


def export(
    model: Model,
    path: str | Path,
    format: str | None = None,
    *,
    dtype: str | None = None,
    verify: bool = False,
    data: Any = None,
) -> Exported:
    """Write a model as a file of another format, see `Model.export`."""
    place = path_from(path, "the file to write")
    written = find_format(format or format_of(place))
    content = written.write(model, dtype)
    check = None
    if verify:
        from numbann.model.export.verify import verify as compare

        check = compare(model, written, content, data, dtype or model.plan.dtype)
    try:
        place.write_bytes(content)
    except OSError as error:
        raise ExportError(f"{place}: cannot be written: {error.strerror}") from None
    return Exported((place,), check)


def find_format(name: str) -> Any:
    """Return the module of a format; ExportError if there is none, or a package for it is not installed."""
    if name not in FORMATS:
        raise ExportError(f'there is no format "{name}"{did_you_mean(name, FORMATS)} (formats: {", ".join(FORMATS)})')
    try:
        return import_module(f"{__name__}.{name}")
    except ImportError as error:
        if NEEDS.get(name) != (error.name or "").partition(".")[0]:
            raise
        raise ExportError(
            f'the format "{name}" needs {NEEDS[name]}, which is not installed: pip install "numbann[{name}]"'
        ) from None


def format_of(path: Path) -> str:
    """Return the format that a file's ending asks for."""
    for name, ending in FORMATS.items():
        if path.suffix.lower() == ending:
            return name
    endings = ", ".join(f"{ending} ({name})" for name, ending in FORMATS.items())
    raise ExportError(f"{path}: its ending names no format; name a file that ends in {endings}, or give the format")
