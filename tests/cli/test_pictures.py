"""`numbann plot`, `numbann report` and `numbann show RUN --plot`."""

from __future__ import annotations

import base64
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from numbann_cli.braille import BLANK, Line, draw, mark

Numbann = Callable[..., Result]
WriteSpec = Callable[..., Path]
PNG = b"\x89PNG"
OF_CLASSES = {"confusion", "roc", "precision-recall", "calibration"}
OF_NUMBERS = {"predicted", "residuals"}
ALWAYS = {"learning", "importance", "dependence"}
REGRESSION = {"target": "sum", "drop": []}
EVIL = "<script>alert(1)</script> $x^2$ & a name that is too long to be written beside a picture"


@pytest.fixture
def trained(numbann: Numbann, write_spec: WriteSpec) -> Callable[..., str]:
    """Train a run and return its directory."""
    pytest.importorskip("matplotlib")

    def train(name: str = "one", **changes: Any) -> str:
        result = numbann("-q", "train", write_spec(**changes), "-o", f"runs/{name}")
        assert result.exit_code == 0, result.output
        return f"runs/{name}"

    return train


@contextmanager
def without_matplotlib() -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    patch.setitem(sys.modules, "matplotlib.figure", None)
    try:
        yield
    finally:
        patch.undo()


KINDS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "classes": ({"train": {"diagnostics": True}}, {*OF_CLASSES, "layers"}),
    "numbers": ({"data": REGRESSION}, OF_NUMBERS),
    "labels": ({"data": {"target": ["red", "tall"], "task": "multilabel"}}, OF_CLASSES - {"confusion"}),
    "several": ({"ensemble": {"folds": 2}, "schedule": {"type": "cosine"}}, {*OF_CLASSES, "folds", "rate"}),
}


@pytest.mark.parametrize(("changes", "names"), KINDS.values(), ids=KINDS)
def test_every_run_is_drawn(
    numbann: Numbann, trained: Callable[..., str], blobs: Path, changes: dict[str, Any], names: set[str]
) -> None:
    if "tall" in str(changes):
        first, *lines = blobs.read_text().splitlines()
        flags = [f"{line},{int(line.endswith('red'))},{int(float(line.split(',')[1]) > 1)}" for line in lines]
        blobs.write_text("\n".join([f"{first},red,tall", *flags]) + "\n")
    run = trained(**changes)
    result = numbann("plot", run)
    assert result.exit_code == 0, result.output
    assert {Path(line).stem for line in result.stdout.split()} == ALWAYS | names
    for line in result.stdout.split():
        assert Path(line).read_bytes().startswith(PNG)
    reason = "layers: diagnostics are off; train with --set train.diagnostics=true"
    assert (reason in result.stderr) == ("layers" not in names)


def test_pixels_have_weights_that_are_images(numbann: Numbann, trained: Callable[..., str], here: Path) -> None:
    rows = [[(row * 7 + k * 3) % 11 for k in range(25)] + [row % 2] for row in range(40)]
    head = [f"p{k}" for k in range(25)] + ["on"]
    (here / "pixels.csv").write_text("\n".join(",".join(map(str, line)) for line in [head, *rows]) + "\n")
    run = trained(data={"path": "pixels.csv", "target": "on", "task": "classification", "drop": []})
    result = numbann("plot", run, "--picture", "weights", "-o", "weights.svg")
    assert (result.exit_code, result.stdout) == (0, "weights.svg\n")
    assert "<svg" in (here / "weights.svg").read_text()


def test_several_runs_are_drawn_over_each_other(numbann: Numbann, trained: Callable[..., str], here: Path) -> None:
    first, second = trained("one"), trained("two", optimizer={"learning_rate": 0.1})
    result = numbann("plot", first, second)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "plots/learning.png\n", "")
    assert numbann("plot", first, second, "-o", "both.svg").stdout == "both.svg\n"
    assert "<svg" in (here / "both.svg").read_text()


def test_the_folds_of_a_cross_validation_are_drawn(numbann: Numbann, write_spec: WriteSpec, here: Path) -> None:
    pytest.importorskip("matplotlib")
    (here / "cv.json").write_text(numbann("-q", "cv", write_spec(), "--folds", "3", "--json").stdout)
    result = numbann("plot", "cv.json")
    assert (result.stdout, result.stderr) == ("plots/folds.png\n", "")
    assert (here / "plots" / "folds.png").read_bytes().startswith(PNG)


SEARCHES: dict[str, dict[str, Any]] = {
    "random": {"type": "random", "trials": 12},
    "halving": {"type": "halving", "trials": 6, "epochs": 1, "factor": 2},
}


@pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES)
def test_a_sweep_is_drawn(numbann: Numbann, write_spec: WriteSpec, here: Path, search: dict[str, Any]) -> None:
    pytest.importorskip("matplotlib")
    parameters = {"optimizer.learning_rate": {"low": 1e-4, "high": 1e-1, "log": True}, "optimizer": ["adam", "sgd"]}
    assert numbann("sweep", write_spec(sweep={"parameters": parameters, "search": search})).exit_code == 0
    rows = here / "runs" / "spec-sweep" / "trials.jsonl"
    with rows.open("a") as file:  # a trial that failed
        file.write(json.dumps({"trial": 99, "parameters": {"optimizer": "sgd"}, "error": "gone"}) + "\n")
    result = numbann("plot", "runs/spec-sweep")
    assert (result.exit_code, result.stderr) == (0, "")
    assert [Path(line).stem for line in result.stdout.split()] == ["trials", "parameters", "parallel"]
    assert numbann("plot", "runs/spec-sweep", "-o", "trials.svg").stdout == "trials.svg\n"
    (line, *_) = numbann("plot", "runs/spec-sweep", "--picture", "roc").stderr.splitlines()
    assert "roc: a sweep has nothing of the kind" in line
    assert "runs/spec-sweep/best" in numbann("report", "runs/spec-sweep").stderr


