"""What holds for the source as a whole: the direction of imports, names, documentation, silence."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import numbann

ROOT = Path(numbann.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

LAYERS = {  # a module may import from its own layer's modules and from layers below it
    "errors": 0,
    "distributions": 0,
    "component": 1,
    "hookspecs": 1,
    "rows": 1,
    "syntax": 1,
    "derivation": 2,
    "activations": 2,
    "losses": 2,
    "optimizers": 2,
    "schedules": 2,
    "initializers": 2,
    "metrics": 2,
    "registry": 3,
    "discovery": 4,
    "spec": 5,
    "plan": 6,
    "compile": 7,
    "kernels": 8,
    "engine": 8,
    "functional": 9,
    "outputs": 9,
    "sources": 5,
    "provenance": 9,
    "modelfile": 9,
    "model": 10,
    "training": 11,
    "testing": 11,
    "pytest_plugin": 12,
}
ALONE = {  # these stand beside the layers: whom they may import
    "simd": {"simd"},
    "simt": {"simt", "errors"},
    "reference": {"reference"},
    "data": {"data", "errors"},
}
USE_SIMD = {"compile", "kernels", "engine", "functional", "outputs", "provenance", "modelfile", "model", "training"}
USE_SIMD |= {"testing"}
USE_SIMT = {"compile", "kernels", "engine", "testing"}
SEPARATE = {frozenset(("kernels", "engine")), frozenset(("training", "testing"))}  # neighbours that ignore each other
LIGHT = {"numba", "numpy", "pydantic", "safetensors", "llvmlite"}


def name_of(path: Path) -> str:
    """The dotted name of a module of the package."""
    return ".".join(["numbann", *path.relative_to(ROOT).with_suffix("").parts]).removesuffix(".__init__")


def part_of(module: str) -> str:
    """The part of the package that a module belongs to: `numbann.engine.cpu.team` is of engine."""
    return module.split(".")[1] if "." in module else ""


def tree_of(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports_of(tree: ast.AST) -> Iterator[str]:
    """The modules of the package that a file imports anywhere, also inside of functions."""
    known = {name_of(path) for path in FILES}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "numbann")
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "numbann":
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in known else node.module


def taken_from_the_package(tree: ast.AST) -> set[str]:
    """The names that a file takes from `numbann` itself, such as numbann.__version__."""
    owners = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name))
    return {node.attr for node in owners if ast.unparse(node.value) == "numbann"}


def may_import(importer: str, imported: str) -> bool:
    """Whether a part may import from another part."""
    if importer == imported:
        return True
    if importer in ALONE:
        return imported in ALONE[importer]
    if imported == "simd":
        return importer in USE_SIMD
    if imported == "simt":
        return importer in USE_SIMT
    if imported == "data":
        return LAYERS[importer] >= LAYERS["plan"]
    if imported == "reference":
        return importer == "testing"
    return LAYERS[imported] <= LAYERS[importer] and frozenset((importer, imported)) not in SEPARATE


modules = pytest.mark.parametrize("path", FILES, ids=name_of)


@modules
def test_imports_go_one_way(path: Path) -> None:
    importer = part_of(name_of(path))
    if importer == "":
        return  # the package itself only names modules, lazily
    assert importer in LAYERS or importer in ALONE, f"{importer} has no layer yet: give it one in this file"
    tree = tree_of(path)
    for module in set(imports_of(tree)) - {"numbann"}:
        assert may_import(importer, part_of(module)), f"{name_of(path)} may not import {module}"
    assert taken_from_the_package(tree) <= {"HOMES", "__version__"}, "import the module that has it instead"


def test_the_rule_can_be_broken() -> None:
    for importer, imported in (
        ("simd", "compile"),
        ("simd", "simt"),
        ("simt", "simd"),
        ("errors", "component"),
        ("kernels", "engine"),
        ("spec", "engine"),
        ("data", "registry"),
        ("plan", "simd"),
        ("compile", "reference"),
    ):
        assert not may_import(importer, imported)


def test_only_the_machine_side_knows_numba() -> None:
    """numba is imported by simd, compile, kernels and the engine alone, so that the rest starts at once."""
    allowed = {"simd", "simt", "compile", "kernels", "engine"}
    for path in FILES:
        for node in ast.walk(tree_of(path)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] in ("numba", "llvmlite") for name in names):
                assert part_of(name_of(path)) in allowed, f"{name_of(path)} imports numba"


def test_one_place_imports_each_package_for_gpus() -> None:
    """So that a successor of numba-cuda can replace it."""
    places = {"numba.cuda": "numbann.simt.device", "nvmath": "numbann.simt.cublas"}
    for path in FILES:
        for node in ast.walk(tree_of(path)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [f"{node.module}.{alias.name}" for alias in node.names] if isinstance(node, ast.ImportFrom) else []
            for package, place in places.items():
                if any(name.startswith(package) for name in names):
                    assert name_of(path) == place, f"{name_of(path)} imports {package}"


def test_no_module_bears_the_name_of_a_public_function() -> None:
    """Importing numbann.train, the module, would hide numbann.train, the function."""
    beside = {path.stem for path in ROOT.glob("*.py")} | {path.name for path in ROOT.iterdir() if path.is_dir()}
    assert not beside & set(numbann.__all__)


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = f"import sys, numbann; print(*sorted(set(sys.modules) & {LIGHT!r}))"
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
