"""Embeddings as array functions: pbld, pbld_backward, ..., for Python and for @njit code.

Letters: B rows, F inputs, H terms of each function of terms, M outputs that are no copy of an input.  An input is a
column of x; its numbers, and what is made of them, go through rows of their own, so that loops are whole vectors.
"""

from __future__ import annotations

import dis
import itertools
from collections.abc import Callable, Iterator
from typing import Any

from numbann.components.component import Component, arguments_of
from numbann.components.kinds.embedding import OUTPUTS
from numbann.derivation import derivative_of, slopes_of
from numbann.errors import PluginError
from numbann.kernels.arguments import Argument
from numbann.kernels.arrays import SHARED
from numbann.kernels.components import mathematics
from numbann.kernels.edge import Results, publish

IMPORTS = """from numbann.kernels.arrays import c_ordered, check_shape, clear, flat, opaque, overlap, row_of, rows_for
from numbann.simd.rows import row_dot, row_sum
"""
FORWARD = """def {name}({signature}):
{start}
    result = np.empty((count, features, width), x.dtype) if out is None else out
    check_shape("{name}", "out", result.shape, (count, features, width))
{apart}
    x_row, t_row, room = row_of(rows, 0, count), row_of(rows, 1, count), 2
    for f in range(features):
{mixtures}
        for k in range(mixed):
{numbers}
            z_row = row_of(rows, room + k, count)
            for i in range(count):
                t_row[i] = {value}
            for i in range(count):
                result[i, f, k] = t_row[i]
        for k in range(mixed, width):
            for i in range(count):
                result[i, f, k] = x_row[i]
    return result
"""
BACKWARD = """def {name}({signature}):
{start}
    check_shape("{name}", "de", de.shape, (count, features, width))
    if out is None:
{new}
    else:
{given}
{clears}
{apart}
    x_row, d_row, room = row_of(rows, 0, count), row_of(rows, 1, count), {room}
{slope_rows}
    for f in range(features):
{mixtures}
        for k in range(mixed):
{numbers}
            z_row, back = row_of(rows, room + k, count), row_of(rows, room + mixed + k, count)
            for i in range(count):
                d_row[i] = c_de[i, f, k]
            for i in range(count):
                a = {value}
                back[i] = d_row[i] * {derivative}
{slopes}
{sums}
{terms_back}
    return {results}
"""
MIXTURES = """        for i in range(count):
            x_row[i] = c_x[i, f]
        for k in range(mixed):
            clear(row_of(rows, room + k, count))"""
TERM = """        for h in range(terms):
{numbers}
            {kept}
            for i in range(count):
                t_row[i] = {term}
            for k in range(mixed):
                z_row, weight = row_of(rows, room + k, count), c_mix[f, {j} * terms + h, k]
                for i in range(count):
                    z_row[i] += weight * t_row[i]"""
TERM_BACK = """        for h in range(terms):
{numbers}
            t_row = row_of(rows, room + 2 * mixed + {j} * terms + h, count)
            clear(d_row)
            for k in range(mixed):
                back, weight = row_of(rows, room + mixed + k, count), c_mix[f, {j} * terms + h, k]
                dmix[f, {j} * terms + h, k] = row_dot(t_row, back)
                for i in range(count):
                    d_row[i] += weight * back[i]
            for i in range(count):
                a = t_row[i]
{slopes}
{sums}"""


