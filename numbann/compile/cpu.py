"""Kernels of components on the CPU: generated text around the mathematics of one unit, row or weight.

Each function returns the address of a compiled kernel.  The loops are here, and the mathematics in the components; the
engine decides which rows or weights a kernel runs on.
"""

from __future__ import annotations

import functools
from typing import Any

from numbann.compile.precision import Lowered
from numbann.compile.rows import row_backward, row_forward, row_loss
from numbann.compile.text import (
    DRAW,
    DRAWS,
    NO_DRAW,
    call_of,
    hyper_parameters,
    kernel_of,
    names_the_plugin,
    parameters_of,
    vectors_of,
)
from numbann.components.component import Component, Configured, arguments_of
from numbann.derivation import derivative_of, derivative_to, slopes_of

FORWARD = """def kernel(op, first, last, step, scratch):
    prefer_wide()
    row, end, column, width = {span}
{parameters}
{vectors}
    for r in range(row, end):
{draws}
        z = view(op.Z, r * op.Z_ROW + column, width)
        a = {a}
        for i in range(width):
            a[i] = {call}
"""

BACKWARD = """def kernel(op, first, last, step, scratch):
    prefer_wide()
    row, end, column, width = {span}
{parameters}
{vectors}
{bases}
    for r in range(row, end):
{draws}
        d = view({d}, r * op.D_ROW + column, width)
{views}
        for i in range(width):
            slope = {call}
{slopes}
            d[i] = d[i] * slope
"""
# What a loop goes over.  Mathematics with a trained number of each unit, or with noise, must know rows and columns;
# other mathematics takes whole rows as one run
BLOCK, RUNS = "block(op, first, last, step, scratch)", "runs(op, {row}, first, last, step, scratch)"

ELEMENTWISE_LOSS = """def kernel(op, first, last, step, scratch):
    prefer_wide()
    outputs = op.OUTPUTS
    share = F(1) / F(outputs)
    {batch}
{parameters}
    order, base = advance(op.ORDER, op.MOVES * step[START]), (1 - op.MOVES) * step[START]
    losses = view(op.ROW_LOSS, step[START], last)
    for r in range(first, last):
        y = view(op.A, r * op.A_ROW, outputs)
        d = view(op.D, r * op.D_ROW, outputs)
        t = view(op.TARGET, (base + order[r]) * op.TARGET_ROW, outputs)
        if outputs < {few}:
            total = F(0)
            for k in range(outputs):
                total += {value}
                d[k] = {derivative} * {scale}
        else:
            row = carray(scratch, outputs)
            copy_row(t, row)
            for k in range(padded(y)):
                d[k] = {row_derivative}
                row[k] = {row_value}
            total = row_sum(row)
            scale_row(d, {scale})
        losses[r] = total * share
"""
FEW = 5  # with fewer outputs, a loop over them is faster than a vector of them

