"""The click group: holds the settings, imports a command when it is called, and turns errors into exit codes."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any, NoReturn, TextIO

import click

from numbann.data.files import watch
from numbann.records import dataclass
from numbann_cli.extensions import commands_of_plugins, files_of, plain_warnings, usable
from numbann_cli.group_options import after_name, before_name, look_ahead
from numbann_cli.overview import COMMANDS, overview
from numbann_cli.progress import show_reading


@dataclass
class Settings:
    """The options of the group.  All commands share one object, since options after a command's name change it."""

    plugins: tuple[Path, ...] = ()
    plugins_dir: Path | None = None
    quiet: bool = False
    verbose: bool = False
    debug: bool = False

    def plugin_files(self) -> list[Path]:
        """Return the one-file plugins of --plugin and --plugins-dir."""
        return [*self.plugins, *files_of(self.plugins_dir)]

    def usable_files(self) -> list[Path]:
        """Return the same, without those of --plugins-dir that do not load; a warning about each of them."""
        return [*self.plugins, *usable(files_of(self.plugins_dir))]


class LazyGroup(click.Group):
    """A group that lists its commands in a table and imports one only to run it; plugins may add others."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Create a context that holds the settings."""
        return super().make_context(*args, **{"obj": Settings(), **extra})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order of the table, then those of plugins."""
        return [*COMMANDS, *_of_plugins(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None if neither numbann nor a plugin has it."""
        if cmd_name not in COMMANDS:
            added = _of_plugins(ctx, cmd_name).get(cmd_name)
            return added and after_name(added)
        module = importlib.import_module(f"numbann_cli.commands.{cmd_name.replace('-', '_')}")
        return after_name(module.command)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the command, or suggest one with a similar name."""
        if args and self.get_command(ctx, args[0]) is None:
            look_ahead(ctx, args[0], args[1:])
        if args and self.get_command(ctx, args[0]) is None:
            ctx.fail(_unknown(args[0], self.list_commands(ctx)))
        return super().resolve_command(ctx, args)

    def get_help(self, ctx: click.Context) -> str:
        """Return the overview, with the commands of plugins added."""
        return overview({name: command.get_short_help_str(100) for name, command in _of_plugins(ctx).items()})

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run and exit; turn an error into lines on stderr and an exit code."""
        try:
            with plain_warnings(), watch(show_reading):
                code = super().main(*args, **{**extra, "standalone_mode": False})
            sys.stdout.flush()
        except BrokenPipeError:
            stop_writing(sys.stdout)
            code = 1
        except Exception as error:
            from numbann_cli import failures

            code = failures.report(error, typed=extra.get("args", *args[:1]) if args or "args" in extra else None)
            _end_output()
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; with --debug, print the traceback of an error before it is reported."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interruption:
            from numbann_cli import failures

            raise click.exceptions.Exit(failures.report_interruption(interruption)) from None
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            if ctx.obj.debug:
                import traceback

                traceback.print_exc()
            if ctx.invoked_subcommand not in COMMANDS and not hasattr(error, "exit_code"):
                what = f'the command "{ctx.invoked_subcommand}" of a plugin failed'  # not a fault of numbann
                message = f"{what}: {type(error).__name__}: {error} (--debug shows where)"
                raise click.ClickException(message) from error
            raise


def _of_plugins(context: click.Context, wanted: str | None = None) -> dict[str, click.Command]:
    """Find the commands that plugins add, once: all of them, or of installed plugins those that announce one."""
    files = context.find_root().obj.plugin_files()
    key = f"numbann.commands {files} {wanted}"
    if key not in context.meta:
        context.meta[key] = commands_of_plugins(files, wanted)
    found: dict[str, click.Command] = context.meta[key]
    return found


def _unknown(name: str, commands: list[str]) -> str:
    from numbann.errors import did_you_mean

    return f'there is no command "{name}"{did_you_mean(name, commands)} (commands: {", ".join(commands)})'


def stop_writing(stream: TextIO) -> None:
    """Stop writing to a stream whose reader has closed it, so that Python's final flush does not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _end_output() -> None:
    """Write what waits for the output, or drop it, so that Python's final flush does not fail."""
    try:
        sys.stdout.flush()
    except OSError:
        stop_writing(sys.stdout)


def _print_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        import numbann as library

        click.echo(f"numbann {library.__version__}")
        context.exit()


@click.group(
    cls=LazyGroup,
    params=before_name(),
    no_args_is_help=False,
    invoke_without_command=True,
    context_settings={"max_content_width": 120},
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version)
@click.pass_context
def numbann(context: click.Context) -> None:
    """Train fully connected neural networks from a JSON file."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
