"""A page of text that summarizes a run, from the files in its directory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numbann.errors import UNUSABLE, RunDirectoryError
from numbann.training.rundir import HISTORY, MANIFEST, METRICS, RESOLVED, open_existing
from numbann_cli.confusion import confusion_lines
from numbann_cli.failures import printable
from numbann_cli.rows import GAP, HistoryRows, columns, format_measures, number

SHOWN = 10  # epochs at most, evenly spread


def page(path: Path, width: int | None = None) -> str:
    """Return the page of one run.  width: the terminal's, or None."""
    directory = open_existing(path).path
    try:
        manifest, spec = _json(directory / MANIFEST), _json(directory / RESOLVED)
        lines = (directory / HISTORY).read_text().splitlines() if (directory / HISTORY).exists() else []
        history = [json.loads(line) for line in lines]
        metrics = _json(directory / METRICS) if (directory / METRICS).exists() else None
        head = _head(directory, manifest, spec)
        epochs, layers = _epochs(history, metrics, width), _layers(history, spec)
        text = "\n".join([*head, "", *epochs, *layers, "", *_metrics(path, metrics)])
        text.encode()  # a lone surrogate in a name is damage, too
    except (OSError, *UNUSABLE) as error:
        raise RunDirectoryError(f"{directory}: a damaged run directory ({type(error).__name__}: {error})") from None
    return printable(text)


def _json(path: Path) -> Any:
    return json.loads(path.read_bytes())


def _head(directory: Path, manifest: Any, spec: Any) -> Iterator[str]:
    model, train, machine = spec["model"], spec["train"], manifest["machine"]
    layers = "".join(f"{layer['units']} {layer['activation']['type']} -> " for layer in model["layers"])
    finished = f"complete {manifest['finished']}" if manifest["finished"] else "not complete"
    threads = "1 thread" if machine["threads"] == 1 else f"{machine['threads']} threads"
    loss, optimizer = spec["loss"]["type"], spec["optimizer"]["type"]
    yield f"run        {directory}"
    yield f"started    {manifest['started']}, {finished}"
    yield f"data       {manifest['data'][0]['path']}, {spec['data']['task']}"
    yield f"model      {layers}{model['output_activation']['type']}, {model['dtype']}"
    yield f"training   {loss}, {optimizer}, batch {train['batch_size']}, seed {spec['seed']}"
    where = f"{machine['cpu']}, {threads} on {machine['device']}"
    if "gpu" in machine:
        where = f"{machine['gpu']} ({machine['device']})"
    yield f"machine    {where}, numbann {manifest['versions']['numbann']}"


def _epochs(history: list[dict[str, Any]], metrics: Any, width: int | None) -> Iterator[str]:
    """Yield rows of some epochs, including the best and the last."""
    if not history:
        yield "no epoch is complete"
        return
    best = metrics["best_epoch"] if metrics else None
    rows = HistoryRows(columns(history[0]), width)
    yield rows.header()
    every = -(-len(history) // SHOWN)
    for record in history:
        if (record["epoch"] - 1) % every == 0 or record["epoch"] in (best, len(history)):
            yield rows.row(record, record["epoch"] == best)


def _layers(history: list[dict[str, Any]], spec: Any) -> Iterator[str]:
    """Yield the diagnostics of the last epoch that has any, one row per layer."""
    found = next((record for record in reversed(history) if "diagnostics" in record), None)
    if found is None:
        return
    model = spec["model"]
    names = [*(layer["activation"]["type"] for layer in model["layers"]), model["output_activation"]["type"]]
    titles = ("layer", "activation", "dead", "saturated", "gradient_norm")
    rooms = (5, max(map(len, (titles[1], *names))), 6, 9, 13)
    yield ""
    yield f"layers after epoch {found['epoch']}"
    yield GAP.join(f"{title:>{room}}" for title, room in zip(titles, rooms, strict=True))
    for layer, name in zip(found["diagnostics"], names, strict=True):
        shares = ("-" if layer[key] is None else f"{layer[key]:.1%}" for key in ("dead", "saturated"))
        norm = "not finite" if layer["gradient_norm"] is None else number(layer["gradient_norm"])
        cells = (layer["layer"], name, *shares, norm)
        yield GAP.join(f"{cell:>{room}}" for cell, room in zip(cells, rooms, strict=True))


def _metrics(path: Path, metrics: Any) -> Iterator[str]:
    if metrics is None:
        yield f"the run is not complete; numbann resume {path}"
        return
    parts = [part for part in ("train", "validation", "test") if part in metrics]
    yield from format_measures({part: metrics[part] for part in parts})
    if "confusion" in metrics:
        yield from confusion_lines(metrics["classes"], metrics["confusion"][parts[-1]], parts[-1])
