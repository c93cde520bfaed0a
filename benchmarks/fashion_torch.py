"""Fashion-MNIST in PyTorch in the plainest way: 784-256-128-10 ReLU, Adam, all rows in memory as one float32 tensor.

    python benchmarks/fashion_torch.py FOLDER EPOCHS

startup.py takes its time and its memory; it prints the test accuracy.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

BATCH = 128


def read(folder: Path, part: str) -> tuple[torch.Tensor, torch.Tensor]:
    """The rows of a part in 0..1, and their labels."""
    images = gzip.decompress((folder / f"{part}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / f"{part}-labels-idx1-ubyte.gz").read_bytes())
    y = torch.from_numpy(np.frombuffer(labels, np.uint8, offset=8).astype(np.int64))
    x = torch.from_numpy(np.frombuffer(images, np.uint8, offset=16).astype(np.float32))
    return x.reshape(len(y), -1).div_(255), y


def main() -> None:
    """Train and test."""
    folder, epochs = Path(sys.argv[1]), int(sys.argv[2])
    x, y = read(folder, "train")
    model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    loss = nn.CrossEntropyLoss()
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            loss(model(x[rows]), y[rows]).backward()
            optimizer.step()
    with torch.inference_mode():
        x, y = read(folder, "t10k")
        print(f"test accuracy {(model(x).argmax(dim=1) == y).double().mean():.4f}")


if __name__ == "__main__":
    main()
