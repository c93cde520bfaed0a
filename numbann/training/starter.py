"""Makes a spec for a data file, and looks at one: what is found in it decides what the spec says."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from numbann.data.cells import is_number
from numbann.data.delimited.header import open_table
from numbann.data.files import Files
from numbann.data.findings.features import feature_findings, refuse_numbers_as_texts
from numbann.data.findings.finding import Finding
from numbann.data.findings.sample import Sample
from numbann.data.findings.target import of_scale
from numbann.data.joining import read_source
from numbann.data.layout import lay_out
from numbann.data.path import STANDARD_INPUT, find_source, pair_of
from numbann.data.reading import reading_from_section
from numbann.data.source import load
from numbann.data.summary import ColumnSummary, summarize
from numbann.data.tasks.regression import Regression
from numbann.data.wording import listed, quoted
from numbann.errors import DataError, SpecError
from numbann.records import dataclass
from numbann.spec.autos import DEFAULT_BATCH
from numbann.spec.building import build
from numbann.spec.model import PRESETS, Data, to_json
from numbann.spec.overrides import override
from numbann.spec.source import open_source

LEFT_OUT = ("identifier", "index", "constant", "empty")  # the findings whose columns a starter leaves out
DATE = re.compile(r'"format": "([^"]+)"')
LAYERS, EPOCHS, PATIENCE = [64, 32], 200, 10
INIT = "lecun_normal"  # half the variance of relu's own: from few and noisy rows a net that starts flat learns better


@dataclass(frozen=True)
class Look:
    """What is seen in a data file: its rows, its columns, and what is strange about them."""

    rows: int
    columns: tuple[ColumnSummary, ...]
    notes: tuple[str, ...]
    findings: tuple[Finding, ...]


def look(file: str | Path, targets: Sequence[str], overrides: Mapping[str, Any] | None = None) -> Look:
    """Look at a data file.  targets: the columns to predict, if they are known.  overrides: as `starter` takes them."""
    data = _data(Path(file), targets, _given(overrides or {}))
    section = _section(data)
    if targets or not isinstance(data["path"], str):
        split = load(section, Path(), 0)
        raw, _ = split.parts["train"]
        columns = summarize(raw, split.layout, split.facts.task, split.facts.scale, section["drop"])
        return Look(
            len(raw.table), tuple(columns), split.facts.notes, of_scale(split.facts.findings, section["target_scale"])
        )
    source = find_source(data["path"], Path(), section["format"], None, need_target=False)
    raw = read_source(source, reading_from_section(section), need_target=False)
    if not len(raw.table):
        raise source.data.fault(" has a header but no rows; add rows")
    refuse_numbers_as_texts(raw, [*section["categorical"], *section["columns"]])
    layout = lay_out(section, raw, slice(None), Regression(("",)))
    findings = tuple(feature_findings(Sample(raw), dict(layout.choices)))
    return Look(len(raw.table), tuple(summarize(raw, layout, None, "standard", ())), raw.notes, findings)


def starter(
    file: str | Path,
    targets: Sequence[str],
    folder: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a spec that trains on a data file.

    folder: what the path in the spec is relative to; None for an absolute path, and the task left to be decided again.
    overrides: values that the spec has instead of its own, by path; the file is read by them.
    """
    data = _data(Path(file), targets, _given(overrides or {}))
    facts = load(_section(data), Path(), 0).facts
    drop = sorted({one.column for one in facts.findings if one.kind in LEFT_OUT and one.column in facts.features})
    dates = {one.column: _dates(one.text) for one in facts.findings if one.kind == "dates"}
    if len(drop) == len(facts.features):
        drop = []
    found = {**({"drop": drop} if drop else {}), **({"columns": dates} if dates else {})}
    data |= {key: value for key, value in found.items() if key not in data}
    data |= {"task": facts.task.name} if folder else {}
    data["path"] = _placed(data["path"], folder)
    name = re.sub(r"[^\w-]+", "-", Path(file).name.partition(".")[0]).strip("-") or "model"
    train = {"epochs": EPOCHS, "early_stopping": PATIENCE, **_average(facts.rows["train"], overrides or {})}
    plain = {"model": {"layers": [*LAYERS], "init": INIT}, "train": train}
    preset = (overrides or {}).get("preset", PRESETS[0])
    spec = {"name": name, "data": data, **(plain if preset == PRESETS[0] else {"preset": preset})}
    override(spec, overrides or {})  # faults are told where the spec is checked
    return spec


