"""Restores a model's preprocessing from what a file says, which may be anything.

The classes of numbann.data say what their fields hold.  Here each value is held against its field's annotation, and
those that must agree are compared.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from itertools import chain, pairwise
from sys import float_info
from typing import Any, Union, get_args, get_origin, get_type_hints

from numbann.data.preprocessing import Preprocessing
from numbann.data.tasks.class_probabilities import ClassProbabilities
from numbann.data.tasks.classification import Classification
from numbann.data.tasks.multilabel import Multilabel
from numbann.data.tasks.regression import Regression
from numbann.data.transforms.bins import Bins
from numbann.data.transforms.codes.target import Coding as TargetCoding
from numbann.data.transforms.dated import BOUNDS, DateCode
from numbann.data.transforms.scales.quantile import Scale as Quantile
from numbann.errors import UNUSABLE

SCALARS = (str, int, float, type(None))


def restore_preprocessing(given: Mapping[str, Any]) -> Preprocessing:
    """Return the preprocessing that `Preprocessing.to_dict` wrote; ValueError for anything else."""
    try:
        found = Preprocessing.from_dict(given)
    except UNUSABLE as error:
        raise ValueError(f"preprocessing: {type(error).__name__}: {error}") from None
    for fault in chain(_misfits(found, "preprocessing"), _disagreements(found)):
        raise ValueError(fault)
    return found


def _misfits(section: Any, place: str) -> Iterator[str]:
    """Yield the fields of a dataclass, and of those in it, that are not of their types."""
    hints = _hints(section.__class__)
    for one in fields(section):
        value = getattr(section, one.name)
        if not _fits(value, hints[one.name]):
            yield f"{place}.{one.name} is of a wrong type or out of its range"
            return
        inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple) else (value,)
        for part in inner:
            if is_dataclass(part):
                yield from _misfits(part, f"{place}.{one.name}")


@functools.cache
def _hints(section: type) -> dict[str, Any]:
    return get_type_hints(section)


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of an annotated type; a float is finite, and anything is a value of a table."""
    kind, inner = get_origin(hint) or hint, get_args(hint)
    if hint is Any:
        return isinstance(value, SCALARS)
    if kind in (Union, types.UnionType):
        return any(_fits(value, one) for one in inner)
    if kind is tuple:
        each = inner[:1] * len(value) if isinstance(value, tuple) and inner[-1] is ... else inner
        return isinstance(value, tuple) and len(value) == len(each) and all(map(_fits, value, each))
    if kind is float:
        return type(value) in (int, float) and abs(value) <= float_info.max
    if kind in (int, bool):
        return type(value) is kind
    return isinstance(value, kind) and (kind is not Mapping or all(isinstance(key, str) for key in value))


def _disagreements(found: Preprocessing) -> Iterator[str]:
    """Yield what contradicts the rest."""
    encoding, task, features = found.encoding, found.task, found.encoding.features
    texts = [*encoding.categories, *encoding.codes]
    numbers = sorted(name for feature in features for name in encoding.columns_of(feature))
    if not features or len(set(features)) < len(features) or not {*texts, *encoding.indicated} <= set(features):
        yield "preprocessing.encoding: its features are none, repeated, or lack one with categories"
    if not all(len(known) for known in encoding.categories.values()) or len(set(texts)) < len(texts):
        yield "preprocessing.encoding: a feature has no categories"
    if sorted(name for group in encoding.groups for name in group.names) != numbers:
        yield "preprocessing.encoding: its groups are not those of its numbers"
    if not set(encoding.bins) <= set(numbers) or not all(map(_rises, encoding.bins.values())):
        yield "preprocessing.encoding: its bins are not of its numbers, or their edges do not rise"
    if not all(map(_whole, encoding.codes.values())):
        yield "preprocessing.encoding: the numbers of a code are not those of its texts"
    for group in encoding.groups:
        transforms, size = (group.missing, *group.scales), len(group.names)
        if not all(map(len, (knots for one in transforms if isinstance(one, Quantile) for knots in one.knots))):
            yield "preprocessing.encoding: a column has no quantiles"
        if any(len(values) != size for one in transforms for values in vars(one).values()):
            yield f"preprocessing.encoding: its transforms are not for {size} numbers"
    if found.reading.names != features:
        yield "preprocessing.reading: its names are not the features"
    if set(filter(found.reading.is_text, features)) != set(texts):
        yield "preprocessing.reading: its texts are not the features with categories"
    if len(set(task.names)) < len(task.names) or not _agrees(task):
        yield "preprocessing.target: its names, labels or scales do not agree"
    if any(len(guess) != len(getattr(task, "subjects", ())) for guess in found.usual):
        yield "preprocessing.usual: its guesses are not one for each class or target"
    if found.class_weights and len(found.class_weights) != len(getattr(task, "subjects", ())):
        yield "preprocessing.class_weights: not one for each class"


def _rises(bins: Bins) -> bool:
    """Whether there are bins, and each is wider than nothing."""
    return len(bins.edges) > 1 and all(low / 2 < high / 2 for low, high in pairwise(bins.edges))


def _whole(code: Any) -> bool:
    """Whether a code has numbers for each of its texts."""
    match code:
        case TargetCoding(of=of, values=values, means=means, mean=mean):
            return len(values) == len(means) and {len(of)} == {len(mean), *map(len, means)}
        case DateCode(held=(first, last, apart)):
            return BOUNDS[0] <= first <= last <= BOUNDS[1] and apart >= 0
        case DateCode(held=held):
            return not held
    return True


def _agrees(task: Any) -> bool:
    """Whether the fields of a task agree."""
    match task:
        case Classification(names=names, classes=classes):
            return len(names) == 1 and len(set(classes)) == len(classes) >= 2
        case Multilabel(names=names, pairs=pairs):
            return len(names) == len(pairs) >= 2 and all(no != yes for no, yes in pairs)
        case ClassProbabilities(names=names):
            return len(names) >= 2
        case Regression(names=names, shift=shift, scale=scale, bend=bend, knots=knots, low=low, high=high):
            bends = (bend, len(knots)) in (("", 0), ("log", 0), ("quantile", len(names))) and all(map(len, knots))
            sizes = all(len(one) == len(other) in (0, len(names)) for one, other in ((shift, scale), (low, high)))
            return len(names) >= 1 and sizes and bends
    return False
