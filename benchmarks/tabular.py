"""The best model from a table by default: numbann's presets beside boosted trees and other nets, on twelve tables.

    python benchmarks/tabular.py FOLDER [--tables california,adult] [--models numbann,LightGBM] [--seeds 5]
                                 [--threads 2] [--split 0] [--json found.json] [--plot out.png]

FOLDER holds the files that suite.py names.  Every model is used by its defaults; those that are not installed are left
out (extra `bench-tabular`).  Nets get the validation part for the choice of their epoch.  Trees, scikit-learn's MLP and
numbann's presets for tables, which choose no epoch or make folds themselves, learn from both parts.  With --json each
figure is written as it is found, and a run that is started again goes on where it was.  A seed draws the parts too,
unless --split says what does.

The error of a model is 1 - accuracy, or the root mean square error over the target's deviation in the test part; of
several tables exp(mean(log(error + 0.01))), which no single easy table decides.  Seconds are those of the whole fit,
with its preparation of columns, in processor time: with one thread what a clock shows on a machine that does nothing
else.  Where a table has too few rows for the class of a figure, it is left out.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from report import axes, machine, save, show
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from suite import SUITE, Parts
from tabular_models import MODELS
from threadpoolctl import threadpool_limits

SHIFT = 0.01  # added to errors before their logarithm


def measured(parts: Parts, predicted: np.ndarray) -> dict[str, float]:
    """The figures of predictions for the test part: values, or a probability for each class."""
    true = parts.test[parts.target]
    if not parts.classes:
        rmse = float(np.sqrt(np.mean((predicted - true) ** 2)))
        return {"error": rmse / float(np.std(true)), "rmse": rmse}
    shares = predicted / predicted.sum(axis=1, keepdims=True)
    accuracy = accuracy_score(true, np.array(parts.classes)[shares.argmax(axis=1)])
    ranked = shares[:, 1] if len(parts.classes) == 2 else shares
    loss = log_loss(true, shares, labels=list(parts.classes))
    auc = roc_auc_score(true, ranked, multi_class="ovr", labels=list(parts.classes))
    return {"error": 1 - accuracy, "accuracy": accuracy, "log loss": float(loss), "AUC": float(auc)}


def tried(name: str, parts: Parts, seed: int, threads: int) -> dict[str, float]:
    """A model's figures on a table, and its seconds."""
    with threadpool_limits(threads):  # for the libraries that have no such option
        start = time.process_time()
        predict = MODELS[name](parts, seed, threads)
        middle = time.process_time()
        predicted = np.asarray(predict(parts.features(parts.test)))
        end = time.process_time()
    return {**measured(parts, predicted), "seconds": middle - start, "seconds to predict": end - middle}


