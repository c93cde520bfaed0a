"""Memory stays as it is over thousands of epochs, but for the history."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import numbann
from numbann.training.callbacks import EpochEnded, Event

STATUS = Path("/proc/self/statm")
EPOCHS = int(os.environ.get("NUMBANN_TEST_EPOCHS", "1000"))  # 10 000 by hand
HISTORY = 2048  # bytes that an epoch's record may take


@pytest.mark.skipif(not STATUS.exists(), reason="the system does not tell")
def test_it_is_flat(write_spec: Callable[..., Path]) -> None:
    found: dict[int, int] = {}

    def measure(event: Event) -> None:
        if isinstance(event, EpochEnded) and event.record["epoch"] in (EPOCHS // 5, EPOCHS):
            found[event.record["epoch"]] = int(STATUS.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    run = numbann.train(write_spec(train={"epochs": EPOCHS}), callbacks=[measure])
    first, last = found.values()
    assert last - first < 2e6 + HISTORY * EPOCHS, f"{first / 1e6:.1f} MB, then {last / 1e6:.1f} MB"
    assert len(run.history) == EPOCHS
