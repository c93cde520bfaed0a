"""`data.columns`: each column in its own way, by name or glob; and missing numbers, in training and after it."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbann.data.preprocessing import Preprocessing
from numbann.data.source import Dataset, SplitData
from numbann.errors import DataError
from numbann.model.preprocessing import restore_preprocessing

Load = Callable[..., SplitData]
TABLE = """age,x_a,x_b,grade,town,day,y
10,1,1000,low,Rome,2024-02-29,0.5
,2,10,high,Rome,2023-01-01 06:00,1.5
30,3,?,mid,Oslo,?,2.5
40,4,1,low,?,2024-12-31,3.5
"""


@pytest.fixture
def load_table(load_table: Load) -> Load:
    """The fixture of that name, with the default of specs for missing numbers."""
    return lambda *given, **changes: load_table(*given, **{"missing": "indicate", **changes})


def prepared(source: SplitData, scale: Any = "none", target: str = "real") -> Dataset:
    dataset = source.prepare(target=target, scale=scale, target_scale="none", dtype="float64")
    again = restore_preprocessing(json.loads(json.dumps(dataset.preprocessing.to_dict())))
    assert again == dataset.preprocessing
    assert source.facts.inputs == dataset.train.x.shape[1]
    return dataset


def column(load: Load, name: str, text: str = TABLE, target: str = "y", **given: Any) -> np.ndarray:
    """The inputs of one feature of the table with these settings."""
    others = [other for other in text.partition("\n")[0].split(",") if other not in (name, target)]
    dataset = prepared(load(text, target, drop=others, columns={name: given}), target="real")
    return np.asarray(dataset.train.x)


def test_missing_numbers_take_the_median_and_an_indicator(load_table: Load) -> None:
    source = load_table(TABLE, drop=["grade", "town", "day"])
    assert prepared(source).train.x.tolist() == [
        [10, 0, 1, 1000, 0],
        [30, 1, 2, 10, 0],
        [30, 0, 3, 10, 1],
        [40, 0, 4, 1, 0],
    ]
    assert "missing numbers: age (1), x_b (1) of 4 rows; the median stands for them" in "; ".join(source.facts.notes)


def test_a_table_without_missing_numbers_has_the_inputs_of_before(load_table: Load) -> None:
    rows = "a,b,y\n1,2,0.5\n3,5,1.5\n8,7,2.5\n"
    found = [prepared(load_table(rows, missing=missing), "standard") for missing in ("error", "indicate")]
    assert found[0].train.x.tobytes() == found[1].train.x.tobytes()
    assert found[1].preprocessing.encoding.affine() is not None


def test_numbers_missing_after_training_take_the_median_with_one_warning(load_table: Load, tmp_path: Path) -> None:
    fitted = prepared(load_table("a,b,y\n1,2,0.5\n3,5,1.5\n8,7,2.5\n")).preprocessing
    expected = 'column "b": 2 rows without a number, which no training row is; the median stands for it (5)'
    with pytest.warns(UserWarning, match="without a number") as caught:
        x = fitted.transform([[1, np.nan], [2, np.nan], [3, 3]])
    assert (x.tolist(), [str(one.message) for one in caught]) == ([[1, 5], [2, 5], [3, 3]], [expected])
    (tmp_path / "new.csv").write_text("a,b\n1,\n2,?\n3,3\n")
    found = fitted.read(tmp_path / "new.csv", need_target=False)
    assert (np.asarray(found.x).tolist(), found.warnings) == (x.tolist(), (expected,))


def test_a_column_without_any_number_is_zero(load_table: Load) -> None:
    assert prepared(load_table("a,b,y\n,1,0.5\n,2,1.5\n")).train.x.tolist() == [[0, 1, 1], [0, 1, 2]]


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ({"missing": "mean"}, [10, 80 / 3, 30, 40]),
        ({"missing": "mode"}, [10, 10, 30, 40]),
        ({"missing": "constant", "fill": -1}, [10, -1, 30, 40]),
    ],
)
def test_fillings(load_table: Load, missing: dict[str, Any], expected: list[float]) -> None:
    assert column(load_table, "age", **missing)[:, 0].tolist() == expected


def test_rows_are_dropped(load_table: Load) -> None:
    source = load_table(TABLE, drop=["x_a", "day", "grade", "town"], columns={"age": {"missing": "drop"}})
    assert prepared(source).train.x.tolist() == [[10, 1000, 0], [30, 500.5, 1], [40, 1, 0]]
    assert "t.csv: 1 row without age left out" in "; ".join(source.facts.notes)
    text = load_table(TABLE, features=["town"], columns={"town": {"missing": "drop"}})
    assert prepared(text).train.x.tolist() == [[0, 1], [0, 1], [1, 0]]
    target = load_table("a,y\n1,0.5\n2,?\n3,2.5\n", columns={"y": {"missing": "drop"}})
    assert prepared(target).train.raw_target.tolist() == [[0.5], [2.5]]


def test_errors_name_the_row_of_the_file_after_rows_are_dropped(load_table: Load) -> None:
    columns = {"a": {"missing": "drop"}, "b": {"missing": "error"}}
    with pytest.raises(DataError, match=r't.csv row 5, column "b": a missing number'):
        load_table("a,b,y\n1,1,0.5\n,2,1.5\n3,3,1.5\n4,,2.5\n", columns=columns)


def test_scales_by_name_and_glob(load_table: Load) -> None:
    columns = {"x_*": {"scale": "minmax"}, "x_b": {"scale": ["log", "minmax"], "missing": "median"}}
    x = prepared(load_table(TABLE, features=["age", "x_a", "x_b"], columns=columns)).train.x
    logs = np.log1p([1000, 10, 10, 1])
    np.testing.assert_allclose(x[:, 2], [0, 1 / 3, 2 / 3, 1])
    np.testing.assert_allclose(x[:, 3], (logs - logs.min()) / np.ptp(logs))
    assert x[:, 0].tolist() == [10, 30, 30, 40]


def test_log_keeps_the_sign() -> None:
    from numbann.data.transforms import find_scale

    values = np.array([[-99.0], [0], [1e300]])
    find_scale("log")().apply(values)
    np.testing.assert_allclose(values[:, 0], [-np.log(100), 0, np.log(1e300)])


def test_quantile_gives_a_normal_distribution(load_table: Load) -> None:
    from statistics import NormalDist

    values = np.exp(np.random.default_rng(0).normal(0, 3, 999))
    text = "a,y\n" + "".join(f"{value},{k}.5\n" for k, value in enumerate(values))
    x = column(load_table, "a", text, scale="quantile")[:, 0]
    expected = [NormalDist().inv_cdf((rank + 0.5) / 999) for rank in values.argsort().argsort()]
    assert np.abs(np.clip(expected, -2.5, 2.5) - np.clip(x, -2.5, 2.5)).max() < 0.06
    ties = column(load_table, "a", "a,y\n" + "0,0.5\n" * 90 + "7,1.5\n" * 10, scale="quantile")
    assert len(np.unique(ties)) == 2


def test_categories_in_an_order(load_table: Load) -> None:
    x = column(load_table, "grade", order=["low", "mid", "high"])
    assert x[:, 0].tolist() == [0, 2, 1, 0]
    numbers = column(load_table, "a", "a,y\n1,0.5\n10,1.5\n5,2.5\n", order=[1, 5, 10])
    assert numbers[:, 0].tolist() == [0, 2, 1]
    with pytest.raises(
        DataError, match=r't.csv row 3, column "grade": "high" is not in its order "low", "mid"; add it'
    ):
        column(load_table, "grade", order=["low", "mid"])
    with pytest.raises(DataError, match='"ordinal" needs the order of its texts'):
        column(load_table, "grade", categories="ordinal")


def test_rare_categories_share_an_input(load_table: Load) -> None:
    text = "a,y\n" + "p,0.5\n" * 3 + "q,1.5\nr,2.5\n" + "s,1.5\n" * 2
    source = load_table(text, columns={"a": {"rare": 2}})
    dataset = prepared(source)
    assert dataset.train.x.tolist() == [[1, 0, 0]] * 3 + [[0, 0, 1]] * 2 + [[0, 1, 0]] * 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert dataset.preprocessing.transform([["new"], ["s"]]).tolist() == [[0, 0, 1], [0, 1, 0]]


def test_missing_categories(load_table: Load) -> None:
    assert column(load_table, "town", missing="mode").tolist() == [[0, 1], [0, 1], [1, 0], [0, 1]]
    assert column(load_table, "town", missing="constant", fill="none")[:, 2].tolist() == [0, 0, 0, 1]
    with pytest.raises(DataError, match=r't.csv row 5, column "town": missing'):
        column(load_table, "town", missing="error")


def test_codes_of_targets_see_training_rows_alone_and_never_their_own(load_table: Load) -> None:
    rows = [("ab"[k % 2], k % 2 + 0.5) for k in range(40)] + [("c", 9.5)]
    text = "a,y\n" + "".join(f"{name},{value}\n" for name, value in rows)
    source = load_table(text, columns={"a": {"categories": "target"}})
    dataset = prepared(source)
    mean = np.mean([value for _, value in rows])
    code = dataset.preprocessing.encoding.codes["a"].numbers(["a", "b", "c", "new"])[:, 0]
    np.testing.assert_allclose(
        code, [(20 * 0.5 + 10 * mean) / 30, (20 * 1.5 + 10 * mean) / 30, (9.5 + 10 * mean) / 11, mean]
    )
    others = np.mean([value for k, (_, value) in enumerate(rows) if k % 5 != 40 % 5])
    assert dataset.train.x[40, 0] == pytest.approx(others), "the only row of c does not see itself"


def test_codes_of_classes(load_table: Load) -> None:
    text = "a,y\n" + "p,no\n" * 30 + "q,yes\n" * 30 + "q,no\n" * 30
    two = prepared(load_table(text, columns={"a": {"categories": "target"}}), target="label")
    assert two.train.x.shape == (90, 1)
    three = load_table(text + "q,perhaps\n" * 30, columns={"a": {"categories": "target"}})
    assert prepared(three, target="label").train.x.shape == (120, 3)


def test_dates(load_table: Load) -> None:
    x = column(load_table, "day", dates="parts")
    days = np.array(["2024-02-29", "2023-01-01", "2024-12-31"], "datetime64[D]").astype(int) + np.array([0, 0.25, 0])
    assert x[:, :5].tolist() == [[2024, 2, 29, 3, 0], [2023, 1, 1, 6, 6], [2024, 2, 29, 3, 0], [2024, 12, 31, 1, 0]]
    assert x[[0, 1, 3], 5].tolist() == days.tolist()
    assert x[:, 6].tolist() == [0, 0, 1, 0], "one input says where the date is missing"
    cycles = column(load_table, "day", dates="cyclic")
    assert cycles.shape == (4, 8)
    np.testing.assert_allclose(cycles[1, :2], [0, 1], atol=1e-12)
    assert np.hypot(cycles[3, 0] - cycles[1, 0], cycles[3, 1] - cycles[1, 1]) < 0.1, "December is next to January"
    german = column(load_table, "d", "d,y\n29.02.2024,0.5\n01.01.2023,1.5\n", dates="parts", format="%d.%m.%Y")
    assert german[:, :3].tolist() == [[2024, 2, 29], [2023, 1, 1]]
    with pytest.raises(
        DataError, match=r't.csv row 2, column "d": "29.02.2024" is no date like 2024-12-31; correct it, or give'
    ):
        column(load_table, "d", "d,y\n29.02.2024,0.5\n01.01.2023,1.5\n", dates="parts")


def test_dates_with_an_offset_are_those_of_utc(load_table: Load) -> None:
    times = ["2024-01-01 00:30:00+01:00", "2023-12-31T23:30Z", "2023-12-31 18:30:00.5-0500", "2023-12-31 23:30"]
    text = "d,y\n" + "".join(f"{time},{k}.5\n" for k, time in enumerate(times))
    assert column(load_table, "d", text, dates="parts")[:, :5].tolist() == [[2023, 12, 31, 6, 23.5]] * 4
    text = "d,y\n01.01.2024 00:30 +0100,0.5\n31.12.2023 23:30 +0000,1.5\n"
    formatted = column(load_table, "d", text, dates="parts", format="%d.%m.%Y %H:%M %z")
    assert formatted[:, :5].tolist() == [[2023, 12, 31, 6, 23.5]] * 2


@pytest.mark.parametrize("dates", ["parts", "cyclic"])
def test_a_broken_date_in_new_rows_is_an_error_and_a_missing_one_a_warning(
    load_table: Load, tmp_path: Path, dates: str
) -> None:
    rows = "day,y\n2024-02-29,0.5\n2023-01-01,1.5\n2024-12-31,2.5\n"
    fitted = prepared(load_table(rows, columns={"day": {"dates": dates}})).preprocessing
    (tmp_path / "new.csv").write_text("day\n2020-01-02\n2020-13-45\n")
    with pytest.raises(DataError, match=r'new.csv row 3, column "day": "2020-13-45" is no date like 2024-12-31; corr'):
        fitted.read(tmp_path / "new.csv", need_target=False)
    with pytest.raises(DataError, match=r'row 2, column "day": "soon" is no date'):
        fitted.transform({"day": ["2020-01-02", "soon"]})
    (tmp_path / "new.csv").write_text("day,b\n2020-01-02,1\n,1\n")
    expected = 'column "day": 1 row without a date, which no training row is; the median stands for it'
    assert fitted.read(tmp_path / "new.csv", need_target=False).warnings == (expected,)


def test_the_order_of_classes(load_table: Load) -> None:
    text = "a,y\n" + "1,mid\n2,low\n3,high\n" * 4
    source = load_table(text, columns={"y": {"order": ["low", "mid", "high"]}})
    assert source.facts.task.subjects == ("low", "mid", "high")
    numbers = load_table("a,y\n" + "1,1\n2,3\n" * 20, columns={"y": {"order": [3, 1]}})
    assert numbers.facts.task.subjects == (3, 1)
    with pytest.raises(DataError, match='the order of "y" lacks "high"; add it'):
        load_table(text, columns={"y": {"order": ["low", "mid"]}})
    with pytest.raises(DataError, match="regression has no classes to be in an order"):
        load_table("a,y\n1,0.5\n2,1.5\n", columns={"y": {"order": [1, 2]}})


def test_names_that_no_column_has(load_table: Load) -> None:
    with pytest.raises(DataError, match=r'has no column "agee"; did you mean "age"\?') as caught:
        load_table(TABLE, columns={"agee": {"scale": "log"}})
    assert caught.value.key == "data.columns"
    with pytest.raises(DataError, match=r'has no column "z_\*"'):
        load_table(TABLE, columns={"z_*": {"scale": "log"}})


def test_damaged_columns_are_refused(load_table: Load) -> None:
    columns = {
        "x_a": {"scale": "quantile"},
        "town": {"categories": "target"},
        "grade": {"order": ["low", "mid", "high"]},
    }
    source = load_table(TABLE, drop=["day"], columns=columns)
    whole = json.loads(json.dumps(prepared(source, "standard").preprocessing.to_dict()))

    def damaged(change: Callable[[Any], None]) -> Any:
        copy = json.loads(json.dumps(whole))
        change(copy["encoding"])
        return copy

    changes: list[Callable[[Any], None]] = [
        lambda given: given["codes"]["town"].update(means=[]),
        lambda given: given["codes"]["town"].update(mean=[1.0, 2.0]),
        lambda given: given["codes"]["grade"].update(type="os"),
        lambda given: given["codes"]["grade"].update(order=[1, 2]),
        lambda given: given["groups"][0]["scales"][0].update(knots=[[]]),
        lambda given: given["groups"][0].update(names=["age", "x_b"]),
        lambda given: given.update(indicated=["nothing"]),
        lambda given: given["codes"].pop("grade"),
    ]
    for change in changes:
        with pytest.raises(ValueError, match="preprocessing"):
            restore_preprocessing(damaged(change))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"fill": 1}, 'fill does nothing without "missing": "constant"'),
        ({"format": "%Y"}, "format does nothing without dates"),
        ({"dates": "parts", "rare": 2}, "rare does nothing with dates"),
        ({"categories": "target", "rare": 2}, 'rare does nothing with categories "target"'),
        ({"missing": "constant"}, '"missing": "constant" needs its fill'),
        ({"order": ["Rome", "Oslo", "Rome"]}, '"Rome" is twice in its order'),
        ({"scale": "log"}, "scale does nothing for categories"),
        ({"missing": "mean"}, '"missing": "mean" does nothing for categories, .*; leave it out, or give one of "mode"'),
        ({"missing": "indicate"}, '"missing": "indicate" does nothing for categories'),
        ({"categories": "target", "missing": "median"}, '"missing": "median" .* give one of "drop", "error"'),
    ],
)
def test_settings_that_do_nothing(load_table: Load, given: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=f'column "town": {message}'):
        load_table(TABLE, columns={"town": given})


@pytest.mark.parametrize(
    ("columns", "others", "message"),
    [
        ({"y": {"scale": "log"}}, {}, 'column "y": scale does nothing for the target; set data.target_scale'),
        ({"y": {"rare": 2}}, {}, 'column "y": rare does nothing for the target'),
        ({"age": {"scale": "log"}}, {"drop": ["age"]}, 'column "age" is no input, so its settings do nothing'),
        ({"x_*": {"scale": "log"}}, {"features": ["age"]}, r'column "x_\*" is no input'),
        ({"age": {"scale": "log"}}, {"categorical": ["age"]}, 'column "age": scale does nothing for categories'),
        ({"age": {"rare": 2}}, {}, 'column "age": rare folds categories, and this column holds numbers; add "categor'),
        ({"x_*": {"rare": 2}}, {}, 'column "x_a": rare folds categories'),
    ],
)
def test_settings_that_do_nothing_for_their_column(
    load_table: Load, columns: dict[str, Any], others: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        load_table(TABLE, columns=columns, **others)
    assert caught.value.key == "data.columns"


def test_a_setting_by_a_glob_is_for_the_columns_that_take_it(load_table: Load) -> None:
    source = load_table(TABLE, columns={"*": {"scale": "log", "rare": 2, "missing": "median"}})
    assert source.layout.choices["age"].scale == "log"
    assert source.layout.categories["town"].folded
    codes = load_table(TABLE, columns={"x_a": {"categories": "one-hot", "rare": 2}}, features=["x_a"])
    (finding,) = [one for one in codes.facts.findings if one.column == "x_a"]
    assert (
        finding.text == 'column "x_a": "rare" folds all of its categories into one, which says nothing; give a '
        'smaller "rare"'
    )


def test_new_rows_go_through_the_same_columns(load_table: Load, tmp_path: Path) -> None:
    columns = {
        "x_*": {"scale": ["quantile", "clip"]},
        "grade": {"order": ["low", "mid", "high"]},
        "town": {"categories": "target"},
        "day": {"dates": "cyclic"},
    }
    fitted: Preprocessing = prepared(load_table(TABLE, columns=columns), "standard").preprocessing
    read = np.asarray(fitted.read(tmp_path / "t.csv", need_target=False).x)
    assert np.isfinite(read).all()
    lines = [line.split(",")[:6] for line in TABLE.splitlines()[1:]]
    np.testing.assert_array_equal(fitted.transform(np.array(lines, object)), read)


def test_a_model_says_what_can_be_done_about_a_cell_to_predict(load_table: Load, tmp_path: Path) -> None:
    fitted = load_table("a,b,y\n1,1,0.5\n2,5,1.5\n4,7,2.5\n").prepare(
        target="real", scale="standard", target_scale="none", dtype="float32"
    )
    for cell, words in {
        "foo": 'correct the cell, or train anew with "a" in data.categorical',
        "1e300": "too large for float32; correct the cell, or train with data.scale",
    }.items():
        (tmp_path / "new.csv").write_text(f"a,b\n1,1\n{cell},2\n3,3\n")
        with pytest.raises(DataError, match=words):
            fitted.preprocessing.read(tmp_path / "new.csv", need_target=False)


def test_compact_categories_are_a_sign_or_one_hot_without_missing(load_table: Load) -> None:
    text = "sex,town,y\nm,a,0.5\nf,b,1.5\n?,c,2.5\nm,?,3.5\n"
    source = load_table(text, categories="compact")
    dataset = prepared(source)
    assert dataset.train.x.tolist() == [[1, 1, 0, 0], [-1, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0]]
    assert dataset.preprocessing.transform({"sex": ["f", None], "town": [None, "b"]}).tolist() == [
        [-1, 0, 0, 0],
        [0, 0, 1, 0],
    ]
    with pytest.warns(UserWarning, match="column .sex.: 1 row with a category that the training part does not have"):
        assert dataset.preprocessing.transform({"sex": ["x"], "town": ["a"]}).tolist() == [[0, 1, 0, 0]]


def test_one_column_may_be_compact(load_table: Load) -> None:
    text = "sex,town,y\nm,a,0.5\nf,b,1.5\n?,a,2.5\n"
    columns = {"sex": {"categories": "compact"}}
    assert prepared(load_table(text, columns=columns)).train.x.tolist() == [[1, 1, 0], [-1, 0, 1], [0, 1, 0]]
    columns["sex"] = {"categories": "compact", "missing": "mode"}
    assert prepared(load_table(text, columns=columns)).train.x[:, 0].tolist() == [1, -1, -1]
    columns["sex"] = {"categories": "compact", "rare": 2}
    folded = load_table("sex,town,y\n" + "m,a,0.5\nm,b,0.5\nf,a,1.5\nx,a,2.5\n", columns=columns)
    assert prepared(folded).train.x[:, 0].tolist() == [-1, -1, 1, 1]
    columns["sex"] = {"categories": "compact"}
    assert prepared(load_table("sex,town,y\n?,a,0.5\n?,b,1.5\n", columns=columns)).train.x[:, 0].tolist() == [1, 1]
