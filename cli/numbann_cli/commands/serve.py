"""`numbann serve`: answers requests over HTTP with the predictions of a run's model."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

import click

from numbann_cli import options
from numbann_cli.completion import complete_run
from numbann_cli.group import Settings
from numbann_cli.overview import COMMANDS

if TYPE_CHECKING:
    from numbann.serving.server import Server


@click.command("serve", help=COMMANDS["serve"])
@click.argument("run", type=click.Path(path_type=Path), shell_complete=complete_run)
@click.option("--host", default="127.0.0.1", metavar="HOST", help="The address to listen at (default: 127.0.0.1).")
@click.option(
    "--port",
    default=8000,
    type=click.IntRange(0, 65535),
    metavar="N",
    help="Its port (default: 8000; 0: any free one).",
)
@click.option(
    "--max-body", default=16, type=click.IntRange(1, 2000), metavar="MB", help="Of a request, at most (default: 16)."
)
@options.device
@options.threads
@options.trust
@click.pass_obj
def command(
    settings: Settings,
    run: Path,
    host: str,
    port: int,
    max_body: int,
    device: str | None,
    threads: int | None,
    trust: bool,
) -> None:
    """Answer requests with predictions of the model of RUN until Ctrl-C.

    POST /invocations takes JSON in the formats of MLflow, or CSV; GET /schema says what of; GET /health and /ping.
    """
    from numbann.model.loading import load
    from numbann.serving.answers import warm
    from numbann.serving.server import Server
    from numbann_cli.failures import printable

    def say(line: str) -> None:
        click.echo(printable(line), err=True)

    def fail(error: BaseException | None) -> None:
        say(f"numbann: error: unexpected {type(error).__name__}: {error} (--debug shows where)")
        if settings.debug:
            import traceback

            traceback.print_exception(error)

    model = load(run, device=device or "auto", threads=threads, trust=trust, plugins=settings.usable_files())
    try:
        server = Server(model, host, port, max_body * 1_000_000, say if settings.verbose else (lambda _: None), fail)
    except (OSError, OverflowError, UnicodeError) as error:
        raise click.UsageError(_refusal(host, port, error)) from None
    if not server.local:
        say(
            f"numbann: warning: whoever reaches {server.url} can ask this model; there is no password and no encryption"
        )
    warm(model)
    _serve(server, f"serving    {run} at {server.url} (POST /invocations, GET /schema; Ctrl-C stops)")


def _serve(server: Server, line: str) -> None:
    """Serve until a signal comes, and answer what is under way then."""
    from numbann_cli.signals import terminable

    try:
        with terminable():
            Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
            click.echo(line)
            Event().wait()
    except KeyboardInterrupt:  # which is how a server ends
        server.stop()


def _refusal(host: str, port: int, error: Exception) -> str:
    """Say why there can be no server at an address."""
    import errno
    import socket

    if isinstance(error, socket.gaierror | UnicodeError):
        return f"--host {host}: no such address; give one of this machine, such as 127.0.0.1"
    code = getattr(error, "errno", None)
    if code == errno.EADDRINUSE:
        return f"--port {port}: in use at {host}; give another one, or 0 for any that is free"
    if code == errno.EADDRNOTAVAIL:
        return f"--host {host}: not an address of this machine; give one that is, such as 127.0.0.1"
    if code == errno.EACCES:
        return f"--port {port}: not allowed; give one from 1024 up"
    return f"--host {host} --port {port}: {error}"
