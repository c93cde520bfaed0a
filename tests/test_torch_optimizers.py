"""Optimizers against PyTorch's: 30 steps of every configuration that its own tests run, in float64 to 1e-12.

Skipped where PyTorch or expecttest, which its tests need, is not installed.  A gradient to be maximised is one of the
other sign.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from numbann import kernels
from numbann.components.built_in import built_in

torch = pytest.importorskip("torch")
database = pytest.importorskip("torch.testing._internal.common_optimizers", exc_type=ImportError)

OURS = {
    "Adadelta": "adadelta",
    "Adagrad": "adagrad",
    "Adam": "adam",
    "Adamax": "adamax",
    "AdamW": "adamw",
    "NAdam": "nadam",
    "RAdam": "radam",
    "RMSprop": "rmsprop",
    "Rprop": "rprop",
    "SGD": "sgd",
}
LEFT_OUT = {
    "Adafactor": "of whole matrices",
    "ASGD": "averaged descent: train.average does it for every optimizer",
    "LBFGS": "a solver with a line search of its own",
    "Muon": "of whole matrices",
    "SparseAdam": "of sparse gradients",
    "decoupled_weight_decay": "a weight decay beside the gradient is that of adamw and lion",
}
NAMES = {
    "lr": "learning_rate",
    "eps": "epsilon",
    "alpha": "rho",  # of RMSprop
    "betas": ("beta1", "beta2"),
    "etas": ("eta_minus", "eta_plus"),
    "step_sizes": ("min_step", "max_step"),
}
OWN = ["amsgrad", "centered", "dampening", "momentum", "momentum_decay", "nesterov", "rho", "weight_decay"]


def configurations() -> Iterator[Any]:
    for info in database.optim_db:
        name = info.optim_cls.__name__
        for given in info.optim_inputs_func(device="cpu") if name not in LEFT_OUT else ():
            if not given.kwargs.get("decoupled_weight_decay", False) or name == "AdamW":
                yield pytest.param(info.optim_cls, given.kwargs, id=f"{name} {given.desc}")


def parameters(group: dict[str, Any]) -> dict[str, Any]:
    """Ours of all that PyTorch's optimizer was made with."""
    found: dict[str, Any] = {name: group[name] for name in OWN if name in group}
    for theirs, own in NAMES.items():
        if theirs in group:
            found.update(zip(own, group[theirs], strict=True) if isinstance(own, tuple) else [(own, group[theirs])])
    return {name: value if isinstance(value, bool) else float(value) for name, value in found.items()}


@pytest.fixture(autouse=True)
def double_precision() -> Iterator[None]:
    """PyTorch keeps its products of scalars in the default precision."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def test_all_are_known() -> None:
    names = {info.optim_cls.__name__ for info in database.optim_db}
    assert names <= {*OURS, *LEFT_OUT}


@pytest.mark.parametrize(("kind", "given"), list(configurations()))
def test_thirty_steps(kind: Any, given: dict[str, Any]) -> None:
    """By the function of numbann.kernels, called as tests/kernels calls it, so that it is compiled once for both."""
    component, random = built_in().get("optimizer", OURS[kind.__name__]), np.random.default_rng(0)
    w = random.standard_normal((1, 7))
    weights = torch.tensor(w, requires_grad=True)
    other = kind([weights], **given)
    values = {**component.defaults(), **parameters(other.param_groups[0])}
    states = {name: np.zeros_like(w) for name in component.states}
    if "initial_accumulator_value" in given:
        states["total"][:] = given["initial_accumulator_value"]
    for step in range(30):
        g = random.standard_normal(w.shape)
        weights.grad = torch.tensor(g)
        other.step()
        counted = {"step": step + 1} if "step" in component.roles else {}
        rate = values["learning_rate"] / (1 + step * given.get("lr_decay", 0))  # as the schedule inverse_time
        g = -g if given.get("maximize") else g
        getattr(kernels, f"{component.name}_step")(w, g, **states, **counted, **{**values, "learning_rate": rate})
        np.testing.assert_allclose(w, weights.detach().numpy(), rtol=1e-12, atol=1e-15)
