"""Turns: a few threads work at a time, works give way to each other at the end, and all end together."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from threading import Event, Lock

import pytest

from numbann import turns
from numbann.turns import Course, Turns, part_of, result_of

STEPS = 12


class Diary:
    """What works have done, in its order, and how many were at work or begun at a time."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.most = self.most_begun = 0
        self._working, self._begun, self._lock = 0, set[int](), Lock()

    def course(self, number: int) -> Course:
        self._begun.add(number)
        for step in range(STEPS):
            with self._lock:
                self._working += 1
                self.most, self.most_begun = max(self.most, self._working), max(self.most_begun, len(self._begun))
            time.sleep(0.001)
            with self._lock:
                self._working -= 1
                self.steps.append(number)
            yield (step + 1) / STEPS
        self._begun.remove(number)
        return number


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns as often as there can be."""
    monkeypatch.setattr(turns, "PIECE", 0.0)


def test_few_work_at_a_time_and_all_end_together() -> None:
    """Of five works on two threads, the first two go on to their ends, and the last three take turns."""
    diary = Diary()
    with Turns(2) as executor:
        asked = [executor.submit(diary.course, number) for number in range(5)]
    assert [future.result() for future in asked] == list(range(5))
    assert diary.most == 2
    assert set(diary.steps[: 2 * STEPS - 2]) == {0, 1}
    assert set(diary.steps[-6:]) == {2, 3, 4}


def test_no_more_are_begun_than_memory_has_room_for() -> None:
    """Without room for a third one, the last work begins when one of the two before it has ended."""
    diary = Diary()
    with Turns(2, begun=2) as executor:
        for number in range(3):
            executor.submit(diary.course, number)
    assert diary.most_begun == 2
    assert diary.steps.index(2) >= 2 * STEPS - 3


def test_a_long_piece_before_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PIECE", 60.0)
    diary = Diary()
    with Turns(2) as executor:
        for number in range(3):
            executor.submit(diary.course, number)
    assert diary.steps.index(2) >= 2 * STEPS - 3


def test_errors_are_of_their_works() -> None:
    def failing() -> Iterator[float]:
        yield 0.5
        raise ValueError("half")

    with Turns(1) as executor:
        asked = [executor.submit(failing), executor.submit(int, "3"), executor.submit(int, "three")]
    assert asked[1].result() == 3
    for future in (asked[0], asked[2]):
        with pytest.raises(ValueError, match=r"half|three"):
            future.result()


def test_those_that_have_not_begun_are_cancelled() -> None:
    begun, go_on = Event(), Event()

    def waiting() -> Course:
        begun.set()
        go_on.wait(10)
        yield 0.5
        return "ended"

    executor = Turns(1)
    asked = [executor.submit(waiting) for _ in range(3)]
    begun.wait(10)
    assert asked[1].cancel()
    executor.shutdown(wait=False, cancel_futures=True)
    go_on.set()
    executor.shutdown()
    assert asked[0].result() == "ended"
    for future in asked[1:]:
        with pytest.raises(CancelledError):
            future.result()
    with pytest.raises(RuntimeError, match="shutdown"):
        executor.submit(waiting)


def test_at_once() -> None:
    assert result_of(Diary().course, 3) == 3
    assert result_of(int, "3") == 3


def test_a_course_that_is_cut_short_is_closed_at_once() -> None:
    """So what it has open is written before whoever hears of the interrupt goes on."""
    closed: list[bool] = []

    def course() -> Course:
        try:
            yield 0.5
            raise KeyboardInterrupt
        finally:
            closed.append(True)

    with pytest.raises(KeyboardInterrupt):
        result_of(course)
    assert closed == [True]


def test_a_part_of_a_longer_course() -> None:
    course = part_of(Diary().course(1), 1, 3)
    done = [next(course) for _ in range(STEPS)]
    assert done[0] == pytest.approx((1 + 1 / STEPS) / 3)
    assert done[-1] == pytest.approx(2 / 3)
    with pytest.raises(StopIteration) as end:
        next(course)
    assert end.value.value == 1
