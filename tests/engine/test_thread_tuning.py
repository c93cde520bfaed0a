"""The choice of a number of threads, on a clock of the test's own."""

from __future__ import annotations

from collections import Counter

from numbann.engine.cpu.engine import thread_counts
from numbann.engine.cpu.thread_tuning import ThreadTuner


def worked(tuner: ThreadTuner, cost: dict[int, float], steps: int) -> Counter[int]:
    """How many steps each number of threads did, if a step costs so many seconds."""
    done: Counter[int] = Counter()
    while (left := steps - done.total()) > 0:
        threads, count = tuner.next(left)
        assert 1 <= count <= left
        tuner.took(threads, count, count * cost[threads])
        done[threads] += count
    return done


def test_one_choice_does_everything_at_once() -> None:
    assert ThreadTuner([3]).next(1000) == (3, 1000)


def test_the_faster_one_does_nearly_all() -> None:
    for cost, best in (({1: 1e-5, 2: 3e-5}, 1), ({1: 1e-3, 2: 6e-4}, 2), ({1: 1e-4, 2: 8e-5, 4: 2e-4}, 2)):
        done = worked(ThreadTuner(list(cost)), cost, 500_000)
        assert done[best] > 0.98 * 500_000


def test_single_steps_are_dealt_out_too() -> None:
    """As for a full batch, where an epoch is a step."""
    tuner, done = ThreadTuner([1, 2]), Counter[int]()
    for _ in range(300):
        done += worked(tuner, {1: 4e-4, 2: 3e-4}, 1)
    assert done[2] > 280


def test_threads_that_have_to_wake_up_are_not_judged_by_it() -> None:
    """Two threads are faster but for the first step after a change."""
    tuner, last, done = ThreadTuner([1, 2]), 0, Counter[int]()
    for _ in range(300):
        threads, _ = tuner.next(1)
        tuner.took(threads, 1, {1: 4e-4, 2: 3e-4}[threads] + (2e-4 if threads != last else 0))
        last, done[threads] = threads, done[threads] + 1
    assert done[2] > 280


def test_nor_are_they_by_a_trial_of_many_steps() -> None:
    """Two threads are faster, but waking takes as long as some steps."""
    tuner, last, done = ThreadTuner([1, 2]), 0, Counter[int]()
    for _ in range(30):
        left = 500
        while left:
            threads, count = tuner.next(left)
            tuner.took(threads, count, count * {1: 8e-5, 2: 6e-5}[threads] + (5e-4 if threads > last else 0))
            last, done[threads], left = threads, done[threads] + count, left - count
    assert done[2] > 0.95 * done.total()


def test_a_moment_that_another_program_takes_decides_nothing() -> None:
    """Now and then the faster one's steps take ten times as long."""
    tuner, done = ThreadTuner([1, 2]), Counter[int]()
    for index in range(3000):
        threads, count = tuner.next(100)
        tuner.took(threads, count, count * {1: 8e-5, 2: 6e-5}[threads] * (10 if index % 20 == 19 else 1))
        done[threads] += count
    assert done[2] > 0.95 * done.total()


def test_it_follows_a_change() -> None:
    """A processor is taken away in the middle, and comes back."""
    tuner = ThreadTuner([1, 2])
    free, busy = {1: 1e-4, 2: 6e-5}, {1: 1e-4, 2: 5e-4}
    assert worked(tuner, free, 20_000)[2] > 19_000
    assert worked(tuner, busy, 40_000)[1] > 30_000
    assert worked(tuner, free, 100_000)[2] > 80_000


def test_thread_counts() -> None:
    assert [thread_counts(most) for most in (1, 2, 4, 6)] == [[1], [1, 2], [1, 2, 4], [1, 2, 4, 6]]
