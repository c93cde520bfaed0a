"""From scikit-learn's fitted networks to numbann's estimators, and back: weights, and what training goes on from."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from sklearn import neural_network
from sklearn.base import ClassifierMixin
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer
from sklearn.utils.validation import check_is_fitted

from numbann.network.plan import Plan
from numbann.network.states import add_prefix, select_part
from numbann.sklearn.networks import predicting
from numbann.sklearn.parameters import ACTIVATIONS, KINDS, is_theirs, layers_of

LINKS = {  # by what makes predictions of outputs: scikit-learn's name for it, and whether it is for classes
    "softmax": ("softmax", True),
    "sigmoid": ("logistic", True),
    "identity": ("identity", False),
    "exponential": ("exp", False),
}
STATES = {AdamOptimizer: {"m": "ms", "v": "vs"}, SGDOptimizer: {"velocity": "velocities"}}  # ours, and theirs
OWN = ("vectors_", "validation_loss_curve_", "_best")  # attributes that scikit-learn's estimators lack


def adopt(estimator: Any, fitted: Any) -> None:
    """Give an estimator everything that scikit-learn's fitted one has, of which it has the parameters."""
    estimator.__dict__ |= copy.deepcopy(vars(fitted))
    estimator.vectors_, estimator.validation_loss_curve_ = {}, [] if estimator.early_stopping else None
    if not hasattr(estimator, "_optimizer"):
        return
    optimizer, names = estimator._optimizer, _names(estimator)
    optimizer.state = {"steps": np.array([getattr(optimizer, "t", 0)], np.int64)}
    for ours, theirs in STATES[type(optimizer)].items():
        optimizer.state |= add_prefix(ours, dict(zip(names, getattr(optimizer, theirs), strict=True)))
        setattr(optimizer, theirs, [])
    optimizer.states, optimizer.epochs = (), estimator.n_iter_
    if isinstance(optimizer, AdamOptimizer):  # theirs keeps the rate of a step there
        optimizer.learning_rate = float(optimizer.learning_rate_init)


def to_sklearn(estimator: Any) -> Any:
    """Return scikit-learn's estimator with the same weights and predictions; ValueError if it cannot be the network.

    `partial_fit` goes on from the same state of the solver.  What training has beyond scikit-learn's parameters is left
    out: in the place of another solver, loss or schedule is scikit-learn's default.
    """
    check_is_fitted(estimator)
    kind, plan = neural_network.MLPRegressor, predicting(estimator)
    if isinstance(estimator, ClassifierMixin):
        kind = neural_network.MLPClassifier
    link, settings = _link(estimator, plan), kind().get_params()
    settings |= {n: getattr(estimator, n) for n in settings if n not in KINDS or is_theirs(estimator, n)}
    settings["activation"] = _activation(estimator, plan)
    if "loss" in settings:
        settings["loss"] = "poisson" if link == "exp" else "squared_error"
    found, left = kind(**settings), {*estimator.get_params(), *OWN}
    found.__dict__ |= copy.deepcopy({name: one for name, one in vars(estimator).items() if name not in left})
    found.out_activation_ = link
    found._best_coefs, found._best_intercepts = found.coefs_, found.intercepts_
    if not is_theirs(estimator, "solver"):
        found.__dict__.pop("_optimizer", None)
    elif hasattr(found, "_optimizer"):
        _give_state(found)
    return found


def _give_state(found: Any) -> None:
    """Turn the state of the engine's optimizer into that of scikit-learn's."""
    optimizer, state = found._optimizer, found._optimizer.state
    if type(optimizer) not in STATES:  # it follows a schedule
        del found._optimizer
        return
    for ours, theirs in STATES[type(optimizer)].items():
        tensors = select_part(ours, state)
        setattr(optimizer, theirs, [tensors[name] for name in _names(found)])
    optimizer.t = int(state["steps"][0])
    del optimizer.state, optimizer.states, optimizer.epochs


def _names(estimator: Any) -> list[str]:
    """Return the names of weights and biases in scikit-learn's order: all weights, then all biases."""
    return [f"layers.{k}.{name}" for name in ("weight", "bias") for k in range(len(estimator.coefs_))]


def _link(estimator: Any, plan: Plan) -> str:
    """Return scikit-learn's name for what makes predictions of outputs; ValueError if it has none."""
    name = plan.link.name if plan.link else "identity"
    known, classes = LINKS.get(name, ("", False))
    if not known or classes != isinstance(estimator, ClassifierMixin) or plan.outputs != estimator.n_outputs_:
        told = f"loss={estimator.loss!r} gives other outputs than scikit-learn's: {plan.outputs} by {name}"
        raise ValueError(f"{told}; estimator.to_model() exports it")
    return known


def _activation(estimator: Any, plan: Plan) -> str:
    """Return scikit-learn's name for the activation of all hidden layers; ValueError if it cannot be them."""
    theirs = {ours: name for name, ours in ACTIVATIONS.items()}
    hidden = plan.layers[:-1]
    names = {layer.activation.name if layer.activation else "identity" for layer in hidden}
    norms = any(layer.norm for layer in layers_of(estimator, [layer.outputs for layer in hidden]))
    wrong = {"activation": len(names) > 1 or not names <= theirs.keys(), "norm": norms}
    if said := [f"{name}={getattr(estimator, name)!r}" for name, one in wrong.items() if one]:
        told = (
            f"there is no network of scikit-learn with {' and '.join(said)}: it takes one of {', '.join(ACTIVATIONS)}"
        )
        raise ValueError(f"{told}, and no norm; estimator.to_model() exports it")
    return theirs[names.pop()] if names else "relu"
