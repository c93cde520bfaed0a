"""Every schedule step by step: against PyTorch where it has the schedule, else by hand; warm-up; what is refused."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from math import inf, nan
from typing import Any

import numpy as np
import pytest

from numbann import schedule
from numbann.components.built_in import built_in
from numbann.components.declare import freeze
from numbann.errors import TrainingError
from numbann.fit.rates import Rates

EPOCHS, STEPS = 12, 5
TOTAL = EPOCHS * STEPS


def rates_of(name: str, warmup: int = 0, epochs: int = EPOCHS, base: float = 1.0, **values: Any) -> Rates:
    return Rates(built_in().get("schedule", name).configured(**values), base, warmup, epochs, STEPS)


def all_rates(rates: Rates, losses: Any = ()) -> np.ndarray:
    """The rates of all steps; losses: what the epochs end with."""
    states: tuple[float, ...] = ()
    found = []
    for index, monitor in zip(range(rates.epochs), [inf, *losses, *[1.0] * rates.epochs], strict=False):
        of_epoch, states = rates.of_epoch(index, monitor, states)
        found.append(of_epoch)
    return np.concatenate(found)


PER_STEP: list[tuple[str, dict[str, Any], Callable[[Any, Any], Any]]] = [
    ("exponential", {"factor": 0.7}, lambda s, o: s.ExponentialLR(o, 0.7 ** (1 / STEPS))),
    ("step", {"every": 3.0, "factor": 0.5}, lambda s, o: s.StepLR(o, 3 * STEPS, 0.5)),
    ("multi_step", {"milestones": [2.0, 7.0]}, lambda s, o: s.MultiStepLR(o, [2 * STEPS, 7 * STEPS])),
    ("linear", {"start": 0.2, "end": 0.9}, lambda s, o: s.LinearLR(o, 0.2, 0.9, TOTAL)),
    ("polynomial", {"power": 3.0}, lambda s, o: s.PolynomialLR(o, TOTAL, 3.0)),
    ("cosine", {"floor": 0.1}, lambda s, o: s.CosineAnnealingLR(o, TOTAL, 0.1)),
    ("cosine_restarts", {"period": 4.0}, lambda s, o: s.CosineAnnealingWarmRestarts(o, 4 * STEPS)),
    (
        "cosine_restarts",
        {"period": 1.0, "growth": 2.0, "floor": 0.1},
        lambda s, o: s.CosineAnnealingWarmRestarts(o, STEPS, 2, 0.1),
    ),
    ("one_cycle", {}, lambda s, o: s.OneCycleLR(o, 1.0, TOTAL, cycle_momentum=False)),
    (
        "one_cycle",
        {"rise": 0.5, "start": 0.1, "end": 0.001},
        lambda s, o: s.OneCycleLR(
            o, 1.0, TOTAL, pct_start=0.5, div_factor=10, final_div_factor=100, cycle_momentum=False
        ),
    ),
]


@pytest.mark.parametrize(("name", "values", "make"), PER_STEP, ids=[f"{name}{values}" for name, values, _ in PER_STEP])
def test_the_numbers_of_pytorch(name: str, values: dict[str, Any], make: Callable[[Any, Any], Any]) -> None:
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, dtype=torch.float64)], 1.0)
    scheduler, expected = make(torch.optim.lr_scheduler, optimizer), []
    for _ in range(TOTAL):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    np.testing.assert_allclose(all_rates(rates_of(name, **values)), expected, rtol=1e-10)


@pytest.mark.parametrize("values", [{"patience": 2}, {"patience": 0, "factor": 0.5, "threshold": 0.2, "floor": 0.2}])
def test_plateau_as_in_pytorch(values: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    losses = [3.0, 2.0, 1.9, 2.5, 2.4, 2.3, 2.2, 1.0, 0.99995, 0.9999, 1.1, 1.2]
    optimizer = torch.optim.SGD([torch.zeros(1, dtype=torch.float64)], 1.0)
    renamed = {"floor": "min_lr"}
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, **{renamed.get(name, name): value for name, value in values.items()}
    )
    expected = []
    for loss in losses:
        expected += [optimizer.param_groups[0]["lr"]] * STEPS
        scheduler.step(loss)
    np.testing.assert_allclose(all_rates(rates_of("plateau", **values), losses), expected, rtol=1e-12)


def test_inverse_time_by_hand() -> None:
    np.testing.assert_allclose(all_rates(rates_of("inverse_time", decay=0.5))[[0, 5, 10, 15]], [1, 2 / 3, 0.5, 0.4])


def test_the_rate_is_multiplied() -> None:
    np.testing.assert_array_equal(all_rates(rates_of("constant", base=0.25)), 0.25)


@pytest.mark.parametrize("name", built_in().names("schedule"))
def test_warm_up_rises_to_the_first_factor_and_the_schedule_takes_the_rest(name: str) -> None:
    warmed, plain = all_rates(rates_of(name, warmup=2)), all_rates(rates_of(name, epochs=EPOCHS - 2))
    np.testing.assert_allclose(warmed[: 2 * STEPS], plain[0] * np.arange(1, 11) / 10, rtol=1e-14)
    np.testing.assert_array_equal(warmed[2 * STEPS :], plain)


@pytest.mark.parametrize("name", built_in().names("schedule"))
@pytest.mark.parametrize(("epochs", "steps"), [(1, 1), (1, 2), (2, 1), (3, 7)])
def test_short_trainings(name: str, epochs: int, steps: int) -> None:
    with warnings.catch_warnings(action="error"):
        rates = all_rates(Rates(built_in().get("schedule", name).configured(), 1.0, 0, epochs, steps))
    assert len(rates) == epochs * steps
    assert ((rates >= 0) & (rates <= 1)).all()


@pytest.mark.parametrize("factor", [nan, inf, -1.0])
def test_a_factor_that_is_no_rate_is_refused(factor: float) -> None:
    @schedule
    def broken(step, factor: float = 1.0):
        return factor if step else 1.0

    rates = Rates(freeze(broken).configured(factor=factor), 1.0, 0, 2, 3)
    with pytest.raises(TrainingError, match=r'schedule "broken" gives the factor .* at step 1'):
        rates.of_epoch(0, inf, ())


def test_log_cosine_and_flat_cosine_by_hand() -> None:
    t = np.arange(TOTAL) / TOTAL
    np.testing.assert_allclose(
        all_rates(rates_of("log_cosine")), (1 - np.cos(2 * np.pi * np.log2(1 + 15 * t))) / 2, atol=1e-14
    )
    np.testing.assert_allclose(
        all_rates(rates_of("log_cosine", cycles=2)), (1 - np.cos(2 * np.pi * np.log2(1 + 3 * t))) / 2, atol=1e-14
    )
    flat = (1 + np.cos(np.pi * (np.maximum(1, 2 * t) - 1))) / 2
    np.testing.assert_allclose(all_rates(rates_of("flat_cosine")), flat, atol=1e-14)
    assert (flat[: TOTAL // 2] == 1).all()


def test_a_number_that_must_stay_below_another() -> None:
    linear = built_in().configured("schedule", "linear", start=0.5, end=3.0)
    with pytest.raises(
        TrainingError, match=r'schedule "linear" makes 1\.\d+ of 0\.4; give a number that stays below 1'
    ):
        all_rates(Rates(linear, 0.4, 0, EPOCHS, STEPS, below=1.0))
