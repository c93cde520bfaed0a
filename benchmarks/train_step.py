"""Time of a training step inside an epoch, numbann against scikit-learn, side by side in one run.

    python benchmarks/train_step.py [--nets TSMLW] [--json out.json]

Data is random and in memory; numbann's figure is the `seconds` of its own history, a whole epoch with shuffling.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
from pathlib import Path

import numpy as np
from peers import sklearn_epoch_seconds

import numbann

NETS = {  # inputs, hidden widths, classes, batch, rows, scikit-learn's epochs
    "T": (64, (32,), 10, 32, 16_000, 5),
    "S": (784, (128,), 10, 32, 6_400, 5),
    "M": (784, (256, 128), 10, 128, 12_800, 3),
    "L": (784, (1024, 1024), 10, 256, 2_560, 3),
    "W": (32, (64, 64, 64), 2, 64, 16_000, 3),
}


def random_rows(inputs: int, classes: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Normal inputs and random classes."""
    random = np.random.default_rng(0)
    return random.standard_normal((rows, inputs)).astype(np.float32), random.integers(0, classes, rows)


def numbann_epoch_seconds(name: str, x: np.ndarray, y: np.ndarray, threads: int | str, epochs: int) -> float:
    """Median seconds an epoch of numbann after the first."""
    _, hidden, classes, batch, _, _ = NETS[name]
    loss = {"loss": "softmax_cross_entropy"} if classes == 2 else {}
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "rows.npz", x=x, y=y)
        spec = {
            "name": name,
            "data": {
                "path": str(Path(folder) / "rows.npz"),
                "task": "classification",
                "scale": "none",
                "split": {"validation": 0, "test": 0},
            },
            "model": {"layers": [{"units": units, "activation": "relu"} for units in hidden]},
            "train": {"epochs": epochs + 1, "batch_size": batch, "threads": threads},
            **loss,
        }
        run = numbann.train(spec, output=Path(folder) / "run")
    return float(np.median([epoch["seconds"] for epoch in run.history[1:]]))


def measure(name: str) -> dict[str, float | str]:
    """Microseconds a step of each, and the ratio."""
    inputs, hidden, classes, batch, rows, epochs = NETS[name]
    x, y = random_rows(inputs, classes, rows)
    steps = -(-rows // batch)
    ours = {threads: numbann_epoch_seconds(name, x, y, threads, 15) / steps * 1e6 for threads in (1, 2)}
    theirs = sklearn_epoch_seconds(hidden, batch, x, y, epochs) / steps * 1e6
    best = min(ours.values())
    return {
        "net": name,
        "numbann, 1 thread (us)": ours[1],
        "numbann, 2 threads (us)": ours[2],
        "scikit-learn (us)": theirs,
        "ratio": theirs / best,
    }


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nets", default="TSMLW")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    for name in options.nets:
        rows.append(measure(name))
        if len(rows) == 1:
            print("  ".join(rows[0]))
        print(
            "  ".join(
                f"{v:.1f}".rjust(len(k)) if isinstance(v, float) else v.rjust(len(k)) for k, v in rows[-1].items()
            )
        )
    if options.json:
        options.json.write_text(
            json.dumps({"machine": platform.processor() or platform.machine(), "rows": rows}, indent=1)
        )


if __name__ == "__main__":
    main()
