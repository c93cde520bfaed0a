"""Rules for the source as a whole: the direction of imports, names, docstrings, and no printing."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numbann_cli
import pytest

import numbann
from numbann.simd.cache import KERNEL_SOURCES

ROOT = Path(numbann.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

PARTS = (  # bottom up: a file imports from its own part and from those before it
    "errors",
    "records",
    "limits",
    "caches",
    "versions",
    "turns",
    "components",
    "mathematics",
    "derivation",
    "network",
    "simd",
    "compile",
    "engine",
    "kernels",
    "fit",
    "plugins",
    "data",
    "spec",
    "model",
    "runner",
    "training",
    "serving",
    "callbacks",
    "sklearn",
    "testing",
    "cuda",
    "numbann_cli",
)
ANYWHERE = {"errors", "records"}
ALONE = {  # these know less than what stands before them
    "numbann.runner": {"runner", "versions", "turns"},
    "numbann.simd": {"simd", "caches", "versions"},
    "numbann.cuda.threads": {"numbann.cuda.threads"},
    "numbann.spec": {
        *("spec", "components", "plugins", "numbann.engine.devices", "numbann.network.description"),
        *("numbann.data.contract", "numbann.data.path", "numbann.data.readers"),
        *("numbann.data.reading", "numbann.data.tasks", "numbann.data.transforms"),
    },
    "numbann.data": {"data", "limits", "caches", "numbann.simd.cells"},  # which reads a large file's numbers
}
SEPARATE = {  # neighbours that ignore each other, apart from TABLE; a kernel is of its cache's KERNEL_SOURCES alone
    *(("kernels", "engine"), ("testing", "training"), ("compile", "network"), ("kernels", "network")),
}
TABLE = "numbann.engine.devices"  # which names what is imported when it is asked for
OUTSIDE = {"numbann", "numbann.pytest_plugin"}  # the first only names modules, lazily; pytest finds the second by name
LIGHT = {"numba", "numpy", "pydantic", "safetensors", "llvmlite"}


def name_of(path: Path) -> str:
    """The dotted name of a module."""
    top = Path(numbann_cli.__file__).parent if path.is_relative_to(Path(numbann_cli.__file__).parent) else ROOT
    return ".".join([top.name, *path.relative_to(top).with_suffix("").parts]).removesuffix(".__init__")


MODULES = {name_of(path): path for path in [*FILES, *sorted(Path(numbann_cli.__file__).parent.rglob("*.py"))]}


def part_of(module: str) -> str:
    """The part that a module belongs to: `numbann.engine.cpu.team` is of engine."""
    top, _, inner = module.partition(".")
    return inner.partition(".")[0] if top == "numbann" else top


def tree_of(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def binds(path: Path, name: str) -> bool:
    """Whether a file defines or imports a name at its top."""
    for node in tree_of(path).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return True
        if isinstance(node, ast.ImportFrom) and name in (alias.asname or alias.name for alias in node.names):
            return True
    return False


def imports_of(module: str) -> Iterator[tuple[str, bool]]:
    """The modules that a file imports anywhere, also inside of functions, and whether only for annotations."""
    tree = tree_of(MODULES[module])
    guarded = [
        node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    hidden = {id(part) for node in guarded for line in node.body for part in ast.walk(line)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in hidden) for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                own = node.module != module and binds(MODULES[node.module], alias.name)
                yield (inner if inner in MODULES and not own else node.module), id(node) in hidden


def taken_from_the_package(tree: ast.AST) -> set[str]:
    """The names that a file takes from `numbann` itself, such as numbann.__version__."""
    owners = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name))
    return {node.attr for node in owners if ast.unparse(node.value) == "numbann"}


def may_import(importer: str, imported: str) -> bool:
    """Whether a module may import another one."""
    for folder, known in ALONE.items():
        if f"{importer}.".startswith(f"{folder}."):
            return part_of(imported) in known | ANYWHERE or any(f"{imported}.".startswith(f"{name}.") for name in known)
    one, other = part_of(importer), part_of(imported)
    if other == "cuda" != one:
        return False
    return PARTS.index(other) <= PARTS.index(one) and ((one, other) not in SEPARATE or imported == TABLE)


modules = pytest.mark.parametrize("path", FILES, ids=name_of)


@pytest.mark.parametrize("module", sorted(set(MODULES) - OUTSIDE))
def test_imports_go_one_way(module: str) -> None:
    assert part_of(module) in PARTS, f"{part_of(module)} has no place yet: give it one in this file"
    for imported in {name for name, _ in imports_of(module)} - {"numbann"}:
        assert may_import(module, imported), f"{module} may not import {imported}"
    if part_of(module) != "numbann_cli":
        taken = taken_from_the_package(tree_of(MODULES[module]))
        assert taken <= {"__version__", "HOMES"}, "import the module that has it instead"


def test_the_rule_can_be_broken() -> None:
    for importer, imported in (
        ("simd.rows", "compile.text"),
        ("simd.rows", "cuda.threads.rows"),
        ("cuda.threads.rows", "simd.rows"),
        ("cuda.threads.rows", "cuda.engine.table"),
        ("errors", "components.component"),
        ("kernels.products", "engine.hyper"),
        ("engine.cpu.engine", "cuda.engine.engine"),
        ("training.runs", "cuda.engine.engine"),
        ("spec.loading", "engine.interface"),
        ("spec.checks", "data.source"),
        ("data.source", "components.registry"),
        ("network.plan", "simd.op"),
        ("kernels.norms", "network.steps.norm"),
        ("training.loop", "testing.checks"),
    ):
        assert not may_import(f"numbann.{importer}", f"numbann.{imported}")
    assert not may_import("numbann.fit.loop", "numbann_cli.main")


def test_no_files_import_each_other() -> None:
    """Not in a circle either, at the top or inside of functions; annotations alone do not count."""
    graph = {name: {other for other, hidden in imports_of(name) if not hidden} - {name} for name in MODULES}
    graph["numbann"] = set()  # its names are imported when they are first used
    assert not circle(graph), " -> ".join(circle(graph))


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert not circle({"a": {"b", "c"}, "b": {"c"}, "c": set()})


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Modules each of which imports the next one, the last and the first being the same; empty if there are none."""
    done: set[str] = set()

    def search(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        found = (search(other, [*path, name]) for other in sorted(graph[name]))
        result = next((one for one in found if one), [])
        done.add(name)
        return result

    return next((found for name in sorted(graph) if (found := search(name, []))), [])


def test_only_the_machine_side_knows_numba() -> None:
    """numba is imported by simd, compile, kernels, engine and cuda alone, so that the rest starts at once.

    The cache of kernels depends on the sources of all of these.
    """
    allowed = {"simd", "compile", "engine", "kernels", "cuda"}
    assert allowed <= set(KERNEL_SOURCES)
    for path in FILES:
        for node in ast.walk(tree_of(path)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] in ("numba", "llvmlite") for name in names):
                assert part_of(name_of(path)) in allowed, f"{name_of(path)} imports numba"


