"""Models for other programs: the table of formats, one file each, and what writes and checks a model in one.

A format's file has what returns the contents of its files by their endings, and what predicts with these: `write` and
`predict`.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from numbann.errors import ExportError, did_you_mean, path_from
from numbann.model.file import KIND
from numbann.model.marks import is_export, start_of
from numbann.model.tensor_file import LENGTH

if TYPE_CHECKING:
    from numbann.model.export.verify import Check
    from numbann.model.model import Model

FORMATS = {  # by name, the ending of its files, or of the first of them
    "onnx": ".onnx",
    "c": ".c",
    "npz": ".npz",
    "safetensors": ".safetensors",
}
WEIGHTS = ("npz", "safetensors")  # the formats of weights alone, which nothing predicts with
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
    force: bool = False,
) -> Exported:
    """Write a model as a file of another format, see `Model.export`."""
    place = path_from(path, "the file to write")
    kind = format or format_of(place)
    written, ending = find_format(kind), FORMATS[kind]
    if place.suffix.lower() not in ("", ending):
        raise ExportError(f'{place}: a file of the format "{kind}" ends in {ending}; name another, or another format')
    if verify and kind in WEIGHTS:
        raise ExportError(f'the format "{kind}" holds weights alone, which predict nothing; leave out verify')
    content = written.write(model, dtype, place.stem)
    files = {place.with_suffix(ending): text for ending, text in content.items()}
    for file in files:
        _spare(file, force)
    check = None
    if verify:
        from numbann.model.export.verify import verify as compare

        check = compare(model, written, content, data, dtype or model.plan.dtype)
    for file, text in files.items():
        try:
            file.write_bytes(text)
        except OSError as error:
            raise ExportError(f"{file}: cannot be written: {error.strerror}") from None
    return Exported(tuple(files), check)


def _spare(path: Path, force: bool) -> None:
    """Refuse to write over a model of numbann, and, unless it is forced, over what no export wrote."""
    if not path.is_file():
        return
    if start_of(path)[LENGTH:].startswith(KIND.start):
        raise ExportError(f"{path}: is a model of numbann, which would be lost; name another file")
    if not force and not is_export(path):
        raise ExportError(
            f"{path}: is there, and was not written by numbann; name another file, or give --force (force=True)"
        )


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
