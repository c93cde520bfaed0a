"""Best epochs and patience, as pure functions."""

from __future__ import annotations

from math import nan

import pytest

from numbann.fit.stopping import Best, Watch, exhausted, update_best


def run(watch: Watch, values: list[float]) -> Best:
    best = Best()
    for epoch, value in enumerate(values, start=1):
        best = update_best(watch, best, epoch, value)
    return best


@pytest.mark.parametrize(
    ("watch", "values", "expected"),
    [
        (Watch("loss"), [3.0, 2.0, 2.5], Best(2, 2.0, 1)),
        (Watch("loss"), [3.0, 3.0], Best(1, 3.0, 1)),
        (Watch("loss", min_delta=0.5), [3.0, 2.6, 2.2], Best(3, 2.2, 0)),
        (Watch("accuracy", higher_is_better=True), [0.1, 0.9, 0.5, 0.9], Best(2, 0.9, 2)),
        (Watch("loss"), [nan, 5.0, 6.0], Best(2, 5.0, 1)),
        (Watch("loss", last_of_equals=True), [3.0, 2.0, 2.0, 2.5], Best(3, 2.0, 2)),
        (Watch("accuracy", higher_is_better=True, last_of_equals=True), [0.9, 0.9, 0.8, 0.9], Best(4, 0.9, 3)),
    ],
)
def test_the_best_epoch(watch: Watch, values: list[float], expected: Best) -> None:
    assert run(watch, values) == expected


def test_patience_counts_the_epochs_since_the_best() -> None:
    watch = Watch("loss", patience=2)
    assert not exhausted(watch, run(watch, [1.0, 2.0]))
    assert exhausted(watch, run(watch, [1.0, 2.0, 2.0]))


def test_without_patience_it_never_ends() -> None:
    assert not exhausted(Watch("loss"), Best(1, 0.0, 10_000))