def test_one_place_imports_each_package_for_gpus() -> None:
    """So that a successor of numba-cuda can replace it."""
    places = {"numba.cuda": "numbann.cuda.threads.device", "nvmath": "numbann.cuda.threads.cublas"}
    for path in FILES:
        for node in ast.walk(tree_of(path)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [f"{node.module}.{alias.name}" for alias in node.names] if isinstance(node, ast.ImportFrom) else []
            for package, place in places.items():
                if any(name.startswith(package) for name in names):
                    assert name_of(path) == place, f"{name_of(path)} imports {package}"


def test_importing_the_package_for_gpus_needs_none() -> None:
    """Nor do the array functions for the CPU, whose module gives those for GPUs."""
    code = "import sys, numbann.cuda, numbann.kernels; print(*sorted(name for name in sys.modules if 'cuda' in name))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT.parent)
    assert "numbann.cuda" in found.stdout.split()
    assert not {name for name in found.stdout.split() if name.startswith(("numba_cuda", "numba.cuda", "numbann.cuda."))}


def test_no_module_bears_the_name_of_a_public_function() -> None:
    """Importing numbann.train, the module, would hide numbann.train, the function."""
    beside = {path.stem for path in ROOT.glob("*.py")} | {path.name for path in ROOT.iterdir() if path.is_dir()}
    assert not beside & set(numbann.__all__)


@pytest.mark.parametrize("module", ["numbann", TABLE])
def test_importing_it_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*sorted(set(sys.modules) & {LIGHT!r}))"
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT.parent)
    assert found.stdout.split() == []


@modules
def test_no_printing(path: Path) -> None:
    """The library is silent: printing is the command line's."""
    for node in ast.walk(tree_of(path)):
        called = node.func if isinstance(node, ast.Call) else None
        assert not (isinstance(called, ast.Name) and called.id == "print"), f"{name_of(path)}:{node.lineno} prints"


def public_definitions(tree: ast.Module) -> list[ast.FunctionDef | ast.ClassDef]:
    """Public functions and classes."""
    named = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return [node for node in named if not node.name.startswith("_")]


def needs_documentation(node: ast.FunctionDef | ast.ClassDef) -> bool:
    """All but what is a part of something documented: a derivative, a backward, a hook, one of a numbered family."""
    decorators = [ast.unparse(decorator).split("(")[0] for decorator in node.decorator_list]
    a_part = any(name.endswith((".derivative", ".backward")) or name == "hookimpl" for name in decorators)
    return not (a_part or node.name.rpartition("_")[2].isdigit())


@modules
def test_every_file_and_everything_public_is_documented(path: Path) -> None:
    tree = tree_of(path)
    assert ast.get_docstring(tree), f"{name_of(path)} does not say what it is"
    for node in public_definitions(tree):
        assert ast.get_docstring(node) or not needs_documentation(node), f"{name_of(path)}.{node.name}"
