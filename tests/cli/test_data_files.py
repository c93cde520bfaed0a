"""`numbann data`, `init` and `train FILE --target`: from a file to a model without a spec."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Numbann = Callable[..., Result]


@pytest.fixture
def table(here: Path) -> Path:
    """visits.csv: an id, a date, an age with gaps, a constant, a town, and a class."""
    draw = random.Random(0)
    rows = [
        f"v{k},2024-01-{draw.randint(1, 28):02},{draw.randint(18, 90) if k % 9 else ''},1,t{draw.randint(1, 4)},"
        f"{draw.choice(('no', 'yes'))}"
        for k in range(120)
    ]
    path = here / "visits.csv"
    path.write_text("\n".join(["id,day,age,one,town,back", *rows]) + "\n")
    return path


def test_data_sums_up_a_file(numbann: Numbann, table: Path) -> None:
    result = numbann("data", table, "--target", "back")
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert result.exit_code == 0, result.stderr
    assert lines[0] == "120 rows, 6 columns"
    assert "age numbers 14 52 18 to 90 2 inputs, standard, one where missing" in lines
    town = next(line for line in lines if line.startswith("town"))
    assert town.startswith("town text 0 4")
    assert town.endswith('", ... 4 inputs, one-hot')
    assert "back text 0 2" in next(line for line in lines if line.startswith("back"))
    found = [line for line in lines if line.startswith("found")]
    assert [line.split('"')[1] for line in found] == ["id", "day", "one"]


def test_tables_are_no_wider_than_the_console(numbann: Numbann, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert max(map(len, numbann("data", table).stdout.splitlines()[2:8])) > 80
    monkeypatch.setenv("COLUMNS", "80")
    assert 70 < max(map(len, numbann("data", table).stdout.splitlines()[2:8])) <= 80
    out = numbann("train", table, "--target", "back", "--set", "train.epochs=1", "-o", "run").stdout
    spec = [line for line in out.splitlines() if line.startswith(("spec ", "       "))]
    assert len(spec) > 5
    assert max(len(line) for line in spec if '"path"' not in line) <= 80
    columns = numbann("show", "run").stdout.split("\n\ncolumn ")[1]
    assert max(map(len, columns.splitlines())) <= 80


def test_data_counts_the_values_of_all_rows(numbann: Numbann, here: Path) -> None:
    (here / "long.csv").write_text("a,y\n" + "".join(f"{k},{k % 2}\n" for k in range(5001)))
    columns = json.loads(numbann("data", "long.csv", "--target", "y", "--json").stdout)["columns"]
    assert [one["distinct"] for one in columns] == [5001, 2]


def test_data_as_json_and_without_a_target(numbann: Numbann, table: Path) -> None:
    whole = json.loads(numbann("data", table, "--target", "back", "--json").stdout)
    assert [one["kind"] for one in whole["findings"]] == ["identifier", "dates", "constant"]
    assert whole["columns"][-1]["becomes"] == "the target: classification into 2 classes"
    alone = json.loads(numbann("data", table, "--json").stdout)
    assert alone["rows"] == 120
    assert [one["name"] for one in alone["columns"]] == ["id", "day", "age", "one", "town", "back"]


def test_init_writes_a_spec_that_trains(numbann: Numbann, table: Path, here: Path) -> None:
    (here / "specs").mkdir()
    result = numbann("init", table, "--target", "back", "-o", "specs/visits.json")
    assert result.exit_code == 0, result.stderr
    spec = json.loads((here / "specs/visits.json").read_text())
    assert spec["data"] == {
        "path": "../visits.csv",
        "target": "back",
        "drop": ["id", "one"],
        "columns": {"day": {"dates": "parts"}},
        "task": "classification",
    }
    assert numbann("check", "specs/visits.json").exit_code == 0
    trained = numbann("train", "specs/visits.json", "--set", "train.epochs=2", "-o", "run", "--json")
    assert trained.exit_code == 0, trained.stderr
    assert json.loads(trained.stdout)["findings"] == []
    again = numbann("init", table, "--target", "back", "-o", "specs/visits.json")
    assert (again.exit_code, again.stderr) == (2, again.stderr)
    assert "specs/visits.json: exists already; name another file" in again.stderr


def test_train_on_a_file(numbann: Numbann, table: Path, here: Path) -> None:
    result = numbann("train", table, "--target", "back", "--set", "train.epochs=2", "-o", "run")
    assert result.exit_code == 0, result.stderr
    assert 'spec   "name": "visits"' in result.stdout
    assert (here / "run" / "spec.json").exists()
    spec = json.loads((here / "run" / "spec.json").read_text())
    assert spec["data"]["drop"] == ["id", "one"]
    again = numbann("train", "run/spec.json", "-o", "again", "-q")
    assert again.exit_code == 0, again.stderr
    dry = numbann("train", table, "--target", "back", "--dry-run")
    assert "nothing was trained" in dry.stdout


def test_a_model_without_a_spec_is_the_average_of_an_epoch(numbann: Numbann, table: Path) -> None:
    """84 rows to train on are two steps of 64; an optimizer that is chosen may take no average."""

    def average(*given: str) -> object:
        result = numbann("train", table, "--target", "back", "--dry-run", "--json", *given)
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)["spec"]["train"]["average"]

    assert average() == 0.5
    assert average("--set", "train.batch_size=8") == 0.9091
    assert average("--set", "train.average=0.7") == 0.7
    for others in (
        "train.batch_size=full",
        "optimizer=lbfgs",
        "optimizer.type=adamw",
        "train.average=null",
    ):
        assert average("--set", others) is None


def test_a_file_without_a_header(numbann: Numbann, here: Path) -> None:
    draw = random.Random(0)
    for name in ("rows.csv", "rows.data"):
        (here / name).write_text("".join(f"{draw.random()},{k % 7},0.5,0.5,{'ab'[k % 2]}\n" for k in range(80)))
        result = numbann("train", name, "--target", "-1", "--set", "train.epochs=1", "-o", name.replace(".", "-"))
        assert result.exit_code == 0, result.stderr
        assert '"csv": {"header": false}, "target": "4"' in result.stdout
    wrong = numbann("train", "rows.csv", "--target", "-9")
    assert (wrong.exit_code, wrong.stderr) == (2, "numbann: error: there is no column -9: there are 5\n")


def test_data_where_a_spec_is_expected(numbann: Numbann, table: Path) -> None:
    result = numbann("train", table)
    assert result.exit_code == 2
    assert "visits.csv: is data, not a spec; name the column to predict: --target COLUMN" in result.stderr
    assert 'did you mean "back"?' in numbann("train", table, "--target", "Back").stderr
    assert "nothing.csv: no such file" in numbann("data", "nothing.csv").stderr.replace('"', "")


def test_findings_are_said_unless_quiet(numbann: Numbann, table: Path, here: Path) -> None:
    spec = {
        "data": {"path": "visits.csv", "target": "back", "drop": ["id"], "columns": {"day": {"dates": "parts"}}},
        "model": {"layers": [{"units": 4}, {"units": 1, "activation": "sigmoid"}]},
        "train": {"epochs": 1},
    }
    (here / "spec.json").write_text(json.dumps(spec))
    told = numbann("train", "spec.json", "-o", "run").stdout
    assert 'found  column "one" is 1 in all rows.  Leave it out: "drop": ["one"]' in told
    assert 'found  the last of model.layers (1 "sigmoid") looks like the output layer, which is added by itself' in told
    assert "found" not in numbann("-q", "train", "spec.json", "-o", "quiet").stdout
    manifest = json.loads((here / "run" / "manifest.json").read_text())
    assert [(one["kind"], one["column"]) for one in manifest["findings"]] == [("constant", "one")]
    told = json.loads(numbann("train", "spec.json", "-o", "json", "--json").stdout)
    assert [one["kind"] for one in told["findings"]] == ["constant", "output_layer"]


def test_settings_reach_the_first_look_and_the_spec_that_is_printed(numbann: Numbann, here: Path) -> None:
    rows = "".join(f"{'N/A' if k % 9 == 0 else k},{k % 5},{'ab'[k % 2]}\n" for k in range(60))
    (here / "rows.csv").write_text("x,z,y\n" + rows)
    settings = ("--set", "train.epochs=1", "--set", 'data.csv.na=["", "N/A"]', "--seed", 3)
    result = numbann("train", "rows.csv", "--target", "y", *settings, "-o", "run")
    assert result.exit_code == 0, result.stderr
    printed = [line[7:] for line in result.stdout.splitlines() if line[:7].strip() in ("spec", "") and line[7:8] == '"']
    spec = json.loads("{" + ",".join(printed) + "}")
    assert (spec["train"]["epochs"], spec["seed"], spec["data"]["csv"]["na"]) == (1, 3, ["", "N/A"])
    assert spec == json.loads((here / "run/spec.json").read_text())
    assert numbann("train", "rows.csv", "--target", "y", "--dry-run").exit_code == 2  # "N/A" is no number
    for key in ("target", "path"):
        twice = numbann("train", "rows.csv", "--target", "y", "--set", f'data.{key}="z"')
        assert twice.exit_code == 2
        assert f"--set data.{key}: is given by FILE and --target already; leave it out" in twice.stderr
    wrong = numbann("train", "rows.csv", "--target", "y", "--set", "data.csv.skip=-1").stderr
    assert "--set data.csv.skip: -1 is not allowed" in wrong


def test_train_on_a_table_from_standard_input(numbann: Numbann, table: Path) -> None:
    text = table.read_text()
    result = numbann("train", "-", "--target", "back", "--set", "train.epochs=1", "-o", "run", text=text)
    assert result.exit_code == 0, result.stderr
    assert '"data": {"path": "-", "target": "back", "drop": ["id", "one"]' in result.stdout


@pytest.fixture
def images(here: Path) -> Path:
    """few-images.idx3 with few-labels.idx1 beside it: 40 images of 1 x 2 bytes."""
    pixels, labels = bytes(k * 3 for k in range(80)), bytes(k % 2 for k in range(40))
    (here / "few-images.idx3").write_bytes(bytes([0, 0, 8, 3, 0, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 2]) + pixels)
    (here / "few-labels.idx1").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 40]) + labels)
    return here / "few-images.idx3"


def test_images_have_no_target(numbann: Numbann, images: Path) -> None:
    result = numbann("train", images.name, "--target", "y")
    assert result.exit_code == 2
    assert 'few-images.idx3: images have no column "y"; leave out --target' in result.stderr


def test_a_column_without_a_name_is_left_out_by_every_command(numbann: Numbann, here: Path) -> None:
    draw = random.Random(0)
    rows = [f"{k},{draw.random():.3f},{draw.choice(('no', 'yes'))}" for k in range(60)]
    (here / "index.csv").write_text("\n".join([",a,y", *rows]) + "\n")
    assert '"drop": [""]' in numbann("data", "index.csv", "--target", "y").stdout
    assert numbann("init", "index.csv", "--target", "y").exit_code == 0
    assert json.loads((here / "spec.json").read_text())["data"]["drop"] == [""]
    result = numbann("train", "spec.json", "--set", "train.epochs=1")
    assert result.exit_code == 0, result.stderr
    assert numbann("predict", "runs/index", "index.csv").exit_code == 0
    direct = numbann("train", "index.csv", "--target", "y", "--set", "train.epochs=1", "--force")
    assert direct.exit_code == 0, direct.stderr


def test_images_from_a_training_to_predictions(numbann: Numbann, images: Path) -> None:
    trained = numbann("train", images, "--set", "train.epochs=1", "-o", "run")
    assert trained.exit_code == 0, trained.stderr
    predicted = numbann("predict", "run", images)
    assert len(predicted.stdout.splitlines()) == 41, predicted.stderr
    pair = json.dumps({"images": images.name, "labels": "few-labels.idx1"})
    found = [json.loads(numbann("evaluate", "run", data, "--json").stdout) for data in (images, pair)]
    assert found[0]["metrics"] == found[1]["metrics"]
    assert found[0]["rows"] == 40
    (images.parent / "few-labels.idx1").rename("others")
    alone = numbann("evaluate", "run", images)
    assert (alone.exit_code, alone.stderr.count("\n")) == (2, 1)
    assert 'brings no labels; give {"images": F, "labels": F}' in alone.stderr


def test_a_spec_where_data_is_expected(numbann: Numbann, table: Path, here: Path) -> None:
    assert numbann("init", table, "--target", "back").exit_code == 0
    told = numbann("train", "spec.json", "--target", "back")
    assert (told.exit_code, told.stderr.count("spec.json: is a spec, which names its own target; leave out")) == (2, 1)
    assert "visits.csv  is data, not a spec; `numbann init" in numbann("check", table.name).stderr
    assert numbann("train", "spec.json", "--set", "train.epochs=1", "-o", "run").exit_code == 0
    for command in ("evaluate", "predict"):
        wrong = numbann(command, "run", "spec.json")
        assert (wrong.exit_code, wrong.stderr.count("spec.json: is a spec, not data")) == (2, 1)


def test_lr_find_takes_a_table(numbann: Numbann, table: Path) -> None:
    found = numbann("lr-find", table, "--target", "back", "--steps", 20, "--json")
    assert found.exit_code == 0, found.stderr
    assert json.loads(found.stdout)["suggestion"] > 0
    assert 'spec   "name": "visits"' in found.stderr
    assert "name the column to predict: --target" in numbann("lr-find", table).stderr


def test_a_target_that_the_first_row_does_not_name(numbann: Numbann, here: Path) -> None:
    (here / "rows.csv").write_text("".join(f"{k / 7:.3f},{k % 7},{'ab'[k % 2]}\n" for k in range(40)))
    told = numbann("train", "rows.csv", "--target", "y").stderr
    assert told.count("the first row has numbers and is taken as data, not as names") == 1
    assert '--target -1 is the last column, "2"' in told
    (here / "named.csv").write_text("a,b,y\n" + (here / "rows.csv").read_text())
    told = numbann("train", "named.csv", "--target", "2").stderr
    assert 'named.csv has no column "2"; its columns: "a", "b", "y"; by number they count from the end: ' in told


def test_a_first_line_that_is_no_row(numbann: Numbann, here: Path) -> None:
    rows = "".join(f"{k / 7:.3f},{k % 7},{'ab'[k % 2]}\n" for k in range(60))
    (here / "rows.csv").write_text(rows)
    (here / "new.csv").write_text("|1x3 Cross validator\n" + rows)
    told = numbann("train", "new.csv", "--target", "-1").stderr
    line = 'if line 1, "|1x3 Cross validator", is not of the table, set data.csv.skip to 1, or data.csv.comment to "|"'
    assert line in told
    assert numbann("train", "rows.csv", "--target", "-1", "--set", "train.epochs=1", "-o", "run").exit_code == 0
    for command in ("evaluate", "predict"):
        wrong = numbann(command, "run", "new.csv")
        assert (wrong.exit_code, "did you mean" in wrong.stderr) == (2, False)
        assert "if that is no row of the table, take it out" in wrong.stderr or line in wrong.stderr


def test_init_writes_a_preset_that_there_is(numbann: Numbann, table: Path, here: Path) -> None:
    assert numbann("init", table, "--target", "back", "--preset", "tabular").exit_code == 0
    spec = json.loads((here / "spec.json").read_text())
    assert (spec["preset"], "model" in spec) == ("tabular", False)
    wrong = numbann("init", table, "--target", "back", "--preset", "tabula", "-o", "other.json")
    assert (wrong.exit_code, (here / "other.json").exists()) == (2, False)
    assert '--preset tabula: is none; did you mean "tabular"?' in wrong.stderr


def test_an_infinite_cell_is_named_as_one(numbann: Numbann, here: Path) -> None:
    (here / "rows.csv").write_text("x,y\n" + "".join(f"{'inf' if k == 9 else k},{'ab'[k % 2]}\n" for k in range(60)))
    told = numbann("train", "rows.csv", "--target", "y").stderr
    assert 'row 11, column "x": "inf" is infinite; correct the cell, or add "inf" to data.csv.na' in told
    assert "data.categorical" not in told


def test_labels_that_are_fractions(numbann: Numbann, here: Path) -> None:
    (here / "rows.csv").write_text("x,y\n" + "".join(f"{k % 5},{k / 7:.4f}\n" for k in range(60)))
    told = numbann("train", "rows.csv", "--target", "y", "--set", "data.task=classification").stderr
    assert 'is the target a number ("task": "regression") or an identifier?' in told
    listed = numbann("train", "rows.csv", "--target", "y", "--set", 'data.categorical=["nope"]').stderr
    assert listed.count('"y"') == 1
    assert numbann("init", "rows.csv", "--target", "y").exit_code == 0
    twice = numbann("check", "spec.json", "--set", 'data.split={"by": "x", "column": "x"}').stderr
    assert "the rows are split as data.split.by says; give one of the two" in twice


def test_json_is_all_of_stdout(numbann: Numbann, table: Path) -> None:
    """With findings, warnings and a spec that is printed; -q before or after the command."""
    train = ("train", table, "--target", "back", "--set", "train.epochs=1", "--set", "data.drop=[]", "--json")
    calls = [(*train, "-o", "run"), ("-q", *train, "-o", "b"), (*train, "-o", "c", "-q"), (*train, "--dry-run")]
    data = ("run", table, "--json")
    calls += [("evaluate", *data), ("predict", *data), ("-q", "evaluate", *data), ("predict", *data, "-q")]
    calls += [("data", table, "--json"), ("data", table, "--target", "back", "--json", "-q")]
    calls += [
        ("resume", "run", "--epochs", 2, "--json"),
        ("lr-find", table, "--target", "back", "--steps", 20, "--json"),
    ]
    for call in calls:
        result = numbann(*call)
        assert result.exit_code == 0, (call, result.stderr)
        json.loads(result.stdout)
        assert "-q" not in call or "found" not in result.stderr


def test_ordered_classes_without_an_order_are_said_to_be_in_that_of_the_alphabet(numbann: Numbann, here: Path) -> None:
    (here / "t.csv").write_text("a,y\n" + "".join(f"{k % 10},{('low', 'mid', 'high')[k % 3]}\n" for k in range(60)))
    rest = {"model": {"layers": [4]}, "loss": "corn"}
    data: dict[str, object] = {"path": "t.csv", "target": "y"}
    found = {}
    for name, columns in (("bare", {}), ("told", {"y": {"order": ["low", "mid", "high"]}})):
        (here / f"{name}.json").write_text(json.dumps({"data": data | {"columns": columns}, **rest}))
        result = numbann("train", f"{name}.json", "--set", "train.epochs=1")
        assert result.exit_code == 0, result.stderr
        found[name] = "in the order of the alphabet: " in result.stdout + result.stderr
        if name == "bare":
            assert '"columns": {"y": {"order": [...]}}' in " ".join((result.stdout + result.stderr).split())
    assert found == {"bare": True, "told": False}


def test_a_preset_trains_a_data_file(numbann: Numbann, table: Path) -> None:
    given = ("--target", "back", "--preset", "tabular", "--set", "train.epochs=2", "--set", "model.layers=[8]")
    result = numbann("train", table, *given)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert '       "preset": "tabular"' in lines
    assert any(line.startswith('preset data: {"categories": "compact"') for line in lines)
    assert any(line.startswith('       optimizer: {"type": "adamw"') for line in lines)
    assert not any("model:" in line and "layers" in line for line in lines if line.startswith("       model"))
    resolved = json.loads(Path("runs/visits/spec.resolved.json").read_text())
    assert (resolved["schedule"]["type"], [layer["units"] for layer in resolved["model"]["layers"]]) == (
        "log_cosine",
        [8],
    )
    refused = numbann("train", table, "--target", "back", "--preset", "best", "--dry-run")
    assert refused.exit_code == 2
    assert '--preset: "best" is not allowed; give "plain", "tabular" or "tabular-best"' in refused.stderr
    assert "--set" not in refused.stderr
    assert "missing" not in refused.stderr
    Path("bare.json").write_text(json.dumps({"data": {"path": "visits.csv", "target": "back"}}))
    assert "model: missing; give an object" in (bare := numbann("check", "bare.json")).stderr
    assert 'or "preset": "tabular"' in bare.stderr
    assert numbann("check", "bare.json", "--set", "preset=tabular").exit_code == 0


def foreign(here: Path) -> list[str]:
    """flats.csv as a German Excel writes it, and the settings that it needs."""
    rows = ["# exported;;;", "Fläche;Preis;Anteil;verkauft"]
    for k in range(60):
        area = {7: "k.A.", 11: "-", 13: ""}.get(k, f"{20 + k},5")
        rows.append(f"{area};1.{100 + k},50;{k},5%;{('ja', 'nein')[k % 2]}")
    (here / "flats.csv").write_bytes("\r\n".join(rows).encode("cp1252"))
    keys = ("encoding=cp1252", "comment=#", "decimal=,", "thousands=.", "percent=true", 'na=["", "k.A.", "-"]')
    return [part for key in keys for part in ("--set", f"data.csv.{key}")]


def test_settings_say_how_a_file_is_read(numbann: Numbann, here: Path) -> None:
    given = foreign(here)
    seen = numbann("data", "flats.csv", "--target", "verkauft", *given)
    assert [line.split()[1] for line in seen.stdout.splitlines()[3:6]] == ["numbers"] * 3
    assert numbann("init", "flats.csv", "--target", "verkauft", "-o", "spec.json", *given).exit_code == 0
    assert json.loads((here / "spec.json").read_text())["data"]["csv"]["decimal"] == ","
    assert numbann("train", "spec.json", "--dry-run").exit_code == 0
    for command in (("data", "flats.csv"), ("init", "flats.csv", "--target", "verkauft", "-o", "other.json")):
        refused = numbann(*command, "--set", "train.epochs=5")
        assert (refused.exit_code, (here / "other.json").exists()) == (2, False)
        assert "--set train.epochs: only keys of data are set here" in refused.stderr
        assert "data.csv.decimul: unknown key" in numbann(*command, "--set", "data.csv.decimul=,").stderr


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (0, 'row 2: not UTF-8 text; save it as UTF-8, or set data.csv.encoding, such as to "cp1252"'),
        (
            1,
            "flats.csv: 3 columns have no name; name them, or if the first line is not that of the names, set data.csv",
        ),
        (2, 'numbers with a decimal comma; set data.csv.thousands to "." and data.csv.decimal'),
        (5, '"k.A." is no number in a column of numbers (row 3), nor is "-"; correct the cells, add them to data.csv'),
    ],
)
def test_each_setting_that_lacks_is_named(numbann: Numbann, here: Path, count: int, message: str) -> None:
    given = foreign(here)[: 2 * count]
    refused = numbann("data", "flats.csv", *given)
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
    assert message in refused.stderr


def test_a_value_that_is_no_json_is_a_text(numbann: Numbann, here: Path) -> None:
    (here / "days.csv").write_text("day;y\n" + "".join(f"{k % 28 + 1:02}.03.24;{k % 2}\n" for k in range(60)))
    given = ("--set", "data.csv.delimiter=;", "--set", "data.columns.day.dates=parts")
    seen = numbann("data", "days.csv", *given, "--set", "data.columns.day.format=%d.%m.%y")
    assert "6 inputs, parts" in seen.stdout, seen.stderr
    assert "train.epochs" in numbann("train", "days.csv", "--target", "y", "--set", "train.epochs=5x").stderr
    assert "is no JSON value" in numbann("data", "days.csv", "--set", "data.drop=[day").stderr
