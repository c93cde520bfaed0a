"""The text of `numbann --help`.  This module imports nothing, so that help appears at once."""

from __future__ import annotations

from collections.abc import Mapping

COMMANDS = {
    "data": "Sum up a data file: its columns, what they become, and what looks like a mistake.",
    "init": "Write a spec that trains on a data file.",
    "train": "Train a model from a spec, or from a data file, and write a run directory.",
    "cv": "Cross-validate a spec: a model for each fold, trained on rows outside it.",
    "sweep": "Train a spec with many values of its keys, and find the best.",
    "resume": "Go on with a run or a sweep where it stopped.",
    "predict": "Predict with a run's model, as CSV, or line by line.",
    "serve": "Answer requests over HTTP with a run's predictions.",
    "evaluate": "Measure a run's model on data with known targets.",
    "export": "Write a run's whole model for other programs: ONNX, C.",
    "check": "Show every fault of a spec at once, and what it uses.",
    "lr-find": "Find a learning rate by a short test of growing rates.",
    "schema": "Print the JSON Schema of a spec, for editors; plugins' components are in it.",
    "show": "Explain a component or a topic, list the course, or sum up a run.",
    "runs": "List the runs in a folder: what was trained, how far it is, and what it is worth.",
    "compare": "Set runs side by side: where their specs differ, figures, times and sizes.",
    "plot": "Draw runs: learning curves, ROC, calibration, residuals, importance of columns, ...",
    "report": "Write a page on a run with its pictures, one HTML file.",
    "cache": "Say what is kept between runs, compiled kernels and tables, or remove it.",
    "plugins": "List what provides components; check plugins, and write new ones.",
}

OPTIONS = {
    "--plugin FILE": "Also load the one-file plugin FILE; repeatable.",
    "--plugins-dir DIR": "Also load every one-file plugin (*.py) in this folder.",
    "-q, --quiet": "Print results and errors only.",
    "-v, --verbose": "Also print what every auto became.",
    "--debug": "Show the traceback of an error.",
    "--version": "Print the version.",
    "--help": "Print this.",
}

EXIT_CODES = "0 done, 1 the run failed, 2 bad usage, spec or data, 130 and 143 interrupted (checkpoint saved)"


def overview(added: Mapping[str, str] | None = None) -> str:
    """Return the help of the whole program, with the commands that plugins add, if any."""
    more = ["", *_section("Commands of plugins", added)] if added else []
    return "\n".join(
        (
            "Usage: numbann [OPTIONS] COMMAND [ARGUMENTS]",
            "",
            "Train fully connected neural networks from a JSON file.",
            "",
            *_section("Commands", COMMANDS),
            *more,
            "",
            *_section("Options", OPTIONS),
            "All but --version may also follow the command's name.",
            "",
            f"Exit codes: {EXIT_CODES}.",
            "numbann COMMAND --help explains a command.",
        )
    )


def _section(title: str, rows: Mapping[str, str]) -> list[str]:
    width = max(len(name) for name in rows)
    return [f"{title}:", *(f"  {name:<{width}}  {text}" for name, text in rows.items())]