def embedding_functions(component: Component) -> dict[str, Any]:
    """The forward function of an embedding, and the backward one, which gives the gradients to what is trained."""
    name, terms, output = component.name, component.terms, component.output
    back, trained = f"{name}_backward", _trained(component)
    if not trained:
        raise PluginError(f"{component.told} trains nothing; it has no function for arrays")
    arrays = [Argument(it, "array", ndim) for it, ndim in trained.items()]
    numbers = list(_numbers(component))
    x, out = Argument("x", "array", 2), Argument("out", "written", 3, None)
    outs = Argument("out", "results", tuple(trained.values()), None)
    takes = {
        name: (x, *arrays, *numbers, out),
        back: (Argument("de", "array", 3), x, *arrays, *numbers, outs),
    }
    parts = {"value": component.function, **{f"term_{j}": one.function for j, one in enumerate(terms)}}
    for prefix, one in (("slope", output), *((f"slope_{j}", one) for j, one in enumerate(terms))):
        parts |= {f"{prefix}_{it}": part for it, part in zip(one.learnable, slopes_of(one), strict=True)}
    if terms:
        parts["derivative"] = derivative_of(output)
    calls = {
        role: f"{role}({', '.join(map(_given(component, numbers), arguments_of(part)))})"
        for role, part in parts.items()
    }
    text = f"{_forward(component, name, takes[name], calls)}\n\n{_backward(component, back, takes[back], calls)}"
    width = f"sum({_last(component)}.shape[-1:]) + {int(component.traits['passes'])}"
    results = {
        name: Results(f"empty((*x.shape, {width}), x.dtype)"),
        back: Results(f"({', '.join(f'empty({it}.shape, x.dtype)' for it in trained)},)"),
    }
    docs = {one: f"{one}: {component.function.__doc__}" for one in takes}
    home = "" if component.plugin else "numbann.kernels"
    return dict(publish(f"{mathematics(component, parts)}\n{IMPORTS}\n\n{text}", takes, results, docs, home))


def _trained(component: Component) -> dict[str, int]:
    """The arrays of what is trained, with their dimensions: (F, H), mix (F, H of all functions, M), (F, M)."""
    own = component.output.learnable
    mix = {"mix": 3} if component.terms else {}
    return {**{it: 2 for it in component.learnable if it not in own}, **mix, **dict.fromkeys(own, 2)}


def _last(component: Component) -> str:
    """The array whose last dimension is M."""
    return "mix" if component.terms else component.output.learnable[0]


def _numbers(component: Component) -> Iterator[Argument]:
    """The parameters that the mathematics reads, but for counts, which arrays tell."""
    read = set(itertools.chain(*map(_names_in, (component, *component.terms))))
    for it, value in component.defaults().items():
        if it in read and it not in component.learnable and it not in _counts(component):
            flag = isinstance(value, bool)
            yield Argument(it, "flag", default=value) if flag else Argument(it, "number", default=float(value))


def _names_in(part: Component) -> Iterator[str]:
    """The arguments that a function's code reads."""
    for one in dis.get_instructions(part.function):
        if one.opname.startswith("LOAD_FAST"):
            yield from one.argval if isinstance(one.argval, tuple) else (one.argval,)


def _counts(component: Component) -> dict[str, str]:
    """The parameters that count terms and outputs, and what they are here."""
    return {str(component.traits["terms"]): "terms", OUTPUTS: "width"}


def _given(component: Component, numbers: list[Argument]) -> Callable[[str], str]:
    """What stands for an argument of the mathematics; 0 for one that no code reads."""
    found = {it: "x.dtype.type(0)" for it in component.defaults()}
    found |= {it: f"x.dtype.type({count})" for it, count in _counts(component).items()}
    found |= {it: f"own_{it}" for it in component.learnable}
    found |= {it.name: it.name if it.kind == "flag" else f"{it.name}_cast" for it in numbers}
    found |= {"x": "x_row[i]", "z": "z_row[i]", "a": "a"}
    return found.__getitem__


def _start(component: Component, name: str, takes: tuple[Argument, ...], rooms: str) -> str:
    """The lines that check shapes, and make rows."""
    arrays = [it.name for it in takes if it.kind == "array"]
    functions, passes, own = len(component.terms), int(component.traits["passes"]), component.output.learnable
    wanted = {"mix": f"(features, {functions} * terms, mixed)", **dict.fromkeys(own, "(features, mixed)")}
    last = _last(component)
    yield_terms = f"mix.shape[1] // {functions}" if functions else "0"
    lines = [
        "    count, features = x.shape",
        f"    terms, mixed = {yield_terms}, {last}.shape[{2 if functions else 1}]",
        f"    width, rows = mixed + {passes}, rows_for(x, {rooms})",
    ]
    lines += [f"    {it.name}_cast = x.dtype.type(opaque({it.name}))" for it in takes if it.kind == "number"]
    lines += [f"    c_{it} = c_ordered({it})" for it in arrays]
    lines += [
        f'    check_shape("{name}", "{it}", {it}.shape, {wanted.get(it, "(features, terms)")})'
        for it in _trained(component)
    ]
    return "\n".join(lines)


