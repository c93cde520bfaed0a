"""The golden run of tests/golden: a run that every later version must load, verify, go on with and predict from.

    python tests/helpers/golden.py

makes it anew.  Only a change of formats, which CHANGELOG.md then names, is a reason to.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

import numbann
from numbann.model.file import ModelFile, read_model

FOLDER = Path(__file__).resolve().parents[1] / "golden"
PLACE = "HERE"  # stands for the folder in what is kept
EPOCHS = 8  # of the run when it has gone on


def write_rows(path: Path) -> None:
    """120 rows of three kinds: two numbers, one of them missing now and then, a colour, and what each row is worth."""
    draw = random.Random(5)
    lines = ["length,width,colour,worth,kind"]
    for index in range(120):
        kind = index % 3
        length = f"{draw.gauss(kind, 0.7):.3f}" if index % 11 else ""
        colour = draw.choice(["red", "green", "blue"][: kind + 1])
        lines.append(f"{length},{draw.gauss(-kind, 1):.3f},{colour},{draw.choice((1, 2))},{'abc'[kind]}")
    path.write_text("\n".join(lines) + "\n")


def columns() -> dict[str, list[float | str | None]]:
    """Some new rows, with a number that is missing."""
    return {
        "length": [0.1, 1.5, None, 2.0],
        "width": [-0.3, -1.0, -2.5, 0.5],
        "colour": ["red", "blue", "green", "red"],
    }


def tensors(run: Path) -> dict[str, np.ndarray]:
    """The tensors of a run's model."""
    return dict(load_file(run / "model.safetensors"))


def placed(folder: Path) -> Path:
    """A copy of everything in a folder, with the paths that it has there; the run's directory."""
    shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
    _rewrite(folder / "run", PLACE, str(folder))
    return folder / "run"


def _rewrite(run: Path, old: str, new: str) -> None:
    """Put another folder into the paths of a run."""
    for name in ("spec.resolved.json", "manifest.json"):
        (run / name).write_text((run / name).read_text().replace(old, new))
    model = run / "model.safetensors"
    file = read_model(model)
    spec, components = (
        json.loads(json.dumps(part).replace(f'"{old}/', f'"{new}/')) for part in (file.spec, file.components)
    )
    model.write_bytes(b"".join(ModelFile(spec, file.preprocessing, components, file.tensors).to_parts()))


def main() -> None:
    """Train, note predictions and the tensors after EPOCHS epochs, and keep the run."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work).resolve()
        for name in ("spec.json", "bent.py"):
            shutil.copy(FOLDER / name, folder)
        write_rows(folder / "rows.csv")
        os.chdir(folder)
        run = numbann.train("spec.json", output="run", threads=2)
        probabilities = run.model.predict_proba(columns())
        shutil.copytree("run", "kept")
        numbann.resume("run", epochs=EPOCHS, plugins=["bent.py"])
        np.savez(FOLDER / "expected.npz", probabilities=probabilities, **tensors(Path("run")))
        _rewrite(folder / "kept", str(folder), PLACE)
        shutil.copy("rows.csv", FOLDER)
        shutil.rmtree(FOLDER / "run", ignore_errors=True)
        shutil.copytree("kept", FOLDER / "run")


if __name__ == "__main__":
    main()
