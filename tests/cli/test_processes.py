"""The command line as a process: what it imports, its exit codes, and signals."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Start = Callable[..., "subprocess.Popen[str]"]
WriteSpec = Callable[..., Path]
LOADED = """
import sys
from numbann_cli.main import main
sys.argv = ["numbann", *sys.argv[1:]]
try:
    main()
finally:
    print(sorted({"numba", "numpy", "pydantic", "rich", "click"} & set(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("arguments", "loaded"),
    [
        (["--help"], []),
        (["train", "--help"], ["click"]),
        (["lr-find", "--help"], ["click"]),
        (["check", "spec.json"], ["click"]),
        (["check", "spec.json", "-v", "--debug", "--plugins-dir", "."], ["click"]),
        (["show", "relu"], ["click"]),
        (["show"], ["click"]),
        (["show", "gradient descent"], ["click"]),
        (["plugins", "list"], ["click"]),
        (["schema"], ["click"]),
        (["--version"], ["click"]),
    ],
)
def test_what_is_imported(start: Start, write_spec: WriteSpec, arguments: list[str], loaded: list[str]) -> None:
    write_spec()
    process = start("-c", LOADED, *arguments)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert output
    assert errors.strip() == str(loaded)


def test_kernels_that_are_kept_need_no_compiler(
    numbann: Callable[..., Result], start: Start, write_spec: WriteSpec, here: Path
) -> None:
    """In the first process, this one, they may be compiled."""
    train, predict = ("train", write_spec(), "-o", "out", "--force"), ("predict", "out", "blobs.csv")
    for command in (train, predict):
        assert numbann(*command).exit_code == 0
        process = start("-c", LOADED, *command)
        assert process.communicate(timeout=60)[1] == "['click', 'numpy']\n"


ENDS = """
import atexit, threading, time, sys
from numbann_cli.main import run
atexit.register(lambda: print("atexit"))
threading.Thread(target=lambda: (time.sleep(0.2), print("thread"))).start()
sys.argv = ["numbann", *sys.argv[1:]]
run()
"""


def test_an_interrupt_while_modules_are_imported(start: Start) -> None:
    interrupted = (
        "import sys, numbann_cli.main as m\nclass Group:\n def find_spec(*given):\n  raise KeyboardInterrupt\n"
    )
    process = start("-c", f"{interrupted}sys.meta_path.insert(0, Group)\nm.run()", "train", "spec.json")
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors) == (130, "", "numbann: interrupted; nothing was written\n")


def test_a_process_ends_in_order(start: Start) -> None:
    """Python takes nothing apart at the end, but threads and whatever is registered come first."""
    process = start("-c", ENDS, "--version")
    output, errors = process.communicate(timeout=60)
    assert output.splitlines()[1:] == ["thread", "atexit"]
    assert (process.returncode, errors) == (0, "")
    process = start("-c", ENDS, "show", "nothing-of-this-name")
    assert process.communicate(timeout=60)[0].splitlines()[-2:] == ["thread", "atexit"]
    assert process.returncode == 2


def test_importing_numbann_imports_nothing_heavy(start: Start) -> None:
    process = start("-c", "import sys, numbann; print({'numba', 'numpy', 'pydantic', 'click'} & set(sys.modules))")
    assert process.communicate(timeout=60)[0] == "set()\n"


AGAIN = """
import atexit, os, signal, sys
from numbann_cli.main import main
atexit.register(os.kill, os.getpid(), int(sys.argv.pop(1)))  # a second signal, while the process ends
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_saves_the_checkpoint(
    start: Start,
    write_spec: WriteSpec,
    here: Path,
    number: int,
    code: int,
) -> None:
    process = start("-c", AGAIN, int(number), "train", write_spec(train={"epochs": 1_000_000}), "-o", "out")
    _wait_for(here / "out" / "history.jsonl")
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    first, second = errors.splitlines()
    place = r"(epoch \d+( and \d of 6 steps)?|the last step of epoch \d+, before its measures,)"
    assert re.fullmatch(rf"numbann: interrupted; the checkpoint after {place} is kept in out", first)
    assert second == "numbann: resume with: numbann resume out"
    assert (here / "out" / "checkpoint.safetensors").exists()
    assert not (here / "out" / "model.safetensors").exists()
    done = len((here / "out" / "history.jsonl").read_text().splitlines())
    resumed = start("-m", "numbann_cli.main", "-q", "resume", "out", "--epochs", done + 2)
    assert resumed.communicate(timeout=60)[1] == ""
    assert resumed.returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_signal_while_the_process_ends_changes_nothing(start: Start) -> None:
    process = start("-c", AGAIN, int(signal.SIGTERM), "show", "relu")
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert output.startswith("activation")


def _wait_for(history: Path) -> None:
    """Wait until some epochs are written."""
    end = time.monotonic() + 60
    while not history.exists() or not history.read_text().count("\n") > 3:
        assert time.monotonic() < end, "no epoch was written"
        time.sleep(0.02)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_reader_that_leaves_ends_no_run(start: Start, write_spec: WriteSpec, here: Path) -> None:
    process = start("-m", "numbann_cli.main", "train", write_spec(train={"epochs": 500}), "-o", "out")
    assert process.stdout is not None
    assert process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == 0
    assert len((here / "out" / "history.jsonl").read_text().splitlines()) == 500
    assert (here / "out" / "model.safetensors").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_for_the_output_ends_no_run(write_spec: WriteSpec, here: Path) -> None:
    command = [sys.executable, "-m", "numbann_cli.main", "train", str(write_spec()), "-o", "out"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "numbann: no more output: No space left on device\n")
    assert (here / "out" / "model.safetensors").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("arguments", [["show", "relu"], ["show", "cosine"], ["--version"]], ids=str)
def test_a_full_disk_for_a_page_is_one_error_that_names_the_output(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "numbann_cli.main", *arguments]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    said = "numbann: error: the output cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, said)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX")
def test_output_that_was_closed_before_the_start_ends_no_run(write_spec: WriteSpec, here: Path) -> None:
    command = f"{sys.executable} -m numbann_cli.main train {write_spec()} -o out >&- 2>&-"
    assert subprocess.run(command, shell=True, check=False).returncode == 0
    assert (here / "out" / "model.safetensors").exists()


def test_a_reader_that_leaves_is_no_error(start: Start) -> None:
    process = start("-m", "numbann_cli.main", "plugins", "list")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.wait(timeout=60)
    process.stderr.close()


def test_another_process_cannot_resume_a_run_in_training(start: Start, write_spec: WriteSpec, here: Path) -> None:
    first = start("-m", "numbann_cli.main", "train", write_spec(train={"epochs": 1_000_000}), "-o", "out")
    _wait_for(here / "out" / "history.jsonl")
    second = start("-m", "numbann_cli.main", "resume", "out")
    _, errors = second.communicate(timeout=60)
    first.terminate()
    first.communicate(timeout=60)
    assert second.returncode == 2
    assert "another process is training this run" in errors
