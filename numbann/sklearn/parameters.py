"""The parameters that scikit-learn's estimators lack: what they are without a word, what they may be, and mean.

A name of scikit-learn's own means what it means there: "adam", "relu", "invscaling".  {"type": "adam"} is numbann's.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from math import inf
from numbers import Integral, Real
from typing import Any, TypeVar

from joblib import effective_n_jobs
from sklearn.base import ClassifierMixin
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer
from sklearn.utils._param_validation import Interval, InvalidParameterError, StrOptions

from numbann.components.built_in import built_in
from numbann.components.component import Configured
from numbann.errors import NumbannError, PluginError
from numbann.network.description import Dense
from numbann.sklearn import mathematics
from numbann.sklearn.components import configured

Estimator = TypeVar("Estimator", bound=type)
ACTIVATIONS = {"identity": "identity", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}
LOSSES = {True: ("log_loss",), False: ("squared_error", "poisson")}  # of classifiers and of regressors
THEIRS = {"activation": tuple(ACTIVATIONS), "solver": ("lbfgs", "sgd", "adam")}
THEIRS["learning_rate"] = ("constant", "invscaling", "adaptive")
KINDS = {"activation": "activation", "solver": "optimizer", "loss": "loss", "learning_rate": "schedule"}
BY_LAYER = ("activation", "norm", "dropout")  # which may be a list, with one for each hidden layer
THREADS = "a number of threads, -1 for all processors, -2 for all but one, or None"  # what n_jobs takes
NO_DECAY, NO_RATE = 0.0001, 0.001  # scikit-learn's alpha and learning_rate_init, where nothing is said
CONSTRAINTS: dict[str, Any] = {
    **dict.fromkeys(KINDS, "no_validation"),  # `check` does it
    "dropout": [Interval(Real, 0, 1, closed="left"), list, tuple],
    "norm": [StrOptions({"layer", "batch"}), None, list, tuple],
    "callbacks": [list, tuple, None],
    "n_jobs": [Integral, None],
}
OF_CLASSES = {"class_weight": [StrOptions({"balanced"}), dict, list, None]}


def adding(**own: Any) -> Callable[[Estimator], Estimator]:
    """Give a class its parent's parameters and these, which are passed by name, with their defaults."""

    def add(kind: Estimator) -> Estimator:
        parent = kind.__init__  # type: ignore[misc]
        theirs = inspect.signature(parent)
        added = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=own[name]) for name in own]
        signature = theirs.replace(parameters=[*theirs.parameters.values(), *added])

        @wraps(parent)
        def __init__(self: Any, *given: Any, **named: Any) -> None:
            bound = signature.bind(self, *given, **named)
            bound.apply_defaults()
            values = {name: bound.arguments.pop(name) for name in own}
            parent(*bound.args, **bound.kwargs)
            vars(self).update(values)

        __init__.__signature__ = signature  # type: ignore[attr-defined]
        kind.__init__ = __init__  # type: ignore[misc]
        return kind

    return add


def is_theirs(estimator: Any, name: str, value: Any = None) -> bool:
    """Tell whether a parameter, or an item of it, is one of scikit-learn's own names."""
    value = getattr(estimator, name) if value is None else value
    known = LOSSES[isinstance(estimator, ClassifierMixin)] if name == "loss" else THEIRS[name]
    return isinstance(value, str) and value in known


# ---- what may be given


def check(estimator: Any) -> None:
    """InvalidParameterError, as scikit-learn's, for a value that means nothing; ValueError for what does not agree."""
    for name, kind in KINDS.items():
        given = getattr(estimator, name)
        for value in given if name in BY_LAYER and isinstance(given, list | tuple) else [given]:
            if not is_theirs(estimator, name, value):
                _check_component(estimator, name, kind, value)
    _, norms, rates = (_each(estimator, name, len(sizes_of(estimator))) for name in BY_LAYER)
    for value in rates:
        if not isinstance(value, Real) or not 0 <= float(value) < 1:
            raise _invalid(estimator, "dropout", "numbers of at least 0, below 1", "")
    if any(value not in (None, "layer", "batch") for value in norms):
        raise _invalid(estimator, "norm", "a list of 'layer', 'batch' and None", "")
    _check_class_weight(estimator)
    if estimator.n_jobs == 0:
        raise _invalid(estimator, "n_jobs", THREADS, "")
    if estimator.solver == "lbfgs":
        _check_lbfgs(estimator)
    elif not is_theirs(estimator, "solver"):
        _check_optimizer(estimator)


