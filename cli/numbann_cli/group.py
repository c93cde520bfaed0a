"""The click group: global options, commands imported when called, errors as exit codes.  It does no command's work."""

from __future__ import annotations

import importlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import click

from numbann_cli.overview import COMMANDS, overview


@dataclass(frozen=True)
class Settings:
    """The options of the group, for every command."""

    plugins_dir: Path | None = None
    quiet: bool = False
    verbose: bool = False

    def plugin_files(self) -> list[Path]:
        """The one-file plugins of --plugins-dir, sorted."""
        return sorted(self.plugins_dir.glob("*.py")) if self.plugins_dir else []


class LazyGroup(click.Group):
    """A group that knows its commands from a table and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None if there is no such one."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"numbann_cli.commands.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the command, or say which one may be meant."""
        if args and args[0] not in COMMANDS:
            ctx.fail(_unknown(args[0]))
        return super().resolve_command(ctx, args)

    def get_help(self, ctx: click.Context) -> str:
        """The overview, the same as without click."""
        return overview()

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run and exit; an error becomes lines on stderr and an exit code."""
        try:
            code = super().main(*args, **{**extra, "standalone_mode": False})
            sys.stdout.flush()
        except BrokenPipeError:
            code = _stop_writing()
        except Exception as error:
            from numbann_cli import failures

            code = failures.report(error)
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; with --debug the traceback of an error is shown before it is reported."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interruption:
            from numbann_cli import failures

            raise click.exceptions.Exit(failures.interrupted(interruption)) from None
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception:
            if ctx.params["debug"]:
                import traceback

                traceback.print_exc()
            raise


def _unknown(name: str) -> str:
    from numbann.errors import did_you_mean

    return f'there is no command "{name}"{did_you_mean(name, COMMANDS)} (commands: {", ".join(COMMANDS)})'


def _stop_writing() -> int:
    """Whoever read our output has gone: write nothing more, not even when Python flushes at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _print_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        import numbann as library

        click.echo(f"numbann {library.__version__}")
        context.exit()


@click.group(
    cls=LazyGroup,
    no_args_is_help=False,
    invoke_without_command=True,
    context_settings={"max_content_width": 120},
)
@click.option("--plugins-dir", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR")
@click.option("-q", "--quiet", is_flag=True)
@click.option("-v", "--verbose", is_flag=True)
@click.option("--debug", is_flag=True)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version)
@click.pass_context
def numbann(context: click.Context, plugins_dir: Path | None, quiet: bool, verbose: bool, debug: bool) -> None:
    """Train fully connected neural networks from a JSON file."""
    if context.invoked_subcommand is None:
        click.echo(overview())
    context.obj = Settings(plugins_dir, quiet, verbose)
