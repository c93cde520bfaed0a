"""`MLPClassifier` and `MLPRegressor`: scikit-learn's own, trained by numbann's engine, and predicting by it.

They inherit scikit-learn's parameters, checks, first weights, labels, scores and tags.  What it computes batch by batch
in Python is here an epoch of the engine, over the same batches: the same random_state gives the same training, but for
rounding.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
from sklearn import neural_network
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer
from sklearn.utils.validation import validate_data

from numbann.engine.devices import make_engine
from numbann.engine.interface import Engine
from numbann.engine.shared.batches import equal_bounds
from numbann.sklearn.checks import are_plain
from numbann.sklearn.mathematics import solver
from numbann.sklearn.networks import (
    inputs_of,
    optimizer_of,
    places_of,
    plan_of,
    take,
    targets_of,
    tensors_of,
    weights_of,
)
from numbann.sklearn.predictors import Weights, hand_out, predictor_of, settle


class Training:
    """A stochastic training of an estimator: the engine with its rows, and what scikit-learn counts in it."""

    def __init__(self, estimator: Any, engine: Engine, batch: int, weight: np.ndarray | None, rows: int) -> None:
        self._estimator, self._engine, self._weight = estimator, engine, weight
        self._order = np.arange(rows)
        self._bounds = equal_bounds(rows, batch)
        self._sizes = np.diff(self._bounds)

    def epoch(self) -> float:
        """Train an epoch; return the mean loss of its rows, and of the penalty of alpha.

        The sum of squares of the weights is taken to grow evenly from step to step.
        """
        estimator, engine, steps = self._estimator, self._engine, len(self._sizes)
        if estimator.shuffle:
            places = np.arange(len(self._order))  # as sklearn.utils.shuffle does, without its checks
            estimator._random_state.shuffle(places)
            self._order = self._order[places]
        decays, before = estimator.alpha / self._totals(), self._squared()
        rates = np.full(steps, estimator._optimizer.learning_rate)
        try:
            engine.epoch(0, rates, None, (), {"weight_decay": decays}, self._order)
        finally:
            take(estimator, engine.parameters())
        squares = before + (self._squared() - before) * np.arange(steps) / steps
        losses = engine.step_losses() / mean_of(estimator) + decays / 2 * squares
        return float((losses * self._sizes).sum() / self._sizes.sum())

    def _totals(self) -> np.ndarray:
        """The rows of each batch, or their weight."""
        if self._weight is None:
            return self._sizes
        totals = np.add.reduceat(self._weight[self._order], self._bounds[:-1])
        return np.where(totals == 0, 1, totals)

    def _squared(self) -> float:
        return sum(float(np.vdot(w, w)) for w in weights_of(self._estimator)[0]) if self._estimator.alpha else 0.0


def mean_of(estimator: Any) -> int:
    """The outputs over which scikit-learn takes the mean of a row's loss; it adds up losses of another kind."""
    return int(estimator.n_outputs_) if estimator.out_activation_ == "identity" else 1


