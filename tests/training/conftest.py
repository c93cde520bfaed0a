"""What tests of training share."""

from __future__ import annotations

import pytest

from numbann.engine.cpu.thread_tuning import ThreadTuner
from numbann.engine.shared import report


@pytest.fixture
def pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Epochs in pieces of a step, with a report after each."""
    monkeypatch.setattr(report, "SECONDS", 0)
    monkeypatch.setattr(ThreadTuner, "next", lambda tuner, left: (1, 1))