def _check_class_weight(estimator: Any) -> None:
    given = getattr(estimator, "class_weight", None)
    for weights in given if isinstance(given, list) else [given]:
        if isinstance(weights, dict) and not all(isinstance(w, Real) and 0 <= float(w) < inf for w in weights.values()):
            raise _invalid(
                estimator, "class_weight", "'balanced', or a dict with a finite number, at least 0, by class", ""
            )


def _check_component(estimator: Any, name: str, kind: str, value: Any) -> None:
    try:
        _component(kind, value)
    except NumbannError as error:
        article = "an" if kind[0] in "aeiou" else "a"
        named = f"the name of {article} {kind}, {{'type': NAME, ...parameters}}, or a function decorated with @{kind}"
        several = ", or a list of these, one for each hidden layer" if name in BY_LAYER else ""
        own = LOSSES[isinstance(estimator, ClassifierMixin)] if name == "loss" else THEIRS[name]
        allowed = f"{', '.join(map(repr, own))}, {named}{several}"
        raise _invalid(estimator, name, allowed, f": {error}") from None


def _invalid(estimator: Any, name: str, allowed: str, why: str) -> InvalidParameterError:
    who, given = type(estimator).__name__, getattr(estimator, name)
    return InvalidParameterError(f"The {name!r} parameter of {who} must be {allowed}. Got {given!r} instead{why}.")


def naming_parameters(method: Callable[..., Any]) -> Callable[..., Any]:
    """Make a method's error about a component one of scikit-learn's kind, which names the parameter."""

    @wraps(method)
    def named(self: Any, *given: Any, **settings: Any) -> Any:
        try:
            return method(self, *given, **settings)
        except PluginError as error:
            name = next((one for one in KINDS if any(f" {title}:" in str(error) for title in _titles(self, one))), "")
            told = f"The {name!r} parameter of {type(self).__name__} cannot be used: " if name else ""
            raise InvalidParameterError(f"{told}{error}") from error

    return named


def _titles(estimator: Any, name: str) -> list[str]:
    """Return the names of the components that a parameter names, but those of scikit-learn."""
    given = getattr(estimator, name)
    values = given if name in BY_LAYER and isinstance(given, list | tuple) else [given]
    return [_component(KINDS[name], value).component.name for value in values if not is_theirs(estimator, name, value)]


def _check_lbfgs(estimator: Any) -> None:
    """ValueError for what the solver lbfgs does not do."""
    layers = layers_of(estimator, sizes_of(estimator))
    refused = {
        "dropout": any(layer.dropout for layer in layers),
        "norm": any(layer.norm for layer in layers),
        "activation": any(layer.activation and layer.activation.component.learnable for layer in layers),
        "learning_rate": not is_theirs(estimator, "learning_rate"),
        "callbacks": bool(estimator.callbacks),
    }
    for name in (name for name, found in refused.items() if found):
        told = f"solver='lbfgs' trains weights and biases alone, without epochs; {name}={getattr(estimator, name)!r}"
        raise ValueError(f"{told} needs another solver")


def _check_optimizer(estimator: Any) -> None:
    """ValueError for an optimizer that works on all rows at once, and for numbers that two parameters say."""
    chosen = configured("optimizer", estimator.solver)
    given = estimator.solver if isinstance(estimator.solver, dict) else {}
    if chosen.component.form == "solver":
        raise ValueError(f"solver={estimator.solver!r} works on all rows at once; give solver='lbfgs'")
    if "learning_rate" in given and estimator.learning_rate_init != NO_RATE:
        raise ValueError(f"solver={estimator.solver!r} says the learning rate; leave learning_rate_init out")
    if decays_itself(chosen) and estimator.alpha != NO_DECAY:
        told = f"solver={estimator.solver!r} decays weights by its own weight_decay"
        raise ValueError(f"{told}; give {{'type': {chosen.name!r}, 'weight_decay': ...}}, and leave alpha out")


# ---- what is meant


