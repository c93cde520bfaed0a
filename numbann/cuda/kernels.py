"""The array functions of numbann.kernels for arrays on an NVIDIA GPU, with the same names and meanings.

    from numbann.kernels import cuda as kernels
    a = kernels.relu(z)

z is anything with __cuda_array_interface__ (of numba, CuPy, PyTorch, JAX), C-ordered, float32 or float64.  Without
`out=` the result is a device array of numba-cuda, which the same libraries take without a copy.  All functions take
`stream=` and return before the GPU is done, except losses, whose value is a number.  They are called from Python; for
your own kernels, numbann.cuda.compile.components has the mathematics as device functions.

There are no norms and no dropout.  A trained parameter is one number for all units, and a backward function gives dz
alone.  What does not fit is refused as by numbann.kernels.  An output shares memory with nothing; only that of an
elementwise activation may be one of its inputs.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, Signature
from typing import Any

import numpy as np

from numbann import kernels as host
from numbann.components.built_in import built_in
from numbann.components.component import Component, free_parameters
from numbann.cuda.compile import components as compiled
from numbann.cuda.threads import arrays, device, lanes
from numbann.cuda.threads.device import blocks, cuda, launcher
from numbann.derivation.outputs import rows_of
from numbann.errors import KernelTypeError, KernelValueError, ShapeError
from numbann.kernels.arguments import NEEDED
from numbann.kernels.components import find_function, names_of
from numbann.kernels.host import HOST
from numbann.kernels.layers import TAKES
from numbann.kernels.parameters import check_numbers, defaults_of
from numbann.simd.op import FIRST_PARAMETER, LEARNING_RATE, STEP, WEIGHT_DECAY

Given = Mapping[str, Any]
BATCHES = [entry.component.name for entry in built_in().entries("loss") if entry.component.form == "batch"]
ELSEWHERE = {*TAKES, *names_of((*HOST, "embedding")), *BATCHES}  # in numbann.kernels alone
NAMED, KEYWORD = Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY


def __getattr__(name: str) -> Any:
    """Make a component's functions when one of them is first used."""
    found = find_function(name, array_functions)
    if found is not None:
        globals()[name] = found
        return found
    if name in ELSEWHERE:
        raise AttributeError(f"{name} is in numbann.kernels alone: it has no function for arrays on a GPU")
    raise AttributeError(host.not_there("numbann.kernels.cuda", name))


def __dir__() -> list[str]:
    """The names of all functions."""
    return [name for name in dir(host) if name not in ELSEWHERE]


@functools.cache
def array_functions(component: Component) -> dict[str, Any]:
    """The functions of a component for arrays on the GPU, by name."""
    make = {"activation": _activation, "loss": _loss, "optimizer": _optimizer}.get(component.kind)
    functions = make(component) if make and component.form in ("elementwise", "row", "outputs") else []
    return {function.__name__: function for function in functions}


# ---- products


def matmul(a: Any, b: Any, out: Any = None, *, stream: Any = 0) -> Any:
    """a @ b: a (B, I), b (I, O) -> (B, O).  ShapeError if the shapes do not fit."""
    a, b, size = _factors("matmul", a, b)
    result = _of_shape("matmul", a, size[:2], out, stream)
    _check_apart("matmul", [result], [a, b])
    if result.size:
        arrays.multiply(_flat(result), _flat(a), _flat(b), None, size, stream)
    return result


def dense_forward(x: Any, w: Any, b: Any, out: Any = None, *, stream: Any = 0) -> Any:
    """x w + b: x (B, I), w (I, O), b (O,) -> (B, O).  ShapeError if the shapes do not fit."""
    x, w, size = _factors("dense_forward", x, w)
    b = _array("dense_forward", b)
    if b.size != size[1]:
        raise ShapeError(f"dense_forward: b has {b.size} elements, w has {size[1]} columns")
    _check_types("dense_forward", x, b)
    result = _of_shape("dense_forward", x, size[:2], out, stream)
    _check_apart("dense_forward", [result], [x, w, b])
    if result.size:
        arrays.multiply(_flat(result), _flat(x), _flat(w), _flat(b), size, stream)
    return result


