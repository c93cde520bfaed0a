"""Array functions of components: relu, relu_backward, mse, adam_step, ..., for Python and for @njit code.

Each is generated text, the mathematics in both precisions and one loop, compiled for the arrays that it is called with.
An output may be the same array as an input, since each element is read before it is written, but not a shifted one.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from numbann.compile.precision import Lowered
from numbann.components.built_in import built_in
from numbann.components.component import Component, arguments_of
from numbann.derivation import derivative_of, slopes_of
from numbann.derivation.outputs import rows_of
from numbann.errors import PluginError
from numbann.kernels.arguments import ROWS, Argument
from numbann.kernels.arrays import SHARED
from numbann.kernels.edge import Results, publish
from numbann.kernels.parameters import OUT_OF_RANGE, bounds_of, names_of_units, parameters_of
from numbann.kernels.templates import BACKWARD, CHOICE, FORWARD, HEADER, LOSS, NUMBER, STEP

SUFFIXES = {  # of functions, by kind
    "activation": ("", "_backward"),
    "embedding": ("", "_backward"),
    "loss": ("",),
    "optimizer": ("_step",),
    "initializer": ("",),
    "metric": ("_metric",),
}


def find_function(name: str, functions_of: Callable[[Component], Mapping[str, Any]]) -> Any:
    """A device's function with this name for a built-in component, or None."""
    for kind, suffixes in SUFFIXES.items():
        for suffix in suffixes:
            entry = built_in().find(kind, name.removesuffix(suffix)) if name.endswith(suffix) else None
            found = functions_of(entry.component).get(entry.component.name + suffix) if entry is not None else None
            if found is not None:
                return found
    return None


def names_of(kinds: Iterable[str]) -> list[str]:
    """The names of the kernels of all built-in components of these kinds."""
    return [
        entry.component.name + suffix
        for kind in kinds
        for entry in built_in().entries(kind)
        if entry.component.form not in ("matrix", "solver")  # plain NumPy, with no step of one weight
        for suffix in SUFFIXES[kind]
    ]


@functools.cache
def array_functions(component: Component) -> dict[str, Any]:
    """The array functions of a component, by name."""
    make = {"activation": _activation, "loss": _loss, "optimizer": _optimizer}.get(component.kind)
    return make(component) if make else {}


def _activation(component: Component) -> dict[str, Any]:
    """The forward and the backward function of an activation; the latter gives gradients to what is trained, too."""
    name, row, trained = component.name, component.form == "row", component.learnable
    if "width" in component.traits:
        raise PluginError(f"{component.told} changes the width of rows; it has no function for arrays")
    back = component.backward if row else derivative_of(component)
    assert back is not None
    form, parts = (
        "trained" if trained and not row else component.form,
        {"value": component.function, "derivative": back},
    )
    if row:
        given = {"z": "x_row", "a": "y_row", "da": "d_row", "dz": "dz_row"}
        rows = {one: f"{one}_row" for one in (*component.rows, *component.gradients.values())}
    else:
        given = {"z": "x[i, k]", "a": "y[i, k]"} if trained else {"z": "x[i]", "a": "y[i]"}
        rows = {one: f"{one}_row[k]" for one in names_of_units(component)}
        parts |= {f"slope_{one}": slope for one, slope in zip(trained, slopes_of(component), strict=True)}
    parameters, first = parameters_of(component), ROWS if row or trained else None
    out = Argument("out", "written", default=None)
    outs = Argument("out", "results", (None, *[1] * len(trained)), default=None) if trained else out
    before = Argument("da", "array", first), Argument("z", "array"), Argument("a", "array")
    takes = {
        name: (Argument("z", "array", first), *parameters, out),
        f"{name}_backward": (*before, *parameters, outs),
    }
    fields = _of_trained(f"{name}_backward", component)
    text = "\n\n".join([FORWARD[form], BACKWARD[form].replace("{slopes}", fields.pop("slopes"))])
    return _make(component, parts, given, text, takes, rows, rows="\n".join(_rows(component)), **fields)


