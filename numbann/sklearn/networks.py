"""From a fitted or initialized estimator to a network of numbann, its tensors and rows, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from numbann.components.built_in import built_in
from numbann.components.component import Configured
from numbann.engine.shared.feeding import Inputs
from numbann.network.description import Course, Dense, Network
from numbann.network.initial import initial_tensors
from numbann.network.plan import Plan, build
from numbann.records import dataclass
from numbann.sklearn.parameters import is_theirs, layers_of, sizes_of
from numbann.sklearn.targets import form_of, loss_of

_ANY = Course(built_in().configured("schedule", "constant"))  # a decay that every step is given


def plan_of(estimator: Any, optimizer: Configured, dtype: str = "", batch_size: int | None = None) -> Plan:
    """The plan of an estimator's network, in the precision of its weights unless another is given.

    ValueError for parameters that say another network than that of the weights.
    """
    coefs, _ = weights_of(estimator)
    *hidden, outputs = (w.shape[1] for w in coefs)
    solver = optimizer.component.form == "solver"  # which gets no decay at all
    target, wanted = form_of(estimator)
    network = Network(
        inputs=coefs[0].shape[0],
        layers=(*layers_of(estimator, hidden), Dense(outputs)),
        loss=loss_of(estimator, outputs),
        optimizer=optimizer,
        target=target.replace("order", "label"),
        dtype=dtype or str(coefs[0].dtype),
        batch_size=batch_size,
        bias_decay=solver,
        courses={} if solver else {"weight_decay": _ANY},
    )
    plan, drawn = built(network), "vectors_" in vars(estimator)
    if drawn and (
        wanted != outputs or plan.tensors != {name: one.shape for name, one in tensors_of(estimator).items()}
    ):
        said = ", ".join(f"{name}={getattr(estimator, name)!r}" for name in ("activation", "norm", "loss"))
        raise ValueError(f"its weights are not those of a network with {said}; fit it anew, without warm_start")
    return plan


_BUILT: list[tuple[Network, Plan]] = []  # the last few, since building one takes longer than a step


def built(network: Network) -> Plan:
    """The plan of a network, which may have been built before."""
    for known, plan in list(_BUILT):
        if known == network:
            return plan
    plan = build(network)
    _BUILT[:] = [(network, plan), *_BUILT[:7]]
    return plan


def predicting(estimator: Any) -> Plan:
    """The plan of an estimator's network for predictions alone."""
    return plan_of(estimator, built_in().configured("optimizer", "sgd"))


def draw(estimator: Any) -> None:
    """Draw the first weights of a network that scikit-learn has not: as its activations ask, or as a norm starts.

    Weights and biases of an activation of scikit-learn's are those that it has drawn.
    """
    drawn = isinstance(estimator.activation, str) and is_theirs(estimator, "activation")
    if drawn and not any(layer.norm for layer in layers_of(estimator, sizes_of(estimator))):
        estimator.vectors_ = {}
        return
    vars(estimator).pop("vectors_", None)
    plan = predicting(estimator)
    if plan.samples:
        raise ValueError(f"activation={estimator.activation!r} starts by a sample of the rows, which a spec gives it")
    tensors = initial_tensors(plan, seed_of(estimator))
    own = tensors_of(estimator) if drawn else {}
    take(estimator, {name: np.asarray(own.get(name, one), plan.dtype) for name, one in tensors.items()})


def seed_of(estimator: Any) -> int:
    """A seed from the estimator's random numbers."""
    return int(estimator._random_state.randint(np.iinfo(np.int32).max))


def weights_of(estimator: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """coefs_ and intercepts_, for those who leave them as they are: nobody takes a note, as `Weights` would."""
    known = vars(estimator)
    return known["coefs_"], known["intercepts_"]


def tensors_of(estimator: Any) -> dict[str, np.ndarray]:
    """An estimator's weights by the names of a plan."""
    layers = enumerate(zip(*weights_of(estimator), strict=True))
    found = {f"layers.{k}.{name}": one for k, (w, b) in layers for name, one in (("weight", w), ("bias", b))}
    return {**found, **vars(estimator).get("vectors_", {})}  # which nobody has who sets the weights himself


def take(estimator: Any, tensors: Mapping[str, np.ndarray]) -> None:
    """Give an estimator the weights of a network."""
    left, count = dict(tensors), len(weights_of(estimator)[0])
    estimator.coefs_ = [left.pop(f"layers.{k}.weight") for k in range(count)]
    estimator.intercepts_ = [left.pop(f"layers.{k}.bias") for k in range(count)]
    estimator.vectors_ = left


def inputs_of(x: Any) -> Inputs:
    """Rows as an engine takes them: an array, or rows of a sparse matrix that are made when they are needed."""
    return x if isinstance(x, np.ndarray) else SparseRows(x.tocsr())


@dataclass(frozen=True)
class SparseRows:
    """The rows of a sparse matrix in the form CSR."""

    matrix: Any

    @property
    def width(self) -> int:
        """The number of inputs."""
        return int(self.matrix.shape[1])

    @property
    def dtype(self) -> str:
        """The type of the inputs."""
        return str(self.matrix.dtype)

    def __len__(self) -> int:
        return int(self.matrix.shape[0])

    def take(self, places: np.ndarray, out: np.ndarray) -> None:
        """Write the rows at these places, in this order, into out (n, I)."""
        out[:] = self.matrix[places].toarray()