def dense_backward(x: Any, w: Any, dy: Any, out: Any = None, *, stream: Any = 0) -> tuple[Any, Any, Any]:
    """The gradients of x w + b: x (B, I), w (I, O), dy (B, O) -> dx = dy w' (B, I), dw = x' dy (I, O), db (O,).

    out: a tuple (dx, dw, db) of arrays to fill.  ShapeError if the shapes do not fit.
    """
    name = "dense_backward"
    x, w, (rows, outputs, inputs) = _factors(name, x, w)
    dy = _array(name, dy)
    if tuple(dy.shape) != (rows, outputs):
        raise ShapeError(f"{name}: dy has shape {_shape(dy)}, it must be ({rows}, {outputs})")
    _check_types(name, x, dy)
    given = out or (None, None, None)
    shapes = (rows, inputs), (inputs, outputs), (outputs,)
    dx, dw, db = (_of_shape(name, x, shape, one, stream) for shape, one in zip(shapes, given, strict=True))
    _check_apart(name, [dx, dw, db], [x, w, dy])
    if dx.size:
        arrays.multiply_by_transpose(_flat(dx), _flat(dy), _flat(w), (rows, inputs, outputs), stream)
    if dw.size:
        arrays.multiply_transpose(_flat(dw), db, _flat(x), _flat(dy), (inputs, outputs, rows), stream)
    elif outputs:
        arrays.sum_columns(db, _flat(dy), rows, stream)
    return dx, dw, db


def _factors(name: str, a: Any, b: Any) -> tuple[Any, Any, tuple[int, int, int]]:
    """Check two factors; returns them, and the rows, columns and depth of their product."""
    a, b = _array(name, a), _array(name, b)
    if len(a.shape) != 2 or len(b.shape) != 2 or a.shape[1] != b.shape[0]:
        shapes = f"{_shape(a)} and {_shape(b)}"
        raise ShapeError(f"{name}: shapes {shapes} do not fit: columns of the first must equal rows of the second")
    _check_types(name, a, b)
    return a, b, (a.shape[0], b.shape[1], a.shape[1])


def _of_shape(name: str, like: Any, shape: tuple[int, ...], out: Any, stream: Any) -> Any:
    """out, if it is given and has the shape, else a new array."""
    if out is None:
        return cuda.device_array(shape, like.dtype, stream=stream)
    out = _array(name, out)
    if tuple(out.shape) != shape:
        raise ShapeError(f"out has shape {_shape(out)}, the result has {shape}")
    _check_types(name, like, out)
    return out


# ---- components


def _activation(component: Component) -> list[Callable[..., Any]]:
    name, row = component.name, component.form == "row"
    shaped = _rows if row else _flat

    def module_for(array: Any) -> Any:
        return compiled.activation(component, array.dtype.name)

    def units(array: Any) -> int:
        return _units(shaped(array), row)

    @_public(name, component, ["z"])
    def forward(given: Given) -> Any:
        z = _array(name, given["z"])
        a = _result(name, z, given)
        _check_apart(name, [a], [z], same=not row)
        _run(module_for(z).forward, given, shaped(z), shaped(a), _own(component, given, z), units=units(z))
        return a

    @_public(f"{name}_backward", component, ["da", "z", "a"])
    def backward(given: Given) -> Any:
        da, z, a = (_array(f"{name}_backward", given[key]) for key in ("da", "z", "a"))
        dz = _result(f"{name}_backward", z, given)
        _check_same(f"{name}_backward", z, da, a)
        _check_apart(f"{name}_backward", [dz], [da, z, a], same=not row)
        arrays = map(shaped, (da, z, a))
        _run(module_for(z).backward, given, *arrays, _own(component, given, z), shaped(dz), units=units(z))
        return dz

    return [forward, backward]


