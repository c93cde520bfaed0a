"""A process that is killed in the midst of a long epoch: what is left goes on to the same bytes, and little is lost.

NUMBANN_KILLS sets the number of kills.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

KILLS = int(os.environ.get("NUMBANN_KILLS", "3"))
INTERVAL, SLACK = 0.2, 2.0  # seconds between checkpoints, and those that a step, a save and a busy machine may add

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX"),
]


@pytest.fixture
def spec(here: Path) -> Path:
    """An epoch of some seconds."""
    draw = np.random.default_rng(0)
    x = draw.standard_normal((100_000, 32), np.float32)
    np.savez(here / "rows.npz", x=x, y=(x @ draw.standard_normal((32, 5))).argmax(1))
    layers = [{"units": 128, "norm": "batch", "dropout": 0.1}, {"units": 64, "activation": "tanh"}]
    content = {
        "data": {"path": "rows.npz", "target": "y"},
        "model": {"layers": layers},
        "train": {"epochs": 1, "batch_size": 16, "checkpoint_seconds": INTERVAL, "average": 0.99},
    }
    (here / "spec.json").write_text(json.dumps(content))
    return here / "spec.json"


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "numbann_cli.main", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def wait(process: subprocess.Popen[str]) -> str:
    """The errors of a process, at its end."""
    return process.communicate(timeout=600)[1]


def trains(process: subprocess.Popen[str], run: Path) -> bool:
    """Wait until a process has saved; whether it is still there."""
    checkpoint, begun = run / "checkpoint.safetensors", time.time()
    while process.poll() is None:
        if checkpoint.exists() and checkpoint.stat().st_mtime >= begun:
            return True
        time.sleep(0.01)
    return False


def test_killed_runs_go_on_to_the_same_bytes(spec: Path, here: Path) -> None:
    draw, kills, chain = random.Random(0), 0, 0
    assert wait(start("train", spec, "-o", "whole")) == ""
    want = (here / "whole" / "model.safetensors").read_bytes()
    while kills < KILLS:
        chain += 1
        run = here / f"run-{chain}"
        process = start("train", spec, "-o", run)
        for _ in range(4):
            if not trains(process, run):
                break
            time.sleep(draw.uniform(0, 0.8))
            age = time.time() - (run / "checkpoint.safetensors").stat().st_mtime
            process.kill()
            wait(process)
            kills += process.returncode == -signal.SIGKILL
            assert age < INTERVAL + SLACK
            process = start("resume", run, "--threads", 1 + kills % 2)
        errors = wait(process)
        assert errors == "" or "is complete" in errors
        assert (run / "model.safetensors").read_bytes() == want
        assert not list(run.glob(".*"))


def test_two_signals_in_a_row_lose_nothing(spec: Path, here: Path) -> None:
    """The second comes some moments after the first, which may be in the midst of the save."""
    draw = random.Random(1)
    assert wait(start("train", spec, "-o", "whole")) == ""
    want = (here / "whole" / "model.safetensors").read_bytes()
    process, run = start("train", spec, "-o", "run"), here / "run"
    for kill in range(KILLS):
        if trains(process, run):
            time.sleep(draw.uniform(0, 0.3))
            number = (signal.SIGINT, signal.SIGTERM)[kill % 2]
            for pause in (draw.uniform(0, 0.05), 0):
                process.send_signal(number)
                time.sleep(pause)
        errors = wait(process)
        if process.returncode == 0:
            break
        assert process.returncode == (130, 143)[kill % 2]
        assert "is kept in run" in errors
        process = start("resume", "run")
    else:
        assert wait(process) == ""
    assert (run / "model.safetensors").read_bytes() == want
