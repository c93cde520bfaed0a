"""Nothing that a model or a run directory names is imported, unless the person names it too or says so."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import numbann
from numbann.errors import NumbannError, RunDirectoryError
from numbann.model.file import read_model

WriteSpec = Callable[..., Path]
POINTS = np.array([[0.0, 3.0], [3.0, 0.0], [-3.0, 0.0]])
BENT = """from numbann import activation, hookimpl
open("ran", "w").close()

@activation
def bent(z):
    return 0.5 * z if z < 0 else z

@hookimpl
def numbann_register(register):
    register(bent)
"""


def ran() -> bool:
    """Whether the plugin was imported since this was asked last."""
    found = Path("ran").exists()
    Path("ran").unlink(missing_ok=True)
    return found


@pytest.fixture
def plain(write_spec: WriteSpec) -> numbann.Run:
    """A run of built-in components, beside a plugin that nothing needs."""
    Path("bent.py").write_text(BENT)
    return numbann.train(write_spec(), output="plain")


@pytest.fixture
def bent(write_spec: WriteSpec, here: Path) -> numbann.Run:
    """A run with a component of a plugin in a file."""
    (here / "bent.py").write_text(BENT)
    run = numbann.train(
        write_spec(plugins=["bent.py"], model={"layers": [{"units": 4, "activation": "bent"}]}), output="bent"
    )
    assert ran()
    return run


@pytest.mark.parametrize("name", ["bent.py", "./bent.py", "../{folder}/bent.py", "{here}/bent.py"])
def test_a_model_imports_no_file_that_its_spec_names(plain: numbann.Run, here: Path, name: str) -> None:
    path, place = plain.path / "model.safetensors", name.format(folder=here.name, here=here)
    file = read_model(path)
    path.write_bytes(b"".join(replace(file, spec={**file.spec, "plugins": [place]}).to_parts()))
    assert numbann.load(path).predict(POINTS).shape == (3,)
    resolved = plain.path / "spec.resolved.json"
    resolved.write_text(json.dumps({**json.loads(resolved.read_text()), "plugins": [place]}))
    numbann.resume(plain.path, epochs=5)
    assert not ran()


def test_one_error_names_what_would_run_and_the_remedies(bent: numbann.Run) -> None:
    words = r'needs activation "bent" of .*/bent\.py, and runs nothing that you do not name: .*--plugin FILE .*--trust'
    for attempt in (lambda: numbann.load(bent.path), lambda: numbann.resume(bent.path, epochs=5)):
        with pytest.raises(RunDirectoryError, match=words):
            attempt()
    assert not ran()


def test_a_plugin_may_be_named_wherever_it_is_now(bent: numbann.Run) -> None:
    outputs = bent.model.predict_proba(POINTS).tobytes()
    Path("elsewhere").mkdir()
    Path("bent.py").rename("elsewhere/other.py")
    model = numbann.load(bent.path, plugins=["elsewhere/other.py"])
    assert (ran(), model.predict_proba(POINTS).tobytes()) == (True, outputs)
    resumed = numbann.resume(bent.path, epochs=6, plugins=["elsewhere/other.py"])
    assert json.loads((bent.path / "spec.resolved.json").read_text())["plugins"] == [
        os.path.abspath("elsewhere/other.py")
    ]
    assert ran()
    spec = bent.path / "spec.resolved.json"
    assert json.loads(spec.read_text())["model"]["layers"][0]["activation"]["type"] == "other.py:bent"
    assert len(numbann.train(spec, output="anew").history) == 6
    again = numbann.resume(bent.path, epochs=7, trust=True)  # the spec names the new place
    assert len(again.history) == len(resumed.history) + 1 == 7


def test_trust_runs_the_source_in_a_model_and_the_files_of_a_run(bent: numbann.Run) -> None:
    outputs = bent.model.predict_proba(POINTS).tobytes()
    assert numbann.load(bent.path, trust=True).predict_proba(POINTS).tobytes() == outputs
    assert not ran()  # what is kept is the component
    assert len(numbann.resume(bent.path, epochs=6, trust=True).history) == 6
    assert ran()


def test_a_file_of_another_code_is_no_stand_in(bent: numbann.Run) -> None:
    Path("bent.py").write_text(BENT.replace("0.5", "0.25"))
    for attempt in (numbann.load, numbann.resume):
        more: dict[str, Any] = {"epochs": 6} if attempt is numbann.resume else {}
        with pytest.raises(RunDirectoryError, match=r'activation "bent" has changed since .*bent\.py:4'):
            attempt(bent.path, plugins=["bent.py"], **more)


def test_records_that_a_stranger_wrote(bent: numbann.Run) -> None:
    file, path = read_model(bent.path / "model.safetensors"), Path("stranger.safetensors")
    record = next(one for one in file.components if one["name"] == "bent")
    for changed in (
        {"owner": "numbann"},
        {"kind": "nothing"},
        {"name": "os.system"},
        {"owner": "", "name": ":"},
        {"owner": "\x1b[31m\n", "sha256": ""},
    ):
        others = [one for one in file.components if one is not record]
        for records in ([*others, {**record, **changed}], [*others, record, record], others):
            path.write_bytes(b"".join(replace(file, components=records).to_parts()))
            with pytest.raises(NumbannError, match=r"stranger\.safetensors: ") as error:
                numbann.load(path)
            assert "\x1b" not in str(error.value)
    assert not ran()


class TestTheCommandLine:
    """`predict`, `evaluate` and `resume` take --trust, --plugin and --plugins-dir."""

    @pytest.fixture
    def run(self, bent: numbann.Run) -> Callable[..., Any]:
        import numbann_cli.group
        from click.testing import CliRunner

        return lambda *words: CliRunner().invoke(numbann_cli.group.numbann, list(words), prog_name="numbann")

    @pytest.mark.parametrize("command", ["predict bent blobs.csv", "evaluate bent blobs.csv", "resume bent --epochs 5"])
    def test_each_command(self, run: Callable[..., Any], command: str) -> None:
        refused = run(*command.split())
        assert (refused.exit_code, ran()) == (2, False)
        assert all(words in refused.stderr for words in ("bent.py, and runs nothing", "--plugin FILE", "--trust"))
        Path("plugins").mkdir()
        Path("bent.py").rename("plugins/bent.py")
        done = run("--plugins-dir", "plugins", *command.split())
        assert (done.exit_code, ran()) == (0, True), done.output
        command = command.replace("5", "6")
        done = run(*command.split(), "--plugin", "plugins/bent.py")
        assert (done.exit_code, ran()) == (0, True), done.output
        assert run(*command.replace("6", "7").split(), "--trust").exit_code == 0
