"""`MLPClassifier` and `MLPRegressor`: scikit-learn's own, trained by numbann's engine, and predicting by it.

They inherit scikit-learn's parameters, checks, first weights, labels, scores and tags, and have parameters beside them.
What scikit-learn computes batch by batch in Python is here an epoch of the engine, over the same batches: the same
random_state gives the same training, but for rounding.
"""

from __future__ import annotations

import sys
import warnings
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn import neural_network
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from numbann.engine.interface import Engine
from numbann.sklearn.checks import are_plain, are_plain_values, are_rows, encode, learn, note_columns
from numbann.sklearn.components import kept, revived
from numbann.sklearn.conversion import adopt, to_sklearn
from numbann.sklearn.lbfgs import measuring
from numbann.sklearn.networks import draw, inputs_of, plan_of, seed_of, take, tensors_of
from numbann.sklearn.parameters import (
    CONSTRAINTS,
    KINDS,
    OF_CLASSES,
    adding,
    check,
    is_theirs,
    naming_parameters,
    optimizer_of,
    sizes_of,
)
from numbann.sklearn.predictors import Weights, hand_out, predictor_of, settle
from numbann.sklearn.rates import start_optimizer
from numbann.sklearn.targets import (
    answers_of,
    check_targets,
    form_of,
    gives_probabilities,
    labels_of,
    loss_of,
    targets_of,
    weighted,
)
from numbann.sklearn.trainers import store_states, trainer_of
from numbann.sklearn.training import Held, Training, listeners_of, mean_of

if TYPE_CHECKING:
    from numbann.model.model import Model
    from numbann.network.plan import Plan
    from numbann.sklearn.telling import Listeners


