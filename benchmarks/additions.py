"""The cost of what can be added to a step: clipping, L1, the average of the weights, and the matrix form.

    python benchmarks/additions.py [--nets SM] [--json out.json] [--plot out.png]

All use Adam or AdamW except the matrix form, on as many threads as numbann chooses.  Rounds of all alternate with those
of the plain step.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numbann_runs
from nets import NETS, Net
from report import alternate, options, plot_bars, show, write

ADDITIONS: dict[str, dict[str, Any]] = {
    "none": {},
    "clip_norm": {"train.clip_norm": 1.0},
    "clip_value": {"train.clip_value": 0.01},
    "l1": {"optimizer.l1": 1e-5},
    "average": {"train.average": 0.999},
    "adamw": {"optimizer": "adamw"},
    "lamb": {"optimizer": "lamb"},
}


def measure(net: Net, rounds: int, folder: Path) -> list[dict[str, Any]]:
    """Microseconds a step with each addition, and how many times as long as without any."""
    contestants = {
        name: lambda overrides=overrides: numbann_runs.epoch_seconds(net, folder, "auto", overrides)
        for name, overrides in ADDITIONS.items()
    }
    times = {name: seconds / net.steps * 1e6 for name, seconds in alternate(contestants, rounds).items()}
    return [
        {"net (batch)": f"{net.name} {net}", "addition": name, "us": time, "factor": time / times["none"]}
        for name, time in times.items()
    ]


def main() -> None:
    """Measure, print a table, and write a JSON file and a picture if asked."""
    parser = options(__doc__, rounds=3)
    parser.add_argument("--nets", default="SM", help="their letters")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [row for name in given.nets for row in measure(NETS[name], given.rounds, Path(folder))]
    show("what is added to a step", rows)
    write(given.json, additions=rows)
    if given.plot:
        values = {f"{row['net (batch)']}: {row['addition']}": row["factor"] for row in rows}
        plot_bars(given.plot, "what is added to a step", values, "times the plain step")


if __name__ == "__main__":
    main()
