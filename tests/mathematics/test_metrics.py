"""Every metric against scikit-learn, on data with ties, absent classes and constant targets; what is refused."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from numbann.components.built_in import built_in
from numbann.errors import DataError

sklearn = pytest.importorskip("sklearn.metrics")
Score = Callable[..., float]


def by_label(name: str, **options: Any) -> Score:
    return lambda t, label, probability, weight=None: getattr(sklearn, name)(t, label, sample_weight=weight, **options)


AVERAGES = ("micro", "macro", "weighted")


def averaged(name: str) -> dict[str, Score]:
    return {f"{name}_{how}": by_label(f"{name}_score", average=how, zero_division=0) for how in AVERAGES}


LABELS: dict[str, Score] = {
    "accuracy": by_label("accuracy_score"),
    "hamming_loss": by_label("hamming_loss"),
    "balanced_accuracy": by_label("balanced_accuracy_score"),
    "matthews": by_label("matthews_corrcoef"),
    "quadratic_kappa": by_label("cohen_kappa_score", weights="quadratic"),
    **averaged("precision"),
    **averaged("recall"),
    **averaged("f1"),
}
BINARY: dict[str, Score] = {name: by_label(f"{name}_score", zero_division=0) for name in ("precision", "recall", "f1")}
PROBABILITIES: dict[str, Score] = {
    "log_loss": lambda t, label, p, weight=None: sklearn.log_loss(t, p, labels=range(p.shape[1]), sample_weight=weight),
    "roc_auc": lambda t, label, p, weight=None: sklearn.roc_auc_score(
        t, p[:, 1] if p.shape[1] == 2 else p, multi_class="ovr", sample_weight=weight
    ),
    "pr_auc": lambda t, label, p, weight=None: sklearn.average_precision_score(
        t, p[:, 1] if p.shape[1] == 2 else p, average="macro", sample_weight=weight
    ),
}
VALUES = {
    "mae": "mean_absolute_error",
    "rmse": "root_mean_squared_error",
    "mape": "mean_absolute_percentage_error",
    "r2": "r2_score",
    "explained_variance": "explained_variance_score",
}


def measured(name: str, **roles: Any) -> float:
    """A metric of roles; all rows count alike unless weights are among them."""
    component = built_in().get("metric", name)
    roles.setdefault("weight", np.ones(len(roles["t"])))
    names = (*component.roles, *component.outputs, *(name for name in component.defaults() if name in roles))
    return component.function(**{name: roles[name] for name in names})


def made(classes: int, rows: int = 60, seed: int = 0) -> dict[str, np.ndarray]:
    """Classes and probabilities, rounded so that some are equal; the last class is rare."""
    random = np.random.default_rng(seed)
    t = random.integers(0, classes, rows) * (random.random(rows) < 0.7)
    probability = np.round(random.dirichlet(np.ones(classes), rows), 1) + 0.05
    probability[np.arange(rows), t] += 0.4
    probability /= probability.sum(1, keepdims=True)
    return {"t": t, "label": probability.argmax(1), "probability": probability}


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("name", [*LABELS, *PROBABILITIES])
def test_classification(name: str, classes: int) -> None:
    roles = made(classes)
    assert measured(name, **roles) == pytest.approx({**LABELS, **PROBABILITIES}[name](*roles.values()), rel=1e-12)


@pytest.mark.parametrize("name", BINARY)
def test_two_classes(name: str) -> None:
    roles = made(2)
    assert measured(name, **roles) == pytest.approx(BINARY[name](*roles.values()), rel=1e-12)
    with pytest.raises(DataError, match=r"are of two classes.*_macro") as caught:
        measured(name, **made(3))
    assert caught.value.key == "train.metrics"


@pytest.mark.parametrize("k", [3, 5])
def test_top(k: int) -> None:
    roles = made(7)
    expected = sklearn.top_k_accuracy_score(roles["t"], roles["probability"], k=k, labels=range(7))
    assert measured(f"top_{k}", **roles) == expected
    assert measured(f"top_{k}", **made(2)) == 1.0


@pytest.mark.parametrize("name", sorted({*LABELS, *BINARY} - {"balanced_accuracy", "matthews", "quadratic_kappa"}))
@pytest.mark.parametrize(
    ("t", "label"),
    [
        ([0, 0, 0], [0, 0, 0]),
        ([0, 0, 0], [1, 1, 0]),
        ([1, 1, 0], [0, 0, 0]),
        ([1, 1], [1, 1]),
        ([1, 0, 1], [1, 1, 1]),
        ([0], [0]),
        ([1], [0]),
        ([0], [1]),
    ],
)
def test_a_class_that_is_absent(name: str, t: list[int], label: list[int]) -> None:
    expected = {**LABELS, **BINARY}[name](t, label, None)
    assert measured(name, t=np.array(t), label=np.array(label)) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["roc_auc", "pr_auc", "log_loss"])
@pytest.mark.parametrize("scores", [[0.5, 0.5, 0.5, 0.5], [0.5, 0.5, 0.2, 0.2], [0.0, 1.0, 0.0, 1.0]])
def test_equal_scores(name: str, scores: list[float]) -> None:
    t, probability = np.array([0, 1, 1, 0]), np.stack([1 - np.array(scores), scores], 1)
    assert measured(name, t=t, probability=probability) == pytest.approx(PROBABILITIES[name](t, None, probability))


def test_matthews_of_one_class_is_zero() -> None:
    assert measured("matthews", t=np.zeros(3, int), label=np.zeros(3, int)) == 0.0


# ---- several yes/no labels

SEVERAL = [name for name in LABELS if name not in ("balanced_accuracy", "matthews", "quadratic_kappa")]


def yes_no(rows: int = 40) -> dict[str, np.ndarray]:
    """Four labels, one of them rare and one common, with equal scores among the rows."""
    random = np.random.default_rng(0)
    t = (random.random((rows, 4)) < [0.5, 0.1, 0.9, 0.3]).astype(int)
    probability = np.round(0.4 * t + 0.6 * random.random((rows, 4)), 1)
    return {"t": t, "label": (probability >= 0.5).astype(int), "probability": probability}


def test_metrics_of_several_labels_say_so() -> None:
    told = {entry.component.name for entry in built_in().entries("metric") if entry.component.traits["multilabel"]}
    assert told == {*SEVERAL, "roc_auc", "pr_auc"}


@pytest.mark.parametrize("name", [*SEVERAL, "roc_auc", "pr_auc"])
def test_several_labels(name: str) -> None:
    roles = yes_no()
    assert measured(name, **roles) == pytest.approx({**LABELS, **PROBABILITIES}[name](*roles.values()), rel=1e-12)


@pytest.mark.parametrize("name", SEVERAL)
@pytest.mark.parametrize("absent", ["t", "label", "both", "first", "all but one row"])
def test_labels_that_nobody_has(name: str, absent: str) -> None:
    t, label, _ = yes_no().values()
    if absent == "all but one row":
        t, label = t[:1], label[:1]
    elif absent == "first":
        t[:, 0] = label[:, 0] = 0
    t, label = t * (absent not in ("t", "both")), label * (absent not in ("label", "both"))
    assert measured(name, t=t, label=label) == pytest.approx(LABELS[name](t, label, None), rel=1e-12)


@pytest.mark.parametrize("area", ["roc_auc", "pr_auc"])
def test_an_area_passes_over_labels_that_all_rows_share(area: str) -> None:
    t, _, probability = yes_no().values()
    some = measured(area, t=t[:, 1:], probability=probability[:, 1:])
    assert measured(area, t=t * [0, 1, 1, 1], probability=probability) == some
    assert np.isnan(measured(area, t=np.zeros_like(t), probability=probability))


# ---- what has no value


@pytest.mark.parametrize("name", ["roc_auc", "pr_auc"])
def test_an_area_needs_two_classes(name: str) -> None:
    roles = {"t": np.zeros(4, int), "probability": np.full((4, 2), 0.5)}
    assert np.isnan(measured(name, **roles))


def test_a_sure_mistake_is_finite() -> None:
    roles = {"t": np.array([1, 0]), "probability": np.array([[1.0, 0.0], [1.0, 0.0]])}
    assert measured("log_loss", **roles) == pytest.approx(52 * np.log(2) / 2)


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("name", VALUES)
def test_regression(name: str, outputs: int) -> None:
    random = np.random.default_rng(0)
    t = random.standard_normal((50, outputs))
    t[:, 0] = np.round(t[:, 0])  # some are zero
    value = t + random.normal(0.3, 0.5, t.shape)
    assert measured(name, t=t, value=value) == pytest.approx(getattr(sklearn, VALUES[name])(t, value), rel=1e-12)


@pytest.mark.parametrize("name", ["r2", "explained_variance"])
@pytest.mark.parametrize("error", [0.0, 1.0])
def test_a_target_that_never_changes(name: str, error: float) -> None:
    t = np.full((4, 1), 2.0)
    value = t + error * np.arange(4)[:, None]
    assert measured(name, t=t, value=value) == getattr(sklearn, VALUES[name])(t, value)


def some_weights(rows: int) -> np.ndarray:
    """Weights of which a quarter is 0."""
    random = np.random.default_rng(3)
    return random.uniform(0.1, 3.0, rows) * (random.random(rows) > 0.25)


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("name", [*LABELS, *PROBABILITIES])
def test_weights_of_rows(name: str, classes: int) -> None:
    roles = {**made(classes), "weight": some_weights(60)}
    expected = {**LABELS, **PROBABILITIES}[name](*roles.values())
    assert measured(name, **roles) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", [*SEVERAL, "roc_auc", "pr_auc"])
def test_weights_of_rows_of_several_labels(name: str) -> None:
    roles = {**yes_no(), "weight": some_weights(40)}
    expected = {**LABELS, **PROBABILITIES}[name](*roles.values())
    assert measured(name, **roles) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", BINARY)
def test_weights_of_rows_of_two_classes(name: str) -> None:
    roles = {**made(2), "weight": some_weights(60)}
    assert measured(name, **roles) == pytest.approx(BINARY[name](*roles.values()), rel=1e-12)


@pytest.mark.parametrize("k", [3, 5])
def test_weights_of_rows_in_the_top(k: int) -> None:
    roles = {**made(7), "weight": some_weights(60)}
    expected = sklearn.top_k_accuracy_score(
        roles["t"], roles["probability"], k=k, labels=range(7), sample_weight=roles["weight"]
    )
    assert measured(f"top_{k}", **roles) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("name", VALUES)
def test_weights_of_rows_in_regression(name: str, outputs: int) -> None:
    random = np.random.default_rng(0)
    t = random.standard_normal((50, outputs if name != "rmse" else 1))
    value, weight = t + random.normal(0.3, 0.5, t.shape), some_weights(50)
    expected = getattr(sklearn, VALUES[name])(t, value, sample_weight=weight)
    assert measured(name, t=t, value=value, weight=weight) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", sorted({*built_in().names("metric")} - {"ndcg"}))
def test_a_weight_of_two_is_a_row_twice(name: str) -> None:
    """And a weight of 0 is no row."""
    random = np.random.default_rng(1)
    roles = {**made(2 if name in BINARY else 7), "value": random.standard_normal((60, 2))}
    component = built_in().get("metric", name)
    roles |= {output: random.random((60, 2)) for output in component.outputs}
    if "value" in component.roles or component.outputs:
        roles["t"] = random.standard_normal((60, 2))
    count = np.arange(60) % 3
    repeated = {role: np.repeat(values, count, axis=0) for role, values in roles.items()}
    assert measured(name, **roles, weight=count) == pytest.approx(measured(name, **repeated), rel=1e-12)


@pytest.mark.parametrize("name", [*LABELS, *BINARY])
def test_a_class_without_weight(name: str) -> None:
    """Its rows count for nothing, but it is still a class, as in scikit-learn."""
    roles = {**made(2 if name in BINARY else 3), "weight": some_weights(60)}
    roles["weight"][(roles["t"] == 1) | (roles["label"] == 1)] = 0
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = {**LABELS, **BINARY}[name](*roles.values())
    assert measured(name, **roles) == pytest.approx(expected, rel=1e-12)


# ---- what a loss gives beside predictions


def test_quadratic_kappa_of_one_class_is_nan() -> None:
    assert np.isnan(measured("quadratic_kappa", t=np.zeros(3, int), label=np.zeros(3, int)))


@pytest.mark.parametrize("bins", [1, 4, 15])
def test_calibration_error_is_that_of_its_bins(bins: int) -> None:
    """Each bin by itself: the difference of its accuracy and its confidence, by its share of the weight."""
    roles, weight = made(3), np.random.default_rng(1).random(60)
    t, label, probability = roles.values()
    confidence, expected = probability.max(1), 0.0
    for b in range(bins):
        rows = (confidence > b / bins) & (confidence <= (b + 1) / bins)
        if rows.any():
            right, sure = (np.average(values[rows], weights=weight[rows]) for values in (label == t, confidence))
            expected += abs(right - sure) * weight[rows].sum() / weight.sum()
    assert measured("calibration_error", **roles, weight=weight, bins=bins) == pytest.approx(expected)


def test_coverage_is_a_share_of_rows() -> None:
    t, low, high = np.array([[1.0], [2.0], [3.0]]), np.array([[1.0], [2.5], [0.0]]), np.array([[1.0], [3.0], [4.0]])
    assert measured("coverage", t=t, low=low, high=high, weight=np.array([1.0, 1.0, 2.0])) == 0.75


def test_normal_coverage_is_its_level() -> None:
    """Of 20,000 rows; and exactly where the interval of 68.27 % ends."""
    random = np.random.default_rng(0)
    mean, variance = random.normal(0, 5, (20000, 2)), random.uniform(0.1, 9, (20000, 2))
    t = mean + np.sqrt(variance) * random.standard_normal(mean.shape)
    for level in (0.5, 0.9):
        found = measured("normal_coverage", t=t, mean=mean, variance=variance, level=level)
        assert found == pytest.approx(level, abs=0.01)
    edges = np.array([[0.999], [1.001]])
    assert measured("normal_coverage", t=edges, mean=edges * 0, variance=edges * 0 + 1, level=0.6827) == 0.5


def test_crps_is_its_integral() -> None:
    """The squared difference of the distribution and the step at t, integrated; |t - mean| without a variance."""
    stats = pytest.importorskip("scipy.stats")
    random = np.random.default_rng(0)
    t, mean, variance = random.normal(0, 2, (5, 1)), random.normal(0, 2, (5, 1)), random.uniform(0.2, 4, (5, 1))
    x = np.linspace(-25, 25, 200_001)
    steps = [
        (stats.norm.cdf(x, *pair) - (x >= one)) ** 2
        for pair, one in zip(np.hstack([mean, variance**0.5]), t, strict=True)
    ]
    expected = np.mean([np.trapezoid(step, x) for step in steps])
    assert measured("crps", t=t, mean=mean, variance=variance) == pytest.approx(expected, rel=1e-4)
    assert measured("crps", t=t, mean=mean, variance=0 * mean) == pytest.approx(np.abs(t - mean).mean())


def test_concordance_is_a_share_of_pairs() -> None:
    """Pair by pair; NaN where nothing was seen to end."""
    random = np.random.default_rng(0)
    time, value = random.integers(1, 9, (40, 1)).astype(float), random.integers(0, 9, (40, 1)).astype(float)
    event, weight = random.integers(0, 2, (40, 1)).astype(float), random.random(40)
    right = pairs = 0.0
    for i, j in np.ndindex(40, 40):
        if event[i, 0] and (time[i, 0] < time[j, 0] or (time[i, 0] == time[j, 0] and not event[j, 0])):
            pairs += weight[i] * weight[j]
            right += weight[i] * weight[j] * (0.5 + 0.5 * np.sign(value[j, 0] - value[i, 0]))
    roles = {"t": time, "time": time, "event": event, "value": value, "weight": weight}
    assert measured("concordance", **roles) == pytest.approx(right / pairs)
    assert np.isnan(measured("concordance", **{**roles, "event": event * 0}))


def test_concordance_of_several_targets_is_their_mean() -> None:
    random = np.random.default_rng(0)
    columns = {"time": random.random((30, 2)), "event": random.integers(0, 2, (30, 2)), "value": random.random((30, 2))}
    alone = [measured("concordance", t=columns["time"], **{k: v[:, [j]] for k, v in columns.items()}) for j in range(2)]
    assert alone[0] != alone[1]
    assert measured("concordance", t=columns["time"], **columns) == pytest.approx(np.mean(alone))


# ---- groups


def grades(groups: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Grades of groups of some sizes, whose rows are not together, and values of which some are equal."""
    group = random.permutation(np.repeat(np.arange(groups), random.integers(2, 15, groups)))
    t, value = random.integers(0, 5, len(group)).astype(float), random.normal(size=len(group)).round(1)
    return {"t": t[:, None], "value": value[:, None], "group": group}


