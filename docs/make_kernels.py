"""Writes docs/kernels.md and numbann/kernels/__init__.pyi, all kernels with their types: python docs/make_kernels.py"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from numbann import kernels
from numbann.components.built_in import built_in
from numbann.components.component import Component
from numbann.kernels.arguments import Argument
from numbann.kernels.components import SUFFIXES

PAGE = Path(__file__).with_name("kernels.md")
STUB = Path(kernels.__file__ or "").with_suffix(".pyi")

PREAMBLE = """import numpy as np
from numbann import kernels

random = np.random.default_rng(0)
x, w, b = random.standard_normal((32, 8)), random.standard_normal((8, 4)), np.zeros(4)
z = kernels.dense_forward(x, w, b)  # (B, I) (I, O) (O,) -> (B, O)
da = np.ones_like(z)
y, t = random.random((32, 4)), random.random((32, 4))
labels = random.integers(0, 4, 32)
g = random.standard_normal(w.shape)
f, m, o = random.standard_normal((8, 3)), random.standard_normal((8, 3, 2)), np.zeros((8, 2))"""

INTRODUCTION = f"""# Kernels

`numbann.kernels` has what a training step is made of, for NumPy code and for `@njit` functions of your own, which call
the same names. Arrays are all float32 or all float64, labels integers. What is only read may be of any order; what is
written is C-ordered. `out=` takes an array to fill. Anything else is one error that names function and argument:
KernelTypeError, ShapeError or KernelValueError; for `@njit` code numba raises it when the code is compiled. Your own
`@njit(cache=True)` may call kernels: the next process loads it, and where numbann has changed since, numba compiles it
again ([How the engine works](engine.md#the-cache) tells how). The examples stand behind these lines:

```python
{PREAMBLE}
```

Letters: B rows, I inputs, O outputs, K classes, T targets, H terms. `help(kernels.NAME)` tells more of each,
`docs/components.md` has the references. `python docs/make_kernels.py` writes this page, and the types that mypy and
pyright see (after `pip install -e .` only with `--config-settings editable_mode=compat`).

`kernels.of` gives the kernels of any other component: of an installed plugin, of a file, or of a decorated function,
with other defaults where they are given. They work in `@njit` functions too, but for initializers and metrics:

```python
import numbann


@numbann.activation
def bent(z, alpha: float = 0.1):
    return alpha * z if z < 0 else z


bent_kernel, bent_backward = kernels.of(bent, alpha=0.2)
elu, elu_backward = kernels.of("elu", alpha=0.7)  # also plugins=["my_plugin.py"]
mean_error = kernels.of("mae", kind="metric")  # without kind, a loss comes before a metric of its name
```
"""
SECTIONS = {
    "activation": """## Activations

z, da, a and what comes back have one shape. Those marked *rows* go by the last dimension, the others by single numbers.
A backward gives dz = da f'(z), from z and a = f(z). A trained parameter (prelu's alpha) is a vector with a number for
each unit, or one number for all; the backward then gives dz and the gradient to each unit's number, `out` is a tuple,
and the gradient to one number for all is the sum. So it is for activations of plugins with `Learnable` parameters.""",
    "embedding": """## Embeddings

Each makes O numbers of each number in x (B, I): e (B, I, O). What is trained follows x: (I, H) for a number of each
term; mix (I, H, O), the weights of terms, with those of all functions one after the other; (I, O) for a number of each
output. Where x itself is the last output, O is one less in these. A backward takes de, the gradient to e, and gives the
gradients to what is trained, in a tuple; it gives none to x.""",
    "loss": """## Losses

Each gives the mean value, a number, and dy, its gradient to y. The mean is over rows and outputs; of losses of rows it
is over rows.""",
    "optimizer": """## Steps of optimizers

w changes in place, by its gradient g, and so do the states: arrays of w's shape, zeros at first. step counts from 1. A
state behind the parameters is needed by the setting that its formula names.""",
    "initializer": """## Initializers

For Python alone: make an array by them, and pass it to `@njit` code. The shape is (I, O); `random` is a
`numpy.random.Generator`, or the seed of a new one. A network draws the same numbers from the same generator.""",
    "metric": """## Metrics

For Python alone. Each gives a number, in double precision. t, label: classes (N,) from 0, or where a metric takes
several yes/no labels, 0 and 1 (N, T); probability: (N, K) of K classes, or (N, T). Metrics of numbers take t and what
is predicted in one shape, (N,) or (N, T). weight: (N,), each row's; all 1 if left out.""",
}
NORMS = """## Norms and dropout

By rows of the last dimension, h may have any number of dimensions. A way back takes the inputs of the way forward and
works out the rest again. Whether dropout keeps a number is a hash of seed, row and column."""
SHAPES = {
    "matmul": ("a (B, I), b (I, O) -> (B, O)", "kernels.matmul(x, w)"),
    "dense_forward": ("x (B, I), w (I, O), b (O,) -> (B, O)", "kernels.dense_forward(x, w, b)"),
    "dense_backward": (
        "x (B, I), w (I, O), dy (B, O) -> dx (B, I), dw (I, O), db (O,)",
        "dx, dw, db = kernels.dense_backward(x, w, da)",
    ),
}
LAYERS = {
    "layer_norm": ("h (B, O), scale, shift (O,) -> z (B, O)", "kernels.layer_norm(z, b + 1, b)"),
    "layer_norm_backward": (
        "dz, h (B, O), scale (O,) -> dh (B, O), dscale, dshift (O,)",
        "dh, dscale, dshift = kernels.layer_norm_backward(da, z, b + 1)",
    ),
    "rms_norm": ("h (B, O), scale (O,) -> z (B, O)", "kernels.rms_norm(z, b + 1)"),
    "rms_norm_backward": (
        "dz, h (B, O), scale (O,) -> dh (B, O), dscale (O,)",
        "dh, dscale = kernels.rms_norm_backward(da, z, b + 1)",
    ),
    "batch_norm": (
        "h (B, O), scale, shift (O,) -> z (B, O); running mean and variance (O,) change in place",
        "kernels.batch_norm(z, b + 1, b, mean=np.zeros(4), variance=np.ones(4))",
    ),
    "batch_norm_backward": (
        "dz, h (B, O), scale (O,) -> dh (B, O), dscale, dshift (O,)",
        "dh, dscale, dshift = kernels.batch_norm_backward(da, z, b + 1)",
    ),
    "running_norm": (
        "h (B, O), scale, shift, mean, variance (O,) -> z (B, O): a batch norm after training",
        "kernels.running_norm(z, b + 1, b, np.zeros(4), np.ones(4))",
    ),
    "dropout": (
        "a (B, O), seed from 0 -> y (B, O): 0 with probability rate, else a / (1 - rate)",
        "kernels.dropout(z, 0.5, 7)",
    ),
    "dropout_backward": ("dy (B, O) -> da (B, O), with the same rate and seed", "kernels.dropout_backward(da, 0.5, 7)"),
}
GIVEN = {  # in examples, for the arguments of metrics
    "t": "labels",
    "label": "labels // 2",
    "probability": "y / y.sum(1, keepdims=True)",
    "value": "y",
    "low": "y - 0.3",
    "high": "y + 0.3",
    "mean": "y",
    "variance": "y",
    "time": "t[:, 0]",
    "event": "np.ones(32)",
}

