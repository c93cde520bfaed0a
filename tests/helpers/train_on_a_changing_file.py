"""A program: trains on rows that stay in their file, which changes after the second epoch.

    python train_on_a_changing_file.py shrinks|rewritten|replaced

Prints, as JSON, the error, and the epoch after which the checkpoint was written.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

import numbann
from numbann.data import memory
from numbann.errors import NumbannError
from numbann.training.callbacks import EpochEnded

ROWS, WIDTH = 600, 1000


def main(how: str) -> None:
    """Train until the file changes."""
    np.save("x.npy", np.zeros((ROWS, WIDTH), np.uint8))
    np.save("y.npy", np.arange(ROWS) % 2)
    memory.SHARE = 0

    def change(event: Any) -> None:
        if isinstance(event, EpochEnded) and event.record["epoch"] == 2:
            if how == "shrinks":
                os.truncate("x.npy", 4096)
            elif how == "rewritten":
                with Path("x.npy").open("r+b") as file:
                    file.seek(ROWS * WIDTH // 2)
                    file.write(b"\1")
            else:
                np.save("new.npy", np.ones((ROWS, WIDTH), np.uint8))
                os.replace("new.npy", "x.npy")

    spec = {
        "data": {"path": {"x": "x.npy", "y": "y.npy"}},
        "model": {"layers": [{"units": 2}]},
        "train": {"epochs": 20},
    }
    try:
        numbann.train(spec, output="run", callbacks=[change])
    except NumbannError as error:
        print(json.dumps({"code": error.exit_code, "error": str(error)}))


if __name__ == "__main__":
    main(sys.argv[1])
