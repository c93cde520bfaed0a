"""Presets: by one word, what a spec leaves open is filled with choices that go together.

A preset is a list of pieces of a spec.  docs/presets.md says where each choice is from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from functools import reduce
from typing import Any

from numbann.records import dataclass
from numbann.spec.extending import join
from numbann.spec.model import PRESETS

KEY = "preset"


@dataclass(frozen=True)
class Piece:
    """A piece of a spec, and what must be known for it to count: the task, the loss, and what is watched.

    watched: what the metric asks for that decides the best epoch: "label", "probability" or "value"; "loss" if it is a
    loss.
    """

    says: Mapping[str, Any]
    when: Mapping[str, str] = field(default_factory=dict)


LABELLED = ("classification", "multilabel")
OF_CLASSES = {"task": "classification", "watched": "label"}
OF_CHANCES = {"task": "classification", "watched": "probability"}
SELECT = {"monitor": "metric", "ties": "last"}
USUAL = ("softmax_cross_entropy", "sigmoid_cross_entropy")
TABULAR = (
    Piece(
        {
            "data": {
                "categories": "compact",
                "scale": ["robust", "clip"],
                "bins": {"count": "by-rows", "by": "target"},
                "split": {"validation": 0},
            },
            "model": {
                "input": {"embedding": "pbld", "scale": {"rate": 6.0}},
                "layers": [256, 256, 256],
                "activation": {"type": "mish", "blend": True},
            },
            "optimizer": {
                "type": "adamw",
                "beta2": 0.95,
                "weight_decay": 0.02,
                "rates": "width",
                "bias_rate": 0.1,
                "bias_decay": False,
            },
            "schedule": {"type": "log_cosine", "cycles": 4},
            "train": {
                "batch_size": "by-rows",
                "select": SELECT,
            },
        }
    ),
    Piece(
        {
            "data": {"target_clip": True},
            "model": {"dropout": 0.15},
            "optimizer": {"type": "adamw", "learning_rate": 0.04},
            "train": {"epochs": 48},
        },
        {"task": "regression"},
    ),
    *(
        Piece(
            {
                "model": {"dropout": 0.3},
                "optimizer": {"type": "adamw", "learning_rate": 0.015},
                "train": {"epochs": 32},
            },
            {"task": task},
        )
        for task in LABELLED
    ),
    *(Piece({"loss": {"type": USUAL[0], "label_smoothing": 0.1}}, {**OF_CLASSES, "loss": loss}) for loss in USUAL),
    *(Piece({"train": {"calibrate": "temperature"}}, {**OF_CHANCES, "loss": loss}) for loss in USUAL),
)
BEST = (
    *TABULAR,
    Piece({"ensemble": {"folds": 5, "refit": True}, "train": {"select": None}}),
    Piece(  # the folds' rows choose the epoch and the temperature
        {"ensemble": {"folds": 8, "refit": False}, "train": {"select": SELECT}},
        OF_CHANCES,
    ),
)
PIECES: dict[str, tuple[Piece, ...]] = dict(zip(PRESETS, ((), TABULAR, BEST), strict=True))


def fill(given: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, Any]:
    """Return a raw spec with what its preset says where it says nothing itself, as far as enough is known."""
    name = given.get(KEY)
    pieces = PIECES.get(name, ()) if isinstance(name, str) else ()
    chosen = [dict(one.says) for one in pieces if one.when.items() <= known.items()]
    return join(reduce(join, chosen, {}), dict(given))


def filled_in(given: Mapping[str, Any], filled: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a filled spec has that the one given has not, as objects within objects."""
    found: dict[str, Any] = {}
    for key, value in filled.items():
        if key not in given:
            found[key] = value
        elif isinstance(value, dict) and isinstance(given[key], dict) and (inner := filled_in(given[key], value)):
            found[key] = inner
    return found
