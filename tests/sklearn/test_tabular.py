"""Estimators of tables: what scikit-learn asks of an estimator, and the model that a spec with the preset gives."""

from __future__ import annotations

import pickle
import warnings
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", "1.7")
pytest.importorskip("pandas")
pytest.importorskip("narwhals")
import pandas
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

import numbann
from numbann.callbacks import Stop
from numbann.errors import NumbannError
from numbann.sklearn import TabularClassifier, TabularRegressor

SMALL = {"model": {"layers": [8]}}
RANDOM = np.random.default_rng(0)
ROWS = 160
TABLE = pandas.DataFrame(
    {
        "town": RANDOM.choice(["Rome", "Oslo", None], ROWS),
        "age": RANDOM.normal(40, 10, ROWS),
        "day": pandas.date_range("2024-01-01", periods=ROWS),
        "member": RANDOM.choice([True, False], ROWS),
    }
)
TABLE.loc[::9, "age"] = np.nan
SOLD = pandas.Series(np.where((TABLE.town == "Rome") | (TABLE.age > 45), "yes", "no"), name="sold")
PRICE = pandas.Series(TABLE.age.fillna(40) + 5 * TABLE.member, name="price")
WEIGHT = RANDOM.integers(1, 4, ROWS)


def classifier(**settings: Any) -> TabularClassifier:
    return TabularClassifier(**{"epochs": 4, "spec": SMALL, "random_state": 0, **settings})


def regressor(**settings: Any) -> TabularRegressor:
    return TabularRegressor(**{"epochs": 4, "spec": SMALL, "random_state": 0, **settings})


