"""From a fitted or initialized estimator to a network of numbann, its tensors and rows, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from numbann.components.built_in import built_in
from numbann.components.component import Configured
from numbann.engine.cpu.memory import Arena
from numbann.engine.shared.feeding import Inputs
from numbann.network.description import Course, Dense, Network
from numbann.network.plan import Plan, build
from numbann.sklearn import mathematics

ACTIVATIONS = {"identity": "identity", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}
LOSSES = {
    "identity": mathematics.HALF_SQUARED_ERROR,
    "exp": mathematics.HALF_POISSON_DEVIANCE,
    "logistic": mathematics.BINARY_LOG_LOSS,
}


def plan_of(estimator: Any, optimizer: Configured, dtype: str = "", batch_size: int | None = None) -> Plan:
    """The plan of an estimator's network, in the precision of its weights unless another is given."""
    coefs, _ = weights_of(estimator)
    *hidden, outputs = (w.shape[1] for w in coefs)
    activation = built_in().configured("activation", ACTIVATIONS[estimator.activation])
    network = Network(
        inputs=coefs[0].shape[0],
        layers=(*(Dense(units, activation) for units in hidden), Dense(outputs)),
        loss=_loss(estimator.out_activation_, outputs),
        optimizer=optimizer,
        dtype=dtype or str(coefs[0].dtype),
        batch_size=batch_size,
        bias_decay=optimizer.component.form == "solver",  # which gets no decay at all
        courses={} if optimizer.component.form == "solver" else {"weight_decay": _ANY},
    )
    return build(network)


def optimizer_of(estimator: Any) -> Configured:
    """The stochastic optimizer of an estimator."""
    if estimator.solver == "sgd":
        return mathematics.SGD.configured(
            momentum=float(estimator.momentum), nesterov=bool(estimator.nesterovs_momentum)
        )
    return mathematics.ADAM.configured(
        beta1=float(estimator.beta_1), beta2=float(estimator.beta_2), epsilon=float(estimator.epsilon)
    )


_ANY = Course(built_in().configured("schedule", "constant"))  # a decay that every step is given


def _loss(link: str, outputs: int) -> Configured:
    if link == "softmax":
        return built_in().configured("loss", "softmax_cross_entropy")
    return LOSSES[link].configured(outputs=float(outputs))


def weights_of(estimator: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """coefs_ and intercepts_, for those who leave them as they are: nobody takes a note, as `Weights` would."""
    known = vars(estimator)
    return known["coefs_"], known["intercepts_"]


def tensors_of(estimator: Any) -> dict[str, np.ndarray]:
    """An estimator's weights by the names of a plan."""
    layers = enumerate(zip(*weights_of(estimator), strict=True))
    return {f"layers.{k}.{name}": one for k, (w, b) in layers for name, one in (("weight", w), ("bias", b))}


def take(estimator: Any, tensors: Mapping[str, np.ndarray]) -> None:
    """Give an estimator the weights of a network."""
    count = len(weights_of(estimator)[0])
    estimator.coefs_ = [tensors[f"layers.{k}.weight"] for k in range(count)]
    estimator.intercepts_ = [tensors[f"layers.{k}.bias"] for k in range(count)]


def inputs_of(x: Any) -> Inputs:
    """Rows as an engine takes them: an array, or rows of a sparse matrix that are made when they are needed."""
    return x if isinstance(x, np.ndarray) else SparseRows(x.tocsr())


def targets_of(plan: Plan, y: np.ndarray) -> np.ndarray:
    """Targets (N, O) as the loss of a plan takes them."""
    return y.argmax(axis=1) if plan.target == "label" else np.asarray(y, plan.dtype)


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


def places_of(plan: Plan) -> np.ndarray:
    """Where each number of scikit-learn's packed vector, all weights and then all biases, is in the engine's."""
    names = [f"layers.{k}.{name}" for name in ("weight", "bias") for k in range(len(plan.layers))]
    arena, tensors, first = Arena(plan), {}, 1
    for name in names:
        shape = plan.tensors[name]
        last = first + int(np.prod(shape))
        tensors[name] = np.arange(first, last).reshape(shape)
        first = last
    arena.set_tensors(tensors)
    used = np.flatnonzero(arena.parameters)  # the rest is padding
    return used[np.argsort(arena.parameters[used])]