def _rows(component: Component) -> Iterator[str]:
    """The lines that make rows: of what there is for each unit, and for gradients of a row to what is trained."""
    for one in dict.fromkeys((*component.rows, *names_of_units(component))):
        yield f'    {one}_row = units_of("{component.name}", "{one}", x, {one})'
    yield from (f"    {one}_row = padded_row(x)" for one in component.gradients.values())
    for one, bound in bounds_of(component):
        if one in names_of_units(component):
            yield f"    for k in range(len({one}_row)):"
            yield f"        if not {one}_row[k] {bound.sign} z.dtype.type({bound.number}):"
            fault = OUT_OF_RANGE.format(component.name, one, "{}", bound.sign, bound.number)
            yield f'            raise KernelValueError("{fault}", {one}_row[k])'


def _of_trained(name: str, component: Component) -> dict[str, str]:
    """The fields of a backward function that depend on what is trained; `slopes` has fields of its own."""
    sums = [f"sum_{one}" for one in component.learnable]
    if not sums:
        like = f'    result = result_like("{name}: z and out", z, out)'
        return {"results": like, "starts": "", "slopes": "", "returned": "result"}
    all_sums, inputs = ", ".join(sums), ("da", "z", "a", *names_of_units(component))
    outs = [f"out[{k}]" for k in range(len(sums) + 1)]
    apart = [(f"shifted(out[0], {one})", outs[0], one) for one in inputs[:3]]
    apart += [(f"overlap({one}, {other})", one, other) for one in outs[1:] for other in inputs]
    apart += [(f"overlap({one}, {other})", one, other) for one, other in itertools.combinations(outs, 2)]
    made = ", ".join(["np.empty(z.shape, z.dtype)", *["np.empty(z.shape[z.ndim - 1], z.dtype)"] * len(sums)])
    results = [
        "    if out is None:",
        f"        result, {all_sums} = {made}",
        "    else:",
        f"        result, {all_sums} = out",
        f'        check_shapes("{name}: z and out[0]", z.shape, result.shape)',
        *(
            f'        if {test}:\n            raise KernelValueError("{SHARED}", "{name}", "{one}", "{other}")'
            for test, one, other in apart
        ),
    ]
    starts = [f'    check_units("{name}", "{one}", x, {each})' for one, each in zip(outs[1:], sums, strict=True)]
    starts += [f"    clear({one})" for one in sums]
    if component.form == "row":
        slopes = ["        for k in range(x.shape[1]):"]
        slopes += [f"            sum_{one}[k] += {row}_row[k]" for one, row in component.gradients.items()]
    else:
        slopes = [f"            sum_{one}[k] += d[i, k] * slope_{one}({{slope_{one}}})" for one in component.learnable]
    return {
        "results": "\n".join(results),
        "starts": "\n".join(starts),
        "slopes": "\n".join(slopes),
        "returned": f"result, {all_sums}",
    }


def _loss(component: Component) -> dict[str, Any]:
    """The function of a loss."""
    component = rows_of(component)
    if component.form == "batch":
        return _batch_loss(component)
    name, labels, parts = component.name, "label" in component.roles, {"value": component.function}
    row = component.form == "row"
    needed = ROWS if row else None
    target = Argument("t", "labels") if labels else Argument("t", "array", needed)
    out = Argument("out", "written", default=None)
    takes = {name: (Argument("y", "array", needed), target, *parameters_of(component), out)}
    if not row:
        parts["derivative"] = derivative_of(component)
        return _make(component, parts, {"y": "x[i]", "t": "target[i]"}, LOSS["elementwise"], takes)
    given = {"y": "x_row", "dy": "d_row", "label": "target[i]", "t": "t_row"}
    fields = {"target": f'labels_of("{name}", x, t, {component.classes(0)})', "t_row": "None", "fill": "pass"}
    if not labels:
        share, columns = component.traits["outputs"], max(1, len(component.columns))
        each = "" if columns == 1 else f"{columns} "
        needed = "equal" if share == columns == 1 else f"(B, {share} T) and (B, {each}T)"
        rows = f'targets_of("{name}", x, t, {share}, {columns}, "{needed}")'
        fields = {"target": rows, "t_row": "padded_row(target)", "fill": "copy(target[i], t_row)"}
    return _make(component, parts, given, LOSS["row"], takes, **fields)


