"""What the metadata of a checkpoint has to be: types, numbers, and what the job says of them."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

from numbann.components.component import Configured
from numbann.fit.job import Job
from numbann.training.diagnostics import KEY as DIAGNOSTICS

LAYER = ("layer", "dead", "saturated", "gradient_norm")  # the keys of a layer's diagnostics


def check_metadata(metadata: Mapping[str, Any], job: Job) -> None:
    """Raise ValueError, naming the place, for metadata that no run of a job writes."""
    history, best = metadata.get("history"), metadata.get("best")
    if not isinstance(history, list):
        raise ValueError("history: it is no list")
    for index, record in enumerate(history):
        _check_record(record, index, job)
    if not isinstance(best, dict) or best.keys() != {"epoch", "value", "waited"}:
        raise ValueError("best: it is no object with epoch, value and waited")
    _require(_is_count(best["epoch"], len(history)), "best.epoch")
    _require(_is_count(best["waited"], len(history)), "best.waited")
    _require(_is_number(best["value"]), "best.value")
    _require(isinstance(metadata.get("keeps_best"), bool), "keeps_best")
    _require(_are_states(metadata.get("schedule"), job.schedule), "schedule")
    courses, known = metadata.get("courses", {}), job.plan.courses
    _require(isinstance(courses, dict) and courses.keys() <= known.keys(), "courses")
    _require(all(_are_states(states, known[name].schedule) for name, states in courses.items()), "courses")
    seconds = metadata.get("seconds", 0)
    _require(_is_number(seconds) and 0 <= seconds < inf, "seconds")


def _are_states(found: Any, schedule: Configured) -> bool:
    """Whether these are the states of a schedule, or of one that has not begun."""
    count = len(schedule.component.states)
    return isinstance(found, list) and len(found) in (0, count) and all(map(_is_number, found))


def _check_record(record: Any, index: int, job: Job) -> None:
    """Check an epoch's line of the history."""
    place = f"history[{index}]"
    _require(isinstance(record, dict), place)
    _require(record.get("epoch") == index + 1 and type(record["epoch"]) is int, f"{place}.epoch")
    for key in ("train_loss", "learning_rate", "seconds", job.watch.key):
        _require(_is_number(record.get(key)), f"{place}.{key}")
    for key, value in record.items():
        if key == DIAGNOSTICS:
            _check_diagnostics(value, f"{place}.{key}", len(job.plan.layers))
        else:
            _require(value is None or _is_number(value), f"{place}.{key}")


def _check_diagnostics(value: Any, place: str, layers: int) -> None:
    _require(isinstance(value, list) and len(value) == layers, place)
    for number, layer in enumerate(value, start=1):
        fits = isinstance(layer, dict) and tuple(layer) == LAYER and layer["layer"] == number
        _require(fits and all(layer[key] is None or _is_number(layer[key]) for key in LAYER), place)


def _is_number(value: Any) -> bool:
    """Whether it is a number that a float can hold; infinite and NaN are."""
    if type(value) is int:
        return abs(value) < 1 << 63
    return type(value) is float


def _is_count(value: Any, most: int) -> bool:
    return type(value) is int and 0 <= value <= most


def _require(holds: bool, place: str) -> None:
    if not holds:
        raise ValueError(f"{place}: it is missing, or not what numbann writes there")
