"""Many requests from several clients at once, with malformed ones among them: each gets the answer that it should.

NUMBANN_LOAD=10000 sends so many, NUMBANN_CLIENTS=1 from one client; with `pytest -s`, figures are printed.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numbann_cli
import numpy as np
import pytest

import numbann

REQUESTS = int(os.environ.get("NUMBANN_LOAD", "400"))
CLIENTS = int(os.environ.get("NUMBANN_CLIENTS", "8"))
PROGRAM = "from numbann.serving import server; server.WHOLE = 2; from numbann_cli.main import main; main()"
HEAD = "POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"
JSON = {"Content-Type": "application/json"}
KINDS = {"rows": 50, "columns": 15, "split": 10, "records": 10, "csv": 5}
WRONG = {"no json": 3, "wrong columns": 3, "wrong cell": 2, "too large": 1, "too short": 1, "too long": 1}
SILENT = max(2, REQUESTS // 1000)  # each waits until its time is over


def request_of(kind: str, rows: list[list[float]]) -> tuple[bytes, dict[str, str], int]:
    """The body of a request, its headers, and the code of its answer."""
    records = [{"y": y, "x": x} for x, y in rows]
    values: dict[str, Any] = {
        "rows": {"inputs": rows},
        "columns": {"inputs": {"y": [y for _, y in rows], "x": [x for x, _ in rows]}},
        "split": {"dataframe_split": {"columns": ["y", "id", "x"], "data": [[y, "a", x] for x, y in rows]}},
        "records": {"dataframe_records": records},
        "wrong columns": {"dataframe_records": [{"x": 1, "z": 2}]},
        "wrong cell": {"inputs": [*rows, [1, "red"]]},
    }
    if kind in values:
        return json.dumps(values[kind]).encode(), JSON, 200 if kind in KINDS else 400
    if kind == "csv":
        return "".join(["x,y\n", *(f"{x},{y}\n" for x, y in rows)]).encode(), {"Content-Type": "text/csv"}, 200
    return (b'{"inputs": [[1, 2]', JSON, 400) if kind == "no json" else (b" " * 1_100_000, JSON, 413)


def talk(port: int, sent: bytes, end: bool) -> int:
    """Send bytes as they are, and return the code of the first answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(sent)
        if end:
            connection.shutdown(socket.SHUT_WR)
        found = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    return int(found.split()[1])


class Client:
    """A client: its requests one after the other, on a connection that it opens anew where the server ended it."""

    def __init__(self, port: int, model: numbann.Model, seed: int) -> None:
        self.port, self.model, self.draw = port, model, random.Random(seed)
        self.seconds: list[float] = []
        self.done: Counter[str] = Counter()
        self.wrong: list[Any] = []
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def run(self, take: Callable[[], bool]) -> None:
        """Send requests as long as there are more."""
        kinds = {**KINDS, **WRONG}
        while take():
            (kind,) = self.draw.choices([*kinds], [*kinds.values()])
            try:
                self.send(kind)
            except Exception as error:
                self.wrong.append((kind, repr(error)))
            self.done[kind] += 1

    def send(self, kind: str) -> None:
        """Send a request, and compare its answer."""
        rows = [[self.draw.gauss(3, 3), self.draw.gauss(0, 3)] for _ in range(self.draw.choice([1, 1, 1, 5, 40]))]
        body = json.dumps({"inputs": rows}).encode()
        if kind in ("too short", "too long"):  # of the length that is told
            ahead = -5 if kind == "too short" else 5
            code = talk(self.port, HEAD.format(len(body) + ahead).encode() + body, end=True)
            if code != 400:
                self.wrong.append((kind, code))
            return
        body, headers, expected = request_of(kind, rows)
        begin = time.perf_counter()
        self.connection.request("POST", "/invocations", body, headers)
        response = self.connection.getresponse()
        code, answer = response.status, json.loads(response.read())
        self.seconds.append(time.perf_counter() - begin)
        labels = self.model.predict(np.array(rows)).tolist()
        if code != expected or (answer["predictions"] != labels if code == 200 else not answer["message"]):
            self.wrong.append((kind, code, answer, labels))


def memory_of(process: subprocess.Popen[str]) -> float:
    """The megabytes that a process holds, where the system tells."""
    place = Path(f"/proc/{process.pid}/statm")
    return int(place.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6 if place.exists() else 0.0


def seconds_of(process: subprocess.Popen[str]) -> float:
    """The processor time that a process has taken, where the system tells."""
    place = Path(f"/proc/{process.pid}/stat")
    return sum(map(int, place.read_text().split()[13:15])) / os.sysconf("SC_CLK_TCK") if place.exists() else 0.0


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_many_requests(points: Path, colours: numbann.Model) -> None:
    roots = [str(Path(module.__file__ or "").parents[1]) for module in (numbann, numbann_cli)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*roots, os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-c", PROGRAM, "serve", str(points / "run"), "--port", "0", "--max-body", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    clients: list[Client] = []
    try:
        assert process.stdout
        line = process.stdout.readline()
        port = int(re.search(r"http://127\.0\.0\.1:(\d+) ", line)[1])  # type: ignore[index]
        numbers, codes, memory = count(), [], []

        def take() -> bool:
            number = next(numbers)
            if number % (REQUESTS // 4) == 0:
                memory.append(memory_of(process))
            return number < REQUESTS - SILENT

        clients = [Client(port, colours, seed) for seed in range(CLIENTS)]
        half = (HEAD.format(50) + '{"inputs": [[').encode()
        work = [threading.Thread(target=client.run, args=(take,)) for client in clients]
        work += [threading.Thread(target=lambda: codes.append(talk(port, half, end=False))) for _ in range(SILENT)]
        begin, before = time.perf_counter(), seconds_of(process)
        for thread in work:
            thread.start()
        for thread in work:
            thread.join()
        seconds = time.perf_counter() - begin
        memory.append(memory_of(process))
        taken = (seconds_of(process) - before) / REQUESTS * 1e3
    finally:
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=60)
        for client in clients:  # whose connections were open until now
            client.connection.close()
    assert (process.returncode, output, errors) == (0, "", "")
    assert [fault for client in clients for fault in client.wrong] == []
    done = sum((client.done for client in clients), Counter())
    assert (sum(done.values()) + SILENT, codes) == (REQUESTS, [408] * SILENT)
    assert memory[-1] < memory[1] + 10
    times = np.sort([one for client in clients for one in client.seconds]) * 1e3
    middle, late = times[len(times) // 2], times[len(times) * 99 // 100]
    held = ", ".join(f"{size:.1f}" for size in memory)
    print(f"\n{REQUESTS} requests in {seconds:.1f} s; median {middle:.2f} ms, 99 % {late:.2f} ms; {dict(done)}")
    print(f"of the server {taken:.2f} ms of a processor a request; MB {held}")
