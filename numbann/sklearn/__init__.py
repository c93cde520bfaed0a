"""Estimators for scikit-learn: its own `MLPClassifier` and `MLPRegressor` on numbann's engine, and `TabularClassifier`
and `TabularRegressor` of tables.  The extra `sklearn`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numbann.errors import NumbannError

try:
    import sklearn
except ModuleNotFoundError:
    found: tuple[int, ...] = ()
else:
    found = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
if found < (1, 7):
    raise NumbannError('numbann.sklearn needs scikit-learn 1.7 or later: pip install "numbann[sklearn]"')

from numbann.engine.devices import prepare
from numbann.sklearn.estimators import MLPClassifier, MLPRegressor, from_sklearn

prepare()  # here, as scikit-learn's import makes ready what its networks compute with: a first fit imports nothing
if TYPE_CHECKING:
    from numbann.sklearn.tabular import TabularClassifier, TabularRegressor

__all__ = ["MLPClassifier", "MLPRegressor", "TabularClassifier", "TabularRegressor", "from_sklearn"]


def __getattr__(name: str) -> Any:
    """Import an estimator of tables when it is used: it takes files, specs and runs along."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from numbann.sklearn import tabular

    return getattr(tabular, name)
