"""scikit-learn's `MLPClassifier` and `MLPRegressor` on numbann's engine.  The extra `sklearn`."""

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

from numbann.sklearn.estimators import MLPClassifier, MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
