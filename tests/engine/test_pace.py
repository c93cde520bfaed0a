"""The choice of a number of threads, on a clock of the test's own."""

from __future__ import annotations

from collections import Counter

from numbann.engine.cpu.engine import choices
from numbann.engine.cpu.pace import Pace


def worked(pace: Pace, cost: dict[int, float], steps: int) -> Counter[int]:
    """How many steps each number of threads did, if a step costs so many seconds."""
    done: Counter[int] = Counter()
    while (left := steps - done.total()) > 0:
        threads, count = pace.next(left)
        assert 1 <= count <= left
        pace.took(threads, count, count * cost[threads])
        done[threads] += count
    return done


def test_one_choice_does_everything_at_once() -> None:
    assert Pace([3]).next(1000) == (3, 1000)


def test_the_faster_one_does_nearly_all() -> None:
    for cost, best in (({1: 1e-5, 2: 3e-5}, 1), ({1: 1e-3, 2: 6e-4}, 2), ({1: 1e-4, 2: 8e-5, 4: 2e-4}, 2)):
        done = worked(Pace(list(cost)), cost, 500_000)
        assert done[best] > 0.98 * 500_000


def test_single_steps_are_dealt_out_too() -> None:
    """As for a full batch, where an epoch is a step."""
    pace, done = Pace([1, 2]), Counter[int]()
    for _ in range(300):
        done += worked(pace, {1: 4e-4, 2: 3e-4}, 1)
    assert done[2] > 280


def test_threads_that_have_to_wake_up_are_not_judged_by_it() -> None:
    """Two threads are faster but for the first step after a change."""
    pace, last, done = Pace([1, 2]), 0, Counter[int]()
    for _ in range(300):
        threads, _ = pace.next(1)
        pace.took(threads, 1, {1: 4e-4, 2: 3e-4}[threads] + (2e-4 if threads != last else 0))
        last, done[threads] = threads, done[threads] + 1
    assert done[2] > 280


def test_it_follows_a_change() -> None:
    """A processor is taken away in the middle, and comes back."""
    pace = Pace([1, 2])
    free, busy = {1: 1e-4, 2: 6e-5}, {1: 1e-4, 2: 5e-4}
    assert worked(pace, free, 20_000)[2] > 19_000
    assert worked(pace, busy, 40_000)[1] > 30_000
    assert worked(pace, free, 100_000)[2] > 80_000


def test_choices() -> None:
    assert [choices(most) for most in (1, 2, 4, 6)] == [[1], [1, 2], [1, 2, 4], [1, 2, 4, 6]]
