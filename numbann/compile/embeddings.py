"""Kernels of embeddings on the CPU: generated text around the mathematics of one term and of one output.

A kernel takes one input after the other, up to TOGETHER rows of it at a time.  The way back computes the terms again:
to keep them would take more memory than time.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

from numbann.compile.precision import Lowered
from numbann.compile.text import call_of, kernel_of, names_the_plugin, parameters_of, variable_of
from numbann.components.component import Component, Function
from numbann.derivation import derivative_of, slopes_of
from numbann.simd.sizes import TOGETHER

IMPORTS = (
    "from numbann.simd.embedding import after, pass_columns, put_column, take_column, take_slopes",
    "from numbann.simd.rows import row_dot",
    "from numbann.simd.sizes import TOGETHER",
)
HEAD = f"""def kernel(op, first, last, step, scratch):
    prefer_wide()
    terms, mixed, place = op.TERMS, op.MIXED, 0
    width = mixed + {{passes}}
{{parameters}}
{{vectors}}
    x_at, t_at, d_at = on_stack({TOGETHER}, F(0)), on_stack({TOGETHER}, F(0)), on_stack({TOGETHER}, F(0))
"""
FORWARD = """    for begin in range(first, last, TOGETHER):
        count = min(TOGETHER, last - begin)
        x, t = carray(x_at, count), carray(t_at, count)
        whole = padded(x)
        for f in range(op.FEATURES):
            take_column(op, step, op.SOURCES[f], begin, x)
{mixtures}
            for k in range(mixed):
{numbers}
                z = view(scratch, k * TOGETHER, count)
                for i in range(whole):
                    t[i] = {output}
                put_column(op, f * width + k, begin, t)
            if width > mixed:
                put_column(op, f * width + mixed, begin, x)
    pass_columns(op, step, op.FEATURES * width, first, last)
"""
BACKWARD = """{slopes}
    for f in range(first, last):
{zeros}
        for begin in range(0, step[ROWS], TOGETHER):
            count = min(TOGETHER, step[ROWS] - begin)
            x, t, d = carray(x_at, count), carray(t_at, count), carray(d_at, count)
{rows}
            whole = padded(x)
            take_column(op, step, op.SOURCES[f], begin, x)
{mixtures}
            for k in range(mixed):
{numbers}
                take_slopes(op, f * width + k, begin, d)
                z, dz = view(scratch, k * TOGETHER, count), view(scratch, (mixed + k) * TOGETHER, count)
                for i in range(whole):
                    a = {output}
{to_numbers}
                    dz[i] = d[i] * {to_z}
{sums}
{terms_back}
"""
EMPTY = """            for k in range(mixed):
                z = view(scratch, k * TOGETHER, count)
                for i in range(whole):
                    z[i] = 0"""
TERM = """            for h in range(terms):
{numbers}
                for i in range(whole):
                    t[i] = {term}
                for k in range(mixed):
                    weight = p_mix[((f * {functions} + {j}) * terms + h) * mixed + k]
                    z = view(scratch, k * TOGETHER, count)
                    for i in range(whole):
                        z[i] += weight * t[i]{kept}"""
KEPT = """
                kept = view(scratch, (2 * mixed + {j} * terms + h) * TOGETHER, count)
                for i in range(whole):
                    kept[i] = t[i]"""
TERM_BACK = """            for h in range(terms):
{numbers}
                kept = view(scratch, (2 * mixed + {j} * terms + h) * TOGETHER, count)
                for i in range(whole):
                    d[i] = 0
                for k in range(mixed):
                    one = ((f * {functions} + {j}) * terms + h) * mixed + k
                    dz = view(scratch, (mixed + k) * TOGETHER, count)
                    g_mix[one] += row_dot(kept, dz)
                    weight = p_mix[one]
                    for i in range(whole):
                        d[i] += weight * dz[i]
                for i in range(whole):
                    a = kept[i]
{to_numbers}
{sums}"""


@functools.cache
@names_the_plugin
def embed_forward(component: Component, dtype: str) -> int:
    """The kernel over rows: each feature's outputs, and the columns that are passed on."""
    lowered = _lowered(component, dtype)
    text = HEAD.format(**_head(component)) + FORWARD.format(**_outputs(component, lowered, ""))
    return kernel_of(component, lowered, text)


