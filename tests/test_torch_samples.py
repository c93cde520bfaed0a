"""Activations and losses against PyTorch's own samples of its operators, values and gradients in float64.

Skipped where PyTorch or expecttest, which its samples need, is not installed.  Not tried: samples with class or
element weights, which are the engine's affair; kl_div, which takes log-probabilities where ours takes logits (see
test_torch.py); prelu, whose slope is trained; and what `tries` below says of single operators.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from numbann import kernels
from numbann.components.built_in import built_in

torch = pytest.importorskip("torch")
methods = pytest.importorskip("torch.testing._internal.common_methods_invocations", exc_type=ImportError)
OPERATORS = {operator.name: operator for operator in methods.op_db if not operator.variant_test_name}

# PyTorch's name: ours, and ours of its parameters in the order that PyTorch has them
UNITS: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "atan": ("arctan", ()),
    "exp": ("exponential", ()),
    "sigmoid": ("sigmoid", ()),
    "sin": ("sine", ()),
    "tanh": ("tanh", ()),
    "nn.functional.celu": ("celu", (("alpha", "alpha"),)),
    "nn.functional.elu": ("elu", (("alpha", "alpha"),)),
    "nn.functional.gelu": ("gelu", (("approximate", "approximate"),)),
    "nn.functional.hardshrink": ("hard_shrink", (("lambd", "lambd"),)),
    "nn.functional.hardsigmoid": ("hard_sigmoid", ()),
    "nn.functional.hardswish": ("hard_silu", ()),
    "nn.functional.hardtanh": ("hard_tanh", (("min_val", "min_val"), ("max_val", "max_val"))),
    "nn.functional.leaky_relu": ("leaky_relu", (("negative_slope", "alpha"),)),
    "nn.functional.logsigmoid": ("log_sigmoid", ()),
    "nn.functional.mish": ("mish", ()),
    "nn.functional.relu": ("relu", ()),
    "nn.functional.relu6": ("relu6", ()),
    "nn.functional.selu": ("selu", ()),
    "nn.functional.silu": ("silu", ()),
    "nn.functional.softplus": ("softplus", (("beta", "beta"), ("threshold", "threshold"))),
    "nn.functional.softshrink": ("soft_shrink", (("lambd", "lambd"),)),
    "nn.functional.softsign": ("softsign", ()),
    "nn.functional.tanhshrink": ("tanh_shrink", ()),
    "nn.functional.threshold": ("threshold", (("threshold", "threshold"), ("value", "fill"))),
}
ROWS = {"softmax": "softmax", "log_softmax": "log_softmax", "nn.functional.softmin": "softmin"}
LOSSES: dict[str, tuple[str, dict[str, str]]] = {
    "nn.functional.mse_loss": ("mse", {}),
    "nn.functional.l1_loss": ("mae", {}),
    "nn.functional.smooth_l1_loss": ("smooth_l1", {"beta": "beta"}),
    "nn.functional.huber_loss": ("huber", {"delta": "delta"}),
    "nn.functional.poisson_nll_loss": ("poisson_nll", {}),
    "nn.functional.binary_cross_entropy_with_logits": ("sigmoid_cross_entropy", {}),
    "nn.functional.multi_margin_loss": ("multi_margin", {"margin": "margin"}),
    "nn.functional.cross_entropy": ("softmax_cross_entropy", {"label_smoothing": "label_smoothing"}),
    "nn.functional.gaussian_nll_loss": ("gaussian_nll", {"eps": "epsilon"}),
}


def samples(name: str) -> Iterator[Any]:
    torch.manual_seed(0)
    for sample in OPERATORS[name].sample_inputs("cpu", torch.float64, requires_grad=True):
        if sample.input.numel():
            yield sample


def pulled_back(output: Any, leaf: Any) -> tuple[np.ndarray, np.ndarray]:
    """A gradient of the output, and the gradient of the leaf that it gives."""
    da = torch.randn_like(output)
    return da.numpy(), torch.autograd.grad(output, leaf, da)[0].numpy()


def ours_of(kind: str, name: str, *arrays: Any, suffix: str = "", **values: float) -> Any:
    """A function of numbann.kernels, called as tests/kernels calls it, so that it is compiled once for both."""
    parameters = {**built_in().get(kind, name).defaults(), **values}
    return getattr(kernels, name + suffix)(*arrays, *map(float, parameters.values()))


def check(got: Any, expected: Any, close: float = 1e-12) -> None:
    np.testing.assert_allclose(got, expected, rtol=close, atol=1e-14)


@pytest.mark.parametrize("name", UNITS)
def test_activation(name: str) -> None:
    ours, parameters = UNITS[name]
    tried = 0
    for sample in samples(name):
        values = dict(zip((own for own, _ in parameters), sample.args, strict=False)) | sample.kwargs
        values = {own: values[theirs] for theirs, own in parameters if theirs in values}
        if values.get("lambd", 0) < 0:
            continue  # a threshold below 0 is refused here
        if values.pop("threshold" if ours == "softplus" else "", None) is not None:
            sample.kwargs["threshold"] = 1000  # ours has none
        name_here = "gelu_tanh" if values.pop("approximate", "") == "tanh" else ours
        output = OPERATORS[name](sample.input, *sample.args, **sample.kwargs)
        da, expected = pulled_back(output, sample.input)
        z = sample.input.detach().numpy().ravel()
        a = ours_of("activation", name_here, z, **values)
        check(a, output.detach().numpy().ravel())
        got = ours_of("activation", name_here, da.ravel(), z, a, suffix="_backward", **values)
        check(got, expected.ravel(), 1e-7 if ours == "hard_sigmoid" else 1e-12)  # there its slope has single precision
        tried += 1
    assert tried


@pytest.mark.parametrize("name", ROWS)
def test_row_activation(name: str) -> None:
    for sample in samples(name):
        axis = (*sample.args, sample.kwargs.get("dim"))[0]
        output = OPERATORS[name](sample.input, *sample.args, **sample.kwargs)
        da, expected = pulled_back(output, sample.input)
        z = along(sample.input.detach().numpy(), axis)
        a = ours_of("activation", ROWS[name], z)
        check(a, along(output.detach().numpy(), axis))
        got = ours_of("activation", ROWS[name], along(da, axis), z, a, suffix="_backward")
        check(got, along(expected, axis))


def along(array: Any, axis: int) -> np.ndarray:
    """An array as rows along an axis."""
    moved = np.moveaxis(np.atleast_1d(array), axis, -1)
    return np.ascontiguousarray(moved.reshape(-1, moved.shape[-1]))


def as_rows(array: Any) -> np.ndarray:
    """(N, C, ...) as rows of C."""
    return along(array, 1)


def one_row(array: Any) -> np.ndarray:
    return array.reshape(1, -1)


Arranged = tuple[str, np.ndarray, np.ndarray, Callable[[Any], np.ndarray]]


def tries(name: str, sample: Any) -> Arranged | None:
    """Which of our losses a sample is of, its outputs and targets, and how gradients lie; None if it is not tried."""
    given, ours = sample.kwargs, LOSSES[name][0]
    if any(torch.is_tensor(given.get(key)) for key in ("weight", "pos_weight")) or "ignore_index" in given:
        return None
    if given.get("size_average") is not None or given.get("reduce") is not None or given.get("full"):
        return None
    y, t = sample.input.detach().numpy(), sample.args[0].detach().numpy()
    if ours == "softmax_cross_entropy":
        if y.ndim < 2:
            y, t = y[None], t[None]
        if t.dtype.kind != "f":
            return ours, as_rows(y), np.ascontiguousarray(t.reshape(-1)), lambda g: as_rows(g.reshape(y.shape))
        return None if given.get("label_smoothing") else ("soft_cross_entropy", as_rows(y), as_rows(t), as_rows)
    if ours == "multi_margin":
        plain = y.ndim == 2 and (*sample.args[1:], given.get("p", 1))[0] == 1 and given.get("margin", 1) > 0
        return (ours, y, t, lambda g: g) if plain else None
    if (ours == "smooth_l1" and given.get("beta") == 0) or (ours == "poisson_nll" and not given.get("log_input", True)):
        return None  # which is mae, and a rate that may be negative
    if y.shape != t.shape:
        return None
    return ours, one_row(y), one_row(t), one_row


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "nn.functional.gaussian_nll_loss"])
def test_loss(name: str) -> None:
    tried = 0
    for sample in samples(name):
        arranged = tries(name, sample)
        if arranged is None:
            continue
        ours, y, t, like_ours = arranged
        values = {
            own: float(sample.kwargs[theirs]) for theirs, own in LOSSES[name][1].items() if theirs in sample.kwargs
        }
        output = OPERATORS[name](sample.input, *sample.args, **{**sample.kwargs, "reduction": "mean"})
        (slope,) = torch.autograd.grad(output, sample.input)
        value, dy = ours_of("loss", ours, y, t, **(values if ours == LOSSES[name][0] else {}))
        check(value, output.item())
        check(dy, like_ours(slope.numpy()))
        tried += 1
    assert tried > 1


def test_gaussian_nll() -> None:
    """y is the means and the logarithms of the variances less epsilon; the gradient to these is that to v times v."""
    name, tried = "nn.functional.gaussian_nll_loss", 0
    for sample in samples(name):
        target, var = sample.args
        if sample.kwargs.get("full") or not sample.input.shape == target.shape == var.shape:
            continue
        var = var.detach().requires_grad_()
        epsilon = sample.kwargs.get("eps", 1e-6)
        output = OPERATORS[name](sample.input, target, var + epsilon, **{**sample.kwargs, "reduction": "mean"})
        means, variances = (one_row(g.numpy()) for g in torch.autograd.grad(output, (sample.input, var)))
        v = one_row(var.detach().numpy())
        y = np.hstack((one_row(sample.input.detach().numpy()), np.log(v)))
        value, dy = ours_of("loss", "gaussian_nll", y, one_row(target.detach().numpy()), epsilon=epsilon)
        check(value, output.item())
        check(dy, np.hstack((means, variances * v)))
        tried += 1
    assert tried > 1


def test_cosine_similarity() -> None:
    tried = 0
    for sample in samples("nn.functional.cosine_similarity"):
        other, axis = sample.args[0], sample.kwargs.get("dim", 1)
        if sample.input.shape != other.shape or not sample.input.ndim:
            continue
        output = 1 - OPERATORS["nn.functional.cosine_similarity"](sample.input, *sample.args, **sample.kwargs).mean()
        (slope,) = torch.autograd.grad(output, sample.input)

        y, t = (along(tensor.detach().numpy(), axis) for tensor in (sample.input, other))
        value, dy = ours_of("loss", "cosine_similarity", y, t, epsilon=sample.kwargs.get("eps", 1e-8))
        check(value, output.item())
        check(dy, along(slope.numpy(), axis))
        tried += 1
    assert tried > 1
