"""A server that answers requests over HTTP with a model's predictions, for programs that are not in Python.

MLflow's scoring protocol: POST /invocations, GET /ping and /health, and GET /schema beside.  One thread serves each
connection.  A client that is slow, silent, or sends too much costs one thread for some seconds, and hears why.
"""

from __future__ import annotations

import io
import re
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from socketserver import TCPServer
from time import monotonic, sleep
from typing import Any
from urllib.parse import parse_qsl

from numbann.errors import NumbannError, shown
from numbann.model.model import Model
from numbann.serving.answers import answer_csv, answer_json, describe
from numbann.training.rundir import json_text

BODY = 16_000_000  # bytes of a request, at most
CONNECTIONS = 200  # at once, at most
IDLE, WHOLE = 60.0, 30.0  # seconds that a connection may be silent, and that a request may take to come
SENT, LINGER, STOPPED = 10.0, 1.0, 30.0  # seconds that an answer may take, the rest of a refused request, and the end
READERS = {"application/json": answer_json, "text/csv": answer_csv}
METHODS = {"/invocations": "POST", "/ping": "GET", "/health": "GET", "/schema": "GET"}
TRUTH = {"": True, "1": True, "true": True, "0": False, "false": False}
LOCAL = re.compile(r"(localhost|[\d.]+|\[[\da-fA-F:]+\])(:\d+)?")  # no name that a page of the web may have turned
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"


