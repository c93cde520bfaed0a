"""From the spec's `data` object to arrays to train on: read, decide every auto, split, prepare.  It trains nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from numbann.data.columns import Texts
from numbann.data.contract import PARTS, Facts, Scale, place_of, shares, sources
from numbann.data.encoding import fit_categories, fit_encoding
from numbann.data.files import Files
from numbann.data.path import find_source
from numbann.data.preprocessing import Preprocessing
from numbann.data.reading import Reading, reading_from_section
from numbann.data.split import split_rows
from numbann.data.streaming import Inputs, inputs_of
from numbann.data.table import Raw, Rows, check_not_negative, check_numbers, check_targets, count_of
from numbann.data.target import Target, decide_task, target_of
from numbann.data.transforms.categories import Categories
from numbann.data.weights import check_weight, class_weights, described, weight_of
from numbann.data.wording import LONGEST_LIST, counted, listed, quoted
from numbann.errors import DataError


@dataclass(frozen=True)
class Part:
    """x (N, I) and t as the loss sees it; raw_target: labels (N,), or numbers (N, T) in the target's own unit.

    weight (N,): the weights that the data gives; loss_weight (N,): these times those of the classes.  None: all alike.
    """

    x: Inputs
    t: np.ndarray
    raw_target: np.ndarray
    weight: np.ndarray | None = None
    loss_weight: np.ndarray | None = None


@dataclass(frozen=True)
class Dataset:
    """The parts, and what was fitted on the training part."""

    train: Part
    validation: Part | None
    test: Part | None
    preprocessing: Preprocessing
    warnings: tuple[str, ...]

    @property
    def parts(self) -> dict[str, Part]:
        """The parts that there are, by name."""
        found = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in found.items() if part is not None}


@dataclass(frozen=True)
class Source:
    """The raw data, read and split.  parts: part -> (its raw rows, which of them)."""

    facts: Facts
    parts: Mapping[str, tuple[Raw, Rows]]
    reading: Reading
    target: Target
    categories: Mapping[str, Categories]
    missing: str
    class_weights: tuple[float, ...] = ()

    def prepare(self, *, target: str, scale: Scale, target_scale: str, dtype: Any, positive: bool = False) -> Dataset:
        """Arrays of `dtype`; `target`: label, one_hot, binary or real; positive: a target below 0 is an error."""
        for raw, _ in self.parts.values() if positive else ():
            check_not_negative(raw)
        raw, rows = self.parts["train"]
        preprocessing = Preprocessing(
            reading=self.reading,
            encoding=fit_encoding(raw, rows, self.categories, self.missing, scale),
            target=self.target.fitted(self.target.original(raw)[rows], target_scale),
            format=self.facts.format,
            dtype=np.dtype(dtype).name,
            positive=positive,
            class_weights=self.class_weights,
        )
        total = sum(self.facts.rows.values())
        parts = {name: _prepared(preprocessing, *part, target, total) for name, part in self.parts.items()}
        for name, part in parts.items():
            _refuse_weightless(name, part)
        unseen = {name: preprocessing.encoding.unseen(*part) for name, part in self.parts.items()}
        warnings = [f"{name}: {warning}" for name, found in unseen.items() for warning in found]
        warnings += _untrained(preprocessing.target, parts["train"].raw_target)
        return Dataset(parts["train"], parts.get("validation"), parts.get("test"), preprocessing, tuple(warnings))


def _prepared(preprocessing: Preprocessing, raw: Raw, rows: Rows, target: str, total: int) -> Part:
    x = inputs_of(preprocessing.encoding, raw, rows, preprocessing.dtype, total)
    raw_target = preprocessing.target.original(raw)[rows]
    t, weight = preprocessing.target.encode(raw_target, target, preprocessing.dtype), weight_of(raw, rows)
    return Part(x, t, raw_target, weight, preprocessing.loss_weight(raw_target, weight))


def _refuse_weightless(name: str, part: Part) -> None:
    """Refuse a part in which no row counts."""
    if part.loss_weight is not None and not part.loss_weight.any():
        raise DataError(
            f"every row of the {name} part has a weight of 0; give some of them more, or change data.split",
            key="data.class_weight" if part.weight is None or part.weight.any() else "data.weight",
        )


def _untrained(target: Target, raw_target: np.ndarray) -> tuple[str, ...]:
    """A warning if classes, or one of the two values of a yes/no label, have no training row."""
    if target.pairs:
        return tuple(_unvaried(target, raw_target))
    if not target.labelled:
        return ()
    trained = set(raw_target.tolist())
    classes = [label for label in target.classes or () if label not in trained]
    return (f"no training row has the class {listed(classes)}; it cannot be learned",) if classes else ()


def _unvaried(target: Target, raw_target: np.ndarray) -> Iterator[str]:
    """A warning for each yes/no label that all training rows share."""
    for name, column in zip(target.names, raw_target.T, strict=True):
        values = set(column.tolist())
        if len(values) == 1:
            yield f"every training row has {quoted(*values)} in column {quoted(name)}; the label cannot be learned"


def load(section: Mapping[str, Any], base: Path, split_seed: int) -> Source:
    """Read the data of the spec's `data` object, its paths relative to `base`; decide every auto; split by the seed."""
    files = _find(section["path"], base, section["format"])
    raws, reading = _read(files, reading_from_section(section))
    for part, raw in raws.items():
        check_numbers(raw, fillable=section["missing"] != "error")
        check_targets(raw)
        _require_weight(raw, reading.weight, files[part])
        check_weight(raw, reading.weight)
    task, reason = decide_task(section["task"], tuple(raws.values()), files["train"].format.name == "idx")
    target = target_of(task, raws, as_list=isinstance(section["target"], list | tuple))
    stratify = _stratify(section["split"]["stratify"], target)
    parts = _parts(raws, shares(section["path"], section["split"]), split_seed, target if stratify else None)
    train, categories = raws["train"], fit_categories(raws["train"], parts["train"][1])
    weights = class_weights(section["class_weight"], target, *parts["train"], task)
    rows = {part: count_of(chosen, len(raw.table)) for part, (raw, chosen) in parts.items()}
    usual = "byte" if train.table.numbers.dtype == np.uint8 else "standard"
    facts = Facts(
        task=task,
        format=files["train"].format.name,
        delimiter=train.delimiter,
        scale=usual if section["scale"] == "auto" else section["scale"],
        stratify=stratify,
        classes=target.classes,
        targets=target.names,
        probabilities=target.probabilities,
        features=train.table.names,
        inputs=len(train.table.number_names) + sum(map(len, categories.values())),
        rows=rows,
        files=tuple((str(file.path), file.sha256()) for source in files.values() for file in source.all),
        notes=tuple(_notes(task, reason, target, train, rows, weights)),
    )
    return Source(facts, parts, reading, target, categories, section["missing"], weights)


