"""A page of text that summarizes a run, from the files in its directory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numbann.errors import RunDirectoryError
from numbann.training.lock import find_owner
from numbann.training.rundir import HISTORY, MANIFEST, METRICS, MODEL, RESOLVED, RunDirectory, open_existing
from numbann.training.unchecked import reading
from numbann_cli.failures import printable
from numbann_cli.models_table import ModelRows, mean_line, rows_of
from numbann_cli.rows import GAP, HistoryRows, baseline_line, columns, format_measures, number
from numbann_cli.tables import class_lines, confusion_lines, target_lines

SHOWN = 10  # epochs at most, evenly spread
LABEL = 11  # characters of a label and the space after it


def page(path: Path, width: int | None = None) -> str:
    """Return the page of one run.  width: the terminal's, or None."""
    run = open_existing(path)
    directory = run.path
    spec, metrics = spec_of(run), metrics_of(run)
    with reading(directory / METRICS):
        best = None if metrics is None else metrics["best_epoch"]
        measures = list(_metrics(path, metrics, spec["data"]["task"]))
    several = run.models()
    if several:
        with reading(directory / METRICS):
            epochs = list(_models(several, metrics))
    else:
        history = history_of(run)
        with reading(directory / HISTORY):
            epochs = [*_epochs(history, best, width), *_layers(history, activations_of(spec))]
    head = [f"{label:<{LABEL}}{value}" for label, value in facts_of(run).items()]
    if not several and metrics and metrics.get("weights_epoch"):
        epochs += ["", f"the weights are those of epoch {metrics['weights_epoch']}"]
    return printable("\n".join([*head, "", *epochs, "", *measures, *_columns(run.path / MODEL)]))


def page_of_model(path: Path) -> str:
    """Return the page of a model's file that lies apart from its run."""
    from numbann_cli.model_page import page as page_of
    from numbann_cli.model_page import read

    spec, preprocessing, numbers = read(path)
    with reading(path):
        settings = [f"{label:<{LABEL}}{value}" for label, value in _settings(spec).items()]
    return printable(page_of(path, preprocessing, numbers, settings))


def _columns(path: Path) -> Iterator[str]:
    """Yield what the model of a run takes, if it is there."""
    from numbann_cli.model_page import column_lines, read, target_lines  # here, since they import NumPy

    if not path.exists():
        return
    try:
        preprocessing = read(path)[1]
    except RunDirectoryError as error:  # the rest of the page is as good
        yield from ("", str(error))
        return
    yield from ("", *target_lines(preprocessing), "", *column_lines(preprocessing))


def spec_of(run: RunDirectory) -> dict[str, Any]:
    """Return the resolved spec of a run."""
    with reading(run.path / RESOLVED) as file:
        spec: dict[str, Any] = _json(file.read_bytes())
        _settings(spec)  # which finds what is missing
        return spec


def metrics_of(run: RunDirectory) -> dict[str, Any] | None:
    """Return the metrics of a run, or None of one that is not complete."""
    with reading(run.path / METRICS) as file:
        return _json(file.read_bytes()) if file.exists() else None


def facts_of(run: RunDirectory) -> dict[str, str]:
    """Return what a run is, by its label: when it began, on what data, its network, its training and its machine."""
    with reading(run.path / MANIFEST) as file:
        begun = _begun(_json(file.read_bytes()))
    spec = spec_of(run)
    data = f"{begun.pop('data')}, {spec['data']['task']}"
    return {"run": f"{run.path}", "started": begun.pop("started"), "data": data, **_settings(spec), **begun}


def history_of(directory: RunDirectory) -> list[dict[str, Any]]:
    """Return the history of a run or a model, one line for each whole epoch."""
    with reading(directory.path / HISTORY) as file:
        *lines, _ = file.read_bytes().split(b"\n") if file.exists() else [b""]  # the rest was cut off as it was written
        return list(map(_json, lines))


