"""A run directory whose files say anything: `show` and `resume` give one error, or work; no code runs."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest
from anything import changed, variants
from numbann_cli.pictures.look import Asked, look_at
from numbann_cli.run_page import page

import numbann
from numbann.errors import NumbannError
from numbann.training.lock import lock

CASES = int(os.environ.get("CASES", "300"))
EVIL = "open('ran', 'w')\nfrom numbann import hookimpl\n@hookimpl\ndef numbann_register(register): pass\n"


@pytest.fixture
def run(write_spec, here: Path) -> Path:
    (here / "evil.py").write_text(EVIL)
    numbann.train(write_spec(train={"diagnostics": True, "epochs": 2}), output="run")
    return here / "run"


@pytest.mark.parametrize("name", ["manifest.json", "spec.resolved.json", "metrics.json", "history.jsonl"])
def test_show(run: Path, name: str) -> None:
    whole = (run / name).read_text()
    lines = whole.splitlines() if name == "history.jsonl" else [whole]
    value = [json.loads(line) for line in lines]
    ways = variants(value)
    for trail, new in random.Random(0).sample(ways, min(CASES, len(ways))):
        said = changed(value, trail, new)
        text = "\n".join(map(json.dumps, said)) if isinstance(said, list) else json.dumps(said)
        (run / name).write_text(f"{text}\n")
        try:
            assert not set(page(run)) & {"\x1b", "\x00"}  # nothing that a terminal obeys
        except NumbannError as error:
            assert str(run) in str(error)  # noqa: PT017
    for text in ("", "[" * 100_000, "\ud800".encode("utf-8", "surrogatepass"), b"\xff", '"\\ud800"', "9" * 5000):
        (run / name).write_bytes((text if isinstance(text, bytes) else text.encode()) + b"\n" * bool(text))
        if text or name != "history.jsonl":  # a run without an epoch is a run
            with pytest.raises(NumbannError):
                page(run)
    assert not Path("ran").exists()


@pytest.mark.parametrize("name", ["manifest.json", "spec.resolved.json", "metrics.json", "history.jsonl"])
def test_pictures(run: Path, name: str) -> None:
    """What is drawn is checked first: a picture is made of numbers."""
    whole = (run / name).read_text()
    lines = whole.splitlines() if name == "history.jsonl" else [whole]
    value = [json.loads(line) for line in lines]
    ways = variants(value)
    for trail, new in random.Random(0).sample(ways, min(CASES // 5, len(ways))):
        said = changed(value, trail, new)
        (run / name).write_text("\n".join(map(json.dumps, said if isinstance(said, list) else [said])) + "\n")
        try:
            look = look_at(run, Asked())
        except NumbannError as error:
            assert str(run) in str(error)  # noqa: PT017
            continue
        for record in (record for history in look.histories for record in history):
            assert record["epoch"] >= 1
            assert all(one is None or isinstance(one, int | float | list) for one in record.values())


@pytest.mark.parametrize("name", ["manifest.json", "spec.resolved.json", "metrics.json", "history.jsonl"])
@pytest.mark.parametrize("text", ["true", "{}", "[]", "{", "[1]"])
def test_show_names_the_file_in_plain_words(run: Path, name: str, text: str) -> None:
    (run / name).write_text(f"{text}\n")
    with pytest.raises(NumbannError, match=rf"{name}: is damaged: it is (no JSON: |JSON, but it lacks what numbann)"):
        page(run)


def test_a_run_that_another_process_trains_is_shown(run: Path) -> None:
    (run / "metrics.json").unlink()
    with lock(run):
        assert f"the run is not complete; another process is training it (it is {os.getpid()})" in page(run)
    assert "the run is not complete; numbann resume" in page(run)


def test_a_run_in_its_first_epoch_is_shown(run: Path) -> None:
    """Nothing has been added to its history yet."""
    for name in ("history.jsonl", "metrics.json", "model.safetensors"):
        (run / name).unlink()
    assert "no epoch is complete" in page(run)


def test_a_line_that_a_killed_process_did_not_finish_is_left_out(run: Path) -> None:
    whole = page(run)
    with (run / "history.jsonl").open("a") as file:
        file.write('{"epoch": 3, "train_l')
    assert page(run) == whole


@pytest.mark.parametrize("name", ["manifest.json", "spec.resolved.json"])
def test_resume(run: Path, name: str) -> None:
    whole = (run / name).read_text()
    value = json.loads(whole)
    refused = 0
    ways = variants(value)
    for trail, new in random.Random(0).sample(ways, min(CASES // 5, len(ways))):
        (run / name).write_text(json.dumps(changed(value, trail, new)))
        try:
            numbann.resume(run, threads=1)
        except NumbannError:
            refused += 1
    assert refused > min(CASES // 6, len(ways) // 2)  # the run is complete, but some say that more epochs are asked for
    assert not Path("ran").exists()
