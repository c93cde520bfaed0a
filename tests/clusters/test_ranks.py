"""One training over the ranks of MPI: the bits of one process, errors, signals, and going on with other ranks."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import numbann
from numbann.errors import RunDirectoryError

pytestmark = pytest.mark.slow

Run = Callable[..., "subprocess.CompletedProcess[str]"]
COMMAND = ("-m", "numbann_cli.main")
ANYWHERE = """
import json, pathlib
import numbann
from mpi4py import MPI

run = numbann.train("spec.json", ranks="mpi", output="run", callbacks=[lambda event: None])
bits = [float(w.sum()) for w, _ in run.model.weights]
found = json.dumps([str(run.path), run.metrics["test"], run.history, bits])
pathlib.Path(f"found-{MPI.COMM_WORLD.Get_rank()}.json").write_text(found)
"""
PARTING = """
import signal, sys
import numbann
from mpi4py import MPI
from numbann.training import ranks

ranks.COMPLETE, ranks.SIGNALLED, ranks.facts_of = 1.0, 1.0, lambda *_: {}
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
own = {"train.epochs": int(sys.argv[1]) if MPI.COMM_WORLD.Get_rank() else 4}

def tell(event):
    if isinstance(event, numbann.training.callbacks.EpochEnded):
        print(event.record["epoch"], flush=True)

numbann.train("spec.json", ranks="mpi", output="run", overrides=own, callbacks=[tell])
"""
FAILING = """
from numbann import hookimpl, schedule

@schedule
def failing(epoch):
    \"\"\"Fails on one rank in the second epoch.\"\"\"
    from mpi4py import MPI
    if epoch >= 1 and MPI.COMM_WORLD.Get_rank() == 1:
        raise RuntimeError("here")
    return 1.0

@hookimpl
def numbann_register(register):
    register(failing)