def _loss(component: Component) -> list[Callable[..., Any]]:
    component = rows_of(component)
    name, share = component.name, component.traits["outputs"]

    @_public(name, component, ["y", "t"])
    def value(given: Given) -> tuple[float, Any]:
        y, stream = _array(name, given["y"]), given["stream"]
        dy = _result(name, y, given)
        x = _rows(y) if component.form == "row" or len(y.shape) > 1 else y.reshape(y.size, 1)
        if "label" in component.roles:
            t = _device_array(name, given["t"])
            _check_labels(name, x.shape[0], component.classes(x.shape[1]), t, stream)
        else:
            t = _array(name, given["t"])
            width, columns = component.targets(x.shape[1]), f"{len(component.columns) or ''} ".lstrip()
            if share == 1 and not columns:
                _check_same(name, y, t)
            elif _rows(t).shape != (x.shape[0], width) or x.shape[1] % share:
                shapes = f"{name}: shapes {_shape(x)} and {_shape(_rows(t))}"
                raise ShapeError(f"{shapes} must be (B, {share} T) and (B, {columns}T)")
            t = t.reshape(x.shape[0], width)
        _check_apart(name, [dy], [y, t])
        losses = cuda.device_array(x.shape[0], y.dtype, stream=stream)
        kernel, units = compiled.loss(component, y.dtype.name).loss, _units(x, component.form == "row")
        _run(kernel, given, x, t, dy.reshape(*x.shape), losses, _own(component, given, y), units=units)
        return float(losses.copy_to_host(stream=stream).mean(dtype=np.float64)), dy

    return [value]


def _optimizer(component: Component) -> list[Callable[..., Any]]:
    name, optional = f"{component.name}_step", component.traits["optional"]
    asked = [state for state in component.states if state not in optional]
    counted = ["step"] if "step" in component.roles else []

    @_public(name, component, ["w", "g", *asked, *counted], [*optional], out=False)
    def step(given: Given) -> None:
        for state, parameter in optional.items():
            if given[state] is None and given[parameter]:
                raise KernelValueError(f"{name}: its parameters ask for the state {state}; give an array")
        stored = tuple(state for state in component.states if given[state] is not None)
        w, g, *states = (_array(name, given[key]) for key in ("w", "g", *stored))
        _check_same(name, w, g, *states)
        _check_apart(name, [w, *states], [g])
        hyper = [0.0] * FIRST_PARAMETER + [given[parameter] for parameter in free_parameters(component)]
        for place, role in ((LEARNING_RATE, "learning_rate"), (WEIGHT_DECAY, "weight_decay"), (STEP, "step")):
            hyper[place] = given.get(role, 0.0)
        numbers = tuple(w.dtype.type(number) for number in hyper)
        kernel = compiled.optimizer(component, w.dtype.name, stored).update
        _run(kernel, given, tuple(_flat(array) for array in (w, *states)), _flat(g), numbers, units=w.size)

    return [step]


def _own(component: Component, given: Given, like: Any) -> tuple[Any, ...]:
    """The parameters as numbers of an array's type; a 0 if there are none, since a kernel takes no empty tuple."""
    return tuple(like.dtype.type(given[name]) for name in defaults_of(component)) or (like.dtype.type(0),)


def _units(array: Any, by_row: bool) -> int:
    """The number of threads: a warp for each row, or one for each element."""
    return int(array.shape[0] * lanes.COUNT if by_row else array.size)


def _run(kernel: Any, given: Given, *arguments: Any, units: int) -> None:
    """Launch a kernel with a thread for each unit."""
    if units:
        launcher(kernel, blocks(units), stream=given["stream"])(*arguments)


