"""A program: trains an epoch on a sparse file of bytes in the working folder, with little memory of its own.

    python train_in_little_memory.py ROWS WIDTH SCALE MEGABYTES SHARE

Prints, as JSON, whether the memory was enough.  SHARE: of the memory available, that inputs may take.
"""

from __future__ import annotations

import json
import resource
import sys

import numpy as np

import numbann
from numbann.data import memory


def main(rows: int, width: int, scale: str, megabytes: int, share: float) -> None:
    """Write the files, limit the memory and train."""
    np.lib.format.open_memmap("x.npy", "w+", np.uint8, (rows, width))
    np.save("y.npy", np.arange(rows) % 2)
    memory.SHARE = share
    resource.setrlimit(resource.RLIMIT_DATA, (megabytes << 20, megabytes << 20))
    spec = {
        "data": {"path": {"x": "x.npy", "y": "y.npy"}, "scale": scale},
        "model": {"layers": [{"units": 8, "activation": "relu"}]},
        "train": {"epochs": 1, "batch_size": 64},
    }
    try:
        numbann.train(spec)
        print(json.dumps({"enough": True}))
    except MemoryError:
        print(json.dumps({"enough": False}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), float(sys.argv[5]))