class _Estimator:
    """What numbann does in the place of scikit-learn's own methods of the same names."""

    coefs_ = Weights()
    intercepts_ = Weights()

    def __getstate__(self: Any) -> Any:
        hand_out(self)
        return super().__getstate__()

    def predict(self: Any, X: Any) -> np.ndarray:
        """Return the predictions (N,) or (N, O) of rows X (N, I)."""
        if not are_plain(self, X):
            return super().predict(X)  # type: ignore[misc]
        return self._predict(X, check_input=False)

    def _fit(self: Any, *given: Any, **named: Any) -> Any:
        super()._fit(*given, **named)  # type: ignore[misc]
        settle(self)
        return self

    def _forward_pass_fast(self: Any, X: Any, check_input: bool = True) -> np.ndarray:
        if check_input and not are_plain(self, X):
            X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        engine = predictor_of(self)
        return engine.predict(inputs_of(X.astype(engine.plan.dtype, copy=False)))

    def _fit_stochastic(self: Any, X: Any, y: np.ndarray, sample_weight: np.ndarray | None, *rest: Any) -> None:
        incremental = rest[-1]
        if not incremental or not hasattr(self, "_optimizer"):
            self._optimizer = self._start_optimizer()
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        held: tuple[Any, ...] = (None, None, None)
        if self.early_stopping:
            (X, y, sample_weight), held = self._hold_out(X, y, sample_weight)
        batch = self._rows_of_batch(len(y))
        plan = plan_of(self, optimizer_of(self), batch_size=batch)
        with make_engine(plan) as engine:
            engine.load_data(inputs_of(X), targets_of(plan, y), sample_weight)
            engine.set_parameters(tensors_of(self))
            if self._optimizer.state:
                engine.restore(self._optimizer.state)
            try:
                self._run_epochs(Training(self, engine, batch, sample_weight, len(y)), len(y), held, incremental)
            except KeyboardInterrupt:
                warnings.warn("Training interrupted by user.", stacklevel=4)
            self._optimizer.state = engine.state()
        if self.early_stopping:
            self.coefs_, self.intercepts_ = self._best_coefs, self._best_intercepts

    def _start_optimizer(self: Any) -> Any:
        """scikit-learn's own object, which follows rate and stopping; state: that of the engine's optimizer."""
        if self.solver == "sgd":
            numbers = self.learning_rate, self.momentum, self.nesterovs_momentum, self.power_t
            found = SGDOptimizer([], self.learning_rate_init, *numbers)
        else:
            found = AdamOptimizer([], self.learning_rate_init, self.beta_1, self.beta_2, self.epsilon)
        found.state = {}
        return found

    def _hold_out(self: Any, X: Any, y: np.ndarray, weight: np.ndarray | None) -> tuple[Any, Any]:
        """Split rows for training and for early stopping off: (x, y, weight) of each."""
        given = (X, y) if weight is None else (X, y, weight)
        stratify = y if is_classifier(self) and self.n_outputs_ == 1 else None
        settings = {"random_state": self._random_state, "test_size": self.validation_fraction, "stratify": stratify}
        parts = train_test_split(*given, **settings)
        train, held = (*parts[::2], None)[:3], (*parts[1::2], None)[:3]
        if held[0].shape[0] < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
            )
        if is_classifier(self):
            held = held[0], self._label_binarizer.inverse_transform(held[1]), held[2]
        return train, held

    def _rows_of_batch(self: Any, rows: int) -> int:
        if self.batch_size == "auto":
            return min(200, rows)
        if self.batch_size > rows:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", stacklevel=5
            )
        return int(min(self.batch_size, rows))

    def _run_epochs(self: Any, training: Training, rows: int, held: tuple[Any, ...], incremental: bool) -> None:
        """Train until scikit-learn's rules say stop; of partial_fit one epoch."""
        self.n_iter_ = 0
        for _ in range(self.max_iter):
            self.loss_ = training.epoch()
            self.n_iter_ += 1
            self.t_ += rows
            self.loss_curve_.append(self.loss_)
            if self.verbose:
                sys.stdout.write(f"Iteration {self.n_iter_}, loss = {self.loss_:.8f}\n")  # where theirs prints
            self._update_no_improvement_count(self.early_stopping, *held)
            self._optimizer.iteration_ends(self.t_)
            if self._no_improvement_count > self.n_iter_no_change:
                if self._optimizer.trigger_stopping(self._why_it_stops(), self.verbose):
                    break
                self._no_improvement_count = 0
            if incremental:
                break
            if self.n_iter_ == self.max_iter:
                warnings.warn(
                    f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization hasn't "
                    "converged yet.",
                    ConvergenceWarning,
                    stacklevel=6,
                )

    def _why_it_stops(self: Any) -> str:
        what = "Validation score" if self.early_stopping else "Training loss"
        return f"{what} did not improve more than tol={self.tol:f} for {self.n_iter_no_change} consecutive epochs."

    def _fit_lbfgs(self: Any, X: Any, y: np.ndarray, sample_weight: np.ndarray | None, *rest: Any) -> None:
        """scikit-learn's own course by SciPy, in float64, over losses and gradients of the engine."""
        asked: list[Any] = []
        plan = plan_of(self, solver(lambda *given: asked.append(given)).configured(), "float64")
        places = places_of(plan)
        with make_engine(plan) as engine:
            engine.load_data(inputs_of(X), targets_of(plan, y), sample_weight)
            engine.set_parameters(tensors_of(self))
            engine.epoch(0, np.ones(1))
            evaluate, w = asked[0]
            count = len(places) - sum(len(b) for b in self.intercepts_)
            decay = self.alpha / (len(y) if sample_weight is None else sample_weight.sum())

            def measure(packed: np.ndarray) -> tuple[float, np.ndarray]:
                """As scikit-learn does: the mean loss over targets, but the gradient of their sum."""
                w[places] = packed
                loss, gradient = evaluate(w)
                found, weights = gradient[places], packed[:count]
                found[:count] += decay * weights
                return loss / mean_of(self) + decay / 2 * float(weights @ weights), found

            self._measure = measure
            try:
                super()._fit_lbfgs(X, y, sample_weight, *rest)  # type: ignore[misc]
            finally:
                del self._measure

    def _loss_grad_lbfgs(self: Any, packed: np.ndarray, *given: Any) -> tuple[float, np.ndarray]:
        if "_measure" in self.__dict__:
            found: tuple[float, np.ndarray] = self._measure(packed)
            return found
        return super()._loss_grad_lbfgs(packed, *given)  # type: ignore[misc]


class MLPClassifier(_Estimator, neural_network.MLPClassifier):
    """scikit-learn's MLPClassifier on numbann's engine; all parameters, attributes and methods are the same."""

    def predict_proba(self: Any, X: Any) -> np.ndarray:
        """Return the probabilities (N, K) of the classes, or (N, O) of several labels, for rows X (N, I)."""
        if not are_plain(self, X):
            return super().predict_proba(X)
        y = self._forward_pass_fast(X, check_input=False)
        return y if y.shape[1] > 1 else np.hstack([1 - y, y])

    def _predict(self: Any, X: Any, check_input: bool = True) -> np.ndarray:
        kind, classes = self._label_binarizer.y_type_, self._label_binarizer.classes_
        if kind != "multiclass" and (kind, len(classes)) != ("binary", 2):
            return super()._predict(X, check_input)
        y = self._forward_pass_fast(X, check_input)
        return classes[y.argmax(axis=1) if kind == "multiclass" else (y[:, 0] > 0.5).astype(np.intp)]


class MLPRegressor(_Estimator, neural_network.MLPRegressor):
    """scikit-learn's MLPRegressor on numbann's engine; all parameters, attributes and methods are the same."""
