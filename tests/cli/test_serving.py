"""Answers from the command line: JSON lines on stdin, each answered at once, and the server as a command."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from numbann import load
from numbann.serving.server import Server

Numbann = Callable[..., Result]
TABLE = "a,b,y\n" + "".join(f"{k}.5,{('u', 'v', '?')[k % 3]},{('no', 'yes')[k % 2]}\n" for k in range(30))
SPEC = '{"data": {"path": "t.csv", "target": "y"}, "model": {"layers": []}, "train": {"epochs": 2}}'
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.fixture
def run(here: Path, numbann: Numbann) -> str:
    """A trained run, and its table t.csv."""
    (here / "t.csv").write_text(TABLE)
    (here / "spec.json").write_text(SPEC)
    assert numbann("train", "spec.json", "-o", "run").exit_code == 0
    return "run"


@pytest.fixture
def begin(start: Callable[..., subprocess.Popen[str]]) -> Iterator[Callable[..., Any]]:
    """Start the command line as a process that can be talked to; it is ended after the test."""
    begun: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> subprocess.Popen[str]:
        begun.append(start("-m", "numbann_cli.main", *arguments, stdin=subprocess.PIPE))
        return begun[-1]

    yield run
    for process in begun:
        process.kill()
        process.communicate()


def test_json_lines_are_answered_by_lines(run: str, numbann: Numbann) -> None:
    text = '{"a": 3.5, "b": "u", "id": 7}\n\n[4.5, "v"]\n{"b": null, "a": null}\n'
    found = numbann("predict", run, "-", "--probabilities", text=text)
    assert found.exit_code == 0
    answers = list(map(json.loads, found.stdout.splitlines()))
    table = "a,b\n3.5,u\n4.5,v\n,?\n"
    expected = numbann("predict", run, "-", "--probabilities", "--json", text=table)
    assert [{**answer, "warnings": None} for answer in answers] == [
        {**row, "warnings": None} for row in json.loads(expected.stdout)
    ]
    assert (
        numbann("predict", run, "-", "--keep", "id", text=text.splitlines()[0]).stdout
        == json.dumps({"id": 7, "prediction": answers[0]["prediction"]}) + "\n"
    )


def test_wrong_lines_are_answers_with_their_number(run: str, numbann: Numbann) -> None:
    lines = [
        '{"a": 3.5, "b": "u"}',
        "{",
        '{"a": "x", "b": "u"}',
        '{"A": 1, "b": "u"}',
        "[1]",
        "7",
        '["1", 2]',
        "[2, null]",
    ]
    found = numbann("predict", run, "-", text="\n".join(lines))
    answers = list(map(json.loads, found.stdout.splitlines()))
    assert [answer.get("line") for answer in answers] == [None, 2, 3, 4, 5, 6, None, None]
    words = [
        "no JSON",
        'column "a": "x" is no number',
        'the row has no "a"; did you mean "A"?',
        "the row has 1 cell",
        '"7" is no',
    ]
    for answer, expected in zip(answers[1:], words, strict=False):
        assert expected in answer["error"]
    assert 'a category that the training part does not have ("2")' in answers[6]["warnings"][0]
    assert (found.exit_code, found.stderr) == (
        2,
        "numbann: error: 5 of 8 lines were refused; their answers say why\n",
    )


def test_a_table_on_stdin_is_read_whole_as_before(run: str, numbann: Numbann) -> None:
    assert numbann("predict", run, "-", text="a,b\n3.5,u\n").stdout.startswith("prediction\n")
    assert numbann("predict", run, "-", text="\ufeffb,a\nu,3.5").stdout.startswith("prediction\n")
    assert numbann("predict", run, "-", "-o", "x.csv", text='{"a": 3.5, "b": "u"}\n').exit_code == 0
    assert Path("x.csv").read_text().startswith("prediction\n")
    assert numbann("predict", run, "-", text="").exit_code == 2


def test_json_says_nothing_else_of_json_lines(run: str, numbann: Numbann) -> None:
    text = '{"a": 3.5, "b": "u"}\n'
    assert numbann("predict", run, "-", "--json", text=text).stdout == numbann("predict", run, "-", text=text).stdout


@posix
def test_each_line_is_answered_before_the_next(run: str, begin: Callable[..., Any]) -> None:
    process = begin("predict", run, "-")
    for line, key in [('{"a": 1, "b": "u"}', "prediction"), ("{", "error"), ('{"a": 2, "b": "v"}', "prediction")]:
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
        assert key in json.loads(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert process.stderr.read() == ""


@posix
def test_a_reader_that_leaves_ends_the_answers(run: str, begin: Callable[..., Any]) -> None:
    process = begin("predict", run, "-")
    process.stdin.write("[1, null]\n")
    process.stdin.flush()
    assert "prediction" in process.stdout.readline()
    process.stdout.close()
    process.stdin.write("[1, null]\n")
    process.stdin.flush()
    assert process.wait(20) == 1
    assert process.stderr.read() == ""
    process.stdout = None


@posix
def test_a_server_answers_until_it_is_stopped(run: str, begin: Callable[..., Any]) -> None:
    process = begin("serve", run, "--port", "0", "-v")
    line = process.stdout.readline()
    assert line.startswith(f"serving    {run} at http://127.0.0.1:")
    url = line.split()[3]
    body = json.dumps({"inputs": [[3.5, "u"]]}).encode()
    request = urllib.request.Request(f"{url}/invocations", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as found:
        assert json.load(found) == {"predictions": load(run).predict([[3.5, "u"]]).tolist()}
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, '127.0.0.1 "POST /invocations HTTP/1.1" 200\n')


def test_addresses_that_cannot_be(run: str, numbann: Numbann) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        found = numbann("serve", run, "--port", port)
    assert found.exit_code == 2
    assert f"--port {port}: in use at 127.0.0.1; give another one, or 0 for any that is free" in found.stderr
    for host, words in [("192.0.2.1", "not an address of this machine"), ("no such host", "no such address")]:
        found = numbann("serve", run, "--host", host, "--port", "0")
        assert (found.exit_code, f"--host {host}: {words}" in found.stderr) == (2, True), found.stderr


def test_an_address_that_others_reach_is_warned_of(run: str, numbann: Numbann, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Server, "local", False)
    monkeypatch.setattr("numbann_cli.commands.serve._serve", lambda server, line: server.server_close())
    found = numbann("serve", run, "--port", "0")
    assert found.exit_code == 0
    assert "can ask this model; there is no password and no encryption" in found.stderr