def _average(rows: int, overrides: Mapping[str, Any]) -> dict[str, float]:
    """Return the running average of the weights over an epoch, which has less noise than the last step.

    An optimizer that is chosen may have one of its own, or take none.
    """
    batch = overrides.get("train.batch_size", DEFAULT_BATCH)
    steps = -(-rows // batch) if type(batch) is int and batch > 0 else 1
    chosen = any(re.match(r"(train|optimizer(\.type)?)$", key) for key in overrides)
    return {} if steps < 2 or chosen else {"average": min(round(1 - 1 / steps, 4), 0.9999)}


def _given(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `data` that overrides give; SpecError with its faults."""
    raw: dict[str, Any] = {"data": {}}
    trails, faults = override(raw, {key: value for key, value in overrides.items() if re.match(r"data\b", key)})
    origin = replace(open_source({})[0], overridden=trails)
    data = raw["data"]
    taken = [key for key in ("path", "target") if isinstance(data, dict) and key in data]
    faults += [origin.fault(("data", key), "is given by FILE and --target already; leave it out") for key in taken]
    faults += faults or [
        origin.fault(trail, message)
        for trail, message in build(Data, {"path": ".", **data} if isinstance(data, dict) else data, ("data",), None)[1]
    ]
    if faults:
        raise SpecError(faults)
    return data


def _dates(text: str) -> dict[str, str]:
    """Return the settings that a finding of dates proposes."""
    format = DATE.search(text)
    return {"dates": "parts", **({"format": format[1]} if format else {})}


def _placed(path: Any, folder: Path | None) -> Any:
    if isinstance(path, dict):
        return {key: _placed(inner, folder) for key, inner in path.items()}
    if path == STANDARD_INPUT:
        return path
    return str(Path(path).absolute()) if folder is None else Path(os.path.relpath(path, folder)).as_posix()


def _data(file: Path, targets: Sequence[str], given: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    """Return the `data` of a spec for a file: its path, whether it has a header, its target, and what is given."""
    pair = pair_of(file)
    if pair:
        _require_none(file, targets)
        return {"path": pair, **given}
    data: dict[str, Any] = {"path": str(file), **given}
    section = _section(data)
    source = find_source(str(file), Path(), section["format"], None, need_target=False)
    if source.format.name == "idx":
        _require_none(file, targets)
    if source.format.header is None:
        return {**data, "target": list(targets)} if targets else data
    if "header" not in data.get("csv", {}) and source.format.delimiters and _starts_with_numbers(source, section):
        data["csv"] = {**data.get("csv", {}), "header": False}
    names = source.format.header(source.data, reading_from_section(_section(data)))
    chosen = [_named(target, names, file, "header" in data.get("csv", {})) for target in targets]
    return {**data, "target": chosen[0] if len(chosen) == 1 else chosen} if chosen else data


def _require_none(file: Path, targets: Sequence[str]) -> None:
    """Refuse targets of a format that has no columns."""
    if targets:
        raise DataError(
            f"{file}: images have no column {quoted(targets[0])}; leave out --target, and name a file of "
            "images whose labels lie beside it: ...-images-..., ...-labels-..."
        )


def _section(data: dict[str, Any]) -> dict[str, Any]:
    """Return `data` with every default."""
    return to_json(build(Data, data, ("data",), None)[0])


def _starts_with_numbers(source: Files, section: dict[str, Any]) -> bool:
    """Tell whether the first row of a table of text has numbers, so that it is no header."""
    reading = replace(reading_from_section(section), header=False)
    _, cells = next(open_table(source.data, source.format.delimiters, reading).rows(), (0, []))
    return any(is_number(cell.strip()) for cell in cells)


def _named(target: str, names: Sequence[str], file: Path, positions: bool) -> str:
    """Return the column of a target, which may be counted from the end: -1 is the last.

    positions: the names are those of the positions, as the first row is taken as data.
    """
    if target in names:
        return target
    if re.fullmatch(r"-[1-9]\d*", target):
        if int(target[1:]) > len(names):
            raise DataError(f"there is no column {target}: there are {len(names)}")
        return names[int(target)]
    if target.isdigit():
        last = f"by number they count from the end: --target -1 is {quoted(names[-1])}"
        raise DataError(f"{file.name} has no column {quoted(target)}; its columns: {listed(names)}; {last}")
    if positions:
        first = "the first row has numbers and is taken as data, not as names (--set data.csv.header=true)"
        raise DataError(
            f'{file.name} has no column {quoted(target)}: {first}; --target -1 is the last column, "{names[-1]}"'
        )
    return target