def all_tried(given: Any, before: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The figures of every model on every table with every seed that are not there yet; seeds go round first."""
    there = {(row["table"], row["model"], row["seed"]) for row in before}
    missing: set[str] = set()
    for seed in range(given.seeds):
        for table in given.tables:
            for model in given.models:
                if model in missing or (table, model, seed) in there:
                    continue
                try:
                    parts = SUITE[table].parts(given.folder, seed if given.split is None else given.split)
                    found = tried(model, parts, seed, given.threads)
                except ModuleNotFoundError as error:
                    print(f"{model} is left out: {error}")
                    missing.add(model)
                    continue
                yield {"table": table, "model": model, "seed": seed, "threads": given.threads, **found}


def means(rows: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """{model: {table: the means of its figures over the seeds}}."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for model in dict.fromkeys(row["model"] for row in rows):
        own = [row for row in rows if row["model"] == model]
        for table in dict.fromkeys(row["table"] for row in own):
            of_table = [row for row in own if row["table"] == table]
            figures = {key: float(np.mean([row[key] for row in of_table])) for key in of_table[0] if key not in LABELS}
            found.setdefault(model, {})[table] = figures
    return found


LABELS = ("table", "model", "seed", "threads")


def together(by_table: Mapping[str, Mapping[str, float]], tables: list[str]) -> tuple[float, float]:
    """The shifted geometric mean of a model's errors, and its mean seconds, over the tables."""
    errors = [by_table[table]["error"] for table in tables]
    seconds = [by_table[table]["seconds"] for table in tables]
    return float(np.exp(np.mean(np.log(np.array(errors) + SHIFT)))), float(np.exp(np.mean(np.log(seconds))))


def report(rows: list[dict[str, Any]], plot: Path | None) -> None:
    """Print the tables, and draw the picture: error against seconds, of the models that were on all tables."""
    found = means(rows)
    tables = list(dict.fromkeys(row["table"] for row in rows))
    for key in ("rmse", "accuracy", "log loss", "AUC", "seconds"):
        having = [table for table in tables if any(key in by.get(table, {}) for by in found.values())]
        if having:
            show(
                key,
                [
                    {"model": model, **{t: f"{by[t][key]:.4g}" if t in by else "" for t in having}}
                    for model, by in found.items()
                ],
            )
    whole = {model: together(by, tables) for model, by in found.items() if set(by) == set(tables)}
    order = sorted(whole, key=lambda model: whole[model][0])
    show(
        f"all {len(tables)} tables",
        [{"model": m, "error": f"{whole[m][0]:.4f}", "seconds (geometric mean)": whole[m][1]} for m in order],
    )
    if plot:
        draw(plot, whole, len(tables))


def draw(path: Path, whole: Mapping[str, tuple[float, float]], count: int) -> None:
    """Error against seconds, both logarithmic."""
    from matplotlib.ticker import FormatStrFormatter, NullFormatter

    made = axes(f"{count} tables, all models by default")
    for model, (error, seconds) in whole.items():
        ours = model.startswith("numbann")
        near = [found for found in whole.values() if abs(np.log(found[1] / seconds)) < np.log(1.7)]
        above = error == max(near)[0]  # so that the names of neighbours stay apart
        made.scatter(seconds, error, color="tab:red" if ours else "tab:gray", zorder=3)
        place = {"xytext": (0, 7 if above else -7), "ha": "center", "va": "bottom" if above else "top"}
        made.annotate(model, (seconds, error), textcoords="offset points", fontsize=8, **place)
    made.margins(0.15)
    made.set(
        xscale="log",
        yscale="log",
        xlabel="processor seconds of a fit (geometric mean)",
        ylabel="error (geometric mean)",
    )
    for axis, form in ((made.xaxis, "%g"), (made.yaxis, "%.2f")):
        axis.set_major_formatter(FormatStrFormatter(form))
    made.yaxis.set_minor_formatter(FormatStrFormatter("%.2f"))
    made.xaxis.set_minor_formatter(NullFormatter())
    made.grid(which="both", linewidth=0.3)
    save(made, path)


def main() -> None:
    """Try the models, and report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="of the files that suite.py names")
    parser.add_argument("--tables", type=lambda text: text.split(","), default=list(SUITE))
    parser.add_argument("--models", type=lambda text: text.split(","), default=list(MODELS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--split", type=int, help="the seed of all splits into parts")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure, and the machine; go on from it")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw a picture (needs matplotlib)")
    given = parser.parse_args()
    rows = json.loads(given.json.read_text(encoding="utf-8"))["found"] if given.json and given.json.exists() else []
    for row in all_tried(given, rows):
        rows.append(row)
        print(*(f"{key} {value:.4g}" if isinstance(value, float) else value for key, value in row.items()), flush=True)
        if given.json:
            text = json.dumps({"machine": machine(), "found": rows}, indent=1)
            given.json.write_text(text + "\n", encoding="utf-8")
    report([row for row in rows if row["table"] in given.tables and row["model"] in given.models], given.plot)


if __name__ == "__main__":
    main()
