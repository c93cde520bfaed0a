"""The server over HTTP: what it answers, what it refuses, and that it outlives slow, silent and odd clients."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

import numbann
from numbann.serving import server as serving
from numbann.serving.server import Server

ROWS = [[0.5, 3.0], [3.0, 0.0]]
BODY = json.dumps({"inputs": ROWS}).encode()
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def failures() -> list[BaseException | None]:
    """What should not happen."""
    return []


@pytest.fixture
def server(colours: numbann.Model, failures: list[BaseException | None]) -> Iterator[Server]:
    """A running server that takes bodies of 5000 bytes."""
    found = Server(colours, body=5000, fail=failures.append)
    threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield found
    found.stop()


def ask(server: Server, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
    """One request over a connection of its own: the code, the answer, and the headers."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=20)
    connection.request(method, path, body, headers or {})
    found = connection.getresponse()
    text = found.read()
    connection.close()
    return found.status, json.loads(text) if text else None, found.headers


def talk(server: Server, *parts: bytes, end: bool = False) -> bytes:
    """Send bytes as they are, and return everything that comes until the server ends the connection."""
    with socket.create_connection(server.server_address[:2], timeout=20) as connection:
        for part in parts:
            connection.sendall(part)
        if end:
            connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def test_predictions(server: Server, colours: numbann.Model) -> None:
    labels = colours.predict(ROWS).tolist()
    code, answer, headers = ask(server, "POST", "/invocations", BODY, JSON)
    assert (code, answer) == (200, {"predictions": labels})
    assert headers["Content-Type"] == "application/json"
    assert not any(name.lower().startswith("access-control") for name in headers)
    for query in ("?probabilities=true", "?probabilities", "?outputs=1&probabilities=0"):
        _, answer, _ = ask(server, "POST", f"/invocations{query}", BODY, JSON)
        assert [list(row) for row in answer["predictions"]] == [["prediction", "p_blue", "p_green", "p_red"]] * 2
    text = "x,y\n0.5,3\n3,0\n"
    for kind in ("text/csv", "text/csv; charset=utf-8"):
        assert ask(server, "POST", "/invocations", text, {"Content-Type": kind})[1] == {"predictions": labels}


def test_what_is_asked_of_the_server(server: Server) -> None:
    for path in ("/ping", "/health"):
        assert ask(server, "GET", path)[:2] == (200, {"status": "ok"})
        assert ask(server, "HEAD", path)[:2] == (200, None)
    _, told, _ = ask(server, "GET", "/schema")
    assert told["features"] == {"x": {"type": "number"}, "y": {"type": "number"}}
    assert told["row"]["required"] == ["x", "y"]


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "code", "words"),
    [
        ("GET", "/", None, {}, 404, 'there is no "/"; there are /invocations, /ping'),
        ("POST", "/predict", BODY, JSON, 404, 'there is no "/predict"'),
        ("GET", "/invocations", None, {}, 405, "/invocations takes POST"),
        ("HEAD", "/invocations", None, {}, 405, None),
        ("POST", "/schema", BODY, JSON, 405, "/schema takes GET"),
        ("DELETE", "/invocations", None, {}, 405, "/invocations takes POST"),
        ("OPTIONS", "/invocations", None, {}, 405, "/invocations takes POST"),
        ("POST", "/invocations", BODY, {}, 415, "send a Content-Type of application/json or text/csv"),
        ("POST", "/invocations", BODY, {"Content-Type": "text/plain"}, 415, "send a Content-Type"),
        ("POST", "/invocations", BODY, {**JSON, "Content-Encoding": "gzip"}, 415, "not compressed"),
        ("POST", "/invocations", iter([BODY]), JSON, 411, "say by a Content-Length how long"),
        ("POST", "/invocations", BODY, {**JSON, "Content-Length": "many"}, 400, "the Content-Length is no number"),
        ("POST", "/invocations", BODY, {**JSON, "Content-Length": "-1"}, 400, "the Content-Length is no number"),
        ("POST", "/invocations", b"x" * 5001, JSON, 413, "the body has 5001 bytes; this server takes 5000"),
        ("POST", "/invocations", b"x" * 5_000_000, JSON, 413, "the body has 5000000 bytes; this server takes 5000"),
        ("POST", "/invocations", b"{", JSON, 400, "no JSON: Expecting property name"),
        ("POST", "/invocations", b'{"inputs": [[1, "a"]]}', JSON, 400, 'row 1, column "y": "a" is no number'),
        ("POST", "/invocations?p=1", BODY, JSON, 400, 'parameter "p": unknown key'),
        ("POST", "/invocations?outputs=maybe", BODY, JSON, 400, '"maybe" is not allowed; give true or false'),
        ("POST", "/invocations", b"x\n1\n", {"Content-Type": "text/csv"}, 400, 'the request has no column "y"'),
        ("POST", "/invocations", b"\xff\xfe", {"Content-Type": "text/csv"}, 400, "the request"),
        ("GET", "/health", None, {"Host": "evil.example"}, 421, "answers to localhost"),
    ],
)
def test_refusals(
    server: Server, failures: list[Any], method: str, path: str, body: Any, headers: Any, code: int, words: str | None
) -> None:
    found, answer, more = ask(server, method, path, body, headers)
    assert (found, failures) == (code, [])
    if words is not None:
        assert set(answer) == {"error_code", "message"}
        assert words in answer["message"]
        assert "Traceback" not in answer["message"]
    if code == 405:
        assert more["Allow"] == ("GET" if path == "/schema" else "POST")
    assert ask(server, "GET", "/health")[0] == 200


