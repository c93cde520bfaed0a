"""Prints the fingerprints of the built-in components, as JSON; it runs on any Python, and needs no NumPy."""

from __future__ import annotations

import json

from numbann.components.built_in import built_in
from numbann.model.provenance import fingerprint


def main() -> None:
    """Those of every built-in component."""
    components = (entry.component for entry in built_in().entries())
    print(json.dumps({f"{each.kind} {each.name}": fingerprint(each) for each in components}))


if __name__ == "__main__":
    main()
