"""The core stands alone: copied into an empty folder, it trains from two arrays; the lines are those of the docs."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import numbann

ROOT = Path(numbann.__file__).parent
CORE = ("components", "mathematics", "derivation", "network", "simd", "compile", "engine", "kernels", "fit")
DOCS = Path(__file__).parents[2] / "docs" / "engine.md"
FILES = {"pathlib", "os", "shutil", "tempfile", "pickle", "json", "csv", "glob", "io", "subprocess"}
COMMANDS = {"click", "rich", "safetensors"}
CACHES = {  # compiled kernels are kept in files, and named by hashes of sources
    *("simd/cache.py", "simd/objects.py", "simd/entries.py", "compile/named.py"),
}
SYSTEM = {  # which processors there are, and other processes
    *("engine/shared/processors.py", "engine/cpu/team.py"),
    *("engine/cpu/helper.py", "engine/cpu/wanted.py"),
}


def lines_of_the_docs() -> str:
    """The example of the core: a block of Python after its heading."""
    found = re.search(r"## The core alone\n.*?```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


def test_it_trains_in_ten_lines(here: Path) -> None:
    (here / "numbann").mkdir()
    for name in ("__init__", "errors", "records", "limits", "caches", "versions", "turns"):
        shutil.copy(ROOT / f"{name}.py", here / "numbann")
    for part in CORE:
        shutil.copytree(ROOT / part, here / "numbann" / part, ignore=shutil.ignore_patterns("__pycache__"))
    lines = lines_of_the_docs()
    code = [line for line in lines.splitlines() if line and not line.startswith(("import", "from"))]
    assert len(code) <= 10
    program = f"{lines}\nimport numbann\nprint(numbann.__file__)\nprint(fitted.history[-1]['train_loss'] < 0.1)"
    environment = {**os.environ, "PYTHONPATH": str(here), "PYTHONDONTWRITEBYTECODE": "1"}
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", env=environment)
    assert told.returncode == 0, told.stderr
    assert told.stdout.split()[-2:] == [str(here / "numbann" / "__init__.py"), "True"]


@pytest.mark.parametrize("part", CORE)
def test_it_knows_no_file_and_no_command(part: str) -> None:
    for path in sorted((ROOT / part).rglob("*.py")):
        names = {
            (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        tops = {name.partition(".")[0] for name in names}
        place = path.relative_to(ROOT).as_posix()
        assert not tops & COMMANDS, place
        assert place in CACHES | SYSTEM or not tops & FILES, place