@pytest.mark.parametrize("host", ["localhost", "localhost:80", "127.0.0.1", "[::1]:80"])
def test_names_of_this_machine(server: Server, host: str) -> None:
    assert ask(server, "GET", "/health", None, {"Host": host})[0] == 200


def test_a_connection_stays_for_more_requests(server: Server, colours: numbann.Model) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=20)
    for body, code in [(BODY, 200), (b"{", 400), (BODY, 200)]:
        connection.request("POST", "/invocations", body, JSON)
        found = connection.getresponse()
        assert (found.status, found.headers["Connection"]) == (code, "keep-alive")
        found.read()
    assert len(server._open) == 1
    connection.close()


def test_two_requests_at_once_are_answered_in_order(server: Server) -> None:
    one = (
        b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    )
    found = talk(server, one % len(BODY) + BODY + b"GET /ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert found.count(b"HTTP/1.1 200 OK") == 2
    assert found.index(b"predictions") < found.index(b"status")


def test_a_client_may_ask_before_it_sends(server: Server) -> None:
    head = (
        b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
    )
    found = talk(server, head + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(BODY), BODY)
    assert found.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")
    found = talk(server, head + b"Content-Length: 900000\r\n\r\n", end=True)
    assert found.startswith(b"HTTP/1.1 413 ")
    assert b"100 Continue" not in found


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"400"),
        (b"GET /" + b"a" * 70_000, b"414"),
        (b"GET /ping HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n", b"431"),
        (b"GET /ping HTTP/1.1\r\na: " + b"b" * 70_000 + b"\r\n\r\n", b"431"),
        (b"GET /ping HTTP/9.1\r\n\r\n", b"505"),
        (b"BREW /ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", b"405"),
        (
            b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nContent-Length: 9\r\n\r\nx,y",
            b"400",
        ),
        (
            b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nContent-Length: 3\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"411",
        ),
        (
            b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nContent-Length: 3\r\n"
            b"Content-Length: 4\r\n\r\nx,y\n",
            b"400",
        ),
    ],
)
def test_what_is_no_request(server: Server, failures: list[Any], sent: bytes, code: bytes) -> None:
    found = talk(server, sent, end=True)
    assert found.split()[1:2] == [code], found
    assert json.loads(found.partition(b"\r\n\r\n")[2])["message"]
    assert (failures, ask(server, "GET", "/health")[0]) == ([], 200)


def test_the_rest_of_a_wrong_length_is_no_request_that_is_answered(server: Server) -> None:
    head = (
        b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n"
    )
    found = talk(server, head + BODY, end=True)
    assert found.count(b"HTTP/1.1 400 ") == found.count(b"HTTP/1.1") == 2


