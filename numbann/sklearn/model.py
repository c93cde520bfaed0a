"""An estimator as a model of numbann: it can be saved, exported, explained and served."""

from __future__ import annotations

from typing import Any

from numbann.components.component import Configured
from numbann.components.registry import Registry
from numbann.data.contract import FITTED, GIVEN, Facts
from numbann.data.encoding import Encoding
from numbann.data.preprocessing import Preprocessing
from numbann.data.reading import reading_from_section
from numbann.data.tasks.classification import Classification
from numbann.data.tasks.multilabel import Multilabel
from numbann.data.tasks.regression import Regression
from numbann.data.tasks.task import Task
from numbann.model.model import Model, restore_network
from numbann.plugins.finding import with_files
from numbann.sklearn.losses import task_of
from numbann.sklearn.networks import tensors_of
from numbann.sklearn.parameters import is_theirs, layers_of, optimizer_of, rate_of, schedule_of
from numbann.sklearn.targets import loss_of
from numbann.spec.loading import load
from numbann.spec.model import to_json
from numbann.spec.resolution import resolve

LOSSES = {  # by scikit-learn's output activation: a loss with the same predictions
    "identity": "mse",
    "softmax": "softmax_cross_entropy",
    "logistic": "sigmoid_cross_entropy",
    "exp": "poisson_nll",
}


def to_model(estimator: Any) -> Model:
    """Return the model that predicts as a fitted estimator does, from columns in the same order."""
    registry = with_files()
    features = tuple(getattr(estimator, "feature_names_in_", [f"x[{k}]" for k in range(estimator.n_features_in_)]))
    task = _task(estimator, features)
    loaded = load(_spec(estimator, task, registry), registry=registry)
    section = to_json(loaded.spec)["data"]
    facts = Facts(task, "auto", None, "none", False, features, len(features))
    encoding = Encoding.from_dict({"features": features, "categories": {}, **_untouched(len(features))})
    reading = reading_from_section(section).fix_columns(features, (), FITTED)
    preprocessing, resolved = Preprocessing(reading, encoding, task, loaded.spec.model.dtype), resolve(loaded, facts)
    tensors = tensors_of(estimator)
    return Model(resolved, restore_network(resolved, preprocessing, tensors), preprocessing, tensors)


def _untouched(count: int) -> dict[str, Any]:
    """Return the transforms that leave numbers as they are."""
    scale = {"type": "none", "shift": [0.0] * count, "scale": [1.0] * count}
    return {"missing": {"type": "error"}, "scales": [scale]}


def _task(estimator: Any, features: tuple[str, ...]) -> Task:
    """Return the task with the estimator's own classes, and names of targets that no feature has."""
    found = task_of(estimator)
    free = "y" if "y" not in features else "target"
    names = tuple(name.replace("y", free) for name in found.names) if len(found.names) > 1 else (free,)
    match found:
        case Classification():
            return Classification(names, tuple(estimator.classes_.tolist()))
        case Multilabel():
            return Multilabel(names, found.pairs)
        case _:
            return Regression(names)


def _spec(estimator: Any, task: Task, registry: Registry) -> dict[str, Any]:
    """Return the spec of an estimator's network and its training, as far as a spec has the same.

    It has no seed: that of a spec draws other numbers than a random_state.
    """
    hidden = layers_of(estimator, [w.shape[1] for w in estimator.coefs_[:-1]])
    loss = loss_of(estimator, estimator.coefs_[-1].shape[1])
    layers = [
        {
            "units": layer.units,
            "activation": _named(layer.activation, registry),
            "norm": layer.norm,
            "dropout": layer.dropout,
        }
        for layer in hidden
        if layer.activation
    ]
    optimizer: dict[str, Any] = {"type": estimator.solver}
    if not is_theirs(estimator, "solver"):
        optimizer = _named(optimizer_of(estimator), registry)
    schedule = schedule_of(estimator)
    return {
        "data": {
            "path": GIVEN,
            "target": task.names[0] if len(task.names) == 1 else list(task.names),
            "task": task.name,
            "scale": "none",
            "target_scale": "none",
            "missing": "error",
            "split": {"validation": 0, "test": 0},
        },
        "model": {"layers": layers, "dtype": str(estimator.coefs_[0].dtype)},
        "loss": LOSSES[estimator.out_activation_] if is_theirs(estimator, "loss") else _named(loss, registry),
        "optimizer": {**optimizer, **({} if estimator.solver == "lbfgs" else {"learning_rate": rate_of(estimator)})},
        **({"schedule": {**_named(schedule[0], registry), "warmup_epochs": schedule[1]}} if schedule else {}),
        "train": {"epochs": max(1, estimator.n_iter_), "batch_size": _batch_of(estimator)},
    }


def _named(chosen: Configured, registry: Registry) -> dict[str, Any]:
    """Return a component as a spec names it; the registry gets one that was given as a function."""
    component = chosen.component
    if component.plugin and registry.find(component.kind, component.title) is None:
        registry.register(component, component.plugin)
    return {"type": component.title, **chosen.values}


def _batch_of(estimator: Any) -> Any:
    """Return the rows of a batch as a spec says them."""
    if estimator.solver == "lbfgs":
        return "full"
    rows = round(estimator.t_ / len(estimator.loss_curve_)) if estimator.loss_curve_ else 200
    return min(200 if estimator.batch_size == "auto" else int(estimator.batch_size), max(1, rows))
