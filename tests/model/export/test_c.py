"""C99: every model of the zoo compiles without a warning and predicts as it does itself; odd names, and refusals."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zoo

import numbann
from numbann.errors import ExportError
from numbann.model.export import c, find_format
from numbann.model.export.c_text import bare, comment, identifier, number_literal, text_literal
from numbann.model.export.verify import draw

pytestmark = pytest.mark.filterwarnings("ignore:column .*:UserWarning")
compiled = pytest.mark.skipif(shutil.which("cc") is None, reason="no compiler")


@compiled
@pytest.mark.parametrize("name", zoo.ZOO)
def test_a_model_of_the_zoo_predicts_as_it_does_itself(name: str, tmp_path: Path) -> None:
    found = zoo.made(name).export(tmp_path / "model.c", verify=True)
    assert found.check is not None
    assert found.check.difference < 3e-6
    assert [path.name for path in found.files] == ["model.c", "model.h"]


def test_nothing_is_allocated_and_only_mathematics_and_texts_are_included() -> None:
    for name in zoo.ZOO:
        files = find_format("c").write(zoo.made(name))
        for text in files.values():
            assert text.isascii()
            assert not any(word in text for word in (b"alloc", b"printf", b"@", b"$"))
        assert files[".c"].count(b"#include") == 3


@compiled
def test_numbers_in_a_column_without_a_cell_in_training_are_missing(here: Path) -> None:
    spec = {"data": {"target": "y", "missing": "indicate"}, "model": {"layers": [4]}}
    number = np.linspace(0, 1, 60)
    model = zoo.model_of(spec, {"x": number, "e": np.full(60, np.nan), "y": number**2 + 0.123})
    assert model.export(here / "model.c", verify=True).check is not None


ODD = """*/* "a\\ ??/ é\n%s"""  # ends a comment, a text, and the line


@compiled
def test_names_and_texts_of_any_kind(here: Path) -> None:
    columns: dict[str, Any] = {
        "": [1.0, 2.5, np.nan] * 20,
        "int": ["a", ODD, None] * 20,
        ODD: [0.5, 1.5] * 30,
        "x-y": ["x", "y"] * 30,
        "x_y": [3.0, 4.0, 5.0] * 20,
        "label": ["'", '"', "\\"] * 20,
        "features": [1.0, 3.0] * 30,
        "NAN": [1.0, 2.0] * 30,
        "c0": [1.0, 2.0] * 30,
        "d0": [1.0, 3.0] * 30,
    }
    model = zoo.model_of(
        {"data": {"target": "y"}, "model": {"layers": [4]}, "name": "3 é"}, {**columns, "y": [ODD, "u", "v", "w"] * 15}
    )
    found = model.export(here / "my model.c", verify=True)
    assert found.check is not None
    text = (here / "my model.h").read_text()
    fields = ("float column;", "char *int_;", "char *x_y;", "float x_y_2;", "char *label;", "float NAN_;", "float c0;")
    fields += ("float features_2;",)
    assert all(field in text for field in fields)
    assert "void _3___predict(const _3___row *row, _3___answer *answer);" in text
    assert text.startswith(f"/* written by numbann {numbann.__version__}: classification by a network, ")
    assert (here / "my model.c").read_text().startswith("/* written by numbann ")
    assert '_label_classes[4]; /* 0 "' in text
    assert ', 1 "u", 2 "v", 3 "w" */' in text


@compiled
def test_one_of_the_numbers_is_called_as_all_of_them_are(here: Path) -> None:
    columns = {"features": [1.0, 2.0, 4.0] * 20, "other": [1.0, 3.0] * 30, "y": [0.5, 1.0, 3.0] * 20}
    given = {"data": {"target": "y"}, "model": {"layers": [4]}}
    assert zoo.model_of(given, columns).export(here / "model.c", verify=True).check is not None


@compiled
def test_a_program_uses_it(here: Path) -> None:
    """As the page of the manual says; in C++, too, where there is a compiler."""
    model = zoo.made("two_classes")
    model.export(here / "sold.c", dtype="float64")
    (here / "main.c").write_text(
        '#include <stdio.h>\n#include "sold.h"\n'
        "int main(void)\n{\n    two_classes_row row = {{100, 3, 20}};\n    two_classes_answer answer;\n"
        "    two_classes_predict(&row, &answer);\n"
        '    printf("%s %.9g\\n", two_classes_label_classes[answer.label], answer.probabilities[1]);\n'
        "    return 0;\n}\n"
    )
    subprocess.run(["cc", *c.STRICT, "main.c", "sold.c", "-o", "main", "-lm"], check=True)
    label, chance = subprocess.run(["./main"], capture_output=True, text=True, check=True).stdout.split()
    assert label == model.predict([[100.0, 3.0, 20.0]])[0]
    assert float(chance) == pytest.approx(model.predict_proba([[100.0, 3.0, 20.0]])[0, 1], rel=1e-5)
    if shutil.which("c++"):
        (here / "other.cpp").write_text('#include "sold.h"\nint main() { two_classes_predict(nullptr, nullptr); }\n')
        subprocess.run(["c++", "-Wall", "-Werror", "-c", "other.cpp"], check=True)