@functools.cache
@names_the_plugin
def embed_backward(component: Component, dtype: str) -> int:
    """The kernel over features: the gradients to all numbers of a feature, summed over the rows of the batch."""
    lowered, own = _lowered(component, dtype), component.output.learnable
    output = component.output
    slopes = dict(zip(own, slopes_of(output), strict=True))
    to_z = _call(lowered, component, derivative_of(output)) if component.terms else "F(0)"
    names = lengths(component)
    text = HEAD.format(**_head(component)) + BACKWARD.format(
        slopes="\n".join(
            (*_places("g_", "SLOPES", component), *_rows("    s_{0}_at = on_stack({1}, F(0))", component))
        ),
        rows="\n".join(_rows("            s_{0} = carray(s_{0}_at, count)", component)),
        zeros="\n".join(
            f"        for n in range({size}):\n            g_{name}[f * {size} + n] = 0" for name, size in names.items()
        ),
        to_numbers=_to_numbers(component, lowered, slopes),
        to_z=to_z,
        sums=_sums(own, "f * mixed + k"),
        terms_back="\n".join(_terms_back(component, lowered)),
        **_outputs(component, lowered, KEPT),
    )
    return kernel_of(component, lowered, text)


def _lowered(component: Component, dtype: str) -> Lowered:
    lowered = Lowered(dtype, component=component)
    lowered.imports.update(IMPORTS)
    return lowered


def lengths(component: Component) -> dict[str, str]:
    """How many numbers a feature has of each trained vector, in the order of the arena."""
    own = component.output.learnable
    mix = {"mix": f"({len(component.terms)} * terms * mixed)"} if component.terms else {}
    of_terms = {name: "terms" for name in component.learnable if name not in own}
    return {**of_terms, **mix, **dict.fromkeys(own, "mixed")}


def _places(before: str, column: str, component: Component) -> Iterator[str]:
    """Lines that set a pointer to each vector."""
    yield "    place = 0"
    for name, size in lengths(component).items():
        yield f"    {before}{name} = advance(op.{column}, place)"
        yield f"    place += after(op.FEATURES * {size}, scratch)"


def _rows(line: str, component: Component) -> Iterator[str]:
    """A line for each trained number, about its gradients of some rows."""
    return (line.format(name, TOGETHER) for name in component.learnable)


def _head(component: Component) -> dict[str, str]:
    """The fields of the text that both kernels begin with."""
    return {
        "passes": str(int(component.traits["passes"])),
        "parameters": parameters_of(component),
        "vectors": "\n".join(_places("p_", "VECTORS", component)),
    }


def _outputs(component: Component, lowered: Lowered, kept: str) -> dict[str, str]:
    """The fields that compute z and the outputs.  kept: lines that keep a term."""
    functions = len(component.terms)
    mixtures = [
        TERM.format(
            numbers=_numbers(term.learnable, "f * terms + h", 16),
            term=_call(lowered, component, term.function),
            functions=functions,
            j=j,
            kept=kept.format(j=j),
        )
        for j, term in enumerate(component.terms)
    ]
    return {
        "mixtures": "\n".join([EMPTY, *mixtures]) if functions else "",
        "numbers": _numbers(component.output.learnable, "f * mixed + k", 16),
        "output": _call(lowered, component, component.function),
    }


def _terms_back(component: Component, lowered: Lowered) -> Iterator[str]:
    """The gradients to the weights of terms and to what is trained in them."""
    for j, term in enumerate(component.terms):
        slopes = dict(zip(term.learnable, slopes_of(term), strict=True))
        yield TERM_BACK.format(
            numbers=_numbers(term.learnable, "f * terms + h", 16),
            functions=len(component.terms),
            j=j,
            to_numbers=_to_numbers(component, lowered, slopes),
            sums=_sums(term.learnable, "f * terms + h"),
        )


def _numbers(names: tuple[str, ...], place: str, indent: int) -> str:
    """Lines that read trained numbers."""
    return "\n".join(f"{' ' * indent}{variable_of(name)} = p_{name}[{place}]" for name in names)


def _to_numbers(component: Component, lowered: Lowered, slopes: dict[str, Function]) -> str:
    """Lines that compute a row's gradients to trained numbers, from d."""
    return "\n".join(
        f"                    s_{name}[i] = d[i] * {_call(lowered, component, part)}" for name, part in slopes.items()
    )


def _sums(names: tuple[str, ...], place: str) -> str:
    """Lines that add the rows' gradients to their sums."""
    return "\n".join(f"                g_{name}[{place}] += row_sum(s_{name})" for name in names)


def _call(lowered: Lowered, component: Component, part: Function) -> str:
    return call_of(lowered.add(part), component, part, {"x": "x[i]", "z": "z[i]"})