# Values and slopes of up to so many targets at once, of several rows or a part of one, so that they are whole vectors
TOGETHER = 64
OUTPUTS_LOSS = """def kernel(op, first, last, step, scratch):
    prefer_wide()
    outputs, lanes = op.OUTPUTS, lanes_like(op.PARAMETERS)
    targets = outputs // {share}
    {batch}
    part = F(1) / F(targets)
{parameters}
    order, base = advance(op.ORDER, op.MOVES * step[START]), (1 - op.MOVES) * step[START]
    losses = view(op.ROW_LOSS, step[START], last)
{places}
    r, k = first, 0
    while r < last:
        row, target, count = r, k, 0
        while r < last and count < {together}:
            y = advance(op.A, r * op.A_ROW + k)
            t = advance(op.TARGET, (base + order[r]) * op.TARGET_ROW + k)
{reads}
            count, k = count + 1, k + 1
            if k == targets:
                r, k = r + 1, 0
        for i in range(np.uintp((count + lanes - 1) & -lanes)):
            values[i] = {value}
{slopes}
        r, k = row, target
        for i in range(count):
            d = advance(op.D, r * op.D_ROW + k)
{writes}
            losses[r] = (F(0) if k == 0 else losses[r]) + values[i]
            k += 1
            if k == targets:
                r, k = r + 1, 0
    for r in range(first, last):
        losses[r] = losses[r] * part
        scale_row(view(op.D, r * op.D_ROW, outputs), part * {scale})
"""
BATCH_LOSS = """def kernel(op, first, last, step, scratch):
    prefer_wide()
    outputs, scale = op.OUTPUTS, F(1) / F(step[BATCH])
{parameters}
{arrays}
    losses = view(op.ROW_LOSS, step[START], last)
    for r in range(first, last):
        dy = view(op.D, r * op.D_ROW, outputs)
        losses[r] = {call}
        scale_row(dy, scale)
"""
BATCH_EACH = """def kernel(op, first, last, step, scratch):
    prefer_wide()
{parameters}
{arrays}
    found = advance(op.EACH, {number} * op.EACH_STRIDE)
    for r in range(first, last):
        found[r] = {call}
"""
ALL = {  # what a loss of whole batches may ask for
    "y": "carray(op.ALL_Y, (step[BATCH], op.OUTPUTS))",
    "t": "carray(op.ALL_T, (step[BATCH], op.TARGET_ROW))",
    "label": "carray(op.ALL_LABELS, step[BATCH])",
    "weight": "carray(op.ALL_WEIGHTS, step[BATCH])",
    "group": "carray(op.ALL_GROUPS, step[BATCH])",
    "group_end": "carray(op.ALL_GROUP_ENDS, step[BATCH])",
}
SHARES_OF = "shares = view(op.SHARES, step[START], last)"
# The factor of a row's gradient and the line that it needs, by the loss's form and whether rows are weighted
SCALES = {
    ("elementwise", False): {"batch": "scale = share / F(step[BATCH])", "scale": "scale"},
    ("elementwise", True): {"batch": SHARES_OF, "scale": "(share * shares[r])"},
    ("row", False): {"batch": "scale = F(1) / F(step[BATCH])", "scale": "scale"},
    ("row", True): {"batch": SHARES_OF, "scale": "shares[r]"},
}
UPDATE = """@takes(update_signature)
def kernel(w, g, count, stride, hyper):
    learning_rate, weight_decay, step = hyper[LEARNING_RATE], hyper[WEIGHT_DECAY], hyper[STEP]
    _l1, _limit, _kept = hyper[L1], hyper[CLIP_VALUE], hyper[KEPT]
{parameters}
    weights, gradients = carray(w, count), carray(g, count)
{views}
    for i in range(count):
        gradient = {gradient}
        {results} = {call}
{average}
"""
CLIPPED = "(_limit if gradients[i] > _limit else (-_limit if gradients[i] < -_limit else gradients[i]))"
SIGNED_L1 = "(_l1 if weights[i] > F(0) else (-_l1 if weights[i] < F(0) else F(0)))"
AVERAGE = "        average[i] = _kept * average[i] + (F(1) - _kept) * weights[i]"


# ---- activations


@functools.cache
@names_the_plugin
def activation_forward(component: Component, dtype: str, in_place: bool, training: bool = False) -> int:
    """The kernel a = f(z) over rows; in_place: over z itself; training: with the noise of training.

    In place each element is read before it is written.  LLVM must not know that it is the same one: it would store it
    by a mask where f(z) is not z, which takes AMD's processors with AVX2 ten times as long as the whole of relu.
    """
    lowered = Lowered(dtype, component=component)
    if component.form == "row":
        return kernel_of(component, lowered, row_forward(component, lowered, training))
    name = lowered.add(component.function)
    text = FORWARD.format(
        parameters=parameters_of(component),
        call=call_of(name, component, component.function, _of_unit(component, training)),
        a=f"view({'apart(op.Z)' if in_place else 'op.A'}, r * op.Z_ROW + column, width)",
        **_span(component, training, "op.Z_ROW"),
    )
    return kernel_of(component, lowered, text)


