"""Names of tensors in parts: those of a state of the optimizer, or of the weights that training moves."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

TRAINED = "trained"  # the weights that training moves, where those that predict are their average
MEMORY = "memory"  # what a solver keeps


def named(part: str, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Tensors under the name of their part."""
    return {f"{part}.{name}": array for name, array in tensors.items()}


def of_part(part: str, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors of a part, by the names that they have in it."""
    prefix = f"{part}."
    return {name.removeprefix(prefix): array for name, array in tensors.items() if name.startswith(prefix)}
