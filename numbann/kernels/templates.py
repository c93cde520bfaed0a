"""The texts from which the array functions of components are made: one function each, with fields for what differs."""

from __future__ import annotations

HEADER = '''"""Made by numbann from a component's mathematics."""
{imports}
import numpy as np
from numba.extending import overload
from numbann.kernels.arrays import as_rows, check_shapes, check_state, check_units, clear, copy, flat, flat_state
from numbann.kernels.arrays import keep_state, labels_of, opaque, overlap, padded_row, result_like, shifted
from numbann.kernels.arrays import single_precision, state_at, targets_of, units_of, whole
from numbann.errors import KernelValueError
from numbann.simd.jit import inner_safe
from numbann.simd.pointer import padded

F32, F64 = np.float32, np.float64'''

CHOICE = """def {role}({arguments}):
    raise NotImplementedError


@overload({role})
def _{role}({arguments}):
    if single_precision({first}):
        return lambda {arguments}: {single}({given})
    return lambda {arguments}: {double}({given})
"""

# What all forms of a function begin with: the result, and checks of shapes
FORWARD_START = """def {name}({signature}):
{casts}
    result = result_like("{name}: z and out", z, out)
"""
BACKWARD_START = """def {name}_backward({backward_signature}):
{backward_casts}
{results}
    check_shapes("{name}_backward: z and da", z.shape, da.shape)
    check_shapes("{name}_backward: z and a", z.shape, a.shape)
"""
LOSS_START = """def {name}({signature}):
{casts}
    dy = result_like("{name}: y and out", y, out)
"""
FORWARD = {
    "elementwise": FORWARD_START
    + """    x, y = flat(z), result.reshape(result.size)
    for i in range(x.size):
        y[i] = value({value})
    return result
""",
    "trained": FORWARD_START
    + """    x, y = as_rows(z), as_rows(result)
{rows}
    for i in range(x.shape[0]):
        for k in range(x.shape[1]):
            y[i, k] = value({value})
    return result
""",
    "row": FORWARD_START
    + """    x, y = as_rows(z), as_rows(result)
    x_row, y_row = padded_row(x), padded_row(x)
{rows}
    for i in range(x.shape[0]):
        copy(x[i], x_row)
        value({value})
        copy(y_row, y[i])
    return result
""",
}
BACKWARD = {
    "elementwise": BACKWARD_START
    + """    d, x, y, dz = flat(da), flat(z), flat(a), result.reshape(result.size)
    for i in range(x.size):
        dz[i] = d[i] * derivative({derivative})
    return result
""",
    "trained": BACKWARD_START
    + """    d, x, y, dz = as_rows(da), as_rows(z), as_rows(a), as_rows(result)
{rows}
{starts}
    for i in range(x.shape[0]):
        for k in range(x.shape[1]):
{slopes}
            dz[i, k] = d[i, k] * derivative({derivative})
    return {returned}
""",
    "row": BACKWARD_START
    + """    d, x, y, dz = as_rows(da), as_rows(z), as_rows(a), as_rows(result)
    d_row, x_row, y_row, dz_row = padded_row(x), padded_row(x), padded_row(x), padded_row(x)
{rows}
{starts}
    for i in range(x.shape[0]):
        copy(d[i], d_row)
        copy(x[i], x_row)
        copy(y[i], y_row)
        derivative({derivative})
        copy(dz_row, dz[i])
{slopes}
    return {returned}
""",
}
LOSS = {
    "elementwise": LOSS_START
    + """    check_shapes("{name}: y and t", y.shape, t.shape)
    x, target, d = flat(y), flat(t), dy.reshape(dy.size)
    share = y.dtype.type(1) / y.dtype.type(x.size)
    total = 0.0
    for i in range(x.size):
        total += value({value})
        d[i] = derivative({derivative}) * share
    return total / x.size, dy
""",
    "row": LOSS_START
    + """    x, d = as_rows(y), as_rows(dy)
    target = {target}
    x_row, d_row, t_row = padded_row(x), padded_row(x), {t_row}
    share = y.dtype.type(1) / y.dtype.type(x.shape[0])
    total = 0.0
    for i in range(x.shape[0]):
        copy(x[i], x_row)
        {fill}
        total += value({value})
        for k in range(x.shape[1]):
            d[i, k] = d_row[k] * share
    return total / x.shape[0], dy
""",
    "batch": LOSS_START
    + """    x, d = as_rows(y), as_rows(dy)
    target = {target}
    rows, d_row, all_y, all_weight = x.shape[0], padded_row(x), whole(x, x), whole(np.ones(x.shape[0]), x)
{reads}
{numbers}
    share = y.dtype.type(1) / y.dtype.type(rows)
    total = 0.0
    for i in range(rows):
        total += value({value})
        for k in range(x.shape[1]):
            d[i, k] = d_row[k] * share
    return total / rows, dy
""",
}
NUMBER = """    all_{name} = np.empty(rows + 16, x.dtype)[:rows]
    for i in range(rows):
        all_{name}[i] = each_{name}({call})"""
STEP = """def {name}_step({signature}):
{casts}
{checks}
    weights, gradients = w.reshape(w.size), flat(g)
{views}
    for i in range(weights.size):
        gradient = gradients[i]{decay}
        weights[i]{results} = value({value})
{kept}
"""
