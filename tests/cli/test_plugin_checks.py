"""`numbann plugins check` and `new`: what they print, write and refuse, and the tests of a new plugin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest
from click.testing import Result

from numbann.components.roles import KINDS
from numbann.plugins import distributions

Numbann = Callable[..., Result]

PLUGIN = '''"""A plugin."""

from numbann import activation, hookimpl


@activation
def doubled(z):
    """Doubled: 2 z."""
    return 2 * z


@doubled.derivative
def doubled_derivative(z):
    return {slope}


@hookimpl
def numbann_register(register):
    register(doubled)
'''


@pytest.fixture(autouse=True)
def _same_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution's folder is put on the path."""
    monkeypatch.setattr(sys, "path", [*sys.path])


# ---- check


def test_a_plugin_that_is_right(numbann: Numbann) -> None:
    Path("doubled.py").write_text(PLUGIN.format(slope=2))
    result = numbann("plugins", "check", "doubled.py")
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines() if line]
    assert lines[0] == ["activation", "doubled", f"{Path('doubled.py').resolve()}:6"]
    checks = ["signature", "source", "gradient", "precision", "extremes", "vectors"]
    assert [(mark, name) for mark, name, *_ in lines[1:7]] == [("✓", name) for name in checks]
    assert [line[0] for line in lines[8:11]] == ["speed", "speed", "step"]  # after the line of CUDA
    assert lines[-1] == ["Verdict:", "doubled", "passes", "every", "check."]


def test_a_plugin_that_is_wrong(numbann: Numbann) -> None:
    """The sentence, the place, the remedy, the verdict and the exit code."""
    Path("doubled.py").write_text(PLUGIN.format(slope=3))
    result = numbann("plugins", "check", "doubled.py")
    assert result.exit_code == 1
    assert "✗ gradient   doubled_derivative is 3 at z = " in result.stdout
    assert "doubled.py:12" in result.stdout
    assert "-> correct the formula or leave the derivative out" in result.stdout
    assert result.stdout.endswith("Verdict: doubled is not to be used yet; gradient failed.\n")


def test_as_json(numbann: Numbann) -> None:
    Path("doubled.py").write_text(PLUGIN.format(slope=3))
    result = numbann("plugins", "check", "doubled.py", "--json")
    assert result.exit_code == 1
    (report,) = json.loads(result.stdout)
    assert (report["name"], report["kind"], report["passed"]) == ("doubled", "activation", False)
    states = {finding["check"]: finding["state"] for finding in report["findings"]}
    assert states["gradient"] == "failed"
    assert states["precision"] == "passed"
    assert set(report["nanoseconds"]["forward"]) == {"doubled", "relu", "sigmoid"}
    assert set(report["step_microseconds"]) == {"doubled", "relu"}


def test_a_plugin_that_cannot_be_loaded(numbann: Numbann) -> None:
    Path("torn.py").write_text("def torn(:\n")
    result = numbann("plugins", "check", "torn.py")
    assert result.exit_code == 1
    assert "✗ loading" in result.stdout
    assert "torn.py:1: SyntaxError" in result.stdout


def test_a_folder_of_plugins(numbann: Numbann) -> None:
    Path("some").mkdir()
    Path("some/one.py").write_text(PLUGIN.format(slope=2).replace("doubled", "one"))
    Path("some/two.py").write_text(PLUGIN.format(slope=3).replace("doubled", "two"))
    result = numbann("plugins", "check", "some")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1] == "1 of 2 pass; not two"


LINKED = '''"""A loss whose link is an activation of the same file."""

from math import exp

from numbann import activation, hookimpl, loss


@activation
def raised(z):
    """Raised: exp(z)."""
    return exp(z)


@loss(link="raised", target="positive")
def counts(y, t):
    """Counts: exp(y) - t y."""
    return exp(y) - t * y


@hookimpl
def numbann_register(register):
    register(counts)
    register(raised)
'''


def test_a_loss_with_a_link_of_its_own(numbann: Numbann) -> None:
    Path("linked.py").write_text(LINKED)
    result = numbann("plugins", "check", "linked.py", "--json")
    assert result.exit_code == 0, result.output
    reports = json.loads(result.stdout)
    assert [(report["name"], set(report["step_microseconds"])) for report in reports] == [
        ("counts", {"counts", "mse"}),
        ("raised", {"raised", "relu"}),
    ]


@pytest.mark.parametrize("name", ["huber", "sgd", "cosine", "he_normal", "accuracy", "lbfgs", "softmax"])
def test_by_name(numbann: Numbann, name: str) -> None:
    result = numbann("plugins", "check", name)
    assert result.exit_code == 0, result.output
    assert f"Verdict: {name} passes every check" in result.stdout


def test_a_name_that_is_unknown(numbann: Numbann) -> None:
    result = numbann("plugins", "check", "rleu")
    assert result.exit_code == 2
    assert '"rleu" is neither a path nor a component; did you mean "relu"?' in result.stderr


