"""Tables as they come, without a spec, beside scikit-learn's MLP: the same net, early stopping, the same rows.

    python benchmarks/tables.py iris wine breast_cancer diabetes digits    # scikit-learn's own tables
    python benchmarks/tables.py FILE:TARGET ...                            # any table of text; -1: the last column

Of each table a fifth of the rows, drawn by the seed, is the test.  numbann trains as `numbann train FILE --target
TARGET` does, with a tenth of the rows for validation.  scikit-learn's MLP has the same layers, standardised numbers
(and target), medians for missing numbers with indicators, one-hot categories, batches of 64 rows, and early stopping
on a tenth of them; all else is by default.  Means of the seeds: accuracy, or r2.  --rows takes a part of large tables.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sklearn.datasets
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import numbann
from numbann.training.starter import LAYERS, PATIENCE, starter

OWN = ("iris", "wine", "breast_cancer", "diabetes", "digits")


def table_of(name: str) -> tuple[pd.DataFrame, str]:
    """The table and its target, of scikit-learn's tables or FILE:TARGET."""
    if name in OWN:
        frame = getattr(sklearn.datasets, f"load_{name}")(as_frame=True).frame
        return frame, "target"
    file, _, target = name.rpartition(":")
    headed = starter(file, [target])["data"].get("csv", {}).get("header", True)
    how: dict[str, Any] = {"sep": "\t"} if ".tsv" in file else {"sep": None, "engine": "python"}
    frame = pd.read_csv(file, header=0 if headed else None, na_values=["?"], skipinitialspace=True, **how)
    frame.columns = frame.columns.astype(str) if headed else [f"column {name}" for name in frame]
    return frame, frame.columns[int(target)] if target.startswith("-") else target if headed else f"column {target}"


def split(frame: pd.DataFrame, seed: int, most: int | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows for training, and a fifth for the test; at most so many of each."""
    order = np.random.default_rng(seed).permutation(len(frame))
    return frame.iloc[order[len(frame) // 5 :][:most]], frame.iloc[order[: len(frame) // 5][:most]]


def ours(train: pd.DataFrame, test: pd.DataFrame, target: str, seed: int, task: str) -> tuple[float, str]:
    """The score of `numbann train FILE --target TARGET` on the test, and the task.  task: as in a spec."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        train.to_csv(folder / "train.csv", index=False)
        test.to_csv(folder / "test.csv", index=False)
        spec = starter(folder / "train.csv", [target])
        spec["data"]["path"] = {"train": str(folder / "train.csv"), "test": str(folder / "test.csv")}
        spec["data"] |= {"split": {"validation": 0.1}, "task": task}
        run = numbann.train(spec, output=folder / "run", seed=seed)
        score: float = run.metrics["test"]["accuracy" if run.model.task == "classification" else "r2"]
        return score, run.model.task


def theirs(train: pd.DataFrame, test: pd.DataFrame, target: str, seed: int, task: str) -> float:
    """The score of scikit-learn's MLP."""
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    columns = ColumnTransformer(
        [
            ("numbers", numbers, make_column_selector(dtype_include="number")),
            ("texts", OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
        ],
        sparse_threshold=0,
    )
    settings: dict[str, Any] = {
        "hidden_layer_sizes": LAYERS,
        "early_stopping": True,
        "n_iter_no_change": PATIENCE,
        "batch_size": min(64, int(0.9 * len(train))),
        "random_state": seed,
    }
    if task == "classification":
        model = make_pipeline(columns, MLPClassifier(**settings))
    else:
        model = TransformedTargetRegressor(
            make_pipeline(columns, MLPRegressor(**settings)), transformer=StandardScaler()
        )
    model.fit(train.drop(columns=target), train[target])
    return float(model.score(test.drop(columns=target), test[target]))


def main() -> None:
    """Train on each table with some seeds and print the means."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("tables", nargs="+")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, metavar="N", help="at most, for training and for the test")
    parser.add_argument("--task", default="auto", help="classification for labels of which few rows show too little")
    options = parser.parse_args()
    print(f"{'table':<24} {'rows':>7}  numbann          scikit-learn MLP   (mean, deviation, seconds)")
    for name in options.tables:
        frame, target = table_of(name)
        scores: dict[str, list[float]] = {"numbann": [], "scikit-learn": []}
        seconds = dict.fromkeys(scores, 0.0)
        for seed in range(options.seeds):
            train, test = split(frame, seed, options.rows)
            start = time.perf_counter()
            score, task = ours(train, test, target, seed, options.task)
            middle = time.perf_counter()
            scores["scikit-learn"].append(theirs(train, test, target, seed, task))
            scores["numbann"].append(score)
            seconds["numbann"] += middle - start
            seconds["scikit-learn"] += time.perf_counter() - middle
        shown = "  ".join(
            f"{np.mean(found):.4f} {np.std(found):.4f} {seconds[who] / options.seeds:5.1f}"
            for who, found in scores.items()
        )
        print(f"{Path(name.rpartition(':')[0] or name).name:<24} {len(frame):>7}  {shown}", flush=True)


if __name__ == "__main__":
    main()
