"""Estimators for scikit-learn: its own `MLPClassifier` and `MLPRegressor` on numbann's engine, and `TabularClassifier`
and `TabularRegressor` of tables.  The extra `sklearn`."""

from __future__ import annotations

from numbann.errors import NumbannError

try:
    import sklearn
except ModuleNotFoundError:
    found: tuple[int, ...] = ()
else:
    found = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
if found < (1, 7):
    raise NumbannError('numbann.sklearn needs scikit-learn 1.7 or later: pip install "numbann[sklearn]"')

from numbann.sklearn.estimators import MLPClassifier, MLPRegressor, from_sklearn
from numbann.sklearn.tabular import TabularClassifier, TabularRegressor

__all__ = ["MLPClassifier", "MLPRegressor", "TabularClassifier", "TabularRegressor", "from_sklearn"]
