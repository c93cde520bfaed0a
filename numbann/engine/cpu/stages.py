"""What follows a layer's product: norm, activation, dropout and residual connection, as ops forward and backward.

Each function gives the ops of one layer, in their order; `units` is -GRAIN for rows or a number of panels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from numbann.compile import cpu
from numbann.components.component import Configured
from numbann.engine.cpu.memory import LayerRows
from numbann.engine.cpu.table import Op, Slot
from numbann.network.plan import NORM, NORM_EPSILON, NORM_MOMENTUM, Dropout, Layer
from numbann.simd import dropout, norm

if TYPE_CHECKING:
    from numbann.engine.cpu.tables import Builder


def norm_forward(builder: Builder, k: int, units: int) -> list[Op]:
    """From the product h to the activation's z."""
    layer = builder.plan.layers[k]
    if layer.norm is None:
        return []
    kernels = {"layer": norm.layer_norm, "batch": norm.batch_norm if builder.trains else norm.running_norm}
    return [(builder.kernel(kernels[layer.norm]), units, _norm(builder, k))]


def norm_backward(builder: Builder, k: int, units: int) -> list[Op]:
    """From dz to dh, and the gradients to scale and shift."""
    layer = builder.plan.layers[k]
    if layer.norm is None:
        return []
    of_batch = norm.batch_norm_backward if builder.trains else norm.running_norm_backward
    kernels = {"layer": norm.layer_norm_backward, "batch": of_batch}
    return [(builder.kernel(kernels[layer.norm]), units, _norm(builder, k))]


def outputs_forward(builder: Builder, k: int, units: int) -> list[Op]:
    """From z to what the next layer reads."""
    return [*_activation_forward(builder, k, units), *_drop(builder, k, units), *_add_inputs(builder, k, units)]


def outputs_backward(builder: Builder, k: int, units: int) -> list[Op]:
    """From the gradient to what the next layer reads down to dz."""
    layer, rows = builder.plan.layers[k], builder.rows[k]
    ops: list[Op] = []
    if rows.skip is not None:
        columns = {**_rows(layer, rows), "SKIP": rows.skip, "SKIP_ROW": layer.row}
        ops.append((builder.kernel(dropout.keep), units, columns))
    if layer.dropout and builder.trains:
        ops.append((builder.kernel(dropout.drop_backward), units, _dropout(builder, k, layer.dropout)))
    return [*ops, *activation_backward(builder, k, units)]


def activation_backward(builder: Builder, k: int, units: int) -> list[Op]:
    """From da to dz, and the gradients to what is trained in the activation."""
    layer = builder.plan.layers[k]
    if layer.activation is None:
        return []
    kernel = cpu.activation_backward(layer.activation.component, builder.plan.dtype, builder.trains)
    return [(kernel, units, _activation(builder, k, layer.activation))]


def _activation_forward(builder: Builder, k: int, units: int) -> list[Op]:
    layer, rows = builder.plan.layers[k], builder.rows[k]
    if layer.activation is None:
        return []
    component = layer.activation.component
    noisy = builder.trains and "u" in component.roles
    kernel = cpu.activation_forward(component, builder.plan.dtype, rows.a is rows.z, noisy)
    return [(kernel, units, _activation(builder, k, layer.activation))]


def _drop(builder: Builder, k: int, units: int) -> list[Op]:
    layer = builder.plan.layers[k]
    if layer.dropout is None or not builder.trains:
        return []
    return [(builder.kernel(dropout.drop), units, _dropout(builder, k, layer.dropout))]


def _add_inputs(builder: Builder, k: int, units: int) -> list[Op]:
    layer, rows = builder.plan.layers[k], builder.rows[k]
    if not layer.residual:
        return []
    kernel = dropout.add_more_inputs if layer.dropout and builder.trains else dropout.add_inputs
    return [(builder.kernel(kernel), units, {**builder.inputs_of(k), **_rows(layer, rows)})]


# ---- columns


def _rows(layer: Layer, rows: LayerRows) -> dict[str, Any]:
    """The rows of a layer from z on."""
    return {
        "Z": rows.z,
        "Z_ROW": layer.row,
        "A": rows.a,
        "A_ROW": layer.row,
        "OUT": rows.out,
        "OUT_ROW": layer.row,
        "D": rows.d,
        "D_ROW": layer.row,
        "OUTPUTS": layer.outputs,
        "COLUMNS": layer.columns,
    }


def _norm(builder: Builder, k: int) -> dict[str, Any]:
    layer, rows = builder.plan.layers[k], builder.rows[k]
    statistics = builder.arena.statistics[layer.statistics :]
    return {
        **_rows(layer, rows),
        "H": rows.h,
        "H_ROW": layer.row,
        "FACTORS": rows.factors,
        "STATISTICS": statistics if layer.norm == "batch" else 0,
        "PARAMETERS": np.array([NORM_EPSILON, NORM_MOMENTUM, 1 / layer.outputs], builder.plan.dtype),
        **_vectors(builder, k, 0),
    }


def _activation(builder: Builder, k: int, activation: Configured) -> dict[str, Any]:
    layer = builder.plan.layers[k]
    columns = {**_rows(layer, builder.rows[k]), "PARAMETERS": builder.values(activation)}
    if builder.trains and "u" in activation.component.roles:
        columns |= _keys(k, 0)
    if layer.learnable:
        columns |= _vectors(builder, k, len(NORM) if layer.norm else 0)
    return columns


def _dropout(builder: Builder, k: int, drop: Dropout) -> dict[str, Any]:
    numbers = np.array([drop.rate, drop.scale, drop.shift, drop.dropped, 0], builder.plan.dtype)
    return {**_rows(builder.plan.layers[k], builder.rows[k]), "PARAMETERS": numbers, **_keys(k, 1)}


def _vectors(builder: Builder, k: int, first: int) -> dict[str, Any]:
    """The trained vectors of a layer from one of them on, and where the gradients of rows to them go."""
    layer, slopes = builder.plan.layers[k], builder.rows[k].slopes
    return {
        "VECTORS": builder.arena.address(layer.vectors[first].offset),
        "SLOPES": slopes[first:],
        "SLOPES_STRIDE": slopes.shape[1] * layer.row,
    }


def _keys(k: int, purpose: int) -> dict[str, Any]:
    """The key of a layer's random numbers: of the activation (0) or of dropout (1)."""
    return {"KEYS": Slot("keys"), "KEY": 2 * k + purpose}