@functools.cache
@names_the_plugin
def activation_backward(component: Component, dtype: str, training: bool = True) -> int:
    """The kernel d <- d f'(z) over rows, and the gradients to f's trained numbers, from d before it changes."""
    lowered = Lowered(dtype, component=component)
    if component.form == "row":
        return kernel_of(component, lowered, row_backward(component, lowered, training))
    derivative, slopes = derivative_of(component), slopes_of(component)
    given = _of_unit(component, training)
    place = "r * op.D_ROW + column, width"
    views = [
        f"        {role} = view(op.{role.upper()}, {place})"
        for role in ("z", "a")
        if any(role in arguments_of(part) for part in (derivative, *slopes))
    ]
    views += [f"        slope_{k} = view(base_{k}, {place})" for k in range(len(slopes))]
    bases = [f"    base_{k} = apart(advance(op.SLOPES, {k} * op.SLOPES_STRIDE))" for k in range(len(slopes))]
    bases += ["    gradient = apart(op.D)"] if slopes else []
    text = BACKWARD.format(
        parameters=parameters_of(component),
        bases="\n".join(bases),
        d="gradient" if slopes else "op.D",
        views="\n".join(views),
        call=call_of(lowered.add(derivative), component, derivative, given),
        slopes="\n".join(
            f"            slope_{k}[i] = d[i] * {call_of(lowered.add(part), component, part, given)}"
            for k, part in enumerate(slopes)
        ),
        **_span(component, training, "op.D_ROW"),
    )
    return kernel_of(component, lowered, text)


def _of_unit(component: Component, training: bool) -> dict[str, str]:
    """The text of each argument of an elementwise activation."""
    vectors = {name: f"{name}_vector[i]" for name, mark in component.marks.items() if not mark.shared}
    noise = {"u": DRAW if training else NO_DRAW} if "u" in component.roles else {}
    return {"z": "z[i]", "a": "a[i]", **noise, **vectors}


def _span(component: Component, training: bool, row: str) -> dict[str, str]:
    """The fields of the templates that say what a loop over rows of `row` elements goes over."""
    noisy, each = "u" in component.roles, not all(mark.shared for mark in component.marks.values())
    return {
        "span": BLOCK if each or noisy else RUNS.format(row=row),
        "vectors": vectors_of(component, "    {name}_vector = view(op.VECTORS, {k} * op.COLUMNS + column, width)"),
        "draws": f"        {DRAWS}" if training and noisy else "",
    }


# ---- losses


@functools.cache
@names_the_plugin
def loss_kernel(component: Component, dtype: str, weighted: bool = False) -> int:
    """The kernel of each row's loss and d = dL/dy over rows; weighted: by each row's share of its batch's loss."""
    if component.form == "batch":
        return _batch_kernel(component, component.function, dtype, BATCH_LOSS)
    lowered, scales = Lowered(dtype, component=component), SCALES[component.form, weighted]
    if component.named:
        return kernel_of(component, lowered, _of_outputs(component.named, lowered, scales))
    if component.form == "row":
        return kernel_of(component, lowered, row_loss(component, lowered, **scales))
    name, derivative = lowered.add(component.function), derivative_of(component)
    slope = lowered.add(derivative)
    one, whole = {"y": "y[k]", "t": "t[k]"}, {"y": "y[k]", "t": "row[k]"}
    text = ELEMENTWISE_LOSS.format(
        parameters=parameters_of(component),
        few=FEW,
        value=call_of(name, component, component.function, one),
        derivative=call_of(slope, component, derivative, one),
        row_value=call_of(name, component, component.function, whole),
        row_derivative=call_of(slope, component, derivative, whole),
        **scales,
    )
    return kernel_of(component, lowered, text)


def _of_outputs(component: Component, lowered: Lowered, scales: dict[str, str]) -> str:
    """The text of the kernel of a loss of named outputs."""
    columns = tuple(component.columns) or ("t",)
    given = {name: f"{name}_read[i]" for name in (*component.outputs, *columns)}
    slopes = {name: derivative_to(component, name) for name in component.outputs}
    places = ["values", *(f"{name}_read" for name in given), *(f"{name}_slope" for name in slopes)]
    reads = [f"{name}_read[count] = y[{k} * targets]" for k, name in enumerate(component.outputs)]
    reads += [f"{name}_read[count] = t[{k} * targets]" for k, name in enumerate(columns)]
    calls = {name: call_of(lowered.add(slope), component, slope, given) for name, slope in slopes.items()}
    lines = {
        "places": [f"    {name} = on_stack({TOGETHER}, F(0))" for name in places],
        "reads": [f"            {line}" for line in reads],
        "slopes": [f"            {name}_slope[i] = {call}" for name, call in calls.items()],
        "writes": [f"            d[{k} * targets] = {name}_slope[i]" for k, name in enumerate(slopes)],
    }
    return OUTPUTS_LOSS.format(
        share=len(slopes),
        together=TOGETHER,
        parameters=parameters_of(component),
        value=call_of(lowered.add(component.function), component, component.function, given),
        **{name: "\n".join(each) for name, each in lines.items()},
        **scales,
    )


