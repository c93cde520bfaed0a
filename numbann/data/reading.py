"""How sources are read: formats, the table's settings, and which columns are features or targets.  It opens nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from numbann.data.wording import listed, nearest, quoted
from numbann.errors import DataError


@dataclass(frozen=True)
class Reading:
    """The spec's settings.  The training source settles `names` (its features), `texts` and `origin` (its own name)."""

    format: str
    delimiter: str
    header: bool | tuple[str, ...]
    na: tuple[str, ...]
    features: tuple[str, ...] | None
    targets: tuple[str, ...] | None
    drop: tuple[str, ...]
    categorical: tuple[str, ...]
    weight: str | None = None
    names: tuple[str, ...] | None = None
    texts: tuple[str, ...] = ()
    origin: str = ""

    @property
    def text_columns(self) -> frozenset[str]:
        """The columns whose numbers are categories too."""
        return frozenset(self.categorical) | frozenset(self.texts)

    def key(self, key: str) -> str | None:
        """The spec's key to blame; none once the training source has settled the columns."""
        return key if self.names is None else None

    def settled(self, names: tuple[str, ...], texts: Sequence[str], origin: str) -> Reading:
        """The same reading for any further source, which must bring these features."""
        return replace(self, names=names, texts=tuple(texts), origin=origin)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Reading:
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in given.items()
        }
        return cls(**values)


def reading_from_section(section: Mapping[str, Any]) -> Reading:
    """The reading that the spec's `data` object asks for."""
    table, target = section["csv"], section["target"]
    return Reading(
        format=section["format"],
        delimiter=table["delimiter"],
        header=table["header"] if isinstance(table["header"], bool) else tuple(table["header"]),
        na=tuple(table["na"]),
        features=None if section["features"] is None else tuple(section["features"]),
        targets=(target,) if isinstance(target, str) else None if target is None else tuple(target),
        drop=tuple(section["drop"]),
        categorical=tuple(section["categorical"]),
        weight=section["weight"],
    )


def choose_features(reading: Reading, names: Sequence[str], listed_features: bool, where: str) -> tuple[str, ...]:
    """The features among the columns of a source; `listed_features` if `data.features` names columns there."""
    if reading.names is not None:
        _all_known(reading.names, names, where, None)
        return reading.names
    targets, wanted = reading.targets or (), reading.features if listed_features else None
    _all_known(reading.drop, names, where, "data.drop")
    _all_known(reading.categorical, [*names, *targets], where, "data.categorical")
    if wanted is not None:
        _all_known(wanted, names, where, "data.features")
        _refuse_twice(wanted, "data.features")
        _refuse_both(wanted, targets, "data.features", "is the target too")
        _refuse_both(wanted, reading.drop, "data.drop", "is listed in data.features too")
    others = {*targets, *reading.drop, reading.weight}
    features = wanted or tuple(name for name in names if name not in others)
    if not features:
        raise DataError(f"{where}: no column is left for the inputs of {listed(names)}", key="data.features")
    return features


def choose_targets(reading: Reading, names: Sequence[str], where: str) -> tuple[str, ...]:
    """The target columns among the columns of a table."""
    if not reading.targets:
        raise DataError(f"a table needs a target; name one of {listed(names)}", key=reading.key("data.target"))
    _all_known(reading.targets, names, where, reading.key("data.target"))
    _refuse_twice(reading.targets, "data.target")
    return reading.targets


def choose_weight(reading: Reading, names: Sequence[str], taken: Sequence[str], where: str) -> tuple[str, ...]:
    """The column of weights among the columns of a source: one or none.  Further sources may lack it."""
    name = reading.weight
    if name is None or (reading.names is not None and name not in names):
        return ()
    _all_known((name,), names, where, "data.weight")
    _refuse_both((name,), taken, "data.weight", "is a feature or a target too")
    return (name,)


def _all_known(wanted: Sequence[str], names: Sequence[str], where: str, key: str | None) -> None:
    known = set(names)
    for name in wanted:
        if name not in known:
            hint = nearest(name, names) or ";"
            raise DataError(f"{where} has no column {quoted(name)}{hint} its columns: {listed(names)}", key=key)


def _refuse_twice(wanted: Sequence[str], key: str) -> None:
    for name in wanted:
        if wanted.count(name) > 1:
            raise DataError(f"{quoted(name)} is listed twice; list it once", key=key)


def _refuse_both(wanted: Sequence[str], others: Sequence[str], key: str, why: str) -> None:
    for name in wanted:
        if name in others:
            raise DataError(f"{quoted(name)} {why}; leave it out of one of the two", key=key)
