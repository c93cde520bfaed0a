"""Loads the data of a spec: reads its sources, resolves every "auto", splits the rows, and prepares the arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from numbann.data.choices import choose, settings_of
from numbann.data.complete import complete
from numbann.data.contract import DELIMITERS, Facts, ScaleNames, keys_of_split, place_of, sources, split_of
from numbann.data.files import Files, InputFile
from numbann.data.findings.all import find
from numbann.data.findings.features import refuse_numbers_as_texts
from numbann.data.folds import fold_codes
from numbann.data.given import parts_of as parts_of_given
from numbann.data.kept import read_kept
from numbann.data.layout import Layout, lay_out
from numbann.data.parts import Fold, folds_of, group_notes, group_of, parts_of, sampled
from numbann.data.path import find_source
from numbann.data.preprocessing import Preprocessing
from numbann.data.reading import Reading, reading_from_section
from numbann.data.streaming import Inputs, inputs_of
from numbann.data.table import Raw, RowSelection, check_numbers, check_range, check_targets, count_of, row_at
from numbann.data.tasks import find_task
from numbann.data.tasks.auto import decide_task
from numbann.data.tasks.classification import Classification
from numbann.data.tasks.task import Task, TooLargeTarget
from numbann.data.weights import check_weight, class_weights, notes_of, weight_of
from numbann.data.wording import counted, quoted
from numbann.errors import DataError
from numbann.records import dataclass


@dataclass(frozen=True)
class Part:
    """The rows of one part: inputs x (N, I), and targets t as the loss takes them.

    raw_target: labels (N,), or numbers (N, T) in the target's own unit.  weight (N,): the weights in the data;
    loss_weight (N,): these times the weights of the classes.  None: all rows count the same.  group (N,): the group of
    each row, if there are groups.
    """

    x: Inputs
    t: np.ndarray
    raw_target: np.ndarray
    weight: np.ndarray | None = None
    loss_weight: np.ndarray | None = None
    group: np.ndarray | None = None


@dataclass(frozen=True)
class Dataset:
    """The prepared parts, and the preprocessing fitted on the training part."""

    train: Part
    validation: Part | None
    test: Part | None
    preprocessing: Preprocessing
    warnings: tuple[str, ...]

    @property
    def parts(self) -> dict[str, Part]:
        """The parts that exist, by name."""
        found = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in found.items() if part is not None}


@dataclass(frozen=True)
class SplitData:
    """The raw data, read and split.

    section: the spec's `data`.  seed: of the split.  parts: part -> (raw rows of its source, selection of them).
    """

    section: Mapping[str, Any]
    seed: int
    facts: Facts
    parts: Mapping[str, tuple[Raw, RowSelection]]
    reading: Reading
    task: Task
    layout: Layout
    class_weights: tuple[float, ...] = ()

    def folds(self, count: int, repetition: int = 0) -> list[Fold]:
        """Return the folds of the training part; each repetition has others, unless they go by the order of a column.

        Classes are in proportion, and groups whole, as in the split.
        """
        if "validation" in self.parts:
            what = "names rows of validation, whose place folds take; name them train"
            raise DataError(f"{quoted(self.section['split']['column'])} {what}", key="data.split.column")
        strata = self.task if self.facts.stratify else None
        return folds_of(*self.parts["train"], self.section["split"], count, self.seed, repetition, strata)

    def fold(self, fold: Fold) -> SplitData:
        """Return the same data with the rows of a fold as its parts for training and validation.

        What is fitted to training rows is fitted to the fold's alone: nothing is known of those that measure it.
        """
        raw, rows = self.parts["train"]
        numbers = np.arange(len(raw.table))[rows]
        train = numbers[fold.train]
        layout = lay_out(self.section, raw, train, self.task)
        parts = {"train": (raw, train), "validation": (raw, numbers[fold.validation])}
        counts = {**self.facts.rows, "train": len(fold.train), "validation": len(fold.validation)}
        facts = replace(self.facts, rows=counts, inputs=layout.encoding().inputs)
        weights = class_weights(self.section["class_weight"], self.task, raw, train)
        return replace(self, facts=facts, parts={**self.parts, **parts}, layout=layout, class_weights=weights)

    def prepare(
        self,
        *,
        target: str,
        scale: ScaleNames,
        target_scale: str,
        dtype: Any,
        kinds: tuple[str, ...] = (),
        target_clip: bool = False,
    ) -> Dataset:
        """Return arrays of `dtype`.

        target: the form of the target, label, order, one_hot, binary or real.  kinds: see check_range.  target_clip:
        whether predictions are to be between the targets of the training part.
        """
        for raw, _ in self.parts.values():
            check_range(raw, kinds)
        raw, rows = self.parts["train"]
        preprocessing = Preprocessing(
            reading=self._reading(),
            encoding=self.layout.fit(raw, rows, self.section["missing"], scale),
            task=_fit(self.task, raw, rows, target_scale, target_clip),
            dtype=np.dtype(dtype).name,
            kinds=kinds,
            class_weights=self.class_weights,
            usual=self.task.usual(self.task.original(raw)[rows]),
        )
        for raw in {id(raw): raw for raw, _ in self.parts.values()}.values():
            preprocessing.encoding.check(raw)
        total = sum(self.facts.rows.values())
        parts = {name: _prepare_part(preprocessing, *part, target, total) for name, part in self.parts.items()}
        fold_codes(preprocessing.encoding, raw, rows, self.task, parts["train"].x)
        for name, part in parts.items():
            _refuse_weightless(name, part)
        unseen = {name: preprocessing.encoding.unseen(*part) for name, part in self.parts.items()}
        warnings = [f"{name}: {warning}" for name, found in unseen.items() for warning in found]
        warnings += preprocessing.task.warnings(parts["train"].raw_target)
        return Dataset(parts["train"], parts.get("validation"), parts.get("test"), preprocessing, tuple(warnings))

    def _reading(self) -> Reading:
        """Return the reading for new files, which does not tell where the training rows came from.

        A usual delimiter is not fixed: a file to predict may have another one.
        """
        found = self.facts.delimiter
        delimiter = "auto" if found is None or found in DELIMITERS else found
        return replace(self.reading, format="auto", delimiter=delimiter, origin="the training data")


def _fit(task: Task, raw: Raw, rows: RowSelection, target_scale: str, clip: bool) -> Task:
    raw_target = task.original(raw)[rows]
    with _place(raw, rows):
        fitted = task.fit(raw_target, target_scale)
    return fitted.bounded(raw_target) if clip else fitted


@contextmanager
def _place(raw: Raw, rows: RowSelection) -> Iterator[None]:
    """Say where a target that is too large stands."""
    try:
        yield
    except TooLargeTarget as error:
        raise raw.fault(row_at(rows, error.row), error.column, error.what, error.key) from None


def _prepare_part(preprocessing: Preprocessing, raw: Raw, rows: RowSelection, target: str, total: int) -> Part:
    x = inputs_of(preprocessing.encoding, raw, rows, preprocessing.dtype, total)
    raw_target = preprocessing.task.original(raw)[rows]
    with _place(raw, rows):
        t = preprocessing.task.encode(raw_target, target, preprocessing.dtype)
    weight = weight_of(raw, rows)
    group = group_of(raw, preprocessing.reading.group, rows)
    return Part(x, t, raw_target, weight, preprocessing.loss_weight(raw_target, weight), group)


def _refuse_weightless(name: str, part: Part) -> None:
    """Refuse a part in which no row counts."""
    if part.loss_weight is not None and not part.loss_weight.any():
        raise DataError(
            f"every row of the {name} part has a weight of 0; give some of them more, or change data.split",
            key="data.class_weight" if part.weight is None or part.weight.any() else "data.weight",
        )


def load(section: Mapping[str, Any], base: Path, split_seed: int, given: Any = None) -> SplitData:
    """Read the data that the spec's `data` object names, resolve every "auto", and split the rows by the seed.

    base: the folder that paths are relative to.  given: rows in Python, in place of the files.
    """
    section = {**section, "split": split_of(section)}
    files = _find(section["path"], base, section["format"]) if given is None else parts_of_given(given)
    stamps = {file: file.stamp() for source in files.values() for file in source.all}
    raws, reading = _read(section, files, split_seed)
    _check(section, raws, reading, files)
    task, reason = _task(section, raws, files["train"])
    stratify = _stratify(section["split"], task)
    parts = parts_of(raws, section, split_seed, task if stratify else None)
    layout = lay_out(section, *parts["train"], task)
    weights = class_weights(section["class_weight"], task, *parts["train"])
    rows = {part: count_of(chosen, len(raw.table)) for part, (raw, chosen) in parts.items()}
    sizes = ", ".join(f"{part} {counted(count, 'row')}" for part, count in rows.items())
    train = raws["train"]
    delimiters = {raw.delimiter for raw in raws.values() if raw.delimiter}
    usual = "byte" if train.table.numbers.dtype == np.uint8 else "standard"
    digests = {file: file.sha256 for file in stamps}
    by_part = {part: " ".join(digests[file] for file in source.all) for part, source in files.items()}
    _refuse_changes(stamps)
    facts = Facts(
        task=task,
        format=files["train"].format.name,
        delimiter=next(iter(delimiters), None) if len(delimiters) < 2 else "auto",
        scale=usual if section["scale"] == "auto" else section["scale"],
        stratify=stratify,
        features=train.table.names,
        inputs=layout.encoding().inputs,
        rows=rows,
        files=tuple((str(file.path), digest) for file, digest in digests.items()),
        findings=find(parts, task, layout, by_part),
        notes=(
            *reason,
            *task.notes(),
            *(note for raw in raws.values() for note in raw.notes),
            f"split: {sizes}",
            *layout.notes(rows["train"]),
            *notes_of(task, weights),
            *group_notes(parts, reading.group),
        ),
    )
    return SplitData(section, split_seed, facts, parts, reading, task, layout, weights)


def _task(section: Mapping[str, Any], raws: Mapping[str, Raw], train: Files) -> tuple[Task, tuple[str, ...]]:
    """Return the task, and a note that says why it was chosen if the spec leaves it open."""
    name, reason = decide_task(section["task"], tuple(raws.values()), train.format.name == "idx")
    order = [settings_of(section["columns"], name).get("order") for name in raws["train"].targets]
    several = isinstance(section["target"], list | tuple) or len(raws["train"].targets) > 1
    return _order(find_task(name, several).of(raws), order), (f"task: {name} ({reason})",) if reason else ()


def _order(task: Task, orders: Sequence[Any]) -> Task:
    """Return the task with its classes in the order that the spec gives for the target's column."""
    (order, *_) = orders
    if order is None:
        return task
    if not isinstance(task, Classification):
        raise DataError(f"{task} has no classes to be in an order; leave it out", key="data.columns")
    return task.in_order(order)