@pytest.mark.parametrize(
    ("name", "sent", "answer"),
    [
        ("IDLE", b"", b""),
        ("WHOLE", b"GET /pi", b""),
        ("WHOLE", b"POST /invocations HTTP/1.1\r\nHost: localhost\r\n", b""),
        (
            "WHOLE",
            b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nContent-Length: 9\r\n\r\nx,y",
            b"HTTP/1.1 408 Request Timeout",
        ),
    ],
)
def test_silent_clients_are_left(
    server: Server, monkeypatch: pytest.MonkeyPatch, name: str, sent: bytes, answer: bytes
) -> None:
    monkeypatch.setattr(serving, name, 0.2)
    monkeypatch.setattr(serving, "LINGER", 0.1)
    begin = time.monotonic()
    found = talk(server, sent)
    assert found[: len(answer)] == answer
    assert bool(found) == bool(answer)
    assert 0.1 < time.monotonic() - begin < 5


def test_a_client_that_sends_byte_by_byte_has_no_more_time(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "WHOLE", 0.3)
    begin = time.monotonic()
    with socket.create_connection(server.server_address[:2], timeout=20) as connection, suppress(OSError):
        while time.monotonic() < begin + 10:
            connection.sendall(b"G")
            time.sleep(0.02)
    assert time.monotonic() - begin < 5


def test_a_connection_too_many_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "CONNECTIONS", 1)
    with socket.create_connection(server.server_address[:2], timeout=20) as first:
        first.sendall(b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert first.recv(100)
        assert talk(server).startswith(b"HTTP/1.1 503 ")
    deadline = time.monotonic() + 10
    while server._open and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ask(server, "GET", "/health")[0] == 200


def test_a_fault_of_the_server_is_told_to_its_owner_alone(
    server: Server, failures: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise KeyError("secret")

    monkeypatch.setitem(serving.READERS, "text/csv", fail)
    code, answer, _ = ask(server, "POST", "/invocations", "x,y\n", {"Content-Type": "text/csv"})
    assert (code, answer["error_code"]) == (500, "INTERNAL_SERVER_ERROR")
    assert "secret" not in answer["message"]
    assert [repr(error) for error in failures] == ["KeyError('secret')"]


def test_stopping_finishes_what_is_under_way(
    colours: numbann.Model, monkeypatch: pytest.MonkeyPatch, failures: list[Any]
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def wait(*_: Any) -> Any:
        begun.set()
        go_on.wait(20)
        return {"predictions": ["late"]}

    monkeypatch.setitem(serving.READERS, "text/csv", wait)
    server = Server(colours, fail=failures.append)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    idle = socket.create_connection(server.server_address[:2], timeout=20)
    found: list[Any] = []
    asking = threading.Thread(
        target=lambda: found.append(ask(server, "POST", "/invocations", "x", {"Content-Type": "text/csv"}))
    )
    asking.start()
    assert begun.wait(20)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    assert idle.recv(10) == b""
    assert stopping.is_alive()
    go_on.set()
    stopping.join(20)
    asking.join(20)
    assert (found[0][:2], found[0][2]["Connection"]) == ((200, {"predictions": ["late"]}), "close")
    assert not server._open
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(server.server_address[:2], timeout=20)
    idle.close()


def test_addresses(colours: numbann.Model) -> None:
    for host in ("127.0.0.1", "localhost"):
        server = Server(colours, host)
        assert server.local
        server.server_address = ("192.0.2.1", 80)
        assert not server.local
        server.server_close()
    if socket.has_ipv6:
        try:
            server = Server(colours, "::1")
        except OSError:
            return
        assert (server.local, server.url) == (True, f"http://[::1]:{server.server_address[1]}")
        server.server_close()


def test_lines_of_a_log(colours: numbann.Model) -> None:
    lines: list[str] = []
    record: Callable[[str], None] = lines.append
    server = Server(colours, tell=record)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    ask(server, "GET", "/ping")
    server.stop()
    assert lines == ['127.0.0.1 "GET /ping HTTP/1.1" 200']
