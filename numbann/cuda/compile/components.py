"""Modules of components for CUDA: device functions and kernels, generated as text from a component's mathematics.

A component becomes a module.  Its device functions have the same arguments for all components of a kind, so that the
engine's kernels can call them.  Its kernels are for whole arrays, C-ordered; their threads stride over the grid.

    activation   value(z, u, own, vectors, column) -> a and slope(z, a, u, own, vectors, column) -> da/dz;
                 slope_0, slope_1, ...: da/dp of each trained parameter, with the same arguments;
                 in row form value(z, a, own) and slope(z, a, da, dz, own), of one row
                 forward(z, a, own), backward(d, z, a, own, dz), slopes(d, z, a, own, dp): over one dimension, or rows
    loss         value(y, t, own), slope(y, t, own); in row form value(y, t, dy, own), where t may be a label
                 loss(y, t, dy, losses, own): each row's loss, and the gradient of their mean
    optimizer    move(arrays, i, gradient, hyper)
                 update(arrays, gradients, hyper)

own: all parameters in their order, as an array or a tuple; kernels of a noisy activation have u after them.  hyper: the
numbers of a step, in the columns of numbann.simd.op.  arrays: weights, stored states and, with "average", the average.
vectors (L, K): the L trained parameters of K units; in kernels of arrays all units share those in own.  dp: (L, N).  In
row form all lanes of a warp call a function together, and dz must not be d.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from numba import types
from numba.core.errors import NumbaError

from numbann.compile.checking import first_line, subject, type_fault
from numbann.compile.cpu import NO_DRAW
from numbann.compile.modules import load
from numbann.compile.precision import Lowered
from numbann.compile.text import as_bool, call_of, hyper_parameters, names_the_plugin, variable_of
from numbann.components.component import Component, Configured, arguments_of, free_parameters
from numbann.cuda.compile import binaries
from numbann.cuda.compile.target import CUDA
from numbann.cuda.threads import device, running
from numbann.cuda.threads.running import Binary
from numbann.derivation import derivative_of, slopes_of
from numbann.derivation.outputs import rows_of
from numbann.errors import PluginError
from numbann.simd.op import FIRST_PARAMETER

HEADER = '''"""Made by numbann from a component's mathematics."""
{imports}
import numpy as np
from numbann.simd.op import CLIP_VALUE, FIRST_PARAMETER, KEPT, L1, LEARNING_RATE, STEP, WEIGHT_DECAY
from numbann.cuda.threads import lanes
from numbann.cuda.threads.device import cuda, inner, kernel

F = np.{dtype}


{functions}


