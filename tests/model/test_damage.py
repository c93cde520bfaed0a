"""A model file that says anything, with a right hash: one error, or a model that predicts; never code that runs.

Every value of the metadata is replaced by values that fit nowhere, and every tensor by others.  CASES=100000 tries all
of them, which takes minutes.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from anything import changed, variants

import numbann
from numbann.errors import NumbannError
from numbann.model import tensor_file
from numbann.model.file import KIND
from numbann.model.tensor_file import read_tensors

CASES = int(os.environ.get("CASES", "300"))
EVIL = "open('ran', 'w')\nfrom numbann import hookimpl\n@hookimpl\ndef numbann_register(register): pass\n"
COLUMNS: dict[str, list[Any]] = {"x": [0.0, 3.0, None], "y": [3.0, 0.0, 1.0]}


def other_tensors(tensors: dict[str, np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
    """The tensors with one that is gone, renamed, of another shape, type or range."""
    for name, tensor in tensors.items():
        rest = {other: values for other, values in tensors.items() if other != name}
        yield rest
        yield {**rest, f"../{name}": tensor}
        yield {**tensors, "more": tensor}
        for shape in ((), (0,), (1,), (1000,), tensor.shape[::-1], (*tensor.shape, 1)):
            yield {**rest, name: np.ones(shape, tensor.dtype)}
        for dtype in ("f8", "f2", "i8", "i1", "u8"):
            yield {**rest, name: tensor.astype(dtype)}
        for value in (np.nan, np.inf, 3e38):
            yield {**rest, name: np.full_like(tensor, value)}


def files(path: Path) -> list[Callable[[], bytes]]:
    """Files that claim anything, each with its hash."""
    metadata, tensors = read_tensors(path, KIND)
    del metadata["sha256"], metadata["format"]
    said = [
        lambda one=one: b"".join(tensor_file.to_parts(tensors, KIND, changed(metadata, *one)))
        for one in variants(metadata)
    ]
    said += [
        lambda other=other: b"".join(tensor_file.to_parts(other, KIND, metadata)) for other in other_tensors(tensors)
    ]
    return random.Random(1).sample(said, min(CASES, len(said)))


SPECS: dict[str, dict[str, Any]] = {
    "classes": {"target": "colour", "drop": ["p", "q", "sum"], "missing": "mean", "class_weight": "balanced"},
    "categories": {"target": "sum", "drop": ["p", "q"], "scale": ["robust", "clip"]},
    "labels": {"target": ["p", "q"], "task": "multilabel", "drop": ["colour", "sum"], "scale": "minmax"},
    "probabilities": {"target": ["p", "q"], "task": "classification", "drop": ["colour", "sum"], "weight": "y"},
}


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")  # of columns, and of numbers
@pytest.mark.parametrize("kind", SPECS)
def test_nothing_that_a_file_says_is_unexpected(here: Path, kind: str) -> None:
    rows = [f"{k / 7},{k % 11 + 1},{['red', 'green', 'blue'][k % 3]},{k / 3},{k % 2},{1 - k % 2}" for k in range(60)]
    (here / "rows.csv").write_text("\n".join(["x,y,colour,sum,p,q", *rows]))
    model = {"layers": [{"units": 3, "activation": "prelu", "norm": "batch"}]}
    spec = {"data": {"path": "rows.csv", **SPECS[kind]}, "model": model, "train": {"epochs": 1}}
    run = numbann.train(spec, output="run")
    (here / "evil.py").write_text(EVIL)
    refused, tried = 0, files(run.path / "model.safetensors")
    for content in tried:
        (here / "m.safetensors").write_bytes(content())
        try:
            found = numbann.load("m.safetensors", threads=1)
            found.predict({name: COLUMNS.get(name, ["red", "blue", "no"]) for name in found.features})
        except NumbannError:
            refused += 1
    assert refused > len(tried) / 4
    assert not (here / "ran").exists()