@pytest.mark.parametrize("linear", [False, True])
def test_ndcg_is_the_mean_over_groups(linear: bool) -> None:
    random = np.random.default_rng(0)
    for best in (1, 3, 10, 20):
        roles, expected = grades(6, random), []
        t, value, group = (roles[name].ravel() for name in ("t", "value", "group"))
        for one in range(6):
            gain, own = (t if linear else 2**t - 1)[group == one], value[group == one]
            expected += [sklearn.ndcg_score([gain], [own], k=best)] if gain.any() else []
        assert measured("ndcg", **roles, best=best, linear=linear) == pytest.approx(np.mean(expected), rel=1e-12)


def test_ndcg_of_a_group_of_weight_two_is_that_of_two_groups() -> None:
    roles = grades(5, np.random.default_rng(1))
    twice = {name: np.concatenate([each, each[roles["group"] == 2]]) for name, each in roles.items()}
    twice["group"][len(roles["group"]) :] = 99
    weight = np.where(roles["group"] == 2, 2.0, 1.0)
    assert measured("ndcg", **roles, weight=weight) == pytest.approx(measured("ndcg", **twice), rel=1e-12)


@pytest.mark.parametrize("t", [[[0.0], [0.0]], [[-1.0], [1.0]], [[1e4], [1.0]]])
def test_ndcg_of_what_is_no_grade(t: list[list[float]]) -> None:
    roles = {"t": np.array(t), "value": np.array([[1.0], [2.0]]), "group": np.zeros(2, int)}
    assert np.isnan(measured("ndcg", **roles))
    assert np.isnan(measured("ndcg", **roles, linear=True)) == (t[0][0] < 1)