def _batch_loss(component: Component) -> dict[str, Any]:
    """The function of a loss of whole batches: y and t are a batch of one group, whose rows all have the weight 1."""
    name, labels, columns = component.name, "label" in component.roles, component.columns
    target = Argument("t", "labels") if labels else Argument("t", "array", ROWS)
    out = Argument("out", "written", default=None)
    takes = {name: (Argument("y", "array", ROWS), target, *parameters_of(component), out)}
    share, count = (component.traits["outputs"], len(columns)) if columns else (1, 1)
    needed = f"(B, {share}) and (B, {count})" if columns else "equal"
    checked = f'targets_of("{name}", x, t, {share}, {count}, "{needed}")'
    reads = {column: f"target[:, {k}]" for k, column in enumerate(columns)} or {"t": "target"}
    lines = [f"    all_{it} = whole({text}, x)" for it, text in reads.items()]
    if labels:
        checked, lines = f'labels_of("{name}", x, t, {component.classes(0)})', ["    all_label = target"]
    if component.asks("group", "group_end"):
        lines += ["    all_group, all_group_end = np.zeros(rows, np.int64), np.full(rows, rows)"]
    known = ("y", "weight", "label", "group", "group_end", *reads, *component.each)
    given = {"row": "i", "dy": "d_row", **{it: f"all_{it}" for it in known}}
    parts = {"value": component.function, **{f"each_{it}": part for it, part in component.each.items()}}
    own = {argument.name: f"{argument.name}_cast" for argument in parameters_of(component) if argument.kind != "flag"}
    numbers = [
        NUMBER.format(name=it, call=", ".join({**given, **own}.get(one, one) for one in _told(part)))
        for it, part in component.each.items()
    ]
    fields = {"target": checked, "reads": "\n".join(lines), "numbers": "\n".join(numbers)}
    return _make(component, parts, given, LOSS["batch"], takes, **fields)


def _told(part: Callable[..., Any]) -> tuple[str, ...]:
    """The arguments by which compiled code calls a part: its own, and y, which tells the precision, if it has rows."""
    own = arguments_of(part)
    return (*own, "y") if "row" in own and "y" not in own else own


def _optimizer(component: Component) -> dict[str, Any]:
    """The step of an elementwise optimizer; other forms have none."""
    if component.form != "elementwise":
        return {}
    name, optional = f"{component.name}_step", component.traits["optional"]
    required = [state for state in component.states if state not in optional]
    checks = [f'    check_shapes("{name}: w and {other}", w.shape, {other}.shape)' for other in ("g", *required)]
    checks += [f'    check_state("{name}", "{state}", w, {state}, {asks})' for state, asks in optional.items()]
    takes = (
        Argument("w", "written"),
        Argument("g", "array"),
        *(Argument(state, "written") for state in required),
        *([Argument("step", "count")] if "step" in component.roles else []),
        *parameters_of(component),
        *(Argument(state, "written", default=None) for state in optional),
    )
    return _make(
        component,
        {"value": component.function},
        {"w": "weights[i]", "g": "gradient", **{state: f"state_at({state}_flat, i, w)" for state in component.states}},
        STEP,
        {name: takes},
        checks="\n".join(checks),
        views="\n".join(f"    {state}_flat = flat_state({state})" for state in component.states),
        decay="" if "weight_decay" in component.roles else " + weight_decay_cast * weights[i]",
        results="".join(f", {state}_new" for state in component.states),
        kept="\n".join(f"        keep_state({state}_flat, i, {state}_new)" for state in component.states),
    )


