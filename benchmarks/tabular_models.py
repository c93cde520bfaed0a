"""The models of benchmarks/tabular.py by their defaults: each learns from the parts of a table and gives a predictor.

A predictor takes a frame of features and gives values, or a row of probabilities, one for each class in sorted order.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from suite import Parts

Predictor = Callable[[pd.DataFrame], np.ndarray]
Model = Callable[[Parts, int, int], Predictor]  # parts, seed, threads
LAYERS = [64, 32]  # those of `numbann train FILE --target T`
# the recipe of RealMLP-TD-S: the same widths, epochs and batches as pytabkit's
SIMPLIFIED: dict[str, Any] = {
    "data": {"scale": ["robust", "clip"], "categories": "compact"},
    "model": {"layers": [256, 256, 256], "input": {"scale": {"rate": 6.0}}},
    "optimizer": {"type": "adam", "beta2": 0.95, "rates": "width", "bias_rate": 0.1},
    "schedule": {"type": "log_cosine", "cycles": 4},
    "train": {"epochs": 256, "batch_size": 256, "select": {"monitor": "metric", "ties": "last"}},
}
BY_TASK: dict[str, dict[str, Any]] = {  # what differs in it
    "classification": {
        "model": {"activation": "selu"},
        "loss": {"type": "softmax_cross_entropy", "label_smoothing": 0.1},
        "optimizer": {"learning_rate": 0.04},
    },
    "regression": {"model": {"activation": "mish"}, "optimizer": {"learning_rate": 0.07}},
}
MISSING = "missing"  # the category of a cell that is empty, for libraries that take none


def numbann_with(preset: str) -> Model:
    """numbann with a preset; the spec says the target, and that all rows are there to learn from."""

    def fit(parts: Parts, seed: int, threads: int) -> Predictor:
        spec: dict[str, Any] = {"model": {"layers": LAYERS}} if preset == "plain" else {"preset": preset}
        if preset == "plain":
            return numbann_by(spec, {"train": parts.train, "validation": parts.validation}, parts, seed, threads)
        spec["data"] = {"split": {"test": 0}}
        return numbann_by(spec, {"train": parts.known}, parts, seed, threads)

    return fit


def numbann_by(
    spec: dict[str, Any], given: dict[str, pd.DataFrame], parts: Parts, seed: int, threads: int
) -> Predictor:
    """numbann by a spec that leaves target and task open."""
    import numbann

    task = "classification" if parts.classes else "regression"
    spec = {**spec, "data": {**spec.get("data", {}), "target": parts.target, "task": task}}
    with tempfile.TemporaryDirectory() as folder:
        model = numbann.train(spec, data=given, output=Path(folder) / "run", seed=seed, threads=threads).model
    if not parts.classes:
        return model.predict
    order = [model.classes.index(name) for name in parts.classes]
    return lambda frame: np.asarray(model.predict_proba(frame))[:, order]


def numbann_simplified(parts: Parts, seed: int, threads: int) -> Predictor:
    """numbann with the recipe of RealMLP-TD-S, key by key: what the same work costs in another library."""
    from numbann.spec.extending import join

    spec = join(SIMPLIFIED, BY_TASK["classification" if parts.classes else "regression"])
    return numbann_by(spec, {"train": parts.train, "validation": parts.validation}, parts, seed, threads)


def scikit_mlp(parts: Parts, seed: int, threads: int) -> Predictor:
    """scikit-learn's MLP with early stopping, behind the columns that its guide tells to make."""
    from sklearn.compose import TransformedTargetRegressor, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), parts.texts), remainder=numbers, sparse_threshold=0
    )
    if parts.classes:
        model: Any = make_pipeline(columns, MLPClassifier(early_stopping=True, random_state=seed))
    else:
        net = make_pipeline(columns, MLPRegressor(early_stopping=True, random_state=seed))
        model = TransformedTargetRegressor(net, transformer=StandardScaler())
    return fitted(model, parts, parts.known)