class Refusal(Exception):
    """A request is not answered.  code: that of HTTP; headers: more of them."""

    def __init__(self, code: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.code, self.headers = code, headers


class Server(ThreadingHTTPServer):
    """A server of one model.

    body: the most bytes of a request.  tell: takes a line about each answer.  fail: takes what should not happen.
    """

    request_queue_size = 128

    def __init__(
        self,
        model: Model,
        host: str = "127.0.0.1",
        port: int = 0,
        body: int = BODY,
        tell: Callable[[str], None] = lambda line: None,
        fail: Callable[[BaseException | None], None] = lambda error: None,
    ) -> None:
        self.model, self.host, self.body, self.tell, self.fail = model, host, body, tell, fail
        self.stopping = False
        self._open: set[Any] = set()  # the connections
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        self.address_family, (name, number, *_) = found[0], found[4]
        super().__init__((str(name), int(number)), Connection)

    def server_bind(self) -> None:
        """Bind, without a question to the net who the host is, as the base class has it."""
        TCPServer.server_bind(self)

    @property
    def local(self) -> bool:
        """Whether only programs on this machine reach the server."""
        return ip_address(str(self.server_address[0])).is_loopback

    @property
    def url(self) -> str:
        """The address."""
        host, port = map(str, self.server_address[:2])
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own; refuse one too many."""
        if len(self._open) >= CONNECTIONS:
            request.sendall(BUSY)
            self.shutdown_request(request)
        else:
            self._open.add(request)
            super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """End a connection."""
        super().shutdown_request(request)
        self._open.discard(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report what should not happen; a connection may break."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            self.fail(error)

    def stop(self) -> None:
        """Take no more requests, finish those that are under way, and close."""
        self.stopping, until = True, monotonic() + STOPPED
        self.shutdown()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RD)  # whoever waits for a request sees the end; answers still go out
        while self._open and monotonic() < until:
            sleep(0.01)
        self.server_close()


class Incoming(io.RawIOBase):
    """The bytes of a connection, all of which have to come before a deadline."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection, self.deadline = connection, 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what there is; TimeoutError after the deadline."""
        self.connection.settimeout(max(1e-3, self.deadline - monotonic()))
        return self.connection.recv_into(buffer)

    def allow(self, seconds: float) -> None:
        """Set the deadline."""
        self.deadline = monotonic() + seconds


class Connection(BaseHTTPRequestHandler):
    """A connection, which brings requests one after the other."""

    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    unread = True  # whether more of the request may come

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self.incoming = Incoming(self.connection)
        self.rfile = self.waiting = io.BufferedReader(self.incoming)

    def handle_one_request(self) -> None:
        """Wait for a request, and answer it."""
        self.close_connection = self.unread = True
        self.incoming.allow(IDLE)
        with suppress(OSError):  # the client is silent, or gone
            if self.waiting.peek(1):
                self.incoming.allow(WHOLE)
                super().handle_one_request()

    def do_GET(self) -> None:
        """Answer a request, of whatever method."""
        self.unread = not {"content-length", "transfer-encoding"}.isdisjoint(map(str.lower, self.headers))
        code, headers = 200, {}
        try:
            value = self._found()
        except Refusal as refusal:
            code, value, headers = refusal.code, str(refusal), refusal.headers
        except NumbannError as error:
            code, value = 400, str(error)
        except TimeoutError:
            code, value = 408, f"the request was not whole after {WHOLE:.0f} seconds"
        except ConnectionError:
            self.close_connection = True
            return
        except Exception as error:
            code, value = 500, "the server failed; what it prints says how"
            self.server.fail(error)
        self._answer(code, value, headers)

    do_POST = do_HEAD = do_GET

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is no request of HTTP, or has another method."""
        if code == HTTPStatus.NOT_IMPLEMENTED:
            self.do_GET()
        else:
            self._answer(code, message or HTTPStatus(code).phrase, {})

    def handle_expect_100(self) -> bool:
        """Leave it to `_body` to ask for a body."""
        return True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing of what the base class would print."""

    def _found(self) -> Any:
        """Return what is asked for, as a JSON value."""
        (place, _, query), host = self.path.partition("?"), self.headers.get("Host", "localhost")
        if self.server.local and not LOCAL.fullmatch(host) and host.partition(":")[0] != self.server.host:
            raise Refusal(421, "this server answers to localhost, and to its number")
        if place not in METHODS:
            raise Refusal(404, f"there is no {shown(place)}; there are {', '.join(METHODS)}")
        method = METHODS[place]
        if self.command not in (method, "HEAD" if method == "GET" else ""):
            raise Refusal(405, f"{place} takes {method}", Allow=method)
        if method == "GET":
            return describe(self.server.model) if place == "/schema" else {"status": "ok"}
        kind, coding = self.headers.get_content_type(), self.headers.get("Content-Encoding", "identity")
        if kind not in READERS or coding != "identity":
            raise Refusal(415, f"send a Content-Type of {' or '.join(READERS)}, not compressed")
        wanted = {name: TRUTH.get(given.lower(), given) for name, given in parse_qsl(query, True)}
        return READERS[kind](self.server.model, self._body(), wanted)

    def _body(self) -> bytes:
        """Read the body of a request."""
        lengths = self.headers.get_all("Content-Length", [])
        if "Transfer-Encoding" in self.headers or not lengths:
            raise Refusal(411, "say by a Content-Length how long the body is")
        if not re.fullmatch("[0-9]{1,18}", lengths[0]) or len(lengths) > 1:
            raise Refusal(400, "the Content-Length is no number, or there are several")
        size = int(lengths[0])
        if size > self.server.body:
            raise Refusal(
                413, f"the body has {size} bytes; this server takes {self.server.body}: send fewer rows at once"
            )
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self.rfile.read(size)
        if len(body) < size:
            raise Refusal(400, f"the body ended after {len(body)} of {size} bytes")
        self.unread = False
        return body

    def _answer(self, code: int, value: Any, headers: Mapping[str, str]) -> None:
        """Send an answer, and end the connection if the next request could not be told from the rest of this one."""
        self.close_connection = self.close_connection or self.unread or self.server.stopping
        error = {"error_code": HTTPStatus(code).name, "message": value}
        body = (json_text(value if code == 200 else error) + "\n").encode()
        lines = {
            "Date": self.date_time_string(),
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close" if self.close_connection else "keep-alive",
            **headers,
        }
        head = [f"HTTP/1.1 {code} {HTTPStatus(code).phrase}", *(f"{name}: {text}" for name, text in lines.items())]
        self.server.tell(f"{self.client_address[0]} {shown(self.requestline)} {code}")
        self.connection.settimeout(SENT)
        self.wfile.write("\r\n".join([*head, "", ""]).encode() + (b"" if self.command == "HEAD" else body))
        if self.unread:  # a connection that ends before everything is read may take the answer with it
            self.connection.shutdown(socket.SHUT_WR)
            self.incoming.allow(LINGER)
            while monotonic() < self.incoming.deadline and self.rfile.read1(1 << 16):
                pass