def _public(
    name: str, component: Component, arguments: Sequence[str], optional: Sequence[str] = (), out: bool = True
) -> Callable[[Callable[[Given], Any]], Callable[..., Any]]:
    """Give a function of a mapping the name, arguments and documentation of its counterpart in numbann.kernels."""
    signature = Signature(
        [
            *(Parameter(argument, NAMED) for argument in arguments),
            *(Parameter(own, NAMED, default=value) for own, value in defaults_of(component).items()),
            *(Parameter(argument, NAMED, default=None) for argument in [*optional, *(["out"] if out else [])]),
            Parameter("stream", KEYWORD, default=0),
        ]
    )

    def decorate(body: Callable[[Given], Any]) -> Callable[..., Any]:
        def function(*arguments: Any, **named: Any) -> Any:
            given = signature.bind(*arguments, **named)
            given.apply_defaults()
            check_numbers(component, name, given.arguments)
            return body(given.arguments)

        function.__name__ = function.__qualname__ = name
        function.__doc__ = f"{name}: {component.function.__doc__}"
        function.__signature__ = signature  # type: ignore[attr-defined]
        return function

    return decorate


# ---- arrays


def _array(name: str, value: Any) -> Any:
    """Any device array as one of numba-cuda; KernelTypeError unless it is C-ordered, of float32 or float64."""
    found = _device_array(name, value)
    if found.dtype.name not in device.DTYPES:
        raise KernelTypeError(f"{name}: arrays must be of float32 or float64, not {found.dtype}")
    if not found.is_c_contiguous():
        raise KernelTypeError(f"{name}: an array of shape {_shape(found)} is not C-ordered; copy it")
    return found


def _device_array(name: str, value: Any) -> Any:
    """Any device array as one of numba-cuda."""
    try:
        return device.array(value)
    except TypeError as error:
        raise KernelTypeError(f"{name}: {error}") from None


def _check_apart(name: str, written: Sequence[Any], read: Sequence[Any], same: bool = False) -> None:
    """KernelValueError if an output shares memory with another array; same: it may be an input."""
    spans = [(device.address(array), array.size * array.dtype.itemsize) for array in (*written, *read) if array.size]
    for one, other in itertools.combinations(spans, 2):
        if one[0] < sum(other) and other[0] < sum(one) and not (same and one == other):
            raise KernelValueError(f"{name}: an output shares memory with another array; give it its own")


def _result(name: str, like: Any, given: Given) -> Any:
    """out, if it is given and fits, else a new array like another one."""
    if given["out"] is None:
        return cuda.device_array(tuple(like.shape), like.dtype, stream=given["stream"])
    out = _array(name, given["out"])
    _check_same(name, like, out)
    return out


def _flat(array: Any) -> Any:
    """A view of an array with one dimension."""
    return array.reshape(array.size)


def _rows(array: Any) -> Any:
    """A view of an array as rows of its last dimension."""
    count = array.shape[len(array.shape) - 1]
    return array.reshape(array.size // max(count, 1), count)


def _shape(array: Any) -> str:
    return str(tuple(array.shape))


def _check_same(name: str, like: Any, *others: Any) -> None:
    """ShapeError, naming both shapes, or KernelTypeError, naming both types, unless they are equal."""
    for other in others:
        if tuple(like.shape) != tuple(other.shape):
            raise ShapeError(f"{name}: shapes {_shape(like)} and {_shape(other)} must be equal")
        _check_types(name, like, other)


def _check_types(name: str, like: Any, other: Any) -> None:
    if like.dtype != other.dtype:
        raise KernelTypeError(f"{name}: arrays of {like.dtype} and {other.dtype}; both must be of one type")


def _check_labels(name: str, rows: int, classes: int, labels: Any, stream: Any) -> None:
    """ShapeError if there is no label for each row; KernelValueError with the label if one is no class of the rows."""
    if labels.dtype.kind not in "iu":
        raise KernelTypeError(f"{name}: t is an array of {labels.dtype}; give {NEEDED['labels']}")
    if tuple(labels.shape) != (rows,):
        raise ShapeError(f"{name}: shapes ({rows},) and {_shape(labels)} must be equal")
    found = labels.copy_to_host(stream=stream)
    wrong = found[(found < 0) | (found >= classes)]
    if wrong.size:
        raise KernelValueError(f"{name}: label {wrong[0]} is outside 0..{classes - 1}")