TYPES = {
    "whole": "int",
    "classes": "Labels",
    "shape": "tuple[int, int]",
    "random": "int | np.random.Generator",
    "dtype": "Any",
    "seed": "int",
    "numbers": "float | Floats",
    "array": "Floats",
    "written": "Floats",
    "number": "float",
    "flag": "bool",
    "count": "int",
    "labels": "Labels",
}
RESULTS = {
    "loss": "tuple[float, Floats]",
    "optimizer": "None",
    "initializer": "NDArray[Any]",
    "metric": "float",
}  # of those that give something else than `out`
STUB_HEAD = """# Made by docs/make_kernels.py.
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from numbann.cuda import kernels as cuda

Floats = TypeVar("Floats", NDArray[np.float32], NDArray[np.float64])
Labels = NDArray[np.integer[Any]]
Numbers = NDArray[np.floating[Any]]

__all__: list[str]

def not_there(module: str, name: str) -> str: ...
def of(
    name: str | Callable[..., Any], *, kind: str | None = ..., plugins: Iterable[str | Path] = ..., **parameters: Any
) -> Any: ..."""


# ---- the page


def page() -> str:
    """The page as text."""
    lines = [INTRODUCTION, "## Products", "", *_table(_listed(SHAPES)), "", NORMS, "", *_table(_listed(LAYERS))]
    for kind, text in SECTIONS.items():
        lines += ["", text, "", *_table(_rows(kind))]
    return "\n".join(lines) + "\n"


def examples() -> dict[str, str]:
    """The example of each kernel, by its name."""
    rows = [*_listed({**SHAPES, **LAYERS}), *(row for kind in SUFFIXES for row in _rows(kind))]
    return {signature.partition("(")[0]: example for signature, _, example in rows}


def _table(rows: Iterator[tuple[str, str, str]]) -> Iterator[str]:
    yield "| kernel | shapes and formula | example |"
    yield "| --- | --- | --- |"
    for signature, text, example in rows:
        yield f"| `{signature}` | {text.replace('|', chr(92) + '|')} | `{example}` |"


