"""`TabularClassifier` and `TabularRegressor`: estimators that take a table as it is, and train by a preset.

They train what a spec with that preset says of the rows, in memory: texts, dates and missing cells become inputs as
they do there, and `model_` is the model that a run would have.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from numbers import Integral
from pathlib import Path
from typing import Any, Self

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_classifier
from sklearn.utils import Tags, check_array, check_random_state, column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import (
    _check_sample_weight,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from numbann.data.columns import Exact, text_of
from numbann.data.contract import GIVEN
from numbann.data.files import InputFile
from numbann.data.kinds import Lookup
from numbann.data.named import is_named, named_columns
from numbann.data.reading import check_distinct
from numbann.data.wording import quoted
from numbann.errors import DataError, SpecError, SpecFault, not_allowed
from numbann.sklearn.components import without_numpy
from numbann.sklearn.parameters import THREADS
from numbann.spec.extending import join
from numbann.spec.model import PRESETS
from numbann.training.callbacks import Callback, DataRead, EpochEnded, Event, FromModel
from numbann.training.runs import train
from numbann.training.starter import INIT, LAYERS
from numbann.training.telling import checked_callbacks

WHOLE = {"split": {"validation": 0, "test": 0}}  # all rows are for training
PLAIN = {"model": {"layers": LAYERS, "init": INIT}}  # without a preset
TOLD = ("dates", "identifier", "leak")  # the findings of columns that a person most likely does not mean as inputs
PARAMETERS = {  # that say what a spec has at a path
    "preset": "preset",
    "seed": "random_state",
    "train.epochs": "epochs",
    "train.threads": "n_jobs",
    "data.class_weight": "class_weight",
}
OWN = {  # what the estimator says, and so its spec may not
    "preset": "give the parameter preset",
    "output": "nothing is written; model_.save writes the model",
    "data.path": "give the rows to fit",
    "data.target": "give it to fit, as y",
    "data.task": "that is the estimator's",
    "data.weight": "give the weights to fit, as sample_weight",
    "data.class_weight": "give the parameter class_weight",
}


class _Tabular(BaseEstimator):
    """What both have in common."""

    def __init__(
        self,
        preset: str = "tabular",
        *,
        epochs: int | None = None,
        spec: Mapping[str, Any] | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
        callbacks: Sequence[Callback] | None = None,
        verbose: bool = False,
    ) -> None:
        self.preset = preset
        self.epochs = epochs
        self.spec = spec
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.callbacks = callbacks
        self.verbose = verbose

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on rows.

        X: a frame of pandas, Polars or Arrow, or an array, also of texts.  y: a class or a value of each row, or
        several.  sample_weight (N,): how much each counts.
        """
        self._check_parameters()
        rows = self._rows(X, reset=True)
        target = self._checked(y)
        check_consistent_length(rows, target)
        columns = named_columns(rows) if _is_frame(rows) else {}
        taken = [*columns] or [f"x[{place}]" for place in range(rows.shape[1])]
        beside = _named(self._cells(target), y, taken)
        data = {**self._task(target), "target": [*beside] if target.ndim > 1 else next(iter(beside))}
        if sample_weight is not None:
            data["weight"] = name = _free("sample_weight", [*taken, *beside])
            beside[name] = _check_sample_weight(sample_weight, target, ensure_non_negative=True)
        spec, paths = self._spec(data, _dates(columns))
        found: list[str] = []
        callbacks = [*(self.callbacks or ()), *([_show] if self.verbose else []), lambda event: _find(event, found)]
        try:
            run = train(spec, data=(rows, beside), output=False, overrides=paths, callbacks=callbacks)
        except DataError as error:
            raise _in_python(error) from None
        except SpecError as error:
            raise SpecError([replace(one, path=self._name_of(one.path)) for one in error.faults]) from None
        for text in found:
            warnings.warn(f'{text} (in spec={{"data": {{...}}}})', UserWarning, stacklevel=2)
        self.model_, self.history_, self.metrics_ = run.model, run.history, run.metrics
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the class or the value of each row (N,), or of several targets (N, T)."""
        check_is_fitted(self)
        return np.asarray(self.model_.predict(self._rows(X, reset=False)))

    def _check_parameters(self) -> None:
        """SpecError for a parameter of another kind than it may be; the spec's rules tell of values."""
        checked_callbacks([] if self.callbacks is None else self.callbacks)
        wrong = []
        if not isinstance(self.spec, Mapping | None):
            wrong.append(SpecFault("spec", not_allowed(self.spec, 'a dict, such as {"model.layers": [64]}, or None')))
        if self.n_jobs is not None and (not isinstance(self.n_jobs, Integral) or self.n_jobs == 0):
            wrong.append(SpecFault("n_jobs", not_allowed(self.n_jobs, THREADS)))
        if wrong:
            raise SpecError(wrong)

    def _name_of(self, path: str) -> str:
        """Return the parameter that says what a spec has at a path."""
        own = PARAMETERS.get(path)
        if own is not None and getattr(self, own) is not None:
            return own
        return path.replace("overrides[", "spec[") if path.startswith("overrides[") else f"spec: {path}" if path else ""

    def _rows(self, X: Any, *, reset: bool) -> Any:
        """Check rows, of which a frame stays as it is."""
        if _is_frame(X):
            names = getattr(X, "column_names", getattr(X, "columns", ()))
            check_distinct(map(str, names), InputFile("X", Path(GIVEN)))
            return validate_data(self, X, reset=reset, skip_check_array=True)
        return validate_data(self, X, reset=reset, dtype=None, ensure_all_finite="allow-nan")

    def _checked(self, y: Any) -> np.ndarray:
        """Return targets (N,) or (N, T) as an array."""
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None.")
        dtype = None if is_classifier(self) else np.float64
        found = check_array(y, ensure_2d=False, dtype=dtype, input_name="y", estimator=self)
        return column_or_1d(found, warn=True) if found.ndim == 1 or found.shape[1] == 1 else found

    def _cells(self, target: np.ndarray) -> np.ndarray:
        """Return targets as they are to be read."""
        return target

    def _spec(self, data: dict[str, Any], columns: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the spec, and what the parameter `spec` sets in it by paths.

        data: what its `data` must say; columns: what that may say of columns.
        """
        given = dict(self.spec or {})
        keys = {f"{name}.{key}" for name, one in given.items() if isinstance(one, Mapping) for key in one} | {*given}
        if wrong := [SpecFault(path, f"is not for spec: {remedy}") for path, remedy in OWN.items() if path in keys]:
            raise SpecError(wrong)
        paths = {key: given.pop(key) for key in [*given] if "." in key}
        below = join({"data": {**WHOLE, "columns": columns}}, PLAIN if self.preset == PRESETS[0] else {})
        train = {"epochs": self.epochs, "threads": None if self.n_jobs is None else effective_n_jobs(self.n_jobs)}
        own = {"seed": self._seed(), "train": {key: value for key, value in train.items() if value is not None}}
        said = {key: value for key, value in own.items() if value is not None}
        return without_numpy((join(join(below, given), {"preset": self.preset, "data": data, **said}), paths))

    def _seed(self) -> int | None:
        """Return the seed; None for that of the spec."""
        if isinstance(self.random_state, Integral):
            return int(self.random_state)
        if self.random_state is None and "seed" in (self.spec or {}):
            return None
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _task(self, target: np.ndarray) -> dict[str, Any]:
        """Return what the `data` of the spec says of the task."""
        return {"task": "regression"}

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = True
        return tags


def _gives_probabilities(estimator: Any) -> bool:
    """Tell whether the loss of a fitted model gives probabilities; before the fit, nobody knows."""
    model = getattr(estimator, "model_", None)
    link = model.models[0].plan.link if model else None
    return model is None or (link is not None and bool(link.component.traits["probabilities"]))


class TabularClassifier(ClassifierMixin, _Tabular):
    """A classifier of the rows of a table.

    preset: "tabular", "tabular-best" (several nets as one) or "plain".  epochs: None for the preset's.  spec: what
    else a spec may say, {"model": {"layers": [64]}} or by path {"model.layers": [64]}.  class_weight: "balanced" or
    {class: number}.  random_state: the seed.  n_jobs: the threads, None for as many as are fastest.  callbacks:
    functions of one event.  verbose: whether each epoch is told.

    y may be classes, or a matrix (N, T) of 0 and 1 for several labels.
    """

    def __init__(
        self,
        preset: str = "tabular",
        *,
        epochs: int | None = None,
        spec: Mapping[str, Any] | None = None,
        class_weight: str | Mapping[Any, float] | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
        callbacks: Sequence[Callback] | None = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            preset,
            epochs=epochs,
            spec=spec,
            random_state=random_state,
            n_jobs=n_jobs,
            callbacks=callbacks,
            verbose=verbose,
        )
        self.class_weight = class_weight

    def predict(self, X: Any) -> np.ndarray:
        """Return the class of each row (N,), or 0 or 1 for each label (N, T)."""
        found = super().predict(X)
        if found.ndim > 1:
            return found
        labels, places = np.unique(found, return_inverse=True)
        return self.classes_[[*map(Lookup(self.classes_.tolist()), labels.tolist())]][places]

    @available_if(_gives_probabilities)
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class (N, K) in the order of classes_, or of each label (N, T)."""
        check_is_fitted(self)
        found = np.asarray(self.model_.predict_proba(self._rows(X, reset=False)))
        if self.model_.task == "multilabel":
            return found
        return found[:, [*map(Lookup(self.model_.classes or ()), self.classes_.tolist())]]

    def _task(self, target: np.ndarray) -> dict[str, Any]:
        weights = self.class_weight
        if isinstance(weights, Mapping):
            weights = {label if isinstance(label, str) else text_of(label): weight for label, weight in weights.items()}
        return {"task": "classification" if target.ndim == 1 else "multilabel", "class_weight": weights}

    def _cells(self, target: np.ndarray) -> np.ndarray:
        """Return classes of text as they are: with their blanks, and without one that means missing or a number."""
        if target.dtype.kind not in "UO":
            return target
        return np.array([Exact(one) if isinstance(one, str) else one for one in target.flat], object).reshape(
            target.shape
        )

    def _checked(self, y: Any) -> np.ndarray:
        found = super()._checked(y)
        if found.dtype == object and any(text_of(one) is None for one in found.flat):
            raise ValueError("y has rows without a class (None or NaN); leave them out")
        check_classification_targets(found)
        if found.ndim == 1:
            self.classes_ = np.unique(found)
            if len(self.classes_) < 2:
                raise ValueError(f"y has 1 class, {self.classes_[0]!r}; a classifier needs two or more")
        elif (kind := type_of_target(found)) != "multilabel-indicator":
            raise ValueError(f"y is {kind}; give one class a row, or a column of 0 and 1 for each of several labels")
        else:
            self.classes_ = np.arange(found.shape[1])
        return found

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class TabularRegressor(RegressorMixin, _Tabular):
    """A regressor of the rows of a table, with the parameters of `TabularClassifier` but class_weight.

    y may be values (N,), or several of each row (N, T).
    """

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _is_frame(given: Any) -> bool:
    """Tell whether rows are a frame; anything else is an array for scikit-learn."""
    return is_named(given) and not isinstance(given, Mapping | list | tuple)


def _dates(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a spec says of the columns of dates of a frame, so that they become numbers."""
    return {name: {"dates": "parts"} for name, one in columns.items() if _are_dates(one)}


def _are_dates(column: Any) -> bool:
    """Tell whether a column of a frame has the type of dates, or objects that are dates."""
    if str(column.dtype) != "Object":
        return str(column.dtype).startswith("Date")
    cells = [cell for cell in column.to_list() if text_of(cell) is not None]
    return bool(cells) and all(isinstance(cell, date | np.datetime64) for cell in cells)


def _find(event: Event, found: list[str]) -> None:
    """Collect what is said of columns that should not be inputs as they are."""
    if isinstance(event, DataRead):
        found += [one.text for one in event.findings if one.kind in TOLD]


def _in_python(error: DataError) -> DataError:
    """Return an error with the remedy as an estimator takes it."""
    text, column = str(error), re.search(r'column ("(?:[^"\\]|\\.)*")', str(error))
    if column:
        remedy = f'give spec={{"data.categorical": [{column[1]}]}}'
        text = text.replace("name the column in data.categorical", remedy)
        text = text.replace("leave it out (data.drop)", f'leave it out, by spec={{"data.drop": [{column[1]}]}}')
    return DataError(text, key=error.key)


def _named(target: np.ndarray, y: Any, taken: Collection[str]) -> dict[str, np.ndarray]:
    """Return targets by their own names, those of a Series or of a frame, or by others where a column has those.

    UserWarning for a column with a name that y has given: it may be the target itself.
    """
    given = getattr(y, "name", None)
    if _is_frame(y):
        own = [*named_columns(y)]
    elif target.ndim > 1:
        own = [f"y[{place}]" for place in range(target.shape[1])]
    else:
        own = [given if isinstance(given, str) and given else "y"]
    for name in own if _is_frame(y) or given else ():
        if name in taken:
            text = f"X has a column {quoted(name)}, as y has; if it is the target, leave it out of X"
            warnings.warn(text, stacklevel=3)
    found: dict[str, np.ndarray] = {}
    for place, values in enumerate(target.reshape(len(target), -1).T):
        found[_free(own[place] or "y", [*taken, *found, *own[place + 1 :]])] = values
    return found


def _free(name: str, taken: Collection[str]) -> str:
    """Return a name that no column has."""
    return name if name not in taken else _free(f"{name}_", taken)


def _show(event: Event) -> None:
    """Print how an epoch went."""
    model = f"model {event.model}, " if isinstance(event, FromModel) else ""
    ended = event.event if isinstance(event, FromModel) else event
    if isinstance(ended, EpochEnded):
        sys.stdout.write(f"{model}epoch {ended.record['epoch']}: train_loss = {ended.record['train_loss']:.6f}\n")
