"""The output of the commands on correct input, printed and written."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from numbann_cli import console, overview
from numbann_cli.group import LazyGroup
from numbann_cli.group import numbann as group

from numbann.training.callbacks import Compiling, Started

Numbann = Callable[..., Result]
WriteSpec = Callable[..., Path]


@pytest.fixture
def run(numbann: Numbann, write_spec: WriteSpec) -> Path:
    assert numbann("train", write_spec(train={"epochs": 40}), "-o", "out").exit_code == 0
    return Path("out")


# ---- help


def test_help_names_every_option_and_command() -> None:
    text = overview.overview()
    options = [option for parameter in group.params for option in parameter.opts]
    assert all(option in text for option in options)
    assert isinstance(group, LazyGroup)
    for name in overview.COMMANDS:
        command = group.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None
        assert command.name == name


def test_options_that_commands_share_come_in_one_order() -> None:
    order = ["targets", "preset", "output", "given", "device", "threads", "seed", "workers", "processes", "cluster"]
    order += ["ranks", "trust", "no_cache", "dry_run", "force", "as_json"]
    for name in overview.COMMANDS:
        command = group.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None
        shared = [str(one.name) for one in command.params if one.name in order]
        assert shared == sorted(shared, key=order.index), name


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_help_is_the_same_with_click(numbann: Numbann, arguments: tuple[str, ...]) -> None:
    result = numbann(*arguments)
    assert (result.exit_code, result.stdout) == (0, overview.overview() + "\n")


def test_plugins_alone_is_help(numbann: Numbann) -> None:
    result = numbann("plugins")
    assert result.exit_code == 0
    assert "list" in result.stdout


# ---- train and resume


def test_a_layer_tells_what_is_around_it(numbann: Numbann, write_spec: WriteSpec) -> None:
    layers = [{"units": 8, "norm": "batch", "dropout": 0.2}, {"units": 8, "activation": "prelu", "residual": True}]
    result = numbann("train", write_spec(model={"layers": layers}), "--dry-run")
    # 3 x 8 + 8 x 9 + 9 x 3, scale and shift of the norm, and a slope of each unit
    assert "2 -> 8 relu (batch norm, dropout 0.2) -> 8 prelu (residual) -> 3 softmax, 147 parameters" in result.stdout


def test_the_model_s_line_tells_of_bfloat16(
    numbann: Numbann, write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("train", write_spec(), "--set", "model.dtype=bfloat16", "--dry-run")
    slow = "found  bfloat16 is slower than float32 here: the processor has no AVX512_BF16"
    for there in (True, False):
        monkeypatch.setattr(console, "has_features", lambda *names, there=there: there)
        told = numbann(*asked).stdout
        assert ("51 parameters, bfloat16;" in told, slow in told) == (True, not there)


@pytest.mark.parametrize(
    ("lasts", "words"), [(True, "(kept for the next run)"), (False, "(not kept; NUMBANN_CACHE_DIR")]
)
def test_whether_kernels_are_kept(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, lasts: bool, words: str
) -> None:
    monkeypatch.setattr(console, "cache_lasts", lambda: lasts)
    narrator = console.Narrator(quiet=False, verbose=False, as_json=False)
    narrator(Compiling())
    narrator(Started(None, 0, 3, "cpu", 1, 2, 1.5))
    told = capsys.readouterr().out
    assert f"built  2 kernels in 1.5 s {words}" in told
    assert ("once" in told) == lasts


def test_train_tells_a_story(numbann: Numbann, write_spec: WriteSpec) -> None:
    result = numbann("train", write_spec(), "-o", "out")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0].startswith("data   task: classification")
    network = "2 -> 8 tanh -> 3 softmax, 51 parameters, float32; softmax_cross_entropy, adam 0.01, batch 16"
    assert f"model  {network}" in lines
    header = next(index for index, line in enumerate(lines) if line.startswith("epoch  train_loss"))
    *keys, _ = json.loads(Path("out/history.jsonl").read_text().splitlines()[0])
    assert lines[header].split() == [*keys, "best"]
    rows = lines[header + 1 : header + 5]
    assert [row.split()[0] for row in rows] == ["1", "2", "3", "4"]
    assert rows[0].endswith("*")
    assert "written    out/" in lines


def test_quiet_and_verbose(numbann: Numbann, write_spec: WriteSpec) -> None:
    quiet = numbann("-q", "train", write_spec(), "-o", "quiet").stdout
    assert "epoch  " not in quiet
    assert "test       loss" in quiet
    assert "auto   loss = " in numbann("-v", "train", write_spec(), "-o", "verbose").stdout


def test_json_is_alone_on_stdout(numbann: Numbann, write_spec: WriteSpec) -> None:
    result = numbann("train", write_spec(), "-o", "out", "--json")
    printed = json.loads(result.stdout)
    assert printed["path"] == "out"
    assert printed["epochs"] == 4
    assert set(printed["metrics"]) == {"train", "validation", "test"}
    assert "train_loss" in result.stderr


def test_a_setting_may_be_a_full_name(numbann: Numbann, write_spec: WriteSpec) -> None:
    result = numbann("check", write_spec(), "--set", "model.layers[0].activation=numbann:relu")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "model.layers[0].activation  relu" in result.stdout


def test_settings_are_written_back(numbann: Numbann, write_spec: WriteSpec) -> None:
    result = numbann(
        "train",
        write_spec(),
        "-o",
        "out",
        "--set",
        "train.epochs=2",
        "--set",
        "model.layers[0].activation=relu",
        "--seed",
        "5",
        "--threads",
        "1",
    )
    assert result.exit_code == 0, result.stderr
    spec = json.loads(Path("out/spec.resolved.json").read_text())
    assert (spec["train"]["epochs"], spec["seed"], spec["train"]["threads"]) == (2, 5, 1)
    assert spec["model"]["layers"][0]["activation"] == {"type": "relu"}


def test_a_dry_run_writes_nothing(numbann: Numbann, write_spec: WriteSpec, here: Path) -> None:
    spec = write_spec()
    before = sorted(here.iterdir())
    result = numbann("train", spec, "--dry-run")
    assert result.exit_code == 0
    assert "nothing was trained or written" in result.stdout
    assert sorted(here.iterdir()) == before


def test_resume_trains_on(numbann: Numbann, run: Path) -> None:
    result = numbann("resume", run, "--epochs", 42)
    assert result.exit_code == 0, result.stderr
    assert "going on after epoch 40" in result.stdout
    assert len((run / "history.jsonl").read_text().splitlines()) == 42


PLUGIN = '''"""Half: a plugin for tests."""
from numbann import activation, hookimpl

@activation
def half(z, slope: float = 0.5):
    """Half: a = slope z below 0."""
    return slope * z if z < 0 else z

@hookimpl
def numbann_register(register):
    register(half)
'''


def test_plugins_of_a_folder(numbann: Numbann, write_spec: WriteSpec, here: Path) -> None:
    (here / "plugins").mkdir()
    (here / "plugins" / "half.py").write_text(PLUGIN)
    spec = write_spec(model={"layers": [{"units": 4, "activation": "half"}]})
    assert "unknown activation" in numbann("check", spec).stderr
    result = numbann("--plugins-dir", "plugins", "check", spec)
    assert result.exit_code == 0
    assert str(here / "plugins" / "half.py") in result.stdout
    page = numbann("--plugins-dir", "plugins", "show", "half").stdout
    assert "Half: a = slope z below 0." in page
    assert "half.py:4" in page


# ---- predict and evaluate


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_predict(numbann: Numbann, run: Path, here: Path) -> None:
    (here / "new.csv").write_text("y,more,x\n3,a,0\n0,b,3\n0,c,-3\n")
    result = numbann("predict", run, "new.csv")
    assert result.stdout == "prediction\nblue\ngreen\nred\n"
    rows = table(numbann("predict", run / "model.safetensors", "new.csv", "--probabilities").stdout)
    assert list(rows[0]) == ["prediction", "p_blue", "p_green", "p_red"]
    assert sum(float(rows[0][name]) for name in list(rows[0])[1:]) == pytest.approx(1, abs=1e-6)
    assert numbann("predict", run, "new.csv", "-o", "out.csv").stdout == ""
    assert (here / "out.csv").read_text() == result.stdout


def test_predict_reads_stdin(numbann: Numbann, run: Path) -> None:
    assert numbann("predict", run, "-", text="x,y\n0,3\n").stdout == "prediction\nblue\n"


def test_predict_several_targets(numbann: Numbann, write_spec: WriteSpec) -> None:
    spec = write_spec(data={"target": ["sum", "y"], "drop": ["colour"]})
    assert numbann("train", spec, "-o", "out").exit_code == 0
    rows = table(numbann("predict", "out", "blobs.csv").stdout)
    assert list(rows[0]) == ["prediction_sum", "prediction_y"]
    assert len(rows) == 120


def test_evaluate(numbann: Numbann, run: Path) -> None:
    printed = json.loads(numbann("evaluate", run, "blobs.csv", "--json").stdout)
    assert printed["rows"] == 120
    assert printed["metrics"]["accuracy"] > 0.9
    assert printed["classes"] == ["blue", "green", "red"]
    assert [sum(row) for row in printed["confusion"]] == [40, 40, 40]
    measures, classes, table = numbann("evaluate", run, "blobs.csv").stdout.split("\n\n")
    assert [line.split()[0] for line in measures.splitlines()] == ["rows", "loss", "accuracy", "baseline"]
    assert measures.endswith("accuracy 0.3333  (always the largest class)")
    assert [line.split()[0] for line in classes.splitlines()] == ["classes", "precision", "blue", "green", "red"]
    assert table.splitlines()[1].split() == ["blue", "green", "red"]


def test_evaluate_with_weights(numbann: Numbann, write_spec: WriteSpec, blobs: Path) -> None:
    """They are used where they are there; if not, a warning says so.  To predict none are needed."""
    lines = blobs.read_text().splitlines()
    weighted = [f"{line},{'w' if row == 0 else row % 3}" for row, line in enumerate(lines)]
    Path("weighted.csv").write_text("\n".join(weighted) + "\n")
    spec = write_spec(data={"path": "weighted.csv", "weight": "w"})
    assert numbann("train", spec, "-o", "out").exit_code == 0
    with_weights, without = (numbann("evaluate", "out", name, "--json") for name in ("weighted.csv", "blobs.csv"))
    losses = [json.loads(result.stdout)["metrics"]["loss"] for result in (with_weights, without)]
    assert losses[0] != losses[1]
    assert (with_weights.stderr, 'there are no weights "w"' in without.stderr) == ("", True)
    assert numbann("predict", "out", "blobs.csv").stderr == ""


# ---- check, show, plugins list


def test_check_names_components_and_origins(numbann: Numbann, write_spec: WriteSpec) -> None:
    result = numbann("check", write_spec())
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["model.layers[0].activation", "tanh", "numbann"]
    assert lines[-1] == "ok"


def test_check_reads_the_header(numbann: Numbann, write_spec: WriteSpec, blobs: Path) -> None:
    result = numbann("check", write_spec(data={"target": "color"}))
    assert (result.exit_code, result.stdout) == (2, "")
    words = (
        'data.target: blobs.csv has no column "color"; did you mean "colour"? its columns: "x", "y", "sum", "colour"'
    )
    assert words in result.stderr
    result = numbann("check", write_spec(data={"target": "colour", "weight": "som"}))
    assert 'data.weight: blobs.csv has no column "som"; did you mean "sum"?' in result.stderr
    blobs.write_text(blobs.read_text().replace(",", ";"))
    assert numbann("check", write_spec()).exit_code == 0


@pytest.mark.parametrize(
    ("content", "data"),
    [
        ("price,eur;weight,kg;colour\n" + "1;2;red\n2;3;blue\n" * 9, {"target": "colour"}),
        ("1,2\n2,3\n" * 10, {"target": "1", "csv": {"header": False}}),
        ("1,2\n2,3\n" * 10, {"target": "b", "csv": {"header": ["a", "b"]}}),
        ("\n\na,b\n" + "1,2\n2,3\n" * 10, {"target": "b", "categorical": ["b"]}),
    ],
    ids=["delimiters in names", "no header", "names given", "empty lines first"],
)
def test_check_passes_what_training_reads(
    numbann: Numbann, write_spec: WriteSpec, here: Path, content: str, data: dict[str, Any]
) -> None:
    (here / "t.csv").write_text(content)
    spec = write_spec(data={"path": "t.csv", "drop": [], **data})
    assert numbann("check", spec).exit_code == 0
    assert numbann("train", spec, "--dry-run").exit_code == 0


@pytest.mark.parametrize(
    ("content", "data", "words"),
    [
        ("a;b\n1;2\n", {"target": "b", "csv": {"delimiter": ","}}, 't.csv has no column "b"; its columns: "a;b"'),
        ("1,2\n", {"target": "2", "csv": {"header": False}}, 't.csv has no column "2"; its columns: "0", "1"'),
        ("a,a,b\n1,2,3\n", {"target": "b"}, 't.csv: two columns are named "a"; rename one'),
        ("", {"target": "b"}, "t.csv is empty; a table needs at least one row"),
        ("a,b\n1,2\n", {"target": "b", "drop": ["a"]}, "no column is left for the inputs"),
    ],
    ids=["delimiter", "no header", "two names", "empty", "no inputs"],
)
def test_check_refuses_what_training_refuses(
    numbann: Numbann, write_spec: WriteSpec, here: Path, content: str, data: dict[str, Any], words: str
) -> None:
    (here / "t.csv").write_text(content)
    spec = write_spec(data={"path": "t.csv", "drop": [], **data})
    checked, trained = numbann("check", spec), numbann("train", spec, "--dry-run")
    assert (checked.exit_code, trained.exit_code) == (2, 2)
    assert words in checked.stderr
    assert checked.stderr == trained.stderr


@pytest.mark.parametrize(
    ("data", "sections", "words"),
    [
        (
            {},
            {"loss": "mse", "train": {"metrics": ["rmse", "coverage"]}},
            "asks for low and high, which mse does not give",
        ),
        ({"target_scale": "standard"}, {"loss": "poisson_nll"}, "a loss of any real target, not poisson_nll"),
        (
            {"task": "regression"},
            {"train": {"metrics": "accuracy"}},
            "asks for label, which regression does not have; give one that it has: explained_variance, mae",
        ),
        ({}, {"loss": "mse", "optimizer": {"type": "adam", "beta1": 0.5, "epsilon": 1e39}}, "at most 3.4e+38"),
        ({}, {"loss": "gaussian_nll", "model": {"layers": [4], "output_activation": "tanh"}}, "mean, variance itself"),
        (
            {},
            {"loss": "mse", "train": {"metrics": "rmse", "early_stopping": {"monitor": "validation_rmes"}}},
            'did you mean "validation_rmse"',
        ),
    ],
)
def test_check_and_training_agree_on_loss_and_metrics(
    numbann: Numbann, write_spec: WriteSpec, data: dict[str, Any], sections: dict[str, Any], words: str
) -> None:
    """By the same code, as far as the spec says them."""
    spec = write_spec(data={"target": "sum", "drop": ["colour"], **data}, **sections)
    checked, trained = numbann("check", spec), numbann("train", spec, "--dry-run")
    assert (checked.exit_code, trained.exit_code) == (2, 2)
    assert words in checked.stderr
    assert checked.stderr == trained.stderr


def test_one_metric_with_several_parameters(numbann: Numbann, write_spec: WriteSpec, here: Path) -> None:
    """Its keys tell which is which, in the history, in metrics.json and as a monitor."""
    metrics = ["calibration_error", {"type": "calibration_error", "bins": 4}, "accuracy"]
    stopping = {"monitor": "validation_calibration_error(bins=4)", "patience": 1}
    spec = write_spec(train={"metrics": metrics, "epochs": 3, "early_stopping": stopping})
    assert numbann("train", spec, "-o", "twice").exit_code == 0
    keys = {"calibration_error", "calibration_error(bins=4)", "accuracy"}
    first = json.loads((here / "twice" / "history.jsonl").read_text().splitlines()[0])
    assert {f"validation_{key}" for key in keys} <= first.keys()
    assert keys <= json.loads((here / "twice" / "metrics.json").read_text())["test"].keys()
    refused = numbann("check", write_spec(train={"metrics": ["accuracy", *metrics[1:2] * 2]}))
    assert '"calibration_error" is named twice; name it once, or with other parameters' in refused.stderr


def test_show_a_run(numbann: Numbann, run: Path) -> None:
    page = numbann("show", run).stdout
    assert "blobs.csv, classification" in page
    assert "8 tanh -> softmax" in page
    assert page.count("*") == 1
    assert "test       loss" in page
    assert "confusion of test: rows are true classes" in page


def test_show_a_component(numbann: Numbann) -> None:
    page = numbann("show", "elu").stdout
    assert "activation elu" in page
    assert "alpha = 1  (a number, at least 0)" in page
    assert "arxiv.org/abs/1511.07289" in page
    assert "rectified.py:" in page
    assert page.count("*") > 60


def test_show_every_component_of_a_name(numbann: Numbann) -> None:
    assert "activation identity" in numbann("show", "linear").stdout
    page = numbann("show", "adam").stdout
    assert "learning_rate = 0.001  (a number, above 0)" in page
    assert "states  m, v, largest" in page


def test_plugins_list(numbann: Numbann) -> None:
    rows = json.loads(numbann("plugins", "list", "--all", "--json").stdout)
    assert {"kind": "optimizer", "name": "adam", "aliases": [], "origin": "numbann"}.items() <= next(
        row for row in rows if row["name"] == "adam"
    ).items()
    assert len(numbann("plugins", "list", "--all").stdout.splitlines()) == len(rows)


# ---- diagnostics


@pytest.fixture
def dying(write_spec: WriteSpec) -> Path:
    """A spec of a run whose units saturate at once."""
    layer = {"units": 8, "activation": "tanh", "init": {"type": "normal", "deviation": 100.0}}
    return write_spec(model={"layers": [layer]}, train={"diagnostics": True})


def test_diagnostics_are_told_and_shown(numbann: Numbann, dying: Path) -> None:
    lines = numbann("train", dying, "-o", "out").stdout.splitlines()
    assert any(line.startswith("warning: epoch 1: layer 1 (tanh): 100% of its units are saturated") for line in lines)
    assert "warnings   layer 1 saturated (epoch 1)" in lines
    header = next(line for line in lines if line.startswith("epoch  train_loss"))
    assert "diagnostics" not in header
    page = numbann("show", "out").stdout.splitlines()
    at = page.index("layers after epoch 4")
    assert page[at + 1].split() == ["layer", "activation", "dead", "saturated", "gradient_norm"]
    assert page[at + 2].split()[:4] == ["1", "tanh", "-", "100.0%"]
    assert page[at + 3].split()[:4] == ["2", "softmax", "-", "-"]


def test_warnings_for_programs(numbann: Numbann, dying: Path, write_spec: WriteSpec) -> None:
    (warning,) = json.loads(numbann("train", dying, "-o", "out", "--json").stdout)["warnings"]
    assert warning.startswith("epoch 1: layer 1 (tanh): ")
    assert json.loads(numbann("train", write_spec(), "-o", "sound", "--json").stdout)["warnings"] == []


# ---- lr-find


def test_lr_find_suggests_a_rate(numbann: Numbann, write_spec: WriteSpec, here: Path) -> None:
    spec = write_spec(optimizer={"type": "adam", "beta1": 0.8})
    before = sorted(here.rglob("*"))
    result = numbann("lr-find", spec, "--steps", 100)
    assert (result.exit_code, result.stderr) == (0, "")
    assert sorted(here.rglob("*")) == before
    lines = result.stdout.splitlines()
    assert any(line.strip() == "^" for line in lines)
    rate = float(next(line for line in lines if line.startswith("suggestion")).split()[1].rstrip(","))
    assert json.loads("{" + lines[-1] + "}") == {"optimizer": {"type": "adam", "learning_rate": rate, "beta1": 0.8}}
    assert numbann("check", spec, "--set", f"optimizer.learning_rate={rate}").exit_code == 0


def test_lr_find_for_programs(numbann: Numbann, write_spec: WriteSpec) -> None:
    result = numbann("lr-find", write_spec(), "--from", 1e-5, "--to", 1, "--steps", 50, "--json")
    printed = json.loads(result.stdout)
    assert set(printed) == {"suggestion", "cautious", "optimizer", "rates", "losses", "smoothed"}
    assert len(printed["rates"]) == len(printed["losses"]) == len(printed["smoothed"]) <= 50
    assert printed["rates"][0] == pytest.approx(1e-5)
    assert "data   " in result.stderr


def test_lr_find_refuses_falling_rates(numbann: Numbann, write_spec: WriteSpec) -> None:
    result = numbann("lr-find", write_spec(), "--from", 1, "--to", 0.1)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--from 1: must be below --to 0.1" in result.stderr


def test_show_says_what_a_preset_fills_in(numbann: Numbann) -> None:
    shown = numbann("show", "tabular-best").stdout
    assert "preset tabular-best: fills in what a spec leaves open" in shown
    assert "if task is classification and the first metric goes by probability" in shown
    assert '"ensemble": {"folds": 5, "refit": true}' in shown
