"""`numbann plugins`: lists what provides components, checks components, and creates plugins."""

from __future__ import annotations

import json
import shutil
import textwrap
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from numbann.errors import did_you_mean
from numbann_cli.group import Settings
from numbann_cli.overview import COMMANDS
from numbann_cli.scaffold import CHECKS, component_name, create

if TYPE_CHECKING:
    from numbann.plugins.catalogue import Catalogue


@click.group("plugins", help=COMMANDS["plugins"], no_args_is_help=False, invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """The components there are and where they come from."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@command.command("list")
@click.option("--all", "each", is_flag=True, help="A line for every component: kind, name, origin and what it is.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list on stdout.")
@click.pass_obj
def list_(settings: Settings, each: bool, as_json: bool) -> None:
    """List what provides components (numbann, distributions, files), its state, and the names."""
    from numbann.errors import PluginWarning
    from numbann.plugins.finding import load_everything

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PluginWarning)  # the list says it
        catalogue = load_everything(settings.plugin_files())
    rows = _components(catalogue) if each else list(_providers(catalogue))
    if as_json:
        click.echo(json.dumps(rows))
    else:
        click.echo(_table(rows) if each else "\n\n".join(map(_describe, rows)))


# ---- what provides components


def _providers(catalogue: Catalogue) -> Iterator[dict[str, Any]]:
    """Yield numbann itself, then every plugin: where it is, its state and the names of its components by kind."""
    import numbann

    yield {"name": "numbann", "version": numbann.__version__, "state": "built in", "components": _names(catalogue)}
    for plugin in catalogue.plugins:
        known = plugin.names or plugin.commands is None
        state = "failed" if plugin in catalogue.failed else "loaded" if known else "not imported"
        state = state if plugin.allowed else "left out"
        yield {
            "name": plugin.origin.owner,
            "version": plugin.origin.version,
            "module": plugin.origin.module,
            "entry_points": list(plugin.names),
            "commands": list(plugin.commands or ()),
            "state": state,
            "reason": {
                "left out": "NUMBANN_PLUGINS does not name it",
                "failed": str(catalogue.failed.get(plugin)),
                "loaded": _promises(catalogue.broken_promises(plugin)),
            }.get(state),
            "components": _names(catalogue, plugin.origin.module, plugin.origin.owner),
        }


def _promises(names: list[str]) -> str | None:
    """Say which entry points name nothing."""
    return f"it registers no {', '.join(names)}, which its entry points name" if names else None


def _names(catalogue: Catalogue, module: str | None = None, owner: str = "numbann") -> dict[str, list[str]]:
    """Return the names of an owner's components, or of one of its modules, by kind."""
    found: dict[str, list[str]] = {}
    for entry in catalogue.entries():
        if entry.origin.owner == owner and module in (None, entry.origin.module):
            found.setdefault(entry.component.kind, []).append(entry.component.name)
    return found


def _describe(provider: dict[str, Any]) -> str:
    """Return a heading, and below it the names by kind, or the reason why there are none."""
    module = provider.get("module", "")
    name = f"{provider['name']} {provider['version']}".strip()
    within = f" ({module})" if provider.get("version") and module else ""
    lines = [f"{name}{within}: {provider['state']}"]
    if provider.get("reason"):
        lines += _wrap("", provider["reason"])
    for kind, names in [*provider["components"].items(), ("command", provider.get("commands"))]:
        lines += _wrap(f"{kind:<12}", ", ".join(names)) if names else []
    return "\n".join(lines)


def _wrap(title: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        shutil.get_terminal_size((120, 24)).columns,
        initial_indent=f"  {title}",
        subsequent_indent=" " * (2 + len(title)),
        break_long_words=False,
        break_on_hyphens=False,
    )


# ---- every component


def _components(catalogue: Catalogue) -> list[dict[str, Any]]:
    return [
        {
            "kind": entry.component.kind,
            "name": entry.component.name,
            "aliases": list(entry.component.aliases),
            "origin": str(entry.origin),
            "summary": entry.component.summary,
        }
        for entry in catalogue.entries()
    ]


def _table(rows: list[dict[str, Any]]) -> str:
    """Return aligned columns; the summary comes last, in full."""
    wide = {column: max(len(row[column]) for row in rows) for column in ("kind", "name", "origin")}
    lines = ([*(f"{row[column]:<{room}}" for column, room in wide.items()), row["summary"]] for row in rows)
    return "\n".join(map("  ".join, lines))


# ---- check and new


@command.command("check")
@click.argument("what")
@click.option("--json", "as_json", is_flag=True, help="A JSON list on stdout, an object a component.")
@click.pass_obj
def check(settings: Settings, what: str, as_json: bool) -> None:
    """Check the components of WHAT: a name, a plugin file, or a folder of plugin files or of a distribution.

    Signature, source, gradient, precision, extremes, vectors and speed; exit code 1 if a check fails.
    """
    from numbann_cli.plugin_report import format_report, report_all, summary

    reports = []
    for report in report_all(what, lambda: _find_components(settings, what)):
        reports.append(report)
        if not as_json:
            click.echo("\n".join([*([""] if len(reports) > 1 else []), *format_report(report)]))
    if as_json:
        click.echo(json.dumps([report.json() for report in reports]))
    elif len(reports) > 1:
        click.echo(f"\n{summary(reports)}")
    if any(report.failed for report in reports):
        raise click.exceptions.Exit(1)


def _find_components(settings: Settings, what: str) -> Iterable[Any]:
    """Return the components that WHAT means: those of a path, else all of that name, else those of a plugin."""
    from numbann.plugins.finding import load_everything, with_files
    from numbann.testing import parts_of

    if Path(what).exists():
        return parts_of(what)
    files = settings.usable_files()
    found = with_files(files).find_named(what)
    if not found:
        catalogue = load_everything(files)
        entries = list(catalogue.entries())
        found = [entry for entry in entries if what in (entry.origin.owner, entry.origin.module)]
        if not found:
            reason = catalogue.explain_absence(what) or "is neither a path nor a component"
            known = [name for entry in entries for name in (entry.component.name, *entry.component.aliases)]
            raise click.UsageError(f'"{what}" {reason}{did_you_mean(what, known)}')
    return [entry.component for entry in found]


@command.command("new")
@click.argument("name")
@click.option("--kind", type=click.Choice(list(CHECKS)), required=True, help="What it is.")
@click.option(
    "-o", "folder", type=click.Path(file_okay=False, path_type=Path), default=".", metavar="DIR", help="Where."
)
@click.pass_obj
def new(settings: Settings, name: str, kind: str, folder: Path) -> None:
    """Write a new plugin, numbann-NAME: a distribution with one component, tests, and a spec that trains with it."""
    from numbann.plugins.finding import with_files

    component = component_name(name, kind)
    other = with_files(settings.usable_files()).find(kind, component)
    if other:
        raise click.UsageError(f'the {kind} "{component}" exists already, in {other.origin}; give another name')
    root = create(component, kind, folder)
    if component != name:
        click.echo(f"{name} becomes {component}, since a component's name is a Python name")
    click.echo(f"wrote {root}; the formula is in {root / f'numbann_{component}.py'}\n\nnext:")
    for line in (f"pip install -e {root}", f"pytest {root}", f"numbann train {root / 'example' / component}.json"):
        click.echo(f"  {line}")
