"""Names of tensors in parts, such as a state of the optimizer or the weights that training updates."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

TRAINED = "trained"  # the weights that training updates, if others predict
MEMORY = "memory"  # the memory of a solver


def layer_number(tensor: str) -> int:
    """The number of a tensor's layer, from 1."""
    part, _, rest = tensor.partition(".")
    return int(rest.partition(".")[0]) + 1 if part == "layers" else 1  # what is no layer's stands before the first


def add_prefix(part: str, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Tensors under the name of their part."""
    return {f"{part}.{name}": array for name, array in tensors.items()}


def select_part(part: str, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors of a part, by their names within it."""
    prefix = f"{part}."
    return {name.removeprefix(prefix): array for name, array in tensors.items() if name.startswith(prefix)}
