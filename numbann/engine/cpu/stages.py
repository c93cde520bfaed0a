"""The lowering of a layer's steps: how each kind of step becomes an op, forward and back.

A function here is (operands, k, step, units) -> Op for a layer k; units is -GRAIN for rows, or a number of panels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from numbann.compile.named import cpu, embeddings
from numbann.engine.cpu.memory import Arena
from numbann.engine.cpu.moving import SMOOTHING, drop_numbers
from numbann.engine.cpu.operands import Operands
from numbann.engine.cpu.table import Columns, Op, Slot
from numbann.engine.cpu.wanted import component_kernel, want
from numbann.network import steps
from numbann.network.plan import Plan
from numbann.network.steps.step import BATCH
from numbann.simd.named import batch, categories, dense, dropout, input_scale, members, norm, rounding
from numbann.simd.op import BFLOAT16
from numbann.simd.sizes import NORM_EPSILON, NORM_MOMENTUM

ROUNDED_UNIT = 64  # rows of a panel of w that are rounded at once
ALL_THREADS = 1 << 16  # units, more than there are threads: each of them gets some


def embed(operands: Operands, k: int, step: steps.Embed, units: int) -> Op:
    """e: the numbers that stand for inputs, and the other inputs."""
    kernel = component_kernel(embeddings.embed_forward, step.configured.component, operands.dtype)
    return kernel, units, operands.embedding(step)


def embed_back(operands: Operands, k: int, step: steps.Embed, units: int) -> Op:
    """The gradients to an embedding's trained numbers, a unit for each feature."""
    kernel = component_kernel(embeddings.embed_backward, step.configured.component, operands.dtype)
    return kernel, step.features, operands.embedding(step)


def pick_rows(operands: Operands, k: int, step: steps.PickRows, units: int) -> Op:
    """e: the rows that codes pick, and the other inputs."""
    return operands.kernel(categories.pick_rows), units, operands.categories(step)


def pick_rows_back(operands: Operands, k: int, step: steps.PickRows, units: int) -> Op:
    """The gradients to a table's rows, a unit for each feature."""
    return operands.kernel(categories.pick_rows_backward), step.features, operands.categories(step)


def scale_inputs(operands: Operands, k: int, step: steps.ScaleInputs, units: int) -> Op:
    """e s."""
    scaled = operands.rows[k].values["x"]
    columns: Columns = {
        **operands.layer(k),
        **operands.unscaled(k),
        "VECTORS": operands.arena.at(operands.layout.vectors[step.vectors[0].name].start),
        "SCALED": scaled,
        "SCALED_ROW": scaled.shape[1],
    }
    return operands.kernel(input_scale.scale_rows), units, columns


def scale_inputs_back(operands: Operands, k: int, step: steps.ScaleInputs, units: int) -> Op:
    """The gradient to an embedding's numbers from that to the scaled ones."""
    s = operands.arena.at(operands.layout.vectors[step.vectors[0].name].start)
    return operands.kernel(input_scale.scale_slopes), units, {**operands.to_inputs(), "VECTORS": s}


def scale_members(operands: Operands, k: int, step: steps.ScaleMembers, units: int) -> Op:
    """e s, by members."""
    return operands.kernel(members.scale_rows), units, operands.members(step)


def scale_members_back(operands: Operands, k: int, step: steps.ScaleMembers, units: int) -> Op:
    """The gradients to the members' scales, a unit for each panel of the inputs, and that to e."""
    panels = operands.layout.panels(operands.layout.layers[k].inputs)
    return operands.kernel(members.scale_rows_backward), panels, operands.members(step)


def finish_scale(arena: Arena, gradient: Arena, k: int, step: steps.ScaleInputs) -> Op:
    """The gradients to w and to s, from x' d."""
    place, s = arena.layout.layers[k], arena.layout.vectors[step.vectors[0].name].start
    columns: Columns = {
        "W": arena.at(place.weights),
        "VECTORS": arena.at(s),
        "GROUP_W": gradient.at(place.weights),
        "GROUP_VECTOR": gradient.at(s),
        "INPUTS_PADDED": place.inputs_padded,
        "COLUMNS": place.columns,
    }
    return want(input_scale.finish_scale, arena.plan.dtype), place.inputs, columns


def product(operands: Operands, k: int, step: steps.Product, units: int) -> Op:
    """h = x w + b."""
    kernel = dense.dense_forward_panels if units > 0 else dense.dense_forward
    return operands.product_kernel(kernel), units, operands.product(k)


def product_back(operands: Operands, k: int, step: steps.Product, units: int) -> Op:
    """d w', the gradient to the outputs of the layer below, whose units these are."""
    kernel = dense.dense_delta_panels if units > 0 else dense.dense_delta
    return operands.product_kernel(kernel), units, operands.delta(k)


