"""Sweeps a spec, and kills this process once some trials have ended: python sweep_until_killed.py SPEC DIR TRIALS"""

from __future__ import annotations

import os
import signal
import sys

import numbann
from numbann.training.callbacks import Event, TrialEnded

spec, output, count = sys.argv[1:]
ended: list[Event] = []


def kill(event: Event) -> None:
    if isinstance(event, TrialEnded):
        ended.append(event)
        if len(ended) == int(count):
            os.kill(os.getpid(), signal.SIGKILL)


numbann.sweep(spec, output=output, workers=1, callbacks=[kill])
