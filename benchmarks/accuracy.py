"""Test accuracy on two well-known tables: Adult (64-64 ReLU, Adam, 10 epochs) and California housing (64-64).

    python benchmarks/accuracy.py adult FOLDER        # adult.data and adult.test, https://archive.ics.uci.edu/dataset/2
    python benchmarks/accuracy.py california FILE     # cal_housing.data, with a header, StatLib

The test file of Adult begins with a comment line, and its labels end in a full stop: `clean_adult_test` writes a copy
without either.  Of California housing 15 % of the rows, drawn by the seed, are the test.

Peers on the same rows: scikit-learn's MLPClassifier or MLPRegressor of the same size with early stopping, on
standardised numbers (and target) and one-hot categories, and HistGradientBoosting, all else by default.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import numbann

ADULT_COLUMNS = [
    *("age", "workclass", "fnlwgt", "education", "education_num", "marital_status", "occupation", "relationship"),
    *("race", "sex", "capital_gain", "capital_loss", "hours_per_week", "native_country", "income"),
]
LAYERS = [{"units": 64, "activation": "relu"}] * 2


def clean_adult_test(source: Path, target: Path) -> Path:
    """Copy adult.test without its first line and the full stops after its labels."""
    lines = source.read_text(encoding="utf-8").splitlines()[1:]
    target.write_text(
        "\n".join(line.rstrip().removesuffix(".") for line in lines if line.strip()) + "\n", encoding="utf-8"
    )
    return target


def adult_spec(folder: Path, scratch: Path, _seed: int) -> dict[str, Any]:
    """Adult: income above 50 000 dollars from 14 columns, 8 of them categories."""
    test = clean_adult_test(folder / "adult.test", scratch / "adult_test.csv")
    return {
        "name": "adult",
        "data": {
            "path": {"train": str(folder / "adult.data"), "test": str(test)},
            "format": "csv",
            "csv": {"header": ADULT_COLUMNS},
            "target": "income",
            "split": {"validation": 0},
        },
        "model": {"layers": LAYERS},
        "train": {"epochs": 10},
    }


def california_spec(file: Path, scratch: Path, seed: int) -> dict[str, Any]:
    """California housing: the median house value of a district from 8 numbers."""
    head, *lines = file.read_text(encoding="utf-8").splitlines()
    held = np.random.default_rng(seed).permutation(len(lines))
    parts = {"test": held[: len(lines) * 15 // 100], "train": held[len(lines) * 15 // 100 :]}
    for part, rows in parts.items():
        text = "\n".join([head, *(lines[row] for row in sorted(rows))])
        (scratch / f"{part}.csv").write_text(text + "\n", encoding="utf-8")
    return {
        "name": "california",
        "data": {
            "path": {part: str(scratch / f"{part}.csv") for part in parts},
            "target": "median_house_value",
        },
        "model": {"layers": LAYERS},
        "train": {"epochs": 100, "early_stopping": {"patience": 15}},
    }


def peers(spec: dict[str, Any], seed: int) -> Iterator[tuple[str, float]]:
    """Train scikit-learn's models on the rows of a spec; yield their names and test metrics."""
    from sklearn.compose import TransformedTargetRegressor, make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    x, y, texts = _rows(spec, "train")
    test_x, test_y, _ = _rows(spec, "test")
    numbers = [column for column in range(x.shape[1]) if column not in texts]
    classes = y.dtype == object
    of_size: dict[str, Any] = {"hidden_layer_sizes": (64, 64), "early_stopping": True, "random_state": seed}
    scaled = make_column_transformer(
        (StandardScaler(), numbers), (OneHotEncoder(handle_unknown="ignore", sparse_output=False), texts)
    )
    unknown: dict[str, Any] = {"handle_unknown": "use_encoded_value", "unknown_value": -1}
    coded = make_column_transformer((OrdinalEncoder(**unknown), texts), remainder="passthrough")
    mlp = (
        MLPClassifier(**of_size)
        if classes
        else TransformedTargetRegressor(MLPRegressor(**of_size), transformer=StandardScaler())
    )
    trees = (HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor)(
        categorical_features=list(range(len(texts))) or None, random_state=seed
    )
    for name, model in (("MLP", make_pipeline(scaled, mlp)), ("HistGB", make_pipeline(coded, trees))):
        y_hat = model.fit(x, y).predict(test_x)
        yield name, float((y_hat == test_y).mean() if classes else np.sqrt(((y_hat - test_y) ** 2).mean()))


def _rows(spec: dict[str, Any], part: str) -> tuple[Any, Any, list[int]]:
    """Return inputs and target of a part, and which inputs are texts."""
    data = spec["data"]
    with open(data["path"][part], encoding="utf-8", newline="") as file:
        rows = [[cell.strip() for cell in row] for row in csv.reader(file) if row]
    names = data["csv"]["header"] if "csv" in data else rows.pop(0)
    target = names.index(data["target"])
    x = np.array([row[:target] + row[target + 1 :] for row in rows], object)
    texts = [column for column in range(x.shape[1]) if not _is_number(x[0, column])]
    for column in set(range(x.shape[1])) - set(texts):
        x[:, column] = x[:, column].astype(float)
    y = np.array([row[target] for row in rows], object)
    return x, y.astype(float) if _is_number(y[0]) else y, texts


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).removeprefix("-").isdigit()


def main() -> None:
    """Train with a few seeds and print the test metric of each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("table", choices=("adult", "california"))
    parser.add_argument("path", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--peers", action="store_true", help="Also train scikit-learn's models.")
    options = parser.parse_args()
    metric, unit = {"adult": ("accuracy", 1.0), "california": ("rmse", 1e5)}[options.table]
    found: dict[str, list[float]] = {}
    for seed in range(options.seeds):
        with tempfile.TemporaryDirectory() as scratch:
            make = adult_spec if options.table == "adult" else california_spec
            spec = make(options.path.resolve(), Path(scratch), seed)
            run = numbann.train(spec, output=Path(scratch) / "run", seed=seed)
            scores = [("numbann", run.metrics["test"][metric]), *(peers(spec, seed) if options.peers else ())]
        for name, score in scores:
            found.setdefault(name, []).append(score / unit)
            print(f"seed {seed}: {name}, test {metric} {score / unit:.4f}")
    for name, each in found.items():
        print(f"median of {name} {np.median(each):.4f}")


if __name__ == "__main__":
    main()