def round_values(operands: Operands, k: int, name: str, units: int) -> Op:
    """The values of a layer in bfloat16: its inputs "x", d, or inputs as they are "given" before they are scaled."""
    return operands.kernel(rounding.round_rows), units, operands.rounding(k, name)


def round_weights(arena: Arena) -> list[list[Op]]:
    """The phase that rounds all weights to bfloat16, if products read them so."""
    if arena.plan.products != BFLOAT16:
        return []
    ops: list[Op] = []
    for k, place in enumerate(arena.layout.layers):
        units = place.panels * -(-place.inputs // ROUNDED_UNIT)
        columns: Columns = {
            "INPUTS": place.inputs,
            "INPUTS_PADDED": place.inputs_padded,
            "COLUMNS": place.columns,
            "UNIT": ROUNDED_UNIT,
            "MOVED_W": arena.at(place.weights),
            **arena.pairs_of(k),
        }
        ops.append((want(rounding.round_weights, arena.plan.dtype), units, columns))
    return [ops]


def normalize(operands: Operands, k: int, step: steps.Norm, units: int) -> Op:
    """z from the product h."""
    kernel = norm.running_norm if step.running else norm.batch_norm if step.batch else norm.layer_norm
    return operands.kernel(kernel), units, _norm(operands, k, step)


def normalize_back(operands: Operands, k: int, step: steps.Norm, units: int) -> Op:
    """dh from dz, and the gradients to scale and shift."""
    of_batch = norm.running_norm_backward if step.running else norm.batch_norm_backward
    return operands.kernel(of_batch if step.batch else norm.layer_norm_backward), units, _norm(operands, k, step)


def activate(operands: Operands, k: int, step: steps.Activation, units: int) -> Op:
    """a from z."""
    in_place, noisy = step.reads == step.writes, step.key is not None
    kernel = component_kernel(cpu.activation_forward, step.configured.component, operands.dtype, in_place, noisy)
    return kernel, units, _activation(operands, k, step)


def activate_back(operands: Operands, k: int, step: steps.Activation, units: int) -> Op:
    """dz from da, and the gradients to the activation's trained numbers."""
    kernel = component_kernel(cpu.activation_backward, step.configured.component, operands.dtype, operands.training)
    return kernel, units, _activation(operands, k, step)


def drop(operands: Operands, k: int, step: steps.Drop, units: int) -> Op:
    """out from a, by dropout."""
    return operands.kernel(dropout.drop), units, _dropout(operands, k, step)


def drop_back(operands: Operands, k: int, step: steps.Drop, units: int) -> Op:
    """da from the gradient to the dropout's output."""
    return operands.kernel(dropout.drop_backward), units, _dropout(operands, k, step)


def add_inputs(operands: Operands, k: int, step: steps.AddInputs, units: int) -> Op:
    """out: the layer's inputs added to a, or to what dropout has left of it."""
    kernel = dropout.add_more_inputs if step.reads == step.writes else dropout.add_inputs
    return operands.kernel(kernel), units, operands.behind(k)


def add_inputs_back(operands: Operands, k: int, step: steps.AddInputs, units: int) -> Op:
    """A copy of the gradient, for the layer below."""
    return operands.kernel(dropout.keep), units, operands.behind(k)


def take_own(operands: Operands, k: int, step: steps.TakeOwn, units: int) -> Op:
    """out: a member's own columns of a."""
    return operands.kernel(members.take_own), units, {**operands.behind(k), "MEMBERS": step.members}


def take_own_back(operands: Operands, k: int, step: steps.TakeOwn, units: int) -> Op:
    """d in a member's own columns."""
    return operands.kernel(members.take_own_backward), units, {**operands.behind(k), "MEMBERS": step.members}


def loss(operands: Operands, k: int, step: steps.Loss, units: int) -> Op:
    """Each row's loss, and d."""
    columns = {**_targets(operands, k, step), "ROW_LOSS": Slot("row_loss"), **operands.whole_batch}
    weighted = "shares" in operands.slots
    kernel = component_kernel(cpu.loss_kernel, step.configured.component, operands.dtype, weighted)
    return kernel, units, columns


def before_loss(operands: Operands, k: int, step: steps.Loss, units: int) -> list[list[Op]]:
    """The phases before a loss of whole batches: gathering what it asks for, then the numbers of each row."""
    if step.scope != BATCH:
        return []
    component, columns = step.configured.component, {**_targets(operands, k, step), **operands.whole_batch}
    kernels = [batch.gather_outputs, batch.gather_labels if operands.plan.target == "label" else batch.gather_targets]
    kernels += [batch.gather_weights] if "shares" in operands.slots else []
    kernels += [batch.gather_groups] if component.asks("group", "group_end") else []
    gathered: list[Op] = [(operands.kernel(kernel), units, columns) for kernel in kernels]
    numbers: list[list[Op]] = [
        [(component_kernel(cpu.each_kernel, component, k, operands.dtype), units, columns)]
        for k in range(len(component.each))
    ]
    return [gathered, *numbers]


def begin(operands: Operands) -> list[Op]:
    """The op that every thread begins a batch of whole groups with; batches of equal rows need none."""
    columns: Columns = {"BOUNDS": Slot("bounds")}
    return [(operands.kernel(batch.take_bounds), ALL_THREADS, columns)] if "bounds" in operands.slots else []


def _targets(operands: Operands, k: int, step: steps.Loss) -> Columns:
    """What a loss reads: outputs, targets, parameters, shares of weighted rows, and the bounds of rows' groups."""
    place, component = operands.layout.layers[k], step.configured.component
    widths = {"row": place.width_columns, "batch": component.targets(place.width)}
    return {
        **operands.behind(k),
        "A": operands.rows[k].values["out"],
        "LABELS" if operands.plan.target == "label" else "TARGET": Slot("target"),
        "TARGET_ROW": widths.get(component.form, place.width),
        "ORDER": Slot("order") if operands.ordered else operands.counted,
        "MOVES": int(operands.ordered),
        **operands.parameters(SMOOTHING, operands.values(step.configured)),
        **{name.upper(): Slot(name) for name in operands.slots if name != "bounds"},
    }


def link(operands: Operands, k: int, step: steps.Link, units: int) -> Op:
    """Predictions from outputs."""
    values, parameters = operands.rows[k].values, operands.values(step.configured)
    columns = {**operands.behind(k), "Z": values["out"], "A": values[step.writes], "PARAMETERS": parameters}
    kernel = component_kernel(cpu.activation_forward, step.configured.component, operands.dtype, False)
    return kernel, units, columns


Lowering = Callable[[Operands, int, Any, int], Op]
FORWARD: Mapping[type[steps.Step], Lowering] = {
    steps.Embed: embed,
    steps.PickRows: pick_rows,
    steps.ScaleInputs: scale_inputs,
    steps.ScaleMembers: scale_members,
    steps.Product: product,
    steps.Norm: normalize,
    steps.Activation: activate,
    steps.Drop: drop,
    steps.AddInputs: add_inputs,
    steps.TakeOwn: take_own,
    steps.Loss: loss,
    steps.Link: link,
}
BACK: Mapping[type[steps.Step], Lowering] = {
    steps.Embed: embed_back,
    steps.PickRows: pick_rows_back,
    steps.ScaleInputs: scale_inputs_back,
    steps.ScaleMembers: scale_members_back,
    steps.Product: product_back,
    steps.Norm: normalize_back,
    steps.Activation: activate_back,
    steps.Drop: drop_back,
    steps.AddInputs: add_inputs_back,
    steps.TakeOwn: take_own_back,
}
# What a step does to a stored gradient, (arena, gradient, k, step) -> Op: for vectors whose gradient comes from that to
# the layer's weights
FINISH: Mapping[type[steps.Step], Callable[[Arena, Arena, int, Any], Op]] = {steps.ScaleInputs: finish_scale}


def finishing(plan: Plan) -> list[tuple[int, steps.Step]]:
    """The steps that finish a stored gradient, each behind the number of its layer."""
    every = ((k, step) for k, layer in enumerate(plan.layers) for step in layer.training.steps)
    return [(k, step) for k, step in every if type(step) in FINISH]


def finish(arena: Arena, gradient: Arena) -> list[list[Op]]:
    """The phase that finishes a stored gradient, if a step asks for one."""
    ops = [FINISH[type(step)](arena, gradient, k, step) for k, step in finishing(arena.plan)]
    return [ops] if ops else []


# ---- columns


def _norm(operands: Operands, k: int, step: steps.Norm) -> Columns:
    first = operands.layout.statistics[step.statistics[0].name].start if step.statistics else 0
    return {
        **operands.layer(k),
        "STATISTICS": operands.arena.statistics[first:],
        "PARAMETERS": np.array([NORM_EPSILON, NORM_MOMENTUM, 1 / operands.layout.layers[k].outputs], operands.dtype),
        **operands.vectors(k, step),
    }


def _activation(operands: Operands, k: int, step: steps.Activation) -> Columns:
    own: Columns = {"PARAMETERS": operands.values(step.configured), "MADE": operands.layout.layers[k].width}
    columns = {**operands.layer(k), **own, **operands.vectors(k, step)}
    return columns if step.key is None else {**columns, "KEYS": Slot("keys"), "KEY": step.key}


def _dropout(operands: Operands, k: int, step: steps.Drop) -> Columns:
    numbers = operands.parameters(f"layers.{k}.dropout", drop_numbers(step, operands.dtype))
    return {**operands.behind(k), **numbers, "KEYS": Slot("keys"), "KEY": step.key}