'''

FUNCTION = """@inner
def {name}({arguments}):
{parameters}
    return {call}


"""
FORWARD = """@kernel
def forward(z, a, own):
{vectors}
    for i in range(cuda.grid(1), z.size, cuda.gridsize(1)):
        a[i] = value(z[i], {u}, own, vectors, 0)


@kernel
def backward(d, z, a, own, dz):
{vectors}
    for i in range(cuda.grid(1), z.size, cuda.gridsize(1)):
        dz[i] = d[i] * slope(z[i], a[i], {u}, own, vectors, 0)


"""
SLOPES = """@kernel
def slopes(d, z, a, own, dp):
{vectors}
    for i in range(cuda.grid(1), z.size, cuda.gridsize(1)):
{slopes}
"""
SLOPE = "        dp[{k}, i] = d[i] * slope_{k}(z[i], a[i], {u}, own, vectors, 0)"

ROW_FORWARD = """@kernel
def forward(z, a, own):
    for r in range(cuda.grid(1) >> lanes.SHIFT, z.shape[0], cuda.gridsize(1) >> lanes.SHIFT):
        value(z[r], a[r], own)


@kernel
def backward(d, z, a, own, dz):
    for r in range(cuda.grid(1) >> lanes.SHIFT, z.shape[0], cuda.gridsize(1) >> lanes.SHIFT):
        slope(z[r], a[r], d[r], dz[r], own)


"""

ELEMENTWISE_LOSS = """@kernel
def loss(y, t, dy, losses, own):
    share = F(1) / F(y.shape[1])
    scale = share / F(y.shape[0])
    shift = lanes.shift_for(y.shape[1])
    width = 1 << shift
    first, lane = 0, cuda.grid(1) & (width - 1)
    while first < y.shape[0]:
        r, total = first + (cuda.grid(1) >> shift), F(0)
        if r < y.shape[0]:
            for n in range((y.shape[1] - lane + width - 1) >> shift):
                k = lane + (n << shift)
                total += value(y[r, k], t[r, k], own)
                dy[r, k] = slope(y[r, k], t[r, k], own) * scale
        total = lanes.reduce_sum_of_group(total, width)
        if r < y.shape[0] and lane == 0:
            losses[r] = total * share
        first += cuda.gridsize(1) >> shift
"""
ROW_LOSS = """@kernel
def loss(y, t, dy, losses, own):
    scale = F(1) / F(y.shape[0])
    for r in range(cuda.grid(1) >> lanes.SHIFT, y.shape[0], cuda.gridsize(1) >> lanes.SHIFT):
        found = value(y[r], t[r], dy[r], own)
        if lanes.index() == 0:
            losses[r] = found
        lanes.barrier()
        for n in range(lanes.share(y.shape[1])):
            dy[r, lanes.element(n)] *= scale
"""

UPDATE = """@inner
def move(arrays, i, g, hyper):
    learning_rate, weight_decay, step = hyper[LEARNING_RATE], hyper[WEIGHT_DECAY], hyper[STEP]
    _l1, _limit, _kept = hyper[L1], hyper[CLIP_VALUE], hyper[KEPT]
{parameters}
    weight = arrays[0][i]
    gradient = {gradient}
    {results} = {call}
    arrays[0][i] = weight
{average}


@kernel
def update(arrays, gradients, hyper):
    for i in range(cuda.grid(1), gradients.size, cuda.gridsize(1)):
        move(arrays, i, gradients[i], hyper)
"""
NO_ROWS = "noise, trained parameters and other widths of whole rows are not computed on a GPU"
CLIPPED = "(_limit if g > _limit else (-_limit if g < -_limit else g))"
SIGNED_L1 = "(_l1 if weight > F(0) else (-_l1 if weight < F(0) else F(0)))"
AVERAGE = "    arrays[{k}][i] = _kept * arrays[{k}][i] + (F(1) - _kept) * weight"


# ---- modules of components


@functools.cache
@names_the_plugin
def activation(component: Component, dtype: str) -> ModuleType:
    """The module of an activation."""
    lowered = Lowered(dtype, target=CUDA, component=component)
    if component.rows or component.gradients or "width" in component.traits:
        raise PluginError(f"{subject(component)}: {NO_ROWS}")
    if component.form == "row":
        text = _function(lowered, component, component.function, "value", "z, a, own", {})
        if component.backward is not None:  # what a loss gives has none
            text += _function(lowered, component, component.backward, "slope", "z, a, da, dz, own", {})
        return _module(component, lowered, text + ROW_FORWARD)
    given = {name: f"vectors[{k}, column]" for k, name in enumerate(component.learnable)}
    text = _function(lowered, component, component.function, "value", "z, u, own, vectors, column", given)
    slopes = slopes_of(component)
    for name, part in [("", derivative_of(component)), *((f"_{k}", part) for k, part in enumerate(slopes))]:
        text += _function(lowered, component, part, f"slope{name}", "z, a, u, own, vectors, column", given)
    u = f"own[{len(component.parameters)}]" if "u" in component.roles else NO_DRAW
    fields = {"u": u, "vectors": _vectors(component)}
    text += FORWARD.format(**fields)
    lines = [SLOPE.format(k=k, u=u) for k in range(len(slopes))]
    return _module(component, lowered, text + (SLOPES.format(slopes="\n".join(lines), **fields) if lines else ""))


def _vectors(component: Component) -> str:
    """The lines that make the vectors of one unit from the parameters."""
    trained = [k for k, parameter in enumerate(component.parameters) if parameter.learnable]
    if not trained:
        return "    vectors = own"
    lines = [f"vectors = cuda.local.array(({len(trained)}, 1), F)"]
    return "\n".join("    " + line for line in lines + [f"vectors[{i}, 0] = own[{k}]" for i, k in enumerate(trained)])


@functools.cache
@names_the_plugin
def loss(component: Component, dtype: str) -> ModuleType:
    """The module of a loss."""
    component = rows_of(component)
    lowered = Lowered(dtype, target=CUDA, component=component)
    if component.form == "row":
        text = _function(lowered, component, component.function, "value", "y, t, dy, own", {"label": "t"})
        return _module(component, lowered, text + ROW_LOSS)
    text = _function(lowered, component, component.function, "value", "y, t, own", {})
    text += _function(lowered, component, derivative_of(component), "slope", "y, t, own", {})
    return _module(component, lowered, text + ELEMENTWISE_LOSS)


@functools.cache
@names_the_plugin
def optimizer(component: Component, dtype: str, stored: tuple[str, ...], extras: tuple[str, ...] = ()) -> ModuleType:
    """The module of an elementwise optimizer.

    stored: the states that are stored; a parameter whose state is not is compiled in as zero.  extras: those of
    "clip_value", "l1" and "average" that are used; their numbers are in hyper.
    """
    lowered = Lowered(dtype, target=CUDA, component=component)
    name = lowered.add(component.function)
    states = {
        state: f"arrays[{stored.index(state) + 1}][i]" if state in stored else "F(0)" for state in component.states
    }
    off = {parameter for state, parameter in component.traits["optional"].items() if state not in stored}
    terms = [CLIPPED if "clip_value" in extras else "g"]
    terms += [] if "weight_decay" in component.roles else ["weight_decay * weight"]
    terms += [SIGNED_L1] if "l1" in extras else []
    text = UPDATE.format(
        parameters=hyper_parameters(component, off),
        gradient=" + ".join(terms),
        results=", ".join(["weight", *(states[state] if state in stored else "_" for state in component.states)]),
        call=call_of(name, component, component.function, {"w": "weight", "g": "gradient", **states}),
        average=AVERAGE.format(k=len(stored) + 1) if "average" in extras else "",
    )
    return _module(component, lowered, text)


@functools.cache
def device_function(function: Callable[..., Any], component: Component, dtype: str) -> Any:
    """One of a component's functions as a device function, with its author's arguments."""
    lowered = Lowered(dtype, target=CUDA, component=component)
    name = lowered.add(function)
    return getattr(_module(component, lowered, ""), name)


# ---- text


def _function(
    lowered: Lowered,
    component: Component,
    function: Callable[..., Any],
    name: str,
    arguments: str,
    given: Mapping[str, str],
) -> str:
    """A device function of these arguments that reads the parameters it needs and calls the mathematics."""
    asked = arguments_of(function)
    parameters = [
        f"    {variable_of(parameter.name)} = own[{k}]{as_bool(parameter)}"
        for k, parameter in enumerate(component.parameters)
        if parameter.name in asked and parameter.name not in given
    ]
    call = call_of(lowered.add(function), component, function, given)
    return FUNCTION.format(name=name, arguments=arguments, parameters="\n".join(parameters), call=call)


_MODULES: dict[Component, list[ModuleType]] = {}  # each component's modules, whose types are checked once compiled


def _module(component: Component, lowered: Lowered, text: str) -> ModuleType:
    """The module with this text after the mathematics, whose names there are kept in `mathematics`."""
    header = HEADER.format(imports="\n".join(sorted(lowered.imports)), dtype=lowered.dtype, functions=lowered.text)
    module = load(header + text)
    vars(module).update(mathematics=tuple(lowered.functions.values()), dtype=lowered.dtype)
    _MODULES.setdefault(component, []).append(module)
    return module


# ---- compiling


MISSES = 0  # kernels of the engine that this process compiled, because the cache did not have them
_LOADED: dict[tuple[Any, str, device.Capability], Any] = {}


def load_kernel(kernel: Any, dtype: str, components: Sequence[Component]) -> Any:
    """Load a kernel of the engine, (arena, work, data, ints, layer, step), to the GPU in use, for `running.bind`.

    PluginError, which names the components that may be at fault, if it does not compile.
    """
    if device.SIMULATED:
        return kernel
    key = kernel, dtype, device.capability_in_use()
    if key not in _LOADED:
        _LOADED[key] = running.load(find_binary(*key, components))
    return _LOADED[key]


def find_binary(kernel: Any, dtype: str, capability: device.Capability, components: Sequence[Component]) -> Binary:
    """Find a kernel's machine code in the cache, or compile it.  It needs no GPU."""
    global MISSES
    place = binaries.file_of(kernel, dtype, capability)
    found = binaries.read(place)
    if found is None:
        found = _compile(kernel, dtype, capability, components)
        binaries.store(place, found)
        MISSES += 1
    return found


def _compile(kernel: Any, dtype: str, capability: device.Capability, components: Sequence[Component]) -> Binary:
    real, whole = types.Array(device.DTYPES[dtype], 1, "C"), types.Array(types.int64, 1, "C")
    try:
        found = running.compile_binary(kernel, (real, real, real, whole, types.int64, types.int64), capability)
    except NumbaError as error:
        names = ", ".join(f"{one.kind} {one.name}" for one in components)
        raise PluginError(f"one of {names}: does not compile for cuda: {first_line(error)}") from error
    for component in components:
        for module in _MODULES.get(component, ()):
            check_types(component, module)
    return found


def check_types(component: Component, module: ModuleType) -> None:
    """PluginError unless every number in the compiled functions of the mathematics has the working precision."""
    for name in module.mathematics:
        function = getattr(module, name)
        for overload in function.overloads.values():
            for variable, kind in overload.type_annotation.typemap.items():
                fault = type_fault(variable, kind, device.DTYPES[module.dtype], arguments_of(function.py_func))
                if fault:
                    shown = variable.split(".")[0].lstrip("$")
                    raise PluginError(f"{subject(component)}: {shown!r} {fault}")


# ---- PTX


def ptx(chosen: Configured, dtype: str, capability: device.Capability) -> dict[str, str]:
    """The PTX of each kernel of a component, by name; PluginError if the component is at fault.  It needs no GPU."""
    component = chosen.component
    module, kernels = _kernels(chosen, dtype)
    try:
        found = {name: device.ptx(getattr(module, name), given, capability) for name, given in kernels.items()}
    except NumbaError as error:
        raise PluginError(f"{subject(component)}: does not compile for cuda: {first_line(error)}") from error
    check_types(component, module)
    return found


def _kernels(chosen: Configured, dtype: str) -> tuple[ModuleType, dict[str, tuple[Any, ...]]]:
    """A component's module and the types of its kernels' arguments, as numbann.kernels.cuda gives them."""
    component, real = chosen.component, device.DTYPES[dtype]
    line, rows = (types.Array(real, count, "C") for count in (1, 2))
    if component.kind == "optimizer":
        stored, numbers = chosen.stored_states, FIRST_PARAMETER + len(free_parameters(component))
        arrays, hyper = types.UniTuple(line, 1 + len(stored)), types.UniTuple(real, numbers)
        return optimizer(component, dtype, stored), {"update": (arrays, line, hyper)}
    own = types.UniTuple(real, len(component.parameters) + ("u" in component.roles) or 1)
    if component.kind == "loss":
        t = types.Array(types.int64, 1, "C") if "label" in component.roles else rows
        return loss(component, dtype), {"loss": (rows, t, rows, line, own)}
    shape = rows if component.form == "row" else line
    back = (shape, shape, shape, own)
    found = {"forward": (shape, shape, own), "backward": (*back, shape)}
    return activation(component, dtype), found | ({"slopes": (*back, rows)} if component.learnable else {})


def double_precision(text: str) -> list[str]:
    """The lines of a PTX text that use double precision."""
    return [line.strip() for line in text.splitlines() if re.search(r"\.f64\b|%fd\d", line)]