# ---- new


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_passes_every_check(numbann: Numbann, kind: str) -> None:
    result = numbann("plugins", "new", f"new-{kind}", "--kind", kind)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"new-{kind} becomes new_{kind}, since a component's name is a Python name\n")
    root = f"numbann-new-{kind}"
    assert result.stdout.splitlines()[-3:] == [
        f"  pip install -e {root}",
        f"  pytest {root}",
        f"  numbann train {root}/example/new_{kind}.json",
    ]
    assert not [path for path in Path(root).rglob("*") if path.is_file() and "$" in path.read_text()]
    checked = numbann("plugins", "check", root)
    assert checked.exit_code == 0
    assert f"Verdict: new_{kind} passes every check" in checked.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_trains(numbann: Numbann, kind: str) -> None:
    """Without being installed: the spec names the file."""
    numbann("plugins", "new", "mine", "--kind", kind)
    plugins = '["../numbann_mine.py"]'
    result = numbann("train", "numbann-mine/example/mine.json", "--set", f"plugins={plugins}", "-o", "out")
    assert result.exit_code == 0, result.output
    assert json.loads(Path("out/metrics.json").read_text())["train"]["r2"] > 0.8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("2x", "--kind", "loss"), '"2x" is no name for a component: give letters of English, digits and _, a letter'),
        (("é", "--kind", "loss"), '"é" is no name for a component: give letters of English'),
        (("foo-", "--kind", "loss"), '"foo-" is no name for a component: give letters of English'),
        (("numbann-", "--kind", "loss"), '"numbann-" is no name for a component: give letters of English'),
        (("class", "--kind", "loss"), '"class" is no name for a component: it is a word of Python; add to it'),
        (("sum", "--kind", "loss"), '"sum" is no name for a component: it is a word of Python'),
        (("sqrt", "--kind", "loss"), '"sqrt" is no name for a component: the plugin\'s module uses this name itself'),
        (("numbann_register", "--kind", "loss"), "no name for a component: the plugin's module uses this name itself"),
        (("cli", "--kind", "loss"), '"cli" is no name for a component: there is a module numbann_cli already'),
        (("relu", "--kind", "activation"), 'the activation "relu" exists already, in numbann; give another name'),
        (("swish", "--kind", "activation"), 'the activation "swish" exists already'),
        (("there", "--kind", "loss"), "numbann-there exists already; give another name, or another folder with -o DIR"),
        (("mine", "--kind", "layer"), "'layer' is not one of 'activation', 'embedding', 'loss', 'optimizer', "),
    ],
)
def test_refusals(numbann: Numbann, arguments: tuple[str, ...], message: str) -> None:
    Path("numbann-there").mkdir()
    result = numbann("plugins", "new", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert os.listdir() == ["numbann-there"]


def test_new_plugins_install(numbann: Numbann, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of each kind, by one call of pip: their own tests pass, and their examples train by name."""
    for kind in KINDS:
        numbann("plugins", "new", f"numbann-in-{kind}", "--kind", kind)
    folders = [f"numbann-in-{kind}" for kind in KINDS]
    assert all(Path(folder).is_dir() for folder in folders)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", "site"]
    subprocess.run([*pip, *(f"./{folder}" for folder in folders)], check=True, timeout=120)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path("site").resolve()), *sys.path]))
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "numbann.pytest_plugin", *folders]
    done = subprocess.run(tests, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.splitlines()[-1].startswith("26 passed"), done.stdout
    monkeypatch.syspath_prepend(Path("site").resolve())
    distributions._find_announced.cache_clear()
    for kind in KINDS:
        result = numbann("train", f"numbann-in-{kind}/example/in_{kind}.json", "-o", kind)
        assert result.exit_code == 0, result.output
        metrics = json.loads((Path(kind) / "metrics.json").read_text())["train"]
        assert metrics["r2"] > 0.8
        assert kind != "metric" or 0 < metrics["in_metric"] < 0.1


# ---- the pytest plugin


def test_tests_of_a_new_plugin(
    numbann: Numbann, start: Callable[..., Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test of each check; with a wrong derivative one of them fails, with one message and no traceback."""
    numbann("plugins", "new", "mine", "--kind", "activation")
    root = Path("numbann-mine").resolve()
    module = root / "numbann_mine.py"
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")]))
    pytest_of = ("-m", "pytest", "-p", "numbann.pytest_plugin", "-v", root)
    out, _ = start(*pytest_of).communicate(timeout=120)
    names = ["signature", "source", "gradient", "precision", "extremes"]
    assert all(f"test_component[activation-mine-{name}]" in out for name in names), out
    assert "5 passed" in out
    text = module.read_text().replace("# Its derivative", "@mine.derivative\ndef slope(z):\n    return 2\n\n\n#")
    module.write_text(text)
    out, _ = start(*pytest_of).communicate(timeout=120)
    assert "1 failed, 4 passed" in out, out
    line = 1 + text.splitlines().index("@mine.derivative")
    assert f"numbann_mine.py:{line}: slope is 2 at z" in out
    assert "Traceback" not in out


def test_the_pytest_plugin_costs_nothing(start: Callable[..., Popen[str]], here: Path) -> None:
    (here / "test_other.py").write_text("import sys\n\n\ndef test():\n    assert 'numba' not in sys.modules\n")
    out, _ = start("-m", "pytest", "-p", "numbann.pytest_plugin", "--strict-markers", here).communicate(timeout=60)
    assert "1 passed" in out


def test_a_module_that_cannot_be_imported(start: Callable[..., Popen[str]], here: Path) -> None:
    (here / "test_lost.py").write_text(
        "import pytest\n\n\n@pytest.mark.numbann('lost')\ndef test_component(numbann_check):\n    numbann_check()\n"
    )
    out, _ = start("-m", "pytest", "-p", "numbann.pytest_plugin", here).communicate(timeout=60)
    assert "lost: failed to import" in out
    assert "1 error" in out