@functools.cache
@names_the_plugin
def each_kernel(component: Component, number: int, dtype: str) -> int:
    """The kernel of a number of each row that a loss of whole batches asks for, by its place among these."""
    return _batch_kernel(component, list(component.each.values())[number], dtype, BATCH_EACH, number=number)


def _batch_kernel(component: Component, part: Any, dtype: str, template: str, **fields: int) -> int:
    """The kernel of a part of a loss of whole batches, which is called for each row."""
    lowered = Lowered(dtype, component=component)
    name = lowered.add(part)
    columns = (f"carray(advance(op.ALL_T, {k} * op.ALL_T_COLUMN), step[BATCH])" for k in range(len(component.columns)))
    numbers = (f"carray(advance(op.EACH, {k} * op.EACH_STRIDE), step[BATCH])" for k in range(len(component.each)))
    places = {**ALL, **dict(zip(component.columns, columns, strict=True))}
    places |= dict(zip(component.each, numbers, strict=True))
    asked = [argument for argument in arguments_of(part) if argument in places]
    given = {argument: f"all_{argument}" for argument in asked}
    call = call_of(name, component, part, {"row": "r", **given})
    arrays = "\n".join(f"    {given[argument]} = {places[argument]}" for argument in asked)
    text = template.format(parameters=parameters_of(component), arrays=arrays, call=call, **fields)
    return kernel_of(component, lowered, text)


# ---- optimizers


def optimizer_kernel(optimizer: Configured, dtype: str, extras: tuple[str, ...] = ()) -> int:
    """The kernel that updates a run of weights; parameters that turn a state off are compiled in as zero.

    extras: those of "clip_value", "l1" and "average" that are used; the table of the step has their numbers.
    """
    return update_kernel(optimizer.component, dtype, optimizer.stored_states, extras)


@functools.cache
@names_the_plugin
def update_kernel(component: Component, dtype: str, stored: tuple[str, ...], extras: tuple[str, ...]) -> int:
    """The same by the states that are stored."""
    lowered = Lowered(dtype, component=component)
    name = lowered.add(component.function)
    states = {state: f"{state}_array[i]" if state in stored else "F(0)" for state in component.states}
    behind = [f"{state}_array" for state in stored if state != component.predicts]
    places = {state: k for k, state in enumerate(behind, start=1)}
    places |= {f"{component.predicts}_array": -1} if component.predicts else {}  # right before w, as an average is
    places |= {"average": -1} if "average" in extras else {}
    views = [f"    {name} = carray(advance(w, {place} * stride), count)" for name, place in places.items()]
    off = {parameter for state, parameter in component.traits["optional"].items() if state not in stored}
    call = call_of(name, component, component.function, {"w": "weights[i]", "g": "gradient", **states})
    kept = [f"{state}_array[i]" if state in stored else "_" for state in component.states]
    text = UPDATE.format(
        parameters=hyper_parameters(component, off),
        views="\n".join(views),
        call=call,
        gradient=_gradient(component, extras),
        results=", ".join(["weights[i]", *kept]),
        average=AVERAGE if "average" in extras else "",
    )
    return kernel_of(component, lowered, text)


def _gradient(component: Component, extras: tuple[str, ...]) -> str:
    """The text of the gradient that an optimizer gets: clipped first, then with weight decay and L1 added."""
    terms = [CLIPPED if "clip_value" in extras else "gradients[i]"]
    terms += [] if "weight_decay" in component.roles else ["weight_decay * weights[i]"]
    terms += [SIGNED_L1] if "l1" in extras else []
    return " + ".join(terms)
