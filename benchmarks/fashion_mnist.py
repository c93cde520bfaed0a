"""Fashion-MNIST, 784-256-128-10 ReLU, Adam, batch 128, 10 epochs: accuracy and time, numbann against scikit-learn.

    python benchmarks/fashion_mnist.py FOLDER

FOLDER holds the four IDX files (train-images-idx3-ubyte.gz, ...).
"""

from __future__ import annotations

import argparse
import gzip
import tempfile
import time
from pathlib import Path

import numpy as np

import numbann

EPOCHS, HIDDEN, BATCH = 10, (256, 128), 128


def source(folder: Path, part: str) -> dict[str, str]:
    """The spec's source of a part, "train" or "t10k"."""
    return {
        "images": str(folder / f"{part}-images-idx3-ubyte.gz"),
        "labels": str(folder / f"{part}-labels-idx1-ubyte.gz"),
    }


def arrays(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """The training rows in 0..1, and their labels, for scikit-learn."""
    files = source(folder, "train")
    images = np.frombuffer(gzip.decompress(Path(files["images"]).read_bytes()), np.uint8, offset=16)
    labels = np.frombuffer(gzip.decompress(Path(files["labels"]).read_bytes()), np.uint8, offset=8)
    return images.reshape(len(labels), -1).astype(np.float32) / 255, labels.astype(np.int64)


def sklearn_seconds(x: np.ndarray, y: np.ndarray, epochs: int) -> float:
    """Seconds an epoch of MLPClassifier with the same net and batch, the median of some after one to warm up."""
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(hidden_layer_sizes=HIDDEN, batch_size=BATCH, alpha=0.0)
    seconds = []
    for _ in range(epochs + 1):
        start = time.perf_counter()
        model.partial_fit(x, y, classes=np.arange(10))
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds[1:]))


def main() -> None:
    """Train both and print figures side by side."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder.resolve()
    spec = {
        "name": "fashion_mnist",
        "data": {
            "path": {"train": source(folder, "train"), "test": source(folder, "t10k")},
            "split": {"validation": 0},
        },
        "model": {"layers": [{"units": units, "activation": "relu"} for units in HIDDEN]},
        "train": {"epochs": EPOCHS, "batch_size": BATCH},
    }
    with tempfile.TemporaryDirectory() as output:
        run = numbann.train(spec, output=Path(output) / "run")
    ours = sum(epoch["seconds"] for epoch in run.history)
    theirs = EPOCHS * sklearn_seconds(*arrays(folder), epochs=2)
    print(f"numbann: {ours:.2f} s, test accuracy {run.metrics['test']['accuracy']:.4f}")
    print(f"scikit-learn: {theirs:.2f} s ({EPOCHS} epochs from the median of 2)")
    print(f"ratio: {theirs / ours:.1f}")


if __name__ == "__main__":
    main()
