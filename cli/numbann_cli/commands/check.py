"""`numbann check`: shows all faults of a spec at once, and the components it uses.  It reads only the data's header."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from numbann_cli import options
from numbann_cli.group import Settings
from numbann_cli.overview import COMMANDS


@click.command("check", help=COMMANDS["check"])
@click.argument("spec", type=click.Path(path_type=Path))
@options.settings
@click.pass_obj
def command(settings: Settings, spec: Path, given: tuple[str, ...]) -> None:
    """Show every fault of SPEC at once, or what it uses and "ok"."""
    from numbann.errors import SpecError
    from numbann.spec.checks import check_header
    from numbann.spec.loading import load
    from numbann.spec.misfits import check_without_data

    loaded = load(spec, options.with_plugins(spec, options.parse_settings(given), settings))
    faults = [*check_header(loaded.spec.data, loaded.source.base), *check_without_data(loaded)]
    if faults:
        raise SpecError([loaded.source.fault(*fault) for fault in faults], loaded.source.name)
    if not settings.quiet:
        for line in _lines(loaded):
            click.echo(line)
    click.echo("ok")


def _lines(loaded: Any) -> Iterator[str]:
    """Yield the plugins, and each component with its origin and parameters, aligned."""
    for plugin in loaded.spec.plugins:
        yield f"plugin  {loaded.source.base / plugin}"
    rows = list(_components(loaded))
    wide = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        yield "  ".join([*(f"{cell:<{room}}" for cell, room in zip(row, wide, strict=False)), row[3]]).rstrip()


def _components(loaded: Any) -> Iterator[tuple[str, str, str, str]]:
    """Yield key, name, origin and parameters of every component; "auto" is resolved once the data is read."""
    for key, kind, chosen in _chosen(loaded.spec):
        if chosen == "auto":
            yield key, "auto", "", "decided by the activations" if key == "model.init" else "decided by the data"
        else:
            parameters = ", ".join(f"{name} {json.dumps(value)}" for name, value in chosen.parameters.items())
            yield key, chosen.type, str(loaded.registry.find(kind, chosen.type).origin), parameters


def _chosen(spec: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield every place in a spec that takes a component: its key, its kind, and the component chosen."""
    for index, layer in enumerate(spec.model.layers):
        yield f"model.layers[{index}].activation", "activation", layer.activation
        if layer.init != "auto":
            yield f"model.layers[{index}].init", "initializer", layer.init
        if layer.bias_init != "auto":
            yield f"model.layers[{index}].bias_init", "initializer", layer.bias_init
    if spec.model.input is not None and spec.model.input.embedding is not None:
        yield "model.input.embedding", "embedding", spec.model.input.embedding
    yield "model.output_activation", "activation", spec.model.output_activation
    yield "model.init", "initializer", spec.model.init
    yield "model.bias_init", "initializer", spec.model.bias_init
    yield "loss", "loss", spec.loss
    yield "optimizer", "optimizer", spec.optimizer
    yield "schedule", "schedule", spec.schedule