"""


@pytest.fixture
def spec(here: Path) -> dict[str, Any]:
    """A spec in the folder, of 2800 rows to train on."""
    random = np.random.default_rng(0)
    x = random.standard_normal((4000, 5)).astype("f4")
    np.savez("rows.npz", x=x, y=x[:, 0] * x[:, 1] + x[:, 2] > 0)
    train = {"batch_size": 1024, "epochs": 4, "threads": 1}
    model = {"layers": [{"units": 12, "dropout": 0.1}, 7]}
    made = {"data": {"path": "rows.npz", "task": "classification"}, "model": model, "train": train}
    Path("spec.json").write_text(json.dumps(made))
    return made


def model_of(run: str) -> bytes:
    return Path(run, "model.safetensors").read_bytes()


def checkpoint_of(run: str) -> Any:
    from safetensors.numpy import load_file

    return {name: tensor.tobytes() for name, tensor in load_file(f"{run}/checkpoint.safetensors").items()}


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_the_bits_of_one_process(run_ranks: Run, spec: dict[str, Any], ranks: int) -> None:
    alone = numbann.train("spec.json", output="alone")
    found = run_ranks(ranks, *COMMAND, "train", "spec.json", "-o", "run", "--ranks", "mpi")
    assert found.returncode == 0, found.stderr
    assert model_of("run") == model_of("alone")
    assert checkpoint_of("run") == checkpoint_of("alone")
    lines = found.stdout.splitlines()
    assert f"run    run, {f'{ranks} ranks of ' if ranks > 1 else ''}1 thread on cpu" in lines
    assert [line[:6].strip() for line in lines].count("4") == 1  # one rank prints
    assert ("% exchange)" in found.stdout) == (ranks > 1)
    warning = "numbann: warning: ranks: there is only one rank, which trains alone; start it with mpiexec -n N ..."
    assert (warning in found.stderr) == (ranks == 1)
    kept = ("train_loss", "validation_loss")
    written = [json.loads(line) for line in Path("run/history.jsonl").read_text().splitlines()]
    assert [[line[key] for key in kept] for line in written] == [[line[key] for key in kept] for line in alone.history]
    assert json.loads(Path("run/manifest.json").read_text())["machine"].get("ranks", 1) == ranks


def test_stripes_are_part_of_the_spec(run_ranks: Run, spec: dict[str, Any]) -> None:
    numbann.train("spec.json", output="mixed")
    numbann.train("spec.json", output="alone", overrides={"train.shuffle": "stripes"})
    striped = ("--set", "train.shuffle=stripes")
    found = run_ranks(2, *COMMAND, "train", "spec.json", "-o", "run", "--ranks", "mpi", *striped)
    assert found.returncode == 0, found.stderr
    assert checkpoint_of("run") == checkpoint_of("alone") != checkpoint_of("mixed")


def test_ranks_write_a_run(run_ranks: Run, spec: dict[str, Any]) -> None:
    found = run_ranks(2, "-c", "import numbann; numbann.train('spec.json', ranks='mpi', output=False)")
    assert found.returncode
    assert (
        found.stderr.count("NumbannError: output is False, and ranks train a run that is written; name a directory")
        == 1
    )


@pytest.mark.parametrize(("what", "changed"), [("spec", {"batch_size": 1100}), ("train.epochs", {"epochs": 5})])
def test_ranks_train_the_same_or_nothing(
    run_ranks: Run, spec: dict[str, Any], what: str, changed: dict[str, Any]
) -> None:
    Path("spec.json").write_text(json.dumps({**spec, "name": "one"}))
    Path("other.json").write_text(json.dumps({**spec, "name": "one", "train": {**spec["train"], **changed}}))
    own = "spec = 'other.json' if MPI.COMM_WORLD.Get_rank() else 'spec.json'"
    code = f"import numbann; from mpi4py import MPI; {own}; numbann.train(spec, ranks='mpi')"
    found = run_ranks(2, "-c", code)
    assert found.returncode
    assert found.stderr.count(f"has another {what} than rank 0; give all ranks the same files and options") == 1
    assert "RankError: rank 1 on " in found.stderr
    assert not [*Path("runs").glob("*")]


def test_ranks_go_on_from_one_checkpoint_or_not(run_ranks: Run, spec: dict[str, Any]) -> None:
    for name, epochs in (("run", 3), ("late/run", 2)):
        numbann.train("spec.json", output=name, overrides={"train.epochs": epochs})
    own = "os.chdir('late' if MPI.COMM_WORLD.Get_rank() else '.')"
    found = run_ranks(
        2, "-c", f"import os, numbann; from mpi4py import MPI; {own}; numbann.resume('run', epochs=4, ranks='mpi')"
    )
    assert found.returncode
    assert found.stderr.count("has another checkpoint than rank 0") == 1


@pytest.mark.parametrize(("epochs", "ends"), [(1, False), (9, True)])
def test_ranks_that_part_unseen_end(
    start_ranks: Callable[..., Any], spec: dict[str, Any], epochs: int, ends: bool
) -> None:
    """Rank 0 waits in MPI for one that has ended, until a signal; or completes its run, and one goes on."""
    spec["data"]["split"] = {"validation": 0}
    Path("spec.json").write_text(json.dumps(spec))
    process = start_ranks(2, "-c", PARTING, epochs)
    try:
        if not ends:
            assert process.stdout.readline() == "1\n"
            time.sleep(0.5)
            process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    except BaseException:
        process.kill()
        raise
    assert process.returncode
    words = "others (rank 1) still train" if ends else "has waited for another rank for 1 s since a signal came"
    assert words in errors
    assert Path("run/model.safetensors").exists() == ends


def test_processes_that_train_for_themselves_hear_of_ranks(
    here: Path, spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("run").mkdir()
    monkeypatch.setenv("PMI_SIZE", "1")
    with pytest.raises(RunDirectoryError, match=r"exists already.*[)]$"):
        numbann.train("spec.json", output="run")
    monkeypatch.setenv("PMI_SIZE", "2")
    with pytest.raises(RunDirectoryError, match=r"exists already(?s:.*)MPI has started 2 processes.* --ranks mpi"):
        numbann.train("spec.json", output="run")


def test_from_python_all_ranks_return_the_run(run_ranks: Run, spec: dict[str, Any]) -> None:
    found = run_ranks(2, "-c", ANYWHERE)
    assert found.returncode == 0, found.stderr
    one, other = (json.loads(Path(f"found-{rank}.json").read_text()) for rank in range(2))
    assert one == other
    assert one[0] == "run"


def test_a_run_goes_on_with_other_ranks_and_without(run_ranks: Run, spec: dict[str, Any]) -> None:
    numbann.train("spec.json", output="alone", overrides={"train.epochs": 6})
    for ranks, arguments in (
        (4, ("train", "spec.json", "-o", "run", "--set", "train.epochs=2")),
        (2, ("resume", "run", "--epochs", "5")),
    ):
        found = run_ranks(ranks, *COMMAND, *arguments, "--ranks", "mpi")
        assert found.returncode == 0, found.stderr
    numbann.resume("run", epochs=6)
    assert checkpoint_of("run") == checkpoint_of("alone")


def test_faults_that_all_find_are_told_once(run_ranks: Run, spec: dict[str, Any]) -> None:
    arguments = ("train", "spec.json", "--ranks", "mpi", "--set", "train.batch_size=64")
    found = run_ranks(2, *COMMAND, *arguments)
    assert found.returncode == 2
    what = "ranks share the rows of batches of 1024 or more, and a batch has 64 here; give 1024 or more"
    assert f"numbann: error: spec.json  --set train.batch_size: {what}" in found.stderr.splitlines()
    assert found.stderr.count("numbann: error") == 1
    assert not Path("runs").exists()


def test_what_rank_0_alone_finds_ends_all(run_ranks: Run, spec: dict[str, Any]) -> None:
    Path("run").mkdir()
    Path("run/file").touch()
    found = run_ranks(2, *COMMAND, "train", "spec.json", "-o", "run", "--ranks", "mpi")
    assert found.returncode == 2
    assert found.stderr.count("numbann: error: run: ") == found.stderr.count("numbann: error") == 1


def test_a_rank_that_fails_alone_ends_all(run_ranks: Run, spec: dict[str, Any]) -> None:
    Path("failing.py").write_text(FAILING)
    arguments = ("train", "spec.json", "-o", "run", "--ranks", "mpi", "--plugin", "failing.py")
    found = run_ranks(2, *COMMAND, *arguments, "--set", "schedule=failing")
    assert found.returncode == 1
    assert found.stderr.count("numbann: error") == 1
    assert "numbann: error: rank 1 on " in found.stderr
    assert "raised RuntimeError: here" in found.stderr
    assert Path("run/checkpoint.safetensors").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_the_run(start_ranks: Callable[..., Any], spec: dict[str, Any], number: int) -> None:
    arguments = ("train", "spec.json", "-o", "run", "--ranks", "mpi", "--set", "train.epochs=100000")
    with start_ranks(2, *COMMAND, *arguments) as process:
        for line in process.stdout:
            if line.split()[:1] == ["3"]:
                break
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    lines = errors.splitlines()
    assert "numbann: resume with: numbann resume run" in lines
    assert "numbann: or on ranks again: mpiexec -n 2 numbann resume run --ranks mpi" in lines
    done = len(Path("run/history.jsonl").read_text().splitlines())
    numbann.resume("run", epochs=done + 2)
    numbann.train("spec.json", output="alone", overrides={"train.epochs": done + 2})
    assert checkpoint_of("run") == checkpoint_of("alone")


def test_without_mpiexec_there_is_one_rank(spec: dict[str, Any], run_ranks: Run) -> None:
    found = run_ranks(1, "-c", "import numbann; numbann.train('spec.json', ranks='here')")
    assert found.returncode == 1
    assert 'ranks is "here"; give "mpi", in a program that mpiexec has started' in found.stderr