def same(one: Any, other: Any) -> bool:
    """Whether two models have the same bits."""
    pairs = zip(one.tensors.items(), other.tensors.items(), strict=True)
    return all((name, a.tobytes()) == (other_name, b.tobytes()) for (name, a), (other_name, b) in pairs)


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A folder in which nothing may appear."""
    monkeypatch.chdir(tmp_path)
    yield
    assert not list(tmp_path.iterdir())


FAILS = {
    "check_sample_weight_equivalence_on_dense_data": "rows that are repeated make other batches, quantiles and bins"
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@parametrize_with_checks(
    [TabularClassifier(spec={"model": {"layers": [32]}}), TabularRegressor(preset="plain")],
    expected_failed_checks=lambda estimator: FAILS,
    xfail_strict=True,
)
def test_it_is_an_estimator(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("estimator", [TabularClassifier(), TabularRegressor()])
def test_its_tags_say_what_it_takes(estimator: Any) -> None:
    tags = get_tags(estimator).input_tags
    assert (tags.allow_nan, tags.string, tags.categorical, tags.sparse) == (True, True, True, False)


@pytest.mark.parametrize("kind", ["pandas", "Polars", "Arrow"])
def test_a_frame_trains_the_model_of_the_spec(kind: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    table: Any = TABLE
    if kind != "pandas":
        polars, _ = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
        table = polars.from_pandas(TABLE) if kind == "Polars" else polars.from_pandas(TABLE).to_arrow()
    net = classifier(class_weight="balanced").fit(table, SOLD, sample_weight=WEIGHT)
    spec = {
        "data": {
            "target": "sold",
            "weight": "w",
            "class_weight": "balanced",
            "columns": {"day": {"dates": "parts"}},
            "split": {"test": 0, "validation": 0},
        },
        "preset": "tabular",
        "train": {"epochs": 4},
        **SMALL,
    }
    whole = TABLE.assign(sold=SOLD, w=WEIGHT)
    run = numbann.train(spec, data=whole, output=tmp_path_factory.mktemp("run") / "run")
    assert same(net.model_, run.model)
    assert (net.model_.targets, net.model_.features) == (("sold",), tuple(TABLE))
    assert net.model_.schema["features"]["day"] == {"type": "date"}
    assert [*net.feature_names_in_] == [*TABLE]
    assert (net.n_features_in_, [*net.classes_], len(net.history_)) == (4, ["no", "yes"], 4)
    assert net.metrics_["train"]["accuracy"] == run.metrics["train"]["accuracy"]
    assert list(net.predict(table)) == list(run.model.predict(TABLE))
    np.testing.assert_array_equal(net.predict_proba(table), run.model.predict_proba(TABLE).to_numpy())
    assert net.model_.importance(whole).names == tuple(TABLE)


def test_pickled_cloned_and_anew() -> None:
    net = classifier().fit(TABLE, SOLD)
    other = pickle.loads(pickle.dumps(net))
    np.testing.assert_array_equal(other.predict_proba(TABLE), net.predict_proba(TABLE))
    assert same(clone(net).fit(TABLE, SOLD).model_, net.model_)
    assert not same(clone(net).set_params(random_state=1).fit(TABLE, SOLD).model_, net.model_)
    assert not same(classifier(random_state=None).fit(TABLE, SOLD).model_, net.model_)
    assert same(classifier(random_state=None, spec={**SMALL, "seed": 0}).fit(TABLE, SOLD).model_, net.model_)
    with pytest.raises(NotFittedError):
        clone(net).predict(TABLE)


@pytest.mark.filterwarnings("ignore:column")
def test_what_works_with_estimators() -> None:
    net = classifier()
    assert len(cross_val_score(net, TABLE, SOLD, cv=2)) == 2
    assert make_pipeline(net).fit(TABLE, SOLD).predict_proba(TABLE).shape == (ROWS, 2)
    assert CalibratedClassifierCV(net, cv=2).fit(TABLE, SOLD).predict_proba(TABLE).shape == (ROWS, 2)
    voting = VotingClassifier([("a", net), ("b", classifier(preset="plain"))], voting="soft")
    assert 0 <= voting.fit(TABLE, SOLD).score(TABLE, SOLD) <= 1
    grid = {"spec": [{"model": {"layers": [8]}}, {"model.layers": [4]}]}
    search = GridSearchCV(regressor(), grid, cv=2, n_jobs=2).fit(TABLE, PRICE)
    assert search.best_params_["spec"] in grid["spec"]


@pytest.mark.parametrize("labels", [(False, True), (1.0, 2.0), ("1", "2"), ("False", "True"), (-1, 3)])
def test_labels_come_back_as_they_went_in(labels: tuple[Any, Any]) -> None:
    y = np.array(labels)[(SOLD == "yes").to_numpy().astype(int)]
    net = classifier(class_weight={labels[0]: 2}).fit(TABLE, y)
    assert (net.classes_.dtype, [*net.classes_]) == (y.dtype, [*labels])
    assert net.predict(TABLE).dtype == y.dtype
    assert set(net.predict(TABLE)) <= {*labels}
    expected = net.classes_[net.predict_proba(TABLE).argmax(1)]
    np.testing.assert_array_equal(net.predict(TABLE), expected)


def test_classes_in_an_order_of_their_own() -> None:
    spec = {**SMALL, "data": {"columns": {"sold": {"order": ["yes", "no"]}}}}
    net = classifier(spec=spec).fit(TABLE, SOLD)
    assert (net.model_.classes, [*net.classes_]) == (("yes", "no"), ["no", "yes"])
    np.testing.assert_array_equal(net.predict(TABLE), net.classes_[net.predict_proba(TABLE).argmax(1)])


def test_several_labels_and_several_values() -> None:
    labels = np.column_stack([SOLD == "yes", TABLE.member]).astype(int)
    net = classifier().fit(TABLE, labels)
    assert net.predict_proba(TABLE).shape == net.predict(TABLE).shape == labels.shape
    assert net.model_.targets == ("y[0]", "y[1]")
    values = pandas.DataFrame({"price": PRICE, "double": 2 * PRICE})
    other = regressor().fit(TABLE, values)
    assert other.model_.targets == ("price", "double")
    assert other.predict(TABLE).shape == (ROWS, 2)
    with pytest.raises(ValueError, match="y is multiclass-multioutput; give one class a row"):
        classifier().fit(TABLE, np.add(labels, [[0, 1]]))


def test_arrays_and_names_that_are_taken() -> None:
    x = TABLE[["town", "age"]].to_numpy()
    net = classifier().fit(x, SOLD)
    assert net.model_.features == ("x[0]", "x[1]")
    assert set(net.predict(x)) <= {"no", "yes"}
    taken = TABLE.rename(columns={"age": "y", "town": "sample_weight"})
    other = regressor().fit(taken, PRICE.to_numpy(), sample_weight=WEIGHT)
    assert other.model_.targets == ("y_",)
    assert same(other.model_, regressor().fit(TABLE, PRICE, sample_weight=WEIGHT).model_)


def test_several_nets_callbacks_and_threads(capsys: pytest.CaptureFixture[str]) -> None:
    net = classifier(preset="tabular-best", epochs=1, spec={**SMALL, "ensemble": {"folds": 2}}, n_jobs=1, verbose=True)
    assert len(net.fit(TABLE, SOLD).model_.models) == 2
    assert "validation" in net.metrics_
    assert "model 2, epoch 1: train_loss = " in capsys.readouterr().out
    stopped = regressor(callbacks=[lambda event: Stop("enough")], verbose=True).fit(TABLE, PRICE)
    assert len(stopped.history_) == 1
    assert capsys.readouterr().out.startswith("epoch 1: train_loss = ")


def test_numbers_of_numpy_as_searches_draw_them() -> None:
    spec = {"model": {"layers": [np.int64(8)]}, "optimizer.learning_rate": np.float64(0.01)}
    drawn = classifier(epochs=np.int64(4), random_state=np.int64(0), spec=spec, class_weight={"no": np.int64(2)})
    plain = classifier(spec={**SMALL, "optimizer.learning_rate": 0.01}, class_weight={"no": 2})
    assert same(drawn.fit(TABLE, SOLD).model_, plain.fit(TABLE, SOLD).model_)


def test_without_a_preset_it_is_a_plain_net() -> None:
    net = regressor(preset="plain", spec=None, epochs=1).fit(TABLE, PRICE)
    assert [layer.outputs for layer in net.model_.plan.layers] == [64, 32, 1]
    split = regressor(spec={**SMALL, "data": {"split": {"validation": 0.25}}}).fit(TABLE, PRICE)
    assert "validation_loss" in split.history_[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"preset": "best"}, r'preset: "best" is not allowed; give "plain", "tabular" or "tabular-best"'),
        ({"spec": {"data": {"target": "x"}}}, r"data.target: is not for spec: give it to fit, as y"),
        ({"spec": {"data.weight": "x"}}, r"data.weight: is not for spec: give the weights to fit, as sample_weight"),
        ({"spec": {"preset": "plain"}}, r"preset: is not for spec: give the parameter preset"),
        ({"epochs": 0}, r"epochs: 0"),
    ],
)
def test_wrong_parameters(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(NumbannError, match=message):
        classifier(**settings).fit(TABLE, SOLD)


def test_a_target_with_the_name_of_a_column_gets_another() -> None:
    told = "X has a column {}, as y has; if it is the target, leave it out of X"
    with pytest.warns(UserWarning, match=told.format('"sold"')):
        assert classifier(epochs=1).fit(TABLE.assign(sold=np.roll(SOLD, 1)), SOLD).model_.targets == ("sold_",)
    several = pandas.DataFrame({"age": PRICE, "age_": PRICE, "price": PRICE})
    with pytest.warns(UserWarning, match=told.format('"age"')):
        assert regressor(epochs=1).fit(TABLE, several).model_.targets == ("age__", "age_", "price")
    with pytest.warns(UserWarning, match="X has a column"):
        regressor(epochs=1).fit(TABLE[["age"]].to_numpy(), PRICE.rename("x[0]"))


def test_negative_weights_of_rows_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^Negative values in data passed to `sample_weight`\.$"):
        regressor().fit(TABLE, PRICE, sample_weight=-WEIGHT)


def test_a_column_that_cannot_be_read_is_left_out_by_spec() -> None:
    table = TABLE.assign(took=pandas.to_timedelta(WEIGHT, unit="D"))
    with pytest.raises(NumbannError, match=r'leave it out, by spec=\{"data.drop": \["took"\]\}$'):
        regressor().fit(table, PRICE)
    assert "took" not in regressor(epochs=1, spec={**SMALL, "data.drop": ["took"]}).fit(table, PRICE).model_.features


@pytest.mark.parametrize(
    "labels",
    [("a", "a ", "b"), ("NA", "EU", "US"), ("", "?", "nan"), ("1.0", "2.0", "3.0")],
    ids=["blanks", "NA", "marks", "decimals"],
)
def test_texts_of_y_are_classes_as_they_are(labels: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> None:
    places = np.digitize(TABLE.age.fillna(40), [35, 45])
    y = np.array(labels)[places]
    net = classifier(class_weight={labels[0]: 2}).fit(TABLE, y)
    assert net.model_.classes == tuple(sorted(labels)) == tuple(net.classes_)
    assert set(net.predict(TABLE)) <= {*labels}
    path = tmp_path_factory.mktemp("model") / "m.safetensors"
    net.model_.save(path)
    assert list(numbann.load(path).predict(TABLE)) == list(net.predict(TABLE))
    assert same(classifier(class_weight={labels[0]: 2}).fit(TABLE, pandas.Series(y, dtype="string")).model_, net.model_)


def test_weights_of_classes_that_differ_in_blanks() -> None:
    y, other = (np.where(SOLD == "yes", "a", second) for second in ("a ", "b"))
    weighed = classifier(class_weight={"a": 2, "a ": 3}).fit(TABLE, y)
    assert same(weighed.model_, classifier(class_weight={"a": 2, "b": 3}).fit(TABLE, other).model_)


def test_rows_without_a_class() -> None:
    with pytest.raises(ValueError, match="y has rows without a class"):
        classifier().fit(TABLE, SOLD.astype(object).where(TABLE.index > 0, None))


@pytest.mark.parametrize("kind", ["date", "datetime", "NumPy"])
def test_objects_that_are_dates(kind: str) -> None:
    make: Any = {"date": date, "datetime": datetime, "NumPy": lambda *day: np.datetime64(date(*day))}[kind]
    days = pandas.Series([None, *(make(2024, 1, 1) + timedelta(days=k) for k in range(1, ROWS))], dtype=object)
    net = regressor().fit(TABLE.assign(day=days), PRICE)
    assert net.model_.schema["features"]["day"] == {"type": "date"}
    assert same(net.model_, regressor().fit(TABLE.assign(day=days.astype("datetime64[ns]")), PRICE).model_)


@pytest.mark.parametrize("preset", ["tabular", "plain"])
def test_dates_as_texts_and_identifiers_are_told(preset: str) -> None:
    table = TABLE.assign(day=TABLE.day.astype(str), id=[f"k{k}" for k in range(ROWS)])
    with pytest.warns(UserWarning, match="column") as found:
        regressor(preset=preset).fit(table, PRICE)
    texts = " ".join(str(one.message) for one in found)
    assert 'column "day" looks like dates' in texts
    assert 'an identifier? Leave it out: "drop": ["id"] (in spec={"data": {...}})' in texts
    spec = {**SMALL, "data": {"drop": ["id"], "columns": {"day": {"dates": "parts"}}}}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        regressor(preset=preset, spec=spec).fit(table, PRICE)


@pytest.mark.parametrize("labelled", [True, False])
def test_a_column_that_copies_the_target_is_told(labelled: bool) -> None:
    net, y = (classifier(), SOLD) if labelled else (regressor(), PRICE)
    with pytest.warns(UserWarning, match=r'column "copy" alone tells the target; .* "drop": \["copy"\] \(in spec='):
        net.fit(TABLE.assign(copy=y if labelled else 2 * y + 1), y)


def test_a_column_of_numbers_and_texts() -> None:
    table = TABLE.assign(mixed=pandas.Series(["a", 1, "b", 2.5] * (ROWS // 4), dtype=object))
    with pytest.raises(NumbannError, match=r'or give spec=\{"data.categorical": \["mixed"\]\}'):
        classifier().fit(table, SOLD)
    net = classifier(spec={**SMALL, "data.categorical": ["mixed"]}).fit(table, SOLD)
    assert net.model_.schema["features"]["mixed"]["categories"] == ["1", "2.5", "a", "b"]


def test_a_column_without_a_cell_may_get_any() -> None:
    table = TABLE.assign(empty=pandas.Series([None] * ROWS, dtype=object))
    net = regressor().fit(table, PRICE)
    told = 'column "empty": 1 text, taken as missing, since the training data has no cell there'
    with pytest.warns(UserWarning, match=told):
        found = net.predict(table.assign(empty=["x", *[None] * (ROWS - 1)]))
    np.testing.assert_array_equal(found, net.predict(table))
    with pytest.warns(UserWarning, match='column "empty": 160 numbers, taken as missing'):
        np.testing.assert_array_equal(found, net.predict(table.assign(empty=np.arange(ROWS))))
    some = TABLE.assign(seldom=["x", *[None] * (ROWS - 1)])  # in one fold of three
    with pytest.warns(UserWarning, match='column "seldom": 1 text'):
        assert np.isfinite(cross_val_score(regressor(), some, PRICE, cv=3, error_score="raise")).all()


def test_cells_to_predict_that_cannot_be() -> None:
    net = regressor().fit(TABLE.assign(empty=pandas.Series([None] * ROWS, dtype=object)), PRICE)
    with pytest.raises(NumbannError, match='"x" is no number, but the column holds no text in the training data'):
        net.predict(TABLE.assign(empty=None, age="x"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(NumbannError, match="an infinite number"):
            net.predict(TABLE.assign(empty=None, age=np.inf))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"spec": "spec.json"}, '^spec: "spec.json" is not allowed; give a dict'),
        ({"spec": [1]}, r"^spec: \[1\] is not allowed; give a dict"),
        ({"spec": {"model.layres": [3]}}, r'^spec\["model.layres"\]: unknown key; did you mean "layers"'),
        ({"callbacks": print}, "^callbacks is print; give a list"),
        ({"n_jobs": "a"}, '^n_jobs: "a" is not allowed'),
        ({"n_jobs": 0}, "^n_jobs: 0 is not allowed"),
        ({"epochs": 0}, "^epochs: 0 is not allowed"),
        ({"random_state": -1}, "^random_state: -1 is not allowed"),
        ({"preset": "tabular_best"}, r'^preset: "tabular_best" is not allowed; did you mean "tabular-best"\?[^\n]*$'),
    ],
)
def test_a_wrong_parameter_is_one_value_error_that_names_it(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TabularClassifier(**settings).fit(TABLE, SOLD)


def test_two_columns_of_one_name() -> None:
    with pytest.raises(ValueError, match='X: two columns are named "a"'):
        TabularClassifier().fit(pandas.DataFrame(np.zeros((4, 2)), columns=["a", "a"]), [0, 1, 0, 1])


def test_a_loss_without_probabilities_has_no_method_for_them() -> None:
    net = classifier(preset="plain", epochs=1, spec={"loss": "multi_margin"}).fit(TABLE[["age"]], SOLD)
    assert not hasattr(net, "predict_proba")
    assert hasattr(classifier(), "predict_proba")
