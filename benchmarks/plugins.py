"""The cost of a plugin: a training step with it beside the built-in of the same formula, and the time until it is
ready.

    python benchmarks/plugins.py [--rounds 30] [--json out.json] [--plot out.png]

The plugins are copies of built-in activations under other names, in a file.  Steps use one thread; rounds alternate.
The time until it is ready is how much longer an engine takes with the plugin's activation than with the built-in, in
the first process with the plugin and in ten processes after it, with the cache folder's files before and after.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from nets import NETS
from report import options, plot_bars, show, write

from numbann.components.built_in import built_in
from numbann.components.component import Component
from numbann.plugins.finding import with_files
from numbann.testing.speed import compare_steps

FORMULAS = ("sigmoid", "elu", "silu", "mish")
CHANGED = ("sigmoid", "silu", "mish")  # those whose exp can be changed
PROCESSES = 10

HEADER = '''"""A copy of a built-in activation."""

from math import *

from numbann import NonNegative, Positive, activation, hookimpl


'''
FOOTER = """

@hookimpl
def numbann_register(register):
    register({name})
"""


def copy_component(component: Component) -> tuple[str, str]:
    """A plugin with the formula of a built-in one: its text and its name."""
    given = filter(None, (component.function, component.derivative))
    parts = "\n\n".join(map(inspect.getsource, given))
    name = f"{component.name}_again"
    text = re.sub(rf"\b{component.name}\b", name, re.sub(r"aliases=\([^)]*\)(, )?", "", parts))
    return HEADER + text + FOOTER.format(name=name), name


def steps(formula: str, file: Path, rounds: int) -> list[dict[str, Any]]:
    """A row for each net."""
    text, name = copy_component(built_in().get("activation", formula))
    file.write_text(text, encoding="utf-8")
    registry = with_files([file])
    rows = []
    for net in (NETS["S"], NETS["T"]):
        both = [registry.get("activation", which) for which in (name, formula)]
        times = compare_steps(both, net.widths, rounds)
        rows.append(
            {
                "formula": formula,
                "net (batch)": f"{net.name} {net}",
                "plugin us": times[name],
                "built-in us": times[formula],
                "ratio": times[name] / times[formula],
            }
        )
    return rows


def processes(formula: str, file: Path, cache: Path) -> dict[str, Any]:
    """The first process with a plugin and those after it."""
    text, name = copy_component(built_in().get("activation", formula))
    file.write_text(text, encoding="utf-8")

    def run() -> dict[str, float]:
        command = [sys.executable, str(Path(__file__).with_name("plugin_process.py")), str(file), name, formula]
        environment = {**os.environ, "NUMBANN_CACHE_DIR": str(cache)}
        found: dict[str, float] = json.loads(subprocess.run(command, env=environment, check=True, stdout=-1).stdout)
        return found

    run()  # fills the cache with what is not the plugin's
    file.write_text(text.replace("exp(", "1.0000001 * exp("), encoding="utf-8")  # a formula that was never compiled
    first, before = run(), _files(cache)
    later = [run() for _ in range(PROCESSES)]
    return {
        "formula": formula,
        "first ms": 1e3 * (first["load"] + first["plugin"] - first["built-in"]),
        "its kernels": first["compiled"],
        "later ms": 1e3 * statistics.median(each["load"] + each["plugin"] - each["built-in"] for each in later),
        "their kernels": sum(each["compiled"] for each in later),
        "new files": len(_files(cache) - before),
    }


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def main() -> None:
    """Measure, print tables, and write a JSON file and a picture if asked."""
    given = options(__doc__, rounds=30).parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        step_rows = [row for formula in FORMULAS for row in steps(formula, folder / f"{formula}.py", given.rounds)]
        ready = [processes(formula, folder / f"{formula}.py", folder / "cache") for formula in CHANGED]
    show("a training step", step_rows)
    show("ready to train", ready)
    write(given.json, steps=step_rows, ready=ready)
    if given.plot:
        ratios = {f"{row['formula']} {row['net (batch)']}": row["ratio"] for row in step_rows}
        plot_bars(given.plot, "a step with a plugin", ratios, "plugin's time / built-in's")


if __name__ == "__main__":
    main()