def _models(several: list[RunDirectory], metrics: Any) -> Iterator[str]:
    """Yield a row for each of several models, or how far each is."""
    if metrics is None:
        for one in several:
            yield f"model {one.path.name}: {len(history_of(one))} epochs"
        return
    models = [*rows_of(metrics), *metrics.get("refitted", ())]
    rows = ModelRows(tuple(metrics["models"][0]["validation"]))
    yield rows.header()
    for model in models:
        yield rows.row(model)
    yield ""
    yield mean_line(metrics)


def _json(text: bytes) -> Any:
    value = json.loads(text)
    if rb"\ud" in text:
        json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate in a name is damage, too
    return value


def _begun(manifest: Any) -> dict[str, str]:
    """Return what a manifest says: when the run began, on what data, and on which machine."""
    machine = manifest["machine"]
    failed = f"failed: {manifest['failed']}" if manifest.get("failed") else "not complete"
    finished = f"complete {manifest['finished']}" if manifest["finished"] else failed
    threads = "1 thread" if machine["threads"] == 1 else f"{machine['threads']} threads"
    where = f"{machine['cpu']}, {threads} on {machine['device']}"
    if "gpu" in machine:
        where = f"{machine['gpu']} ({machine['device']})"
    return {
        "started": f"{manifest['started']}, {finished}",
        "data": f"{manifest['data'][0]['path']}",
        "machine": f"{where}, numbann {manifest['versions']['numbann']}",
    }


def _settings(spec: Any) -> dict[str, str]:
    """Return what a spec says, by its label: the model, and its training."""
    model, train = spec["model"], spec["train"]
    *layers, output = activations_of(spec)
    hidden = "".join(f"{layer['units']} {name} -> " for layer, name in zip(model["layers"], layers, strict=True))
    loss, optimizer = spec["loss"]["type"], spec["optimizer"]["type"]
    return {
        "model": f"{hidden}{output}, {model['dtype']}",
        "training": f"{loss}, {optimizer}, batch {train['batch_size']}, seed {spec['seed']}",
    }


def activations_of(spec: Any) -> list[str]:
    """Return the name of each layer's activation; the last one is the activation of predictions."""
    model = spec["model"]
    return [f"{layer['activation']['type']}" for layer in model["layers"]] + [f"{model['output_activation']['type']}"]


def _epochs(history: list[dict[str, Any]], best: Any, width: int | None) -> Iterator[str]:
    """Yield rows of some epochs, including the best and the last."""
    if not history:
        yield "no epoch is complete"
        return
    rows = HistoryRows(columns(history[0]), width)
    yield rows.header()
    every = -(-len(history) // SHOWN)
    for record in history:
        if (record["epoch"] - 1) % every == 0 or record["epoch"] in (best, len(history)):
            yield rows.row(record, record["epoch"] == best)


def _layers(history: list[dict[str, Any]], names: list[str]) -> Iterator[str]:
    """Yield the diagnostics of the last epoch that has any, one row per layer."""
    found = next((record for record in reversed(history) if "diagnostics" in record), None)
    if found is None:
        return
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


def _metrics(path: Path, metrics: Any, task: str) -> Iterator[str]:
    if metrics is None:
        owner = find_owner(path)
        next_step = f"another process is training it{owner}" if owner is not None else f"numbann resume {path}"
        yield f"the run is not complete; {next_step}"
        return
    parts = [part for part in ("train", "validation", "test") if part in metrics]
    yield from format_measures({part: metrics[part] for part in parts})
    yield from baseline_line(metrics, task)
    if "stopped" in metrics:
        yield f"stopped    {metrics['stopped']}"
    last = parts[-1]
    yield from target_lines(metrics.get("targets", {}).get(last), last)
    if "confusion" in metrics:
        yield from class_lines(metrics["classes"], metrics["confusion"][last], last)
        yield from confusion_lines(metrics["classes"], metrics["confusion"][last], last)