class _Estimator:
    """What numbann does in the place of scikit-learn's own methods of the same names."""

    coefs_ = Weights()
    intercepts_ = Weights()
    vectors_ = Weights()

    def _validate_params(self: Any) -> None:
        super()._validate_params()  # type: ignore[misc]
        check(self)

    def _check_solver(self: Any) -> bool:
        if self.solver == "lbfgs":
            raise AttributeError("partial_fit is only available for stochastic optimizers. lbfgs is not stochastic.")
        return True

    def __getstate__(self: Any) -> dict[str, Any]:
        hand_out(self)
        store_states(self)
        state: dict[str, Any] = super().__getstate__()  # type: ignore[assignment]
        return {**state, **{name: kept(state[name]) for name in KINDS}}

    def __setstate__(self: Any, state: dict[str, Any]) -> None:
        super().__setstate__({**state, **{name: revived(state[name]) for name in KINDS}})  # type: ignore[misc]

    def predict(self: Any, X: Any) -> np.ndarray:
        """Return the predictions (N,) or (N, O) of rows X (N, I)."""
        if not are_plain(self, X):
            return super().predict(X)  # type: ignore[misc]
        return self._predict(X, check_input=False)

    def to_model(self) -> Model:
        """Return the model that predicts the same, from columns in the order of X: to save, export or explain."""
        check_is_fitted(self)
        from numbann.sklearn.model import to_model  # here, since few need it

        return to_model(self)

    def to_sklearn(self) -> Any:
        """Return scikit-learn's own estimator with the same weights and predictions; ValueError if none is the same.

        What training has beyond scikit-learn's parameters is left out.
        """
        store_states(self)
        return to_sklearn(self)

    def _forward_pass_fast(self: Any, X: Any, check_input: bool = True) -> np.ndarray:
        return answers_of(self, *self._outputs(X, check_input))

    def _outputs(self: Any, X: Any, check_input: bool) -> tuple[Plan, np.ndarray]:
        """The plan of the network, and its outputs for rows."""
        if check_input and not are_plain(self, X):
            X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        engine = predictor_of(self)
        return engine.plan, engine.predict(inputs_of(X.astype(engine.plan.dtype, copy=False)))

    @naming_parameters
    def _fit(self: Any, X: Any, y: Any, sample_weight: Any = None, incremental: bool = False) -> Any:
        """As scikit-learn's, for a solver of any name."""
        hidden = sizes_of(self)
        if np.any(np.array(hidden) <= 0):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {hidden}.")
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        X, y = self._validate_input(X, y, incremental, reset=first)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        y = y.reshape(len(y), -1)
        check_targets(self, y)
        sample_weight = weighted(self, y, sample_weight, incremental)
        self.n_outputs_ = y.shape[1]
        self._random_state = check_random_state(self.random_state)
        self._best = None  # as theirs, whose weights of an earlier fit are trained on in place
        if first:
            self._initialize(y, [X.shape[1], *hidden, form_of(self)[1]], X.dtype)
        with listeners_of(self) as listeners:
            if self.solver == "lbfgs":
                self._fit_lbfgs(X, y, sample_weight)
            else:
                self._fit_stochastic(X, y, sample_weight, incremental, listeners)
            if not all(np.isfinite(w).all() for w in tensors_of(self).values()):
                raise ValueError(
                    "Solver produced non-finite parameter weights. The input data may contain large values and need "
                    "to be preprocessed."
                )
            settle(self)
        return self

    def _initialize(self: Any, y: np.ndarray, layer_units: list[int], dtype: Any) -> None:
        super()._initialize(y, layer_units, dtype)  # type: ignore[misc]
        if not is_theirs(self, "loss"):
            self.out_activation_ = loss_of(self, layer_units[-1]).component.traits["link"]
        if self.solver != "lbfgs":
            stopping = self.early_stopping
            self.loss_curve_: list[float] = []
            self._no_improvement_count = 0
            self.validation_scores_: list[float] | None = [] if stopping else None
            self.validation_loss_curve_: list[float] | None = [] if stopping else None
            self.best_loss_: float | None = None if stopping else np.inf
            self.best_validation_score_: float | None = -np.inf if stopping else None
        draw(self)
        self._best = tensors_of(self)

    def _fit_stochastic(
        self: Any,
        X: Any,
        y: np.ndarray,
        sample_weight: np.ndarray | None,
        incremental: bool,
        listeners: Listeners | None,
    ) -> None:
        if not incremental or not hasattr(self, "_optimizer"):
            self._optimizer = start_optimizer(self)
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        apart: tuple[Any, ...] = ()
        if self.early_stopping:
            (X, y, sample_weight), apart = self._hold_out(X, y, sample_weight)
        batch = self._rows_of_batch(len(y))
        plan = plan_of(self, optimizer_of(self), batch_size=batch)
        if plan.keys:
            plan = replace(plan, seed=seed_of(self))
        if sample_weight is not None and plan.couples_losses and "weight" not in plan.loss.component.roles:
            raise ValueError(f"loss={self.loss!r} does not say what a row's weight does; leave weights out")
        begun = perf_counter()
        with trainer_of(self, plan, incremental) as engine:
            engine.load_data(inputs_of(X), targets_of(plan, y), sample_weight)
            held = self._held(engine, *apart) if apart else None
            if listeners:
                listeners.begin(engine, perf_counter() - begun, len(y), len(held.y) if held else 0)
            training = Training(self, engine, batch, sample_weight, len(y), listeners)
            try:
                self._run_epochs(training, held, incremental)
            except KeyboardInterrupt:
                warnings.warn("Training interrupted by user.", stacklevel=4)
            finally:
                take(self, (self.early_stopping and self._best) or engine.parameters())

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
        return train, held

    def _held(self: Any, engine: Engine, x: Any, y: np.ndarray, weight: np.ndarray | None) -> Held:
        labels = self._label_binarizer.inverse_transform(y) if is_classifier(self) else y
        return Held(engine, inputs_of(x), labels, weight, targets_of(engine.plan, y))

    def _rows_of_batch(self: Any, rows: int) -> int:
        if self.batch_size == "auto":
            return min(200, rows)
        if self.batch_size > rows:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", stacklevel=5
            )
        return int(min(self.batch_size, rows))

    def _run_epochs(self: Any, training: Training, held: Held | None, incremental: bool) -> None:
        """Train until scikit-learn's rules say stop, or a callback; of partial_fit one epoch."""
        self.n_iter_ = 0
        for _ in range(self.max_iter):
            begun = perf_counter()
            self.loss_ = training.epoch()
            seconds = perf_counter() - begun
            self.n_iter_ += 1
            self.t_ += training.rows
            self.loss_curve_.append(self.loss_)
            if self.verbose:
                sys.stdout.write(f"Iteration {self.n_iter_}, loss = {self.loss_:.8f}\n")  # where theirs prints
            if held is None:
                self._update_no_improvement_count(False, None, None, None)
            else:
                self._validate(held)
            self._optimizer.iteration_ends(self.t_)
            if training.listeners:
                take(self, training.engine.parameters())  # which callbacks may look at
                if training.listeners.end_epoch(seconds):
                    break
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

    def _validate(self: Any, held: Held) -> None:
        """Measure loss and score of the rows held out; keep the weights if no score was better."""
        loss, outputs = held.evaluate()
        score = self._score_of(held.engine.plan, outputs, held.y, held.weight)
        self.validation_loss_curve_.append(loss / mean_of(self))
        self.validation_scores_.append(score)
        if self.verbose:
            sys.stdout.write(f"Validation score: {score:f}\n")
        self._no_improvement_count += 1
        if not score < self.best_validation_score_ + self.tol:
            self._no_improvement_count = 0
        if score > self.best_validation_score_:
            self.best_validation_score_, self._best = score, held.engine.parameters()

    def _score_of(self: Any, plan: Plan, outputs: np.ndarray, y: np.ndarray, weight: np.ndarray | None) -> float:
        """As scikit-learn's _score, of what the network says."""
        if is_classifier(self):
            return float(accuracy_score(y, labels_of(self, plan, outputs), sample_weight=weight))
        answers = answers_of(self, plan, outputs)
        return float(r2_score(y, answers, sample_weight=weight)) if np.isfinite(answers).all() else np.nan

    def _why_it_stops(self: Any) -> str:
        what = "Validation score" if self.early_stopping else "Training loss"
        return f"{what} did not improve more than tol={self.tol:f} for {self.n_iter_no_change} consecutive epochs."

    def _fit_lbfgs(self: Any, X: Any, y: np.ndarray, sample_weight: np.ndarray | None) -> None:
        """scikit-learn's own course by SciPy, over losses and gradients of the engine."""
        units = [len(self.coefs_[0]), *(w.shape[1] for w in self.coefs_)]
        with measuring(self, X, y, sample_weight) as self._measure:
            try:
                super()._fit_lbfgs(X, y, sample_weight, *[None] * 4, units)  # type: ignore[misc]
            finally:
                del self._measure

    def _loss_grad_lbfgs(self: Any, packed: np.ndarray, *given: Any) -> tuple[float, np.ndarray]:
        if "_measure" in self.__dict__:
            found: tuple[float, np.ndarray] = self._measure(packed)
            return found
        return super()._loss_grad_lbfgs(packed, *given)  # type: ignore[misc]


