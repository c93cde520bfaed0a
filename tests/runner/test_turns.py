"""Turns: a few threads work at a time, the least advanced ones, and all end together."""

from __future__ import annotations

import time
from threading import Event, Lock

import pytest

from numbann.runner import Line, run, turns


def test_least_far_first_and_no_more_than_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PIECE", 0.0)
    line, lock, working, most, ends = Line(2), Lock(), [0], [0], list[int]()
    spread = [0]
    far = [0.0] * 5

    def work(job: int) -> None:
        begun = line.turns.begin()
        for step in range(20):
            with lock:
                working[0] += 1
                most[0] = max(most[0], working[0])
            time.sleep(0.001)
            with lock:
                working[0] -= 1
                far[job] = step + 1
                spread[0] = max(spread[0], max(far) - min(far))
            begun = line.turns.next((step + 1) / 20, begun)
        line.turns.end()
        ends.append(job)

    assert [done.error for done in run(work, range(5), workers=5)] == [None] * 5
    assert most == [2]
    assert spread[0] <= 6
    assert sorted(ends) == list(range(5))


def test_a_long_piece_before_a_change() -> None:
    line = Line(1)
    begun = line.turns.begin()
    line.turns._waiting[object()] = 0.0
    assert line.turns.next(0.5, begun) == begun


def test_stop_ends_the_waiting() -> None:
    line, out = Line(1), Event()
    line.turns.begin()

    def work(job: int) -> None:
        line.turns.begin()
        out.set()
        line.turns.end()

    def idle() -> None:
        line.stop.set()

    list(run(work, [1], workers=1, idle=idle))
    assert out.is_set()
