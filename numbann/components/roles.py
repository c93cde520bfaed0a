"""The kinds of components: the roles of each, arguments that core fills, and what traits may say."""

from __future__ import annotations

from collections.abc import Mapping

KINDS = ("activation", "embedding", "loss", "optimizer", "schedule", "initializer", "metric")
ROLES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("activation", "elementwise"): ("z", "u"),
    ("activation", "row"): ("z", "a", "u"),
    ("embedding", "elementwise"): ("x", "z"),
    ("term", "elementwise"): ("x",),  # of an embedding
    ("loss", "elementwise"): ("y", "t"),
    ("loss", "row"): ("y", "dy", "t", "label"),
    ("loss", "outputs"): ("t",),  # or the target's columns by their names
    ("loss", "batch"): ("row", "y", "dy", "t", "label", "weight", "group", "group_end"),  # or columns in the place of t
    ("optimizer", "elementwise"): ("w", "g", "step", "learning_rate", "weight_decay", "batch_size"),
    ("optimizer", "matrix"): ("w", "g", "step", "learning_rate", "weight_decay", "batch_size", "layer", "layers"),
    ("optimizer", "solver"): ("w", "evaluate", "memory", "step", "learning_rate"),
    ("schedule", "elementwise"): ("monitor", "step", "steps", "epoch", "epochs"),
    ("initializer", "elementwise"): ("shape", "random", "layer", "layers", "x", "z"),
    ("metric", "elementwise"): ("t", "weight", "group", "label", "probability", "value"),
}
TAKEN = {  # names that core fills in other functions of a component, or gives to what it trains
    "activation": ("a", "da", "dz"),
    "embedding": ("a", "mix"),
    "term": ("a", "z", "mix"),
    "loss": ("dy",),
}
MAIN = {
    "activation": "z",
    "term": "x",
    "loss": "y",
    "optimizer": "w",
    "initializer": "shape",
}  # what every one asks for
SETTINGS = ("learning_rate", "weight_decay")  # roles of an optimizer that also have a default, and hence a schema
STATEFUL = ("optimizer", "schedule")
TARGETS = {  # what a target must be, by the name that a loss gives it
    "real": "any number; a single one is scaled to mean 0 and deviation 1",
    "unshifted": "any number, in the data's own unit: its 0 means something",
    "nonnegative": "0 or more",
    "positive": "more than 0",
    "share": "between 0 and 1, without 0 and 1",
    "binary": "0 and 1, or a probability",
    "distribution": "the probabilities of all classes, with the sum 1",
    "order": "one of ordered classes",
    "above": "more than the column before it, for one of several columns",
}
UNITS = {  # of what a loss gives, by the name that a plugin writes
    "target": "the target's unit",
    "difference": "the unit of a difference of targets",
    "square": "the square of the target's unit",
    "none": "no unit",
}