def _listed(kernels_of: Mapping[str, tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    for name, (shapes, example) in kernels_of.items():
        yield f"{name}{inspect.signature(getattr(kernels, name))}", shapes, example


def _rows(kind: str) -> Iterator[tuple[str, str, str]]:
    for component in _components(kind):
        for suffix in SUFFIXES[kind]:
            function = getattr(kernels, component.name + suffix)
            rows = "*rows*: " if component.form == "row" else ""
            given = _gradients(component, function)
            text = f"{given} of {component.name}" if suffix == "_backward" else re.sub(r"\s+", " ", component.summary)
            yield f"{component.name}{suffix}{inspect.signature(function)}", rows + text, _example(component, suffix)


def _gradients(component: Component, backward: Any) -> str:
    """What a backward function gives."""
    if component.kind == "embedding":
        return ", ".join(
            f"d{it.name}" for it in backward.arguments if it.kind == "array" and it.name not in ("de", "x")
        )
    return ", ".join(["dz", *(f"d{one}" for one in component.learnable)])


def _components(kind: str) -> list[Component]:
    found = [entry.component for entry in built_in().entries(kind)]
    return [component for component in found if component.name + SUFFIXES[kind][0] in dir(kernels)]


def _example(component: Component, suffix: str) -> str:
    """A line that calls the kernel with arrays of the preamble."""
    name = f"kernels.{component.name}{suffix}"
    if component.kind == "embedding":
        return _embedding(component, name)
    if suffix == "_backward" and component.learnable:
        given = ", ".join(["dz", *(f"d{one}" for one in component.learnable)])
        return f"{given} = {name}(da, z, kernels.{component.name}(z))"
    if suffix == "_backward":
        return f"{name}(da, z, kernels.{component.name}(z))"
    if component.kind == "activation":
        return f"{name}(z)"
    if component.kind == "loss":
        outputs = component.traits["outputs"]
        whole = "labels" if "label" in component.roles else "t"
        return f"{name}(y, {whole})" if outputs == 1 else f"{name}(y[:, :{outputs}], {whole}[:, :1])"
    if component.kind == "initializer":
        return f"{name}({', '.join(['(8, 4)', '0', *(role for role in ('x', 'z') if role in component.roles)])})"
    if component.kind == "metric":
        given = GIVEN if "probability" in component.roles else {**GIVEN, "t": "labels % 2"}
        given = given if {"label", "probability"} & set(component.roles) else {**GIVEN, "t": "t"}
        given = {**given, "value": "y[:, 0]"} if "time" in component.outputs else given
        given = {**given, "t": "abs(t)", "group": "labels"} if "group" in component.roles else given
        return f"{name}({', '.join(given[it.name] for it in _arguments(name) if it.default is ...)})"
    needed = [argument for argument in _arguments(name) if argument.default is ... and argument.kind == "written"]
    states = ["np.zeros_like(w)"] * (len(needed) - 1)
    return f"{name}({', '.join(['w', 'g', *states, *(['1'] if 'step' in component.roles else [])])})"


def _embedding(component: Component, name: str) -> str:
    """A call with a number of three terms and two outputs for each input."""
    mix, width = ["m"] * len(component.terms), 2 + bool(component.traits["passes"])
    given = {"de": f"np.ones((32, 8, {width}))", "x": "x", "mix": f"np.hstack([{', '.join(mix)}])" if mix[1:] else "m"}
    given |= dict.fromkeys(component.output.learnable, "o")
    call = f"{name}({', '.join(given.get(it.name, 'f') for it in _arguments(name) if it.default is ...)})"
    return (
        f"{_gradients(component, getattr(kernels, name.removeprefix('kernels.')))} = {call}"
        if "_backward(" in call
        else call
    )


def _arguments(name: str) -> tuple[Argument, ...]:
    found: Any = getattr(kernels, name.removeprefix("kernels."))
    return tuple(found.arguments)


# ---- the stub


def stub() -> str:
    """The stub as text."""
    lines = [STUB_HEAD]
    lines += [_declaration(name, _gives(name)) for name in {**SHAPES, **LAYERS}]
    for kind, suffixes in SUFFIXES.items():
        for component in _components(kind):
            names = [component.name + suffix for suffix in suffixes]
            made = [_declaration(name, RESULTS[kind] if kind in RESULTS else _gives(name)) for name in names]
            lines += [one.replace("Floats", "Numbers") if kind == "metric" else one for one in made]
    return "\n".join(lines) + "\n"


def _gives(name: str) -> str:
    """What a kernel that gives arrays returns: as many as its `out` takes."""
    out = _arguments(name)[-1]
    return _tuple_of(out) if out.kind == "results" else "Floats"


def _tuple_of(out: Argument) -> str:
    assert isinstance(out.ndim, tuple)
    return f"tuple[{', '.join(['Floats'] * len(out.ndim))}]"


def _declaration(name: str, result: str) -> str:
    return f"def {name}({', '.join(map(_typed, _arguments(name)))}) -> {result}: ..."


def _typed(argument: Argument) -> str:
    kind = _tuple_of(argument) if argument.kind == "results" else TYPES[argument.kind]
    if argument.default is ...:
        return f"{argument.name}: {kind}"
    return f"{argument.name}: {kind}{' | None' if argument.default is None else ''} = {argument.default!r}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
    STUB.write_text(stub(), encoding="utf-8", newline="\n")
