"""The file and line of a plugin that caused an error."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from types import ModuleType

import pluggy

from numbann.errors import PluginError

FOREIGN = (*map(os.path.dirname, (__file__, pluggy.__file__ or "", importlib.__file__ or "")), "<frozen ")


def describe_cause(error: BaseException, otherwise: str) -> str:
    """An error in one line: the plugin's file and line, or else `otherwise`; the error; the remedy."""
    if isinstance(error, PluginError):
        return f"{_locate(error, otherwise)}: {error}"
    lost = isinstance(error, ModuleNotFoundError)
    remedy = f"install {error.name}" if lost else "repair the plugin"  # type: ignore[attr-defined]
    text = str(error).splitlines()
    return f"{_locate(error, otherwise)}: {type(error).__name__}: {text[0] if text else ''}; {remedy}, or leave it out"


def _locate(error: BaseException, otherwise: str) -> str:
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno or 1}"
    import traceback

    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(FOREIGN)]
    if not frames:
        return otherwise
    inside = [frame for frame in frames if frame.filename.startswith(_package_of(frames[0].filename))]
    return f"{inside[-1].filename}:{inside[-1].lineno}"


def _package_of(file: str) -> str:
    """The folder of a file's package, or the file itself if it is in none."""
    folder = os.path.dirname(file)
    return folder if os.path.exists(os.path.join(folder, "__init__.py")) else file


def find_line(module: ModuleType, text: str) -> str:
    """The file and number of a module's first line that starts with a text; line 1 if none does."""
    file = module.__file__ or module.__name__
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    found = (number for number, line in enumerate(lines, start=1) if line.startswith(text))
    return f"{file}:{next(found, 1)}"
