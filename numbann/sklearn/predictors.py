"""The engines that predict for estimators, each kept beside its own: they are neither pickled nor cloned.

Anybody may change an estimator's weights, also in place.  So an engine is given them anew at every call, unless nobody
else can have them: `settle` has copied them, and since then nobody has asked for them.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from numbann.engine.devices import make_engine
from numbann.engine.interface import Engine
from numbann.records import dataclass
from numbann.sklearn.networks import predicting, tensors_of, weights_of
from numbann.sklearn.parameters import threads_of


@dataclass
class _Predictor:
    """An engine, and the parameters and shapes that it was made for.

    alone: nobody else has the estimator's weights.  current: the engine has been given them.
    """

    engine: Engine | None = None
    chosen: Any = None
    shapes: Any = None
    alone: bool = False
    current: bool = False


_PREDICTORS: WeakKeyDictionary[Any, _Predictor] = WeakKeyDictionary()


class Weights:
    """An attribute with arrays of weights, which notes who may have got hold of them."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, estimator: Any, owner: type | None = None) -> Any:
        if estimator is None:
            return self
        hand_out(estimator)
        try:
            return vars(estimator)[self._name]
        except KeyError:
            raise AttributeError(f"{type(estimator).__name__!r} object has no attribute {self._name!r}") from None

    def __set__(self, estimator: Any, arrays: Any) -> None:
        hand_out(estimator)
        vars(estimator)[self._name] = arrays

    def __delete__(self, estimator: Any) -> None:
        del vars(estimator)[self._name]


def hand_out(estimator: Any) -> None:
    """Note that others may have an estimator's weights, and may change them without a word."""
    if (found := _PREDICTORS.get(estimator)) is not None:
        found.alone = False


def settle(estimator: Any) -> None:
    """Give an estimator a copy of its weights, which nobody else has."""
    known = vars(estimator)
    for name, arrays in zip(("coefs_", "intercepts_"), weights_of(estimator), strict=True):
        known[name] = [one.copy() for one in arrays]
    known["vectors_"] = {name: one.copy() for name, one in known.get("vectors_", {}).items()}
    found = _PREDICTORS.setdefault(estimator, _Predictor())
    found.alone, found.current = True, False


def predictor_of(estimator: Any) -> Engine:
    """The engine that predicts, with the estimator's weights and parameters as they are now."""
    found = _PREDICTORS.setdefault(estimator, _Predictor())
    chosen = estimator.activation, estimator.out_activation_, estimator.norm, estimator.loss, estimator.n_jobs
    if found.alone and found.current and found.chosen == chosen:
        assert found.engine is not None
        return found.engine
    tensors = tensors_of(estimator)
    shapes = [(one.shape, one.dtype) for one in tensors.values()]
    if found.engine is None or (found.chosen, found.shapes) != (chosen, shapes):
        engine = make_engine(predicting(estimator), threads=threads_of(estimator))
        found.engine, found.chosen, found.shapes = engine, chosen, shapes
    found.engine.set_parameters(tensors)
    found.current = True
    return found.engine