def _mixtures(component: Component, calls: dict[str, str], kept: str) -> str:
    """The lines that compute z."""
    terms = [
        TERM.format(numbers=_reads(one.learnable, "h"), j=j, term=calls[f"term_{j}"], kept=kept.format(j=j))
        for j, one in enumerate(component.terms)
    ]
    return "\n".join([MIXTURES, *terms])


def _forward(component: Component, name: str, takes: tuple[Argument, ...], calls: dict[str, str]) -> str:
    """The text of the forward function."""
    return FORWARD.format(
        name=name,
        signature=", ".join(it.declared for it in takes),
        start=_start(component, name, takes, "2 + mixed"),
        apart="\n".join(_apart(name, ["result"], ["x", *_trained(component)])),
        mixtures=_mixtures(component, calls, "pass"),
        numbers=_reads(component.output.learnable, "k"),
        value=calls["value"],
    )


def _backward(component: Component, name: str, takes: tuple[Argument, ...], calls: dict[str, str]) -> str:
    """The text of the backward function."""
    output, functions = component.output, len(component.terms)
    most = max(len(one.learnable) for one in (output, *component.terms))
    trained = _trained(component)
    outs = [f"d{it}" for it in trained]
    kept = "t_row = row_of(rows, room + 2 * mixed + {j} * terms + h, count)"
    back = [
        TERM_BACK.format(
            numbers=_reads(one.learnable, "h"), j=j, slopes=_slopes(one, f"slope_{j}", calls), sums=_sums(one, "h")
        )
        for j, one in enumerate(component.terms)
    ]
    return BACKWARD.format(
        name=name,
        signature=", ".join(it.declared for it in takes),
        start=_start(component, name, takes, f"{2 + most} + 2 * mixed + {functions} * terms"),
        results=", ".join(outs) + "," * (len(outs) == 1),
        new="\n".join(f"        d{it} = np.empty({it}.shape, x.dtype)" for it in trained),
        given="\n".join(f"        d{it} = out[{k}]" for k, it in enumerate(trained)),
        clears="\n".join(
            f'    check_shape("{name}", "out[{k}]", d{it}.shape, {it}.shape)\n    clear(flat(d{it}))'
            for k, it in enumerate(trained)
        ),
        apart="\n".join(_apart(name, outs, ["de", "x", *trained])),
        room=2 + most,
        slope_rows="\n".join(f"    slope_row_{k} = row_of(rows, {2 + k}, count)" for k in range(most)),
        mixtures=_mixtures(component, calls, kept),
        numbers=_reads(output.learnable, "k"),
        value=calls["value"],
        derivative=calls.get("derivative", "d_row[i]"),
        slopes=_slopes(output, "slope", calls),
        sums=_sums(output, "k"),
        terms_back="\n".join(back),
    )


def _reads(names: tuple[str, ...], place: str) -> str:
    """Lines that read what is trained."""
    return "\n".join(f"            own_{it} = c_{it}[f, {place}]" for it in names)


def _slopes(part: Component, prefix: str, calls: dict[str, str]) -> str:
    """Lines that compute a row's gradients to what is trained."""
    return "\n".join(
        f"                slope_row_{n}[i] = d_row[i] * {calls[f'{prefix}_{it}']}"
        for n, it in enumerate(part.learnable)
    )


def _sums(part: Component, place: str) -> str:
    """Lines that add their sums to the gradients."""
    return "\n".join(f"            d{it}[f, {place}] += row_sum(slope_row_{n})" for n, it in enumerate(part.learnable))


def _apart(name: str, written: list[str], read: list[str]) -> Iterator[str]:
    """Lines that refuse an output that shares memory with anything else."""
    pairs = [*itertools.product(written, read), *itertools.combinations(written, 2)]
    for one, other in pairs:
        yield f"    if overlap({one}, {other}):"
        yield f'        raise KernelValueError("{SHARED}", "{name}", "{one}", "{other}")'