@compiled
@pytest.mark.parametrize("name", ["bent_root", "odd", "gated", "nearest"])
def test_a_plugins_activation_is_written_from_its_source(here: Path, name: str) -> None:
    found = zoo.of_plugin(here, name).export(here / "model.c", verify=True)
    assert found.check.difference < 3e-6


def test_what_cannot_be_written_is_refused(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ExportError, match=r"chained: elements of a row depend on those before them"):
        zoo.of_plugin(here, "chained").export(here / "model.c")
    with pytest.raises(ExportError, match="give a name without quotes"):
        zoo.made("value").export(here / 'a"b.c')
    monkeypatch.setenv("CC", f"{sys.executable} -c 1/0")
    with pytest.raises(ExportError, match=r"python\S* -c 1/0 does not compile what was written: \w"):
        zoo.made("value").export(here / "model.c", verify=True)
    monkeypatch.setenv("CC", "nocc -O2")
    with pytest.raises(ExportError, match='CC names "nocc", which is no program here; set it to a compiler'):
        zoo.made("value").export(here / "model.c", verify=True)
    monkeypatch.delenv("CC")
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(ExportError, match="a compiler is needed, and there is no cc; set CC to one"):
        zoo.made("value").export(here / "model.c", verify=True)
    assert not list(here.glob("model.*"))


@compiled
def test_a_missing_number_that_training_refuses_gives_none(here: Path) -> None:
    model = zoo.model_of(
        zoo.spec({**zoo.PRICE, "missing": "error", "drop": ["kind", "size", "built", "age"]}) | {"name": "n"}
    )
    cells = {name: np.array([np.nan, 1.0]) for name in model.features}
    found, _ = c.predict(c.write(model), cells)
    assert np.isnan(found["value"]).tolist() == [True, False]


@compiled
def test_categories_with_leading_zeros_are_found_as_numbann_finds_them() -> None:
    columns = {"code": ["01234", "10115", "007"] * 20, "y": [1.0, 2.0, 4.0] * 20}
    data = {"target": "y", "task": "regression"}
    model = zoo.model_of({"data": data, "model": {"layers": [3], "activation": "tanh"}, "name": "n"}, columns)
    cells = {"code": np.array(["01234", "1234", "1234.0", "10115", "7", "07", "1235"], object)}
    found, _ = c.predict(c.write(model), cells)
    np.testing.assert_allclose(found["value"][[0, 1, 2, 3, 4, 6]], model.predict(cells)[[0, 1, 2, 3, 4, 6]], rtol=1e-6)
    assert found["value"][5] == found["value"][6]  # other spellings are unknown


@compiled
def test_infinite_numbers_give_none() -> None:
    for name in ("value", "two_classes", "bins"):
        model = zoo.made(name)
        found, _ = c.predict(c.write(model), {key: np.array([np.inf, -np.inf]) for key in model.features})
        assert np.isnan(found["value" if name != "two_classes" else "probabilities"]).all()


def test_no_rows_are_no_comparison(here: Path) -> None:
    with pytest.raises(ExportError, match="the data to compare on holds no rows"):
        zoo.made("value").export(
            here / "model.c", verify=True, data={name: np.empty(0) for name in ("area", "rooms", "age")}
        )


def test_a_difference_is_told(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = zoo.made("five_classes")
    answers = {"label": np.zeros(1000, int), "probabilities": np.zeros((1000, 5))}
    monkeypatch.setattr(c, "predict", lambda *_: (answers, "nothing"))
    with pytest.raises(ExportError, match="nothing is written"):
        model.export(here / "model.c", verify=True)
    assert draw(model, 2)


@pytest.mark.parametrize(
    ("given", "kind", "text"),
    [
        (0.1, "double", "0.1"),
        (0.1, "float", "0.1f"),
        (2, "double", "2.0"),
        (-3, "float", "(-3.0f)"),
        (1e300, "float", "INFINITY"),
        (-np.inf, "double", "(-INFINITY)"),
        (np.nan, "float", "NAN"),
        (5e-324, "double", "5e-324"),
        (3.0, "int", "3"),
    ],
)
def test_numbers(given: float, kind: str, text: str) -> None:
    assert number_literal(given, kind) == text


def test_texts() -> None:
    assert text_literal('a"\\?é\n') == '"a\\042\\134\\077\\303\\251\\012"'
    assert comment('*/ /* "é\n') == '*\\/ \\/\\u002a "\\u00e9\\n'
    assert [identifier(one) for one in ("a b", "3", "", "int", "é")] == ["a_b", "_3", "_", "int_", "_"]
    assert [bare(one) for one in ("(a + b)", "(a) + (b)", "a", "((a))")] == ["a + b", "(a) + (b)", "a", "(a)"]
    with pytest.raises(ExportError, match="a text of 5000 bytes is too long for C"):
        text_literal("x" * 5000)
