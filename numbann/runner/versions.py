"""What must be the same on every machine, so that the same job has the same bits: numbann, numba, NumPy and Python."""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping

import numbann
from numbann.errors import ClusterError
from numbann.versions import version_of

PACKAGES = ("numbann", "numba", "numpy")
REMEDY = "install the same Python, numbann, numba and numpy on every machine"


@functools.cache
def versions() -> dict[str, str]:
    """Return the versions of this process.  Those of Python count up to the second number."""
    return {
        "Python": ".".join(map(str, sys.version_info[:2])),
        "numbann": numbann.__version__,
        **{name: version_of(name) for name in PACKAGES[1:]},
    }


def check_versions(there: Mapping[str, str | None], here: Mapping[str, str], place: str) -> None:
    """Refuse a place whose versions are not those of the parent."""
    for name, version in here.items():
        if there.get(name) != version:
            found = f"{name} {there[name]}" if there.get(name) else f"no {name}"
            raise ClusterError(f"{place}: has {found}, and {name} {version} asks for its jobs; {REMEDY}")