def _require_weight(raw: Raw, name: str | None, files: Files) -> None:
    """Refuse a source that lacks the weights that the spec names."""
    if name is not None and raw.weight is None:
        tables = "; weights are a column of a table, or an array of an .npz file" if files.format.pair else ""
        raise DataError(f"{files.data.name} has no column of weights {quoted(name)}{tables}", key="data.weight")


def _require_group(raw: Raw, name: str | None, files: Files) -> None:
    """Refuse a source that lacks the column of groups that the spec names."""
    if name is not None and name not in raw.keys:
        what = f"{files.data.name} has no column of groups {quoted(name)}; groups are a column of a table"
        raise DataError(what, key="data.group")


def _require_keys(raw: Raw, split: Mapping[str, Any], files: Files) -> None:
    """Refuse a source that lacks the columns that the split goes by."""
    for name in set(keys_of_split(split)).difference(raw.keys):
        what = f"{files.data.name} has no column {quoted(name)}; rows are split by columns of tables"
        raise DataError(what, key="data.split")


def _find(path: Any, base: Path, format: str) -> dict[str, Files]:
    """Find the files of each part that has a source; the training part comes first."""
    return {
        part: find_source(source, base, format, ".".join(place_of(path, part)))
        for part, source in sources(path).items()
    }