def _make(
    component: Component,
    parts: Mapping[str, Callable[..., Any]],
    given: Mapping[str, str],
    template: str,
    takes: Mapping[str, Sequence[Argument]],
    instead: Mapping[str, str] = MappingProxyType({}),
    **fields: str,
) -> dict[str, Any]:
    """Generate and publish the functions of a template; takes: the arguments of each.

    instead: what stands for some of them, cast or not.
    """
    array = {"activation": "z", "loss": "y", "optimizer": "w"}[component.kind]
    for name, arguments in takes.items():
        prefix = "backward_" if name.endswith("_backward") else ""
        casted = [argument.name for argument in arguments if argument.kind in ("number", "count")]
        # Casts need new names: an argument that is assigned again keeps the argument's type, float64
        lines = [f"    {it}_cast = {array}.dtype.type(opaque({it}))" for it in casted]
        fields[f"{prefix}casts"] = "\n".join([*_bounds(component, name, arguments), *_apart(name, arguments), *lines])
        fields[f"{prefix}signature"] = ", ".join(argument.declared for argument in arguments)
        given = {**given, **{it: f"{it}_cast" for it in casted}}
    given = {**given, **instead}
    calls = {role: ", ".join(given.get(name, name) for name in _told(part)) for role, part in parts.items()}
    body = template.format(name=component.name, **calls, **fields)
    docs = {name: f"{name}: {component.function.__doc__}" for name in takes}
    home = "" if component.plugin else "numbann.kernels"
    like = Results(f"empty({array}.shape, {array}.dtype)", number=component.kind == "loss")
    results = {} if component.kind == "optimizer" else dict.fromkeys(takes, like)
    if component.learnable:
        sums = ", empty(z.shape[-1:], z.dtype)" * len(component.learnable)
        results[f"{component.name}_backward"] = Results(f"({like.arrays}{sums})")
    return publish(f"{mathematics(component, parts)}\n\n\n{body}", takes, results, docs, home)


def _bounds(component: Component, name: str, arguments: Sequence[Argument]) -> Iterator[str]:
    """The lines that refuse numbers out of their declared range."""
    units = names_of_units(component)
    bounds = [(it, bound.sign, bound.number) for it, bound in bounds_of(component) if it not in units]
    step = [("step", ">=", 1)] if any(argument.kind == "count" for argument in arguments) else []
    for it, sign, number in [*bounds, *step]:
        yield f"    if not {it} {sign} {number}:"
        yield f'        raise KernelValueError("{OUT_OF_RANGE.format(name, it, "{}", sign, number)}", {it})'


def _apart(name: str, arguments: Sequence[Argument]) -> Iterator[str]:
    """The lines that refuse an output that shares memory, but for an input that is the very same."""
    written = [argument.name for argument in arguments if argument.kind == "written"]
    read = [argument.name for argument in arguments if argument.kind in ("array", "labels")]
    for one in written:
        for other in read:
            yield f"    if shifted({one}, {other}):"
            yield f'        raise KernelValueError("{name}: {one} and {other} overlap in part; give each its own")'
    for one, other in itertools.combinations(written, 2):
        yield f"    if overlap({one}, {other}):"
        yield f'        raise KernelValueError("{name}: {one} and {other} share memory; give each its own")'


def mathematics(component: Component, parts: Mapping[str, Callable[..., Any]]) -> str:
    """The parts in both precisions, and a name for each that compiled code resolves by its arguments."""
    lowered = {dtype: Lowered(f"float{dtype}", f"F{dtype}", component) for dtype in (32, 64)}
    choices = []
    for role, part in parts.items():
        names = {name: lowered[dtype].add(part) for name, dtype in (("single", 32), ("double", 64))}
        arguments, given = _told(part), ", ".join(arguments_of(part))
        first = "y" if "row" in arguments else arguments[0]
        choices.append(CHOICE.format(role=role, arguments=", ".join(arguments), given=given, first=first, **names))
    header = HEADER.format(imports="\n".join(sorted(lowered[32].imports | lowered[64].imports)))
    return "\n\n\n".join([header, lowered[32].text, lowered[64].text, *choices])
