"""Names of components and of the distributions that own them."""

from __future__ import annotations

import re


def bare_name(name: str) -> str:
    """Return a component's name without its owner."""
    return name.rpartition(":")[2]


def normalize(name: str) -> str:
    """Return a distribution's name in the normal form of packaging, for comparisons."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()