def _read(section: Mapping[str, Any], files: Mapping[str, Files], seed: int) -> tuple[dict[str, Raw], Reading]:
    """Read the rows of each source; also return the reading with the columns of the training source."""
    given = reading_from_section(section)
    train = read_kept(files["train"], given)
    reading = train.fix(given, files["train"].data.name)
    others = {part: read_kept(source, reading) for part, source in files.items() if part != "train"}
    for part, raw in {"train": train, **others}.items():
        _require_group(raw, reading.group, files[part])
    found = {"train": sampled(train, section["rows"], seed, reading.group), **others}
    return {part: complete(raw, section, files[part].data.name) for part, raw in found.items()}, reading


def _check(section: Mapping[str, Any], raws: Mapping[str, Raw], reading: Reading, files: Mapping[str, Files]) -> None:
    """Refuse cells that cannot be used, and sources that lack what the spec names."""
    for part, raw in raws.items():
        check_numbers(raw, lambda name: choose(section, name, "", False).missing == "error")
        check_targets(raw)
        _require_weight(raw, reading.weight, files[part])
        check_weight(raw, reading.weight)
    _require_keys(raws["train"], section["split"], files["train"])
    refuse_numbers_as_texts(raws["train"], [*section["categorical"], *section["columns"]])


def _refuse_changes(stamps: Mapping[InputFile, Any]) -> None:
    """Refuse files that have changed since their stamps were taken."""
    for file, stamp in stamps.items():
        if file.stamp() != stamp:
            raise file.fault(": has changed while it was read; leave it alone, or work on a copy")


def _stratify(split: Mapping[str, Any], task: Task) -> bool:
    asked = split["stratify"]
    if keys_of_split(split):
        if asked is True:
            raise DataError("rows that go by a column are not stratified; set it to false", key="data.split.stratify")
        return False
    if asked is True and not task.labelled:
        raise DataError(
            "rows are stratified by the classes of one target, and there are none; set it to false",
            key="data.split.stratify",
        )
    return task.labelled if asked == "auto" else bool(asked)
