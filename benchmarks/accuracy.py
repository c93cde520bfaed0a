"""Test accuracy on two well-known tables: Adult (64-64 ReLU, Adam, 10 epochs) and California housing (64-64).

    python benchmarks/accuracy.py adult FOLDER        # adult.data and adult.test, https://archive.ics.uci.edu/dataset/2
    python benchmarks/accuracy.py california FILE     # cal_housing.data, with a header, StatLib

The test file of Adult begins with a comment line, and its labels end in a full stop: `clean_adult_test` writes a copy
without either.
"""

from __future__ import annotations

import argparse
import tempfile
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


def adult_spec(folder: Path, scratch: Path) -> dict[str, Any]:
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


def california_spec(file: Path, _scratch: Path) -> dict[str, Any]:
    """California housing: the median house value of a district from 8 numbers."""
    return {
        "name": "california",
        "data": {"path": str(file), "format": "csv", "target": "median_house_value"},
        "model": {"layers": LAYERS},
        "train": {"epochs": 100, "early_stopping": {"patience": 15}},
    }


def main() -> None:
    """Train with a few seeds and print the test metric of each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("table", choices=("adult", "california"))
    parser.add_argument("path", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    metric, unit = {"adult": ("accuracy", 1.0), "california": ("rmse", 1e5)}[options.table]
    found = []
    for seed in range(options.seeds):
        with tempfile.TemporaryDirectory() as scratch:
            make = adult_spec if options.table == "adult" else california_spec
            spec = make(options.path.resolve(), Path(scratch))
            run = numbann.train(spec, output=Path(scratch) / "run", seed=seed)
        found.append(run.metrics["test"][metric] / unit)
        print(f"seed {seed}: test {metric} {found[-1]:.4f}")
    print(f"median {np.median(found):.4f}")


if __name__ == "__main__":
    main()
