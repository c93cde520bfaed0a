"""A program: trains on rows that stay in their file, which changes after the second epoch.

    python train_on_a_changing_file.py

Prints, as JSON, the error and its exit code for each way to change.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

import numbann
from numbann.data import memory
from numbann.errors import NumbannError
from numbann.training.callbacks import EpochEnded

ROWS, WIDTH = 600, 1000


def main(how: str) -> tuple[int, str]:
    """Train until the file changes; return the exit code and the error."""
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
        numbann.train(spec, output=how, callbacks=[change])
    except NumbannError as error:
        return error.exit_code, str(error)
    return 0, ""


if __name__ == "__main__":
    print(json.dumps({how: main(how) for how in ("shrinks", "rewritten", "replaced")}))
