"""The versions of installed packages, found without importing them, as far as their files say them."""

from __future__ import annotations

import functools
import importlib.util
import re
import sys
from pathlib import Path

SAID = re.compile(r"""\bversion(?:_version)?["']? ?[:=] ?["']([^"']+)["']""")


@functools.cache
def version_of(package: str) -> str:
    """The version of a package: what it says if it is imported, or its file _version.py, or its metadata; or "none"."""
    if imported := getattr(sys.modules.get(package), "__version__", None):
        return str(imported)
    spec = importlib.util.find_spec(package)
    try:
        found = SAID.search(Path(spec.origin).with_name("_version.py").read_text()) if spec and spec.origin else None
    except OSError:
        found = None
    if found:
        return found[1]
    from importlib.metadata import PackageNotFoundError, version  # takes as long to import as all else here

    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
