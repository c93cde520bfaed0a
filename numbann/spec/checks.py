"""What the type of one key cannot tell: input files exist, shares add up, lists of columns agree.

It reads no data, and passes over whatever has the wrong type: building.py reports that.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from numbann.components.registry import Registry
from numbann.engine.devices import device_of
from numbann.spec.faults import Found, missing, not_allowed, unknown_key
from numbann.spec.model import Layer, Spec
from numbann.spec.trail import Trail, shown

PARTS = ("train", "validation", "test")
PAIRS = (("images", "labels"), ("x", "y"))
DEFAULT_SHARE = 0.15
DEFAULT_BATCH = 64
SOURCE = 'a file name, {"images": F, "labels": F} or {"x": F, "y": F}'
PATH = ("data", "path")


def check_data(raw: dict[str, Any], base: Path) -> Iterator[Found]:
    """The faults of the raw spec's `data` that concern several keys or the disk."""
    data = raw.get("data")
    if not isinstance(data, dict):
        return
    path = data.get("path")
    for trail, source in sources(path).items():
        yield from _source(trail, source, base)
    if isinstance(path, dict) and "train" in path:
        yield from (((*PATH, key), unknown_key(key, PARTS)) for key in path if key not in PARTS)
    yield from _target(data)
    yield from _shares(data)
    yield from _columns(data)


def check_agreement(spec: Spec | None, registry: Registry | None) -> Iterator[Found]:
    """Keys that must agree with each other."""
    if spec is None:
        return
    if registry is not None and is_solver(spec, registry):
        yield from _solver_faults(spec, registry)
    if registry is not None:
        yield from _device_faults(spec, registry)
    layers = spec.model.layers
    for index, layer in enumerate(layers):
        if layer.dropout and layer.alpha_dropout:
            yield ("model", "layers", index, "alpha_dropout"), "there is dropout too; give one of them"
    for index in range(1, len(layers)):
        yield from residual_faults([layers[index]], layers[index - 1].units, index)
    yield from _warmup_faults(spec)


def residual_faults(layers: Sequence[Layer], inputs: int, index: int = 0) -> Iterator[Found]:
    """A residual connection adds a layer's inputs to its outputs, so there must be as many of them."""
    for layer in layers:
        if layer.residual and layer.units != inputs:
            yield (
                ("model", "layers", index, "residual"),
                f"adds {inputs} inputs to {layer.units} units; give the layer {inputs} units, or leave residual out",
            )


def _warmup_faults(spec: Spec) -> Iterator[Found]:
    """Warm-up leaves epochs for the schedule."""
    warmup, epochs = spec.schedule.parameters.get("warmup_epochs", 0), spec.train.epochs
    if warmup >= epochs:
        yield (
            ("schedule", "warmup_epochs"),
            f"{warmup} of {epochs} epochs are warm-up and leave none for the schedule; give fewer",
        )


def _solver_faults(spec: Spec, registry: Registry) -> Iterator[Found]:
    """A solver looks for its steps itself, on all rows, by a loss without chance and the gradient as it is."""
    name, train, schedule = spec.optimizer.type, spec.train, spec.schedule
    if train.batch_size not in ("auto", "full"):
        yield ("train", "batch_size"), f'{name} works on all rows at once; leave batch_size out, or give "full"'
    if schedule.type != "constant" or schedule.parameters["warmup_epochs"]:
        yield ("schedule",), f"{name} finds the length of each step itself; leave the schedule out"
    for key in ("clip_norm", "clip_value", "average"):
        if getattr(train, key) is not None:
            yield ("train", key), f"{name} takes the gradient and the weights as they are; leave {key} out"
    if spec.optimizer.parameters.get("l1"):
        yield ("optimizer", "l1"), f"{name} needs a smooth loss, which l1 is not; weight_decay is"
    for index, layer in enumerate(spec.model.layers):
        trail = ("model", "layers", index)
        for key in ("dropout", "alpha_dropout"):
            if getattr(layer, key):
                yield (*trail, key), f"{name} needs the same loss each time it asks; leave {key} out"
        if "u" in registry.get("activation", layer.activation.type).roles:
            yield (*trail, "activation"), f"{name} needs the same loss each time, and this draws random numbers"


def _device_faults(spec: Spec, registry: Registry) -> Iterator[Found]:
    """What the device does not do."""
    entry = registry.find("optimizer", spec.optimizer.type)
    if entry is not None and (reason := device_of(spec.train.device).refusal(entry.component)):
        yield ("optimizer",), reason