def sizes_of(estimator: Any) -> list[int]:
    """Return the units of each hidden layer; InvalidParameterError for what is no whole number."""
    given = estimator.hidden_layer_sizes
    found = list(given) if hasattr(given, "__iter__") else [given]
    if not all(isinstance(units, Integral) and not isinstance(units, bool) for units in found):
        raise _invalid(estimator, "hidden_layer_sizes", "a whole number of units, or one for each hidden layer", "")
    return found


def layers_of(estimator: Any, hidden: Sequence[int]) -> tuple[Dense, ...]:
    """Return the hidden layers, of so many units each."""
    each = zip(*(_each(estimator, name, len(hidden)) for name in BY_LAYER), strict=True)
    return tuple(
        Dense(units, _activation(estimator, activation), norm=norm, dropout=float(dropout))
        for units, (activation, norm, dropout) in zip(hidden, each, strict=True)
    )


def _activation(estimator: Any, value: Any) -> Configured:
    if is_theirs(estimator, "activation", value):
        return built_in().configured("activation", ACTIVATIONS[value])
    return configured("activation", value)


def _each(estimator: Any, name: str, layers: int) -> list[Any]:
    """Return what a parameter says for each of so many hidden layers."""
    given = getattr(estimator, name)
    if not isinstance(given, list | tuple):
        return [given] * layers
    if len(given) != layers:
        told = f"{name} is a list of {len(given)}, and there are {layers} hidden layers"
        raise ValueError(f"{told}; give one for each of them, or one for all without a list")
    return list(given)


def optimizer_of(estimator: Any) -> Configured:
    """Return the stochastic optimizer, without its learning rate: scikit-learn's, that with which training began."""
    begun = vars(estimator).get("_optimizer") if is_theirs(estimator, "solver") else None
    if isinstance(begun, SGDOptimizer):
        return mathematics.SGD.configured(momentum=float(begun.momentum), nesterov=bool(begun.nesterov))
    if isinstance(begun, AdamOptimizer):
        beta1, beta2, epsilon = (float(number) for number in (begun.beta_1, begun.beta_2, begun.epsilon))
        return mathematics.ADAM.configured(beta1=beta1, beta2=beta2, epsilon=epsilon)
    if estimator.solver == "sgd":
        return mathematics.SGD.configured(
            momentum=float(estimator.momentum), nesterov=bool(estimator.nesterovs_momentum)
        )
    if estimator.solver == "adam":
        return mathematics.ADAM.configured(
            beta1=float(estimator.beta_1), beta2=float(estimator.beta_2), epsilon=float(estimator.epsilon)
        )
    chosen = configured("optimizer", estimator.solver)
    own = {name: value for name, value in chosen.values.items() if name != "learning_rate"}
    return Configured(chosen.component, own)


def decays_itself(optimizer: Configured) -> bool:
    """Tell whether an optimizer applies weight decay itself, by a number of its own."""
    return "weight_decay" in optimizer.component.roles


def rate_of(estimator: Any) -> float:
    """Return the learning rate: what the solver says of it, or else learning_rate_init."""
    given = estimator.solver.get("learning_rate") if isinstance(estimator.solver, dict) else None
    return float(estimator.learning_rate_init if given is None else given)


def schedule_of(estimator: Any) -> tuple[Configured, int] | None:
    """Return the schedule of the learning rate, with the epochs of its warm-up; None for one of scikit-learn's."""
    return None if is_theirs(estimator, "learning_rate") else _scheduled(estimator.learning_rate)


def _component(kind: str, given: Any) -> Configured:
    return _scheduled(given)[0] if kind == "schedule" else configured(kind, given)


def _scheduled(given: Any) -> tuple[Configured, int]:
    own = dict(given) if isinstance(given, dict) else {}
    warmup = own.pop("warmup_epochs", 0)
    if not isinstance(warmup, Integral) or warmup < 0:
        raise NumbannError(f"warmup_epochs is {warmup!r}; give a whole number, at least 0")
    return configured("schedule", own if isinstance(given, dict) else given, ["warmup_epochs"]), int(warmup)


def threads_of(estimator: Any) -> int | str:
    """Return the most threads; "auto" for as many as are fastest."""
    return "auto" if estimator.n_jobs is None else int(effective_n_jobs(estimator.n_jobs))