def _notes(
    task: str, reason: str | None, target: Target, train: Raw, rows: Mapping[str, int], weights: tuple[float, ...]
) -> Iterator[str]:
    """What was decided, a line each."""
    if reason:
        yield f"task: {task} ({reason})"
    if target.pairs:
        meanings = [f"{name} = {yes}" for name, (_, yes) in zip(target.names, target.pairs, strict=True)]
        more = f" and {len(meanings) - LONGEST_LIST} more" if len(meanings) > LONGEST_LIST else ""
        yield f"labels: positive is {', '.join(meanings[:LONGEST_LIST])}{more}"
    yield from train.notes
    sizes = ", ".join(f"{part} {counted(count, 'row')}" for part, count in rows.items())
    yield f"split: {sizes}"
    if weights:
        yield f"class_weight: {described(dict(zip(target.classes or target.names, weights, strict=True)))}"


def _require_weight(raw: Raw, name: str | None, files: Files) -> None:
    """Refuse a source without the weights that the spec names."""
    if name is not None and raw.weight is None:
        tables = "; weights are a column of a table, or an array of an .npz file" if files.format.pair else ""
        raise DataError(f"{files.data.name} has no column of weights {quoted(name)}{tables}", key="data.weight")


def _find(path: Any, base: Path, format: str) -> dict[str, Files]:
    """The files of each part that has a source; the training part comes first."""
    return {
        part: find_source(source, base, format, ".".join(place_of(path, part)))
        for part, source in sources(path).items()
    }


def _read(files: Mapping[str, Files], reading: Reading) -> tuple[dict[str, Raw], Reading]:
    """The raw rows of each source, and the reading as the training source has settled it."""
    train = files["train"].read(reading)
    target_texts = [name for name, column in train.targets.items() if isinstance(column, Texts)]
    settled = reading.settled(train.table.names, [*train.table.texts, *target_texts], files["train"].data.name)
    others = {part: source.read(settled) for part, source in files.items() if part != "train"}
    return {"train": train, **others}, settled


def _stratify(asked: bool | str, target: Target) -> bool:
    if asked is True and not target.labelled:
        raise DataError(
            "rows are stratified by the classes of one target, and there are none; set it to false",
            key="data.split.stratify",
        )
    return target.labelled if asked == "auto" else bool(asked)


def _parts(
    raws: Mapping[str, Raw], shares: Mapping[str, float], seed: int, strata: Target | None
) -> dict[str, tuple[Raw, Rows]]:
    train = raws["train"]
    whole: dict[str, tuple[Raw, Rows]] = {part: (raw, slice(None)) for part, raw in raws.items()}
    if not any(shares.values()):
        return whole
    classes = None if strata is None else strata.class_index(strata.original(train))
    rows = split_rows(len(train.table), shares, seed, classes)
    parts = whole | {part: (train, chosen) for part, chosen in rows.items()}
    return {part: parts[part] for part in PARTS if part in parts}