def histogram_boosting(parts: Parts, seed: int, threads: int) -> Predictor:
    """scikit-learn's HistGradientBoosting."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    made = HistGradientBoostingClassifier if parts.classes else HistGradientBoostingRegressor
    return fitted(made(random_state=seed), parts, parts.known, typed=True)


def lightgbm(parts: Parts, seed: int, threads: int) -> Predictor:
    """LightGBM."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    made = LGBMClassifier if parts.classes else LGBMRegressor
    return fitted(made(random_state=seed, n_jobs=threads, verbose=-1), parts, parts.known, typed=True)


def xgboost(parts: Parts, seed: int, threads: int) -> Predictor:
    """XGBoost, which asks for classes as numbers."""
    from xgboost import XGBClassifier, XGBRegressor

    made = XGBClassifier if parts.classes else XGBRegressor
    model = made(random_state=seed, n_jobs=threads, enable_categorical=True)
    return fitted(model, parts, parts.known, typed=True, coded=True)


def catboost(parts: Parts, seed: int, threads: int) -> Predictor:
    """CatBoost, which takes categories as text."""
    from catboost import CatBoostClassifier, CatBoostRegressor

    made = CatBoostClassifier if parts.classes else CatBoostRegressor
    model = made(random_seed=seed, thread_count=threads, verbose=False, allow_writing_files=False)
    return fitted(model, parts, parts.known, filled=True, cat_features=parts.texts)


def pytabkit(name: str) -> Model:
    """A net of pytabkit by the name of its estimators; one model, on the parts as they are."""

    def fit(parts: Parts, seed: int, threads: int) -> Predictor:
        import pytabkit

        made = getattr(pytabkit, f"{name}_{'Classifier' if parts.classes else 'Regressor'}")
        model = made(random_state=seed, device="cpu", n_threads=threads, verbosity=0)
        medians = parts.train.median(numeric_only=True)
        train, validation = (part.fillna(medians) for part in (parts.train, parts.validation))
        held = {"X_val": parts.features(validation), "y_val": validation[parts.target]}
        predict = fitted(model, parts, train, filled=True, cat_col_names=parts.texts, **held)
        return lambda frame: predict(frame.fillna(medians))

    return fit


def fitted(
    model: Any,
    parts: Parts,
    rows: pd.DataFrame,
    *,
    typed: bool = False,
    filled: bool = False,
    coded: bool = False,
    **more: Any,
) -> Predictor:
    """Fit an estimator on rows, and return its predictor.

    typed: text becomes pandas' categories; filled: empty cells of text become a category; coded: classes become
    numbers.
    """
    kinds = {name: pd.CategoricalDtype(sorted(rows[name].dropna().unique())) for name in parts.texts}

    def changed(frame: pd.DataFrame) -> pd.DataFrame:
        if typed:
            return frame.astype(kinds)
        return frame.fillna(dict.fromkeys(parts.texts, MISSING)) if filled else frame

    if "X_val" in more:
        more["X_val"] = changed(more["X_val"])
    y = rows[parts.target]
    model.fit(changed(parts.features(rows)), y.map(parts.classes.index) if coded and parts.classes else y, **more)
    if not parts.classes:
        return lambda frame: np.asarray(model.predict(changed(frame)))
    named = parts.classes if coded else [str(name) for name in model.classes_]
    order = [list(named).index(name) for name in parts.classes]
    return lambda frame: np.asarray(model.predict_proba(changed(frame)))[:, order]


MODELS: dict[str, Model] = {
    "numbann plain": numbann_with("plain"),
    "numbann tabular": numbann_with("tabular"),
    "numbann tabular-best": numbann_with("tabular-best"),
    "numbann TD-S": numbann_simplified,
    "scikit-learn MLP": scikit_mlp,
    "HistGradientBoosting": histogram_boosting,
    "LightGBM": lightgbm,
    "XGBoost": xgboost,
    "CatBoost": catboost,
    "RealMLP-TD-S": pytabkit("RealMLP_TD_S"),
    "RealMLP-TD": pytabkit("RealMLP_TD"),
    "TabM": pytabkit("TabM_D"),
}
