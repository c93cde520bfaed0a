"""numbann.sklearn's MLPClassifier beside scikit-learn's: fit, predict of a row, and scores, on one thread.

    python benchmarks/sklearn_estimators.py FOLDER [--tables digits,letter,Fashion-MNIST] [--json out.json]

Both get the same rows, net, batch, epochs and random_state; they alternate in one process, with one thread each.  Its
processor time counts: of fits the least over seeds, of a row the median.  The first fit is that of a process of its
own, which has imported the estimator before: with all that is made once, from a warm cache of kernels and with the
bytecode of both on disk, as an installation has it.  The process is all of it: the interpreter, imports, rows and fit.
Of both the least of some processes.  A score is the mean accuracy over seeds, with its standard deviation.  FOLDER has
the folders pmlb and fashion-mnist; digits need none.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from report import alternate, options, plot_bars, repeat, show, write

SEEDS = 5
STARTS = 3  # processes for the first fit
HIDDEN, BATCH = (100,), 200  # scikit-learn's own choice
EPOCHS = {"digits": 50, "letter": 10, "Fashion-MNIST": 3}
DTYPES = ("float32", "float64")
SINGLE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Rows(NamedTuple):
    """Rows to train on and to test by."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def rows_of(table: str, dtype: str, folder: Path | None) -> Rows:
    """The rows of a table, its numbers between 0 and 1."""
    if table == "Fashion-MNIST":
        import fashion_mnist

        assert folder is not None
        x, y = fashion_mnist.arrays(folder / "fashion-mnist")
        cut = len(y) - 10_000
        return Rows(x[:cut].astype(dtype), y[:cut], x[cut:].astype(dtype), y[cut:])
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    if table == "digits":
        x, y = load_digits(return_X_y=True)
    else:
        import suite

        assert folder is not None
        frame = suite.letter(folder)
        x, y = frame.drop(columns="target").to_numpy(np.float64), frame["target"].to_numpy()
    x, x_test, y, y_test = train_test_split((x / x.max()).astype(dtype), y, test_size=0.2, random_state=0, stratify=y)
    return Rows(x, y, x_test, y_test)


def estimator(name: str, table: str, seed: int) -> Any:
    """An estimator of "numbann" or of "scikit-learn", which trains all of its epochs."""
    epochs = EPOCHS[table]
    settings = {"batch_size": BATCH, "max_iter": epochs, "n_iter_no_change": epochs, "random_state": seed}
    if name == "numbann":
        from numbann import sklearn as ours

        return ours.MLPClassifier(HIDDEN, n_jobs=1, **settings)
    from sklearn import neural_network

    return neural_network.MLPClassifier(HIDDEN, **settings)


def fit(name: str, table: str, rows: Rows, seed: int) -> tuple[Any, float]:
    """A fitted estimator, and the seconds of processor time that it took."""
    made = estimator(name, table, seed)
    start = time.process_time()
    made.fit(rows.x, rows.y)
    return made, time.process_time() - start


def first_fit(name: str, table: str, dtype: str, folder: Path | None) -> tuple[float, float]:
    """The seconds of the first fit of a process, and of the process; each the least of some processes."""
    command = [sys.executable, __file__, *([str(folder)] if folder else []), "--first", name, table, dtype]
    environment = {**os.environ, **SINGLE, "PYTHONWARNINGS": "ignore"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # else each process would compile numbann's sources
    how: dict[str, Any] = {"env": environment, "capture_output": True, "text": True, "check": True}
    found = [subprocess.run(command, **how).stdout.split() for _ in range(1 + STARTS)][1:]  # the first fills caches
    first, whole = (min(map(float, every)) for every in zip(*found, strict=True))
    return first, whole


def measure(table: str, dtype: str, folder: Path | None, rounds: int) -> dict[str, Any]:
    """A row of the table."""
    rows = rows_of(table, dtype, folder)
    fitted: dict[str, list[Any]] = {"numbann": [], "scikit-learn": []}
    seconds: dict[str, list[float]] = {name: [] for name in fitted}
    for seed in range(SEEDS):
        for name in fitted:
            made, took = fit(name, table, rows, seed)
            fitted[name].append(made)
            seconds[name].append(took)
    ours, theirs = (min(every) for every in seconds.values())
    one = {
        name: repeat(lambda net=every[0]: net.predict(rows.x[:1]), clock=time.thread_time)
        for name, every in fitted.items()
    }
    row, their_row = (found * 1e6 for found in alternate(one, rounds).values())
    (first, whole), (their_first, their_whole) = (first_fit(name, table, dtype, folder) for name in fitted)
    scores = {name: [net.score(rows.x_test, rows.y_test) for net in every] for name, every in fitted.items()}
    return {
        "table": table,
        "numbers": dtype,
        "fit, s": ours,
        "theirs": theirs,
        "ratio": theirs / ours,
        "first fit, s": first,
        "its ratio": their_first / first,
        "process, s": whole,
        "its ratio too": their_whole / whole,
        "a row, us": row,
        "theirs, us": their_row,
        "row ratio": their_row / row,
        **{f"score, {name}": f"{statistics.mean(v):.4f} ± {statistics.pstdev(v):.4f}" for name, v in scores.items()},
    }


def main() -> None:
    """Measure, print a table, and write a JSON file and a picture if asked."""
    parser = options(__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="with pmlb/letter.tsv.gz and fashion-mnist/")
    parser.add_argument("--tables", default=",".join(EPOCHS), help="their names, with commas between")
    parser.add_argument("--numbers", default=",".join(DTYPES), help="their types, with commas between")
    parser.add_argument("--first", nargs=3, metavar=("WHO", "TABLE", "DTYPE"), help="print the seconds of a first fit")
    parsed = parser.parse_args()
    warnings.simplefilter("ignore")  # that not all has converged
    if parsed.first:
        who, table, dtype = parsed.first
        print(fit(who, table, rows_of(table, dtype, parsed.folder), 0)[1], time.process_time())
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        rows = [
            measure(table, dtype, parsed.folder, parsed.rounds)
            for table in parsed.tables.split(",")
            for dtype in parsed.numbers.split(",")
        ]
    show(f"MLPClassifier, {HIDDEN[0]} units, batches of {BATCH}, one thread, processor time", rows)
    write(parsed.json, rows=rows)
    if parsed.plot:
        bars = {f"{row['table']}, {row['numbers']}": row["ratio"] for row in rows}
        plot_bars(parsed.plot, "Fits", bars, "scikit-learn's time / numbann's")


if __name__ == "__main__":
    main()