def is_solver(spec: Spec, registry: Registry) -> bool:
    """Whether a spec's optimizer is a solver."""
    entry = registry.find("optimizer", spec.optimizer.type)
    return entry is not None and entry.component.form == "solver"


def sources(path: Any) -> dict[Trail, Any]:
    """The sources that `data.path` names, by their trails."""
    if isinstance(path, dict) and path.keys() & set(PARTS):
        return {(*PATH, part): path.get(part) for part in PARTS if part in path or part == "train"}
    return {} if path is None else {PATH: path}


def files(trail: Trail, source: Any) -> dict[Trail, str]:
    """The files of one source, by their trails."""
    named = source if isinstance(source, dict) else {None: source}
    return {trail if key is None else (*trail, key): file for key, file in named.items() if isinstance(file, str)}


def file_of(name: str) -> str:
    """The file in `file.npz:array`, or the name itself."""
    return name[: name.find(".npz:") + 4] if ".npz:" in name else name


def _source(trail: Trail, source: Any, base: Path) -> Iterator[Found]:
    if isinstance(source, dict):
        yield from _pair(trail, source)
    elif not isinstance(source, str) or not source:
        yield trail, missing(SOURCE) if source is None else not_allowed(source, SOURCE)
        return
    for where, name in files(trail, source).items():
        yield from _file(where, file_of(name), base)


def _pair(trail: Trail, source: dict[str, Any]) -> Iterator[Found]:
    pair = next((pair for pair in PAIRS if source.keys() & set(pair)), None)
    if pair is None:
        yield trail, not_allowed(source, SOURCE)
        return
    for key in pair:
        if key not in source:
            yield (*trail, key), missing("a file name")
        elif not isinstance(source[key], str) or not source[key]:
            yield (*trail, key), not_allowed(source[key], "a file name")
    yield from (((*trail, key), unknown_key(key, pair)) for key in source if key not in pair)


def _file(trail: Trail, name: str, base: Path) -> Iterator[Found]:
    if not name:
        return
    path = base / name
    if os.path.isdir(path):
        yield trail, f"{shown(name)} is a directory; name the file in it"
    elif not os.path.exists(path):
        yield trail, f"{shown(name)}: no such file in {base}; give a path relative to the spec"


def _target(data: dict[str, Any]) -> Iterator[Found]:
    """A table needs a target; where labels come with the path, none is needed."""
    tables = [source for source in sources(data.get("path")).values() if isinstance(source, str) and source]
    arrays = data.get("format") in ("npz", "npy", "idx") or any(".npz" in name for name in tables)
    if tables and not arrays and data.get("target") is None:
        yield ("data", "target"), "missing; name the column to predict, or a list of columns"
    if tables and not arrays and data.get("task") == "multilabel" and isinstance(data.get("target"), str):
        yield ("data", "target"), "multilabel is for several yes/no labels; give a list of columns"


def _shares(data: dict[str, Any]) -> Iterator[Found]:
    """No share for a part that has a source of its own; what is held back leaves rows to train on."""
    split = data.get("split", {})
    if not isinstance(split, dict):
        return
    given = sources(data.get("path"))
    held = 0.0
    for part in PARTS[1:]:
        share, named = split.get(part), (*PATH, part) in given
        if named and share is not None:
            yield ("data", "split", part), f"data.path names a {part} part already; leave this share out"
        if not named:
            held += DEFAULT_SHARE if share is None else share if type(share) in (int, float) and 0 <= share < 1 else 0
    if held >= 1:
        yield ("data", "split"), f"validation and test hold back {held:g} of the rows; hold back less than 1 in all"


def _columns(data: dict[str, Any]) -> Iterator[Found]:
    """No column is listed twice, or in two lists that contradict each other."""
    lists = {key: _names(data.get(key)) for key in ("target", "features", "drop", "categorical", "weight")}
    for key, names in lists.items():
        yield from ((("data", key), f"{shown(name)} is listed twice; list it once") for name in _repeated(names))
    for key, other in (
        ("features", "target"),
        ("drop", "target"),
        ("drop", "features"),
        ("categorical", "target"),
        ("categorical", "drop"),
        *(("weight", key) for key in ("target", "features", "drop", "categorical")),
    ):
        for name in sorted(set(lists[key]) & set(lists[other])):
            yield ("data", key), f"{shown(name)} is in data.{other} too; leave it out of one of them"


def _names(value: Any) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    return [name for name in listed if isinstance(name, str)]


def _repeated(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