def test_data_that_are_gone_are_told_and_the_rest_is_drawn(
    numbann: Numbann, trained: Callable[..., str], blobs: Path
) -> None:
    run = trained()
    kept = blobs.rename("kept.csv")
    result = numbann("plot", run)
    assert (result.exit_code, result.stdout) == (0, f"{run}/plots/learning.png\n")
    (line,) = [line for line in result.stderr.splitlines() if "layers" not in line]
    assert "confusion, roc, precision-recall, calibration, importance, dependence: " in line
    assert "no such file" in line
    assert "--data FILE" in line
    (asked,) = numbann("plot", run, "--picture", "roc").stderr.splitlines()[:1]
    assert "roc: " in asked
    assert "--data FILE" in asked
    result = numbann("plot", run, "--data", kept, "--picture", "roc")
    assert (result.exit_code, result.stdout) == (0, f"{run}/plots/roc.png\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--picture", "rok"), 'there is none; did you mean "roc"? (pictures: learning, rate,'),
        (("--picture", "predicted"), "predicted: a classification has nothing of the kind"),
        (("--picture", "rate"), "rate: a classification has nothing of the kind"),
        (("--picture", "layers"), "layers: diagnostics are off"),
        (
            ("--picture", "roc", "--picture", "learning", "-o", "a.png"),
            "2 pictures do not go into one file; name a folder",
        ),
        (("-o", "a.bmp"), "no format of pictures; name a file that ends in .png, .svg, .pdf"),
        (("--data", "none.csv"), "no such file"),
        (("--part", "train", "--data", "blobs.csv"), "--part and --data"),
    ],
)
def test_wrong_commands(numbann: Numbann, trained: Callable[..., str], arguments: tuple[str, ...], words: str) -> None:
    result = numbann("plot", trained(), *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert len([line for line in result.stderr.splitlines() if "see:" not in line]) == 1


def test_what_is_no_run(numbann: Numbann, here: Path) -> None:
    pytest.importorskip("matplotlib")
    (here / "cv.json").write_text('{"fold": []}')
    for given, words in (
        (here, "is not a run directory"),
        ("none", "no such run directory"),
        ("cv.json", "is no result of a cross-validation"),
    ):
        result = numbann("plot", given)
        assert (result.exit_code, result.stdout) == (2, "")
        assert words in result.stderr


@pytest.mark.parametrize("command", ["plot", "report"])
def test_without_matplotlib(numbann: Numbann, trained: Callable[..., str], command: str) -> None:
    run = trained()
    with without_matplotlib():
        result = numbann(command, run)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f'numbann {command} needs matplotlib: pip install "numbann[plot]"' in result.stderr


def test_other_commands_do_not_import_it(start: Callable[..., Any], write_spec: WriteSpec) -> None:
    code = (
        "import sys; from numbann_cli.main import main; sys.argv[1:] = ['plot', '--help']\n"
        "try: main()\nfinally: print(sorted({'matplotlib', 'numba', 'numpy'} & set(sys.modules)))"
    )
    assert start("-c", code).communicate()[0].splitlines()[-1] == "[]"


# ---- the report


class Page(HTMLParser):
    """Collects what a page consists of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action", "data")]
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.words += data


def test_a_report_is_html(numbann: Numbann) -> None:
    for name in ("x.pdf", "x", "-"):
        Path("run").mkdir(exist_ok=True)
        Path("run/manifest.json").write_text("{}")
        result = numbann("report", "run", "-o", name)
        assert (result.exit_code, Path(name).exists()) == (2, False)
        assert f"-o {name}: " in result.stderr


def test_a_report_holds_all_that_it_shows(numbann: Numbann, trained: Callable[..., str]) -> None:
    run = trained(train={"diagnostics": True})
    result = numbann("report", run)
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{run}/report.html\n", "")
    text = (Path(run) / "report.html").read_text()
    page = Page(text)
    assert "script" not in page.tags
    assert len(page.sources) == page.tags.count("img") == len(ALWAYS | OF_CLASSES | {"layers"})
    for source in page.sources:
        kind, _, content = source.partition(",")
        assert kind == "data:image/svg+xml;base64"
        assert not re.search(rb'(href|src)="(?!#|data:)', base64.b64decode(content))
    assert "default-src 'none'" in text
    metrics = json.loads((Path(run) / "metrics.json").read_text())
    for words in ("validation", "Learning curves", "Best epoch", f"{metrics['test']['accuracy']:#.5g}", "blobs.csv"):
        assert words in page.words


def test_names_do_no_harm(numbann: Numbann, trained: Callable[..., str], here: Path) -> None:
    lines = [f'{k % 7},"{"<b>one" if k % 2 else "two</b> $"}",{k * k % 5}' for k in range(60)]
    (here / "evil.csv").write_text("\n".join([f'"{EVIL}","{EVIL} 2",other', *lines]) + "\n")
    run = trained(data={"path": "evil.csv", "target": f"{EVIL} 2", "drop": []}, name="<img src=x onerror=alert(1)>")
    assert numbann("report", run).exit_code == 0
    text = (Path(run) / "report.html").read_text()
    page = Page(text)
    assert not {"script", "b"} & set(page.tags)
    assert all(source.startswith("data:image/svg+xml;base64,") for source in page.sources)
    assert "<b>one" in page.words
    assert EVIL in page.words


def test_a_report_on_what_is_there(numbann: Numbann, trained: Callable[..., str], blobs: Path) -> None:
    """The data are gone, and the run is an ensemble."""
    run = trained(ensemble={"folds": 2})
    blobs.unlink()
    assert numbann("report", run, "-o", "page.html").exit_code == 0
    words = Page(Path("page.html").read_text()).words
    assert "no such file" in words
    assert "Models" in words
    result = numbann("report", run, "-o", "nowhere/page.html")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "a folder that exists" in result.stderr


# ---- in the terminal


def test_show_draws_a_run_in_the_terminal(numbann: Numbann, write_spec: WriteSpec) -> None:
    run = "runs/spec"
    assert numbann("train", write_spec()).exit_code == 0
    summary, result = numbann("show", run).stdout, numbann("show", run, "--plot")
    assert result.exit_code == 0
    assert result.stdout.startswith(summary)
    drawn = result.stdout.removeprefix(summary)
    assert "loss of validation rows, dotted: of training rows" in drawn
    assert "accuracy of validation rows" in drawn
    assert "^ best: epoch 4" in drawn or "best: epoch 4 ^" in drawn
    assert max(map(len, drawn.splitlines())) <= 80
    assert numbann("show", run, "--plot", "run.png").exit_code == 2
    assert "numbann plot" in numbann("show", run, "--plot", "run.png").stderr
    assert "name it: --plot relu.png" in numbann("show", "relu", "--plot").stderr


def dots(lines: list[str]) -> int:
    return sum((ord(sign) - BLANK).bit_count() for line in lines for sign in line if ord(sign) > BLANK)


def test_lines_of_dots() -> None:
    rising = [float(k) for k in range(142)]  # as many values as columns of dots
    lines = draw("rising", [Line(rising)], "epoch", 80)
    assert lines[0] == "rising"
    assert lines[1].split()[0] == "141"
    assert lines[-2].split()[0] == "0"
    assert lines[-1].split() == ["epoch:", "1", "142"]
    assert dots(lines) == 142
    assert len(lines[1]) == len(lines[-1]) == 80
    assert dots(draw("dotted", [Line(rising, dotted=True)], "epoch", 80)) == 72
    assert "(logarithmic)" in draw("wide", [Line([1.0, 1000.0])], "epoch", 80)[0]
    assert dots(draw("one", [Line([2.0])], "epoch", 80)) == 1
    assert dots(draw("holes", [Line([1.0, None, float("nan"), 2.0])], "epoch", 80)) == 2
    assert draw("none", [Line([None])], "epoch", 80)[1].strip() == "no value is finite"


def test_a_mark_stays_within_the_width() -> None:
    for place in (1, 50, 100):
        line = mark(place, 100, f"best: epoch {place}", 80)
        assert len(line) <= 80
        assert abs(line.index("^") - (9 + (place - 1) * 70 / 99)) <= 1
