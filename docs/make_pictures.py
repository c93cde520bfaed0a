"""Draws the pictures of the manual by running the commands that its pages show: python docs/make_pictures.py [FOLDER]

Needs pip install "numbann[plot]".  Times are those of this machine, so the files differ from run to run.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
import tempfile
from contextlib import chdir
from pathlib import Path

import numbann_cli.group
from click.testing import CliRunner
from matplotlib import rcParams
from rich.console import Console
from rich.text import Text

DOCS = Path(__file__).parent.resolve()
PICTURES = DOCS / "pictures"
SPEC = DOCS / "tour.md"  # the first JSON of the tour is the run that is drawn
SWEEP = DOCS / "sweeps.md"  # and the first of this one the sweep
REMOTE_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def main(folder: Path) -> None:
    """Draw all pictures into a folder."""
    rcParams.update({"svg.fonttype": "none"})
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, chdir(scratch):
        shutil.copy(DOCS.parent / "examples" / "data" / "loans.csv", scratch)
        spec = re.findall(r"```json\n(.*?)```", SPEC.read_text(encoding="utf-8"), re.DOTALL)[0]
        Path("loans.json").write_text(spec, encoding="utf-8")
        _run("train", "loans.json")  # compiles what is not compiled
        draw_terminal(folder / "terminal.svg", "numbann train loans.json --force -o runs/loans")
        for name in ("learning", "calibration", "importance", "dependence"):
            _run("plot", "runs/loans", "--picture", name, "-o", str(folder / f"{name}.svg"))
        search = re.findall(r"```json\n(.*?)```", SWEEP.read_text(encoding="utf-8"), re.DOTALL)[0]
        Path("search.json").write_text(search.replace("examples/data/", ""), encoding="utf-8")
        _run("sweep", "search.json", "--set", "sweep.search.trials=60")
        _run("plot", "runs/search-sweep", "--picture", "parameters", "-o", str(folder / "parameters.svg"))
        _run("lr-find", "loans.json", "--plot", str(folder / "rates.svg"))
        _run("show", "gelu", "--plot", str(folder / "gelu.svg"))


def draw_terminal(path: Path, command: str) -> None:
    """Draw a terminal in which a command has run; of its table of epochs only the first and the last rows."""
    lines = _run(*command.split()[1:]).splitlines()
    rows = [index for index, line in enumerate(lines) if line[:6].strip().isdigit()]
    kept = [*lines[: rows[3]], "  ...", *lines[rows[-3] :]]
    console = Console(record=True, width=120, file=io.StringIO(), force_terminal=True)
    console.print(Text("$ " + command.split(" --")[0], style="bold"))
    for line in kept:
        console.print(Text(line.replace(" ", "\N{NO-BREAK SPACE}"), style="green" if line.endswith("*") else ""))
    path.write_text(REMOTE_FONTS.sub("", console.export_svg(title="numbann")), encoding="utf-8")


def _run(*arguments: str) -> str:
    """Return what a command prints."""
    result = CliRunner().invoke(numbann_cli.group.numbann, list(arguments), prog_name="numbann")
    if result.exit_code:
        sys.exit(result.output)
    return result.output


if __name__ == "__main__":
    main(Path(os.path.abspath(sys.argv[1])) if sys.argv[1:] else PICTURES)
