"""From raw cells to the inputs of a network: what `numbann.data.encoding` does, in the steps of a format.

Letters: N rows, I inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from numbann.data.columns import MISSING
from numbann.data.encoding import Encoding, Group
from numbann.data.kinds import TRUTH, Lookup, meaning
from numbann.data.preprocessing import Preprocessing
from numbann.data.quantiles import normal_levels
from numbann.data.reading import Reading
from numbann.data.transforms.affine import Affine
from numbann.data.transforms.categories import UNSEEN, Categories
from numbann.data.transforms.code import Code
from numbann.data.transforms.codes import cyclic, ordinal, parts, target
from numbann.data.transforms.filling import Filling
from numbann.data.transforms.scales import clip, log, quantile
from numbann.data.transforms.transform import Transform
from numbann.errors import ExportError
from numbann.model.export import formulas
from numbann.model.export.formulas import formula
from numbann.model.export.writer import V, Writer


def write_inputs(preprocessing: Preprocessing, writer: Writer[V]) -> V:
    """Write the inputs (N, I) of a network, in its precision."""
    encoding, reading = preprocessing.encoding, preprocessing.reading
    blocks: list[V] = []
    columns: list[int] = []
    for block, places in _blocks(encoding, reading, writer):
        blocks.append(block)
        columns += places
    order = np.argsort(columns).tolist()
    joined = writer.join(blocks) if len(blocks) > 1 else blocks[0]
    return writer.narrowed(joined if order == list(range(len(order))) else writer.select(joined, order))


def _blocks(encoding: Encoding, reading: Reading, writer: Writer[V]) -> Iterator[tuple[V, Sequence[int]]]:
    """Yield blocks of inputs with their places."""
    coded = {name: code_numbers(name, code, reading, writer) for name, code in encoding.codes.items()}
    for group in encoding.groups:
        if group.names:
            yield from _numbers(encoding, group, coded, reading, writer)
    for name, known in encoding.categories.items():
        yield categories(name, known, reading, writer), range(*encoding.places[name].indices(encoding.inputs))


def _numbers(
    encoding: Encoding, group: Group, coded: Mapping[str, V], reading: Reading, writer: Writer[V]
) -> Iterator[tuple[V, Sequence[int]]]:
    """Yield the numbers of a group, what says where one is missing, and their bins."""
    values = _given(encoding, group.names, coded, writer)
    unknown = np.array([name in reading.empty for name in group.names])
    if unknown.any():  # of such a column, each number is missing
        values = writer.apply(formula(formulas.total), {"x": values, "y": np.where(unknown, np.nan, 0.0)})
    marks = encoding.marks(group)
    if marks:
        lacking = writer.select(values, [position for position, _ in marks])
        yield writer.apply(formula(formulas.missing), {"x": lacking}), [place for _, place in marks]
    if isinstance(group.missing, Filling):
        values = writer.apply(formula(formulas.filled), {"x": values, "fill": np.array(group.missing.fill)})
    for position, name in enumerate(group.names):
        if name in encoding.bins:
            edges = np.array(encoding.bins[name].edges) / 2
            repeated = writer.select(values, [position] * (len(edges) - 1))
            intervals = {"low": edges[:-1], "width": np.diff(edges)}
            places = encoding.bin_places[name]
            yield (
                writer.apply(formula(formulas.share), {"x": repeated, **intervals}),
                range(places.start, places.stop),
            )
    for scale in group.scales:
        values = scaled(values, scale, writer)
    yield values, [encoding.number_places[name] for name in group.names]


def _given(encoding: Encoding, names: Sequence[str], coded: Mapping[str, V], writer: Writer[V]) -> V:
    """Write columns of numbers as they are given, those of texts by their codes."""
    parts_of = {column: (name, k) for name in coded for k, column in enumerate(encoding.columns_of(name))}
    plain = [name for name in names if name not in parts_of]
    if len(plain) == len(names):
        return writer.numbers(names)
    blocks, columns = [], []
    if plain:
        blocks.append(writer.numbers(plain))
        columns += plain
    for name in dict.fromkeys(parts_of[column][0] for column in names if column in parts_of):
        chosen = [column for column in encoding.columns_of(name) if column in names]
        blocks.append(writer.select(coded[name], [parts_of[column][1] for column in chosen]))
        columns += chosen
    return writer.select(writer.join(blocks), [columns.index(name) for name in names])


def scaled(values: V, scale: Transform, writer: Writer[V]) -> V:
    """Write a scale of numbers."""
    match scale:
        case Affine():
            shift, size = scale.affine()
            return writer.apply(formula(formulas.scaled), {"x": values, "shift": shift, "scale": size})
        case log.Scale():
            return writer.apply(formula(formulas.bent), {"x": values})
        case clip.Scale():
            return writer.apply(formula(formulas.clipped), {"x": values})
        case quantile.Scale():
            return interpolated(values, [normal_levels(knots) for knots in scale.knots], writer)
    raise ExportError(f"the scale of {type(scale).__module__} cannot be exported")


def interpolated(values: V, lines: Sequence[tuple[np.ndarray, np.ndarray]], writer: Writer[V]) -> V:
    """Write the value of a line through points (x, y), with its own points for each column."""
    found: list[V] = []
    for position, (x, y) in enumerate(lines):
        if len(x) == 1:  # a constant, by a step of no width
            x, y = np.array([x[0], x[0] + 1]), np.array([y[0], y[0]])
        width = np.diff(x)
        repeated = writer.select(values, [position] * len(width))
        steps = writer.apply(formula(formulas.step), {"x": repeated, "low": x[:-1], "width": width})
        found.append(writer.product(steps, (np.diff(y) / width)[:, None], y[:1]))
    return writer.join(found) if len(found) > 1 else found[0]


def code_numbers(name: str, code: Code, reading: Reading, writer: Writer[V]) -> V:
    """Write the numbers that stand for the texts of a column."""
    match code:
        case ordinal.Coding(order=order):
            table = np.array([*range(len(order)), np.nan])[:, None]
            return writer.rows(places_of(name, Lookup(order), order, len(order), len(order), reading, writer), table)
        case target.Coding(values=values, means=means, mean=whole):
            place, last = Lookup(values), len(values)
            lacking = place(None) if place(None) != MISSING else last
            return writer.rows(
                places_of(name, place, values, last, lacking, reading, writer), np.array([*means, whole])
            )
        case parts.Coding() | cyclic.Coding():
            given, kind = writer.seconds(name), "parts" if isinstance(code, parts.Coding) else "cyclic"
            return writer.join([writer.apply(formula(one), {"seconds": given}) for one in formulas.DATES[kind]])
    raise ExportError(f'column "{name}": the code of {type(code).__module__} cannot be exported')


def categories(name: str, known: Categories, reading: Reading, writer: Writer[V]) -> V:
    """Write the inputs of a column of categories."""
    other = len(known)  # a place of no category
    lookup = Lookup(known.values)
    otherwise = len(known.values) if known.folded else other
    lacking = lookup(known.fill) if lookup(known.fill) != MISSING else otherwise
    places = places_of(name, lookup, known.values, otherwise, lacking, reading, writer)
    if known.coded:
        return writer.rows(places, np.array([*range(other), float(UNSEEN)])[:, None])
    if known.inputs < len(known):
        return writer.rows(places, np.array([[-1.0], [1.0], [0.0]]))
    return writer.one_hot(places, len(known))


def places_of(
    name: str,
    lookup: Lookup,
    values: Sequence[str | None],
    otherwise: int,
    lacking: int,
    reading: Reading,
    writer: Writer[V],
) -> V:
    """Write the place of each text.  otherwise: that of an unknown text; lacking: that of a missing one.

    A number with a fraction of 0 or without zeros before it is the same text, and so are true, True and TRUE.
    """
    known = {text: lacking for text in ("", *reading.na)}
    for text in values:
        if text is not None:
            number = str(meaning(text))
            alike = (f"{text}.0", number, f"{number}.0")
            if text.lower() in TRUTH:
                alike = (text.lower(), text.capitalize(), text.upper())
            known |= {other: lookup(other) for other in alike if other not in known and lookup(other) != MISSING}
    known |= {text: lookup(text) for text in values if text is not None}
    return writer.places(name, known, otherwise)