@adding(loss="log_loss", dropout=0.0, norm=None, class_weight=None, callbacks=None, n_jobs=None)
class MLPClassifier(_Estimator, neural_network.MLPClassifier):
    """scikit-learn's MLPClassifier on numbann's engine; all parameters, attributes and methods are there.

    activation: also any of numbann's, by its name, as {"type": NAME, ...parameters}, or a function decorated with
    numbann.activation; or a list with one for each hidden layer.  solver: also an optimizer.  loss: "log_loss", or a
    loss that can serve the classes.  learning_rate: also a schedule, over max_iter epochs.  Each as an activation.
    dropout: the share of units that training drops.  norm: "layer", "batch" or None.  Each also as a list.
    class_weight: how much rows of a class count in loss and scores; "balanced" or {CLASS: number}.
    callbacks: functions of the events of a fit, as in numbann.callbacks.
    n_jobs: the most threads; None for as many as are fastest.

    validation_loss_curve_ is beside validation_scores_; vectors_ has what is trained beside weights and biases.
    """

    _parameter_constraints: ClassVar = {
        **neural_network.MLPClassifier._parameter_constraints,
        **CONSTRAINTS,
        **OF_CLASSES,
    }

    def _validate_input(self: Any, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, np.ndarray]:
        found = None if self.warm_start else (encode if incremental else learn)(self, X, y)
        return super()._validate_input(X, y, incremental, reset) if found is None else (X, found)

    @available_if(gives_probabilities)
    def predict_proba(self: Any, X: Any) -> np.ndarray:
        """Return the probabilities (N, K) of the classes, or (N, O) of several labels, for rows X (N, I)."""
        if not are_plain(self, X):
            return super().predict_proba(X)
        y = self._forward_pass_fast(X, check_input=False)
        return y if y.shape[1] > 1 else np.hstack([1 - y, y])

    @available_if(gives_probabilities)
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """As scikit-learn's, for a loss whose outputs are probabilities."""
        return super().predict_log_proba(X)

    def _predict(self: Any, X: Any, check_input: bool = True) -> np.ndarray:
        return labels_of(self, *self._outputs(X, check_input))


@adding(dropout=0.0, norm=None, callbacks=None, n_jobs=None)
class MLPRegressor(_Estimator, neural_network.MLPRegressor):
    """scikit-learn's MLPRegressor on numbann's engine; all parameters, attributes and methods are there.

    loss: also any of numbann's that can serve a regression.  The other parameters are as those of MLPClassifier, which
    has class_weight beside them.
    """

    _parameter_constraints: ClassVar = {**neural_network.MLPRegressor._parameter_constraints, **CONSTRAINTS}

    def _validate_input(self: Any, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, np.ndarray]:
        if not (are_rows(X) if reset else are_plain(self, X)) or not are_plain_values(y, len(X)):
            X, y = super()._validate_input(X, y, incremental, reset)
            if y.dtype.kind in "US":  # with which theirs cannot compute
                raise ValueError(f"y holds texts, such as {str(y.flat[0])!r}; give numbers")
            return X, y
        if reset:
            note_columns(self, X)
        return X, y


def from_sklearn(fitted: Any) -> Any:
    """Return the estimator that is scikit-learn's fitted MLPClassifier or MLPRegressor, with the same predictions.

    `partial_fit` goes on from the same state of the solver.
    """
    kinds = {neural_network.MLPClassifier: MLPClassifier, neural_network.MLPRegressor: MLPRegressor}
    if type(fitted) not in kinds:
        raise TypeError(f"from_sklearn takes scikit-learn's MLPClassifier or MLPRegressor, not {type(fitted).__name__}")
    check_is_fitted(fitted)
    found: Any = kinds[type(fitted)](**fitted.get_params())
    adopt(found, fitted)
    return found
