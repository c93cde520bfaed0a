"""Running the command line, inside this process and as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numbann_cli
import numbann_cli.group
import pytest
from click.testing import CliRunner, Result

FOLDERS = [str(Path(numbann_cli.__file__).parents[1]), str(Path(numbann_cli.__file__).parents[2])]


@pytest.fixture
def numbann(here: Path) -> Callable[..., Result]:
    """Run a command in this process: numbann("train", "spec.json")."""

    def run(*arguments: object, text: str | None = None) -> Result:
        return CliRunner().invoke(
            numbann_cli.group.numbann, [str(argument) for argument in arguments], input=text, prog_name="numbann"
        )

    return run


@pytest.fixture
def start() -> Callable[..., subprocess.Popen[str]]:
    """Start a Python of its own that finds the same numbann: start("-m", "numbann_cli.main", "--help")."""

    def run(*arguments: object, stdin: int | None = None) -> subprocess.Popen[str]:
        path = os.pathsep.join([*FOLDERS, os.environ.get("PYTHONPATH", "")])
        return subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )

    return run
