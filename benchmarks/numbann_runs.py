"""numbann's part in the benchmarks, through its public interface: train a net, and time its epochs."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from nets import Net

import numbann

EPOCHS, STEPS = 3, 200  # timed epochs of a round, and the steps that they have at least
Overrides = Mapping[str, Any]  # of the spec
WARM = 5  # epochs before them, so that whoever adapts to the machine has done so


def epochs_of_a_round(net: Net) -> tuple[int, int]:
    """How many epochs warm up and how many are timed: a full batch needs many to be as many steps."""
    timed = max(EPOCHS, STEPS // net.steps)
    return max(WARM, timed), timed


def train(
    net: Net, folder: Path, threads: int | str, epochs: int, overrides: Overrides | None = None
) -> tuple[numbann.Run, numbann.Model]:
    """Train on the net's data, which is kept in the folder; the model is the trained one, on as many threads."""
    with tempfile.TemporaryDirectory(dir=folder) as output:
        given = spec(net, data_file(net, folder), threads, epochs)
        run = numbann.train(given, output=Path(output) / "run", overrides=overrides)
        return run, numbann.load(run.path, threads=None if threads == "auto" else int(threads))


def epoch_seconds(net: Net, folder: Path, threads: int | str, overrides: Overrides | None = None) -> float:
    """Seconds of the median epoch of a round, by numbann's own history, shuffling included."""
    warm, timed = epochs_of_a_round(net)
    run, _ = train(net, folder, threads, warm + timed, overrides)
    return statistics.median(epoch["seconds"] for epoch in run.history[warm:])


def data_file(net: Net, folder: Path) -> Path:
    """The net's rows in an .npz file, written when it is first needed."""
    path = folder / f"{'-'.join(map(str, net.widths))}-{net.rows}.npz"
    if not path.exists():
        x, y = net.data()
        np.savez(path, x=x, y=y)
    return path


def spec(net: Net, data: Path, threads: int | str, epochs: int) -> dict[str, Any]:
    """The net as a spec, with Adam and without scaling or a split."""
    return {
        "name": net.name,
        "data": {
            "path": str(data),
            "task": "classification" if net.classes else "regression",
            "scale": "none",
            "target_scale": "none",
            "split": {"validation": 0, "test": 0},
        },
        "model": {"layers": [{"units": units, "activation": net.activation} for units in net.widths[1:-1]]},
        "loss": "softmax_cross_entropy" if net.classes else "mse",
        "train": {"epochs": epochs, "batch_size": net.batch or "full", "threads": threads},
    }
