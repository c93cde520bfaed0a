"""The places where the package runs code that is not its own text, or could: each is listed here with its reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import numbann_cli
import pytest

import numbann

ROOTS = {Path(numbann.__file__).parent, Path(numbann_cli.__file__).parent}
MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "runpy", "code", "imp"}
NAMES = {"eval", "exec", "compile", "__import__", "import_module", "spec_from_file_location", "exec_module"}
ALLOWED = {
    ("numbann/__init__.py", "import_module"): "the public names, from a table in the file",
    ("numbann/compile/modules.py", "compile"): "kernels written from components that are loaded",
    ("numbann/compile/modules.py", "exec"): "kernels written from components that are loaded",
    ("numbann/components/built_in.py", "import_module"): "numbann.mathematics, a constant",
    ("numbann/data/readers/__init__.py", "import_module"): "the files of the folder, from a table",
    ("numbann/data/tasks/__init__.py", "import_module"): "the files of the folder, from a table that is checked first",
    ("numbann/data/transforms/__init__.py", "import_module"): "the files of the folders, from a list that is searched",
    ("numbann/derivation/writing.py", "compile"): "derivatives written from components that are loaded",
    ("numbann/derivation/writing.py", "exec"): "derivatives written from components that are loaded",
    ("numbann/engine/cpu/helping.py", "import_module"): "the compiler, a constant",
    ("numbann/engine/devices.py", "import_module"): "the parts of devices, from a table in the file",
    ("numbann/kernels/__init__.py", "import_module"): "numbann.kernels.cuda, from the table of devices",
    ("numbann/mathematics/__init__.py", "import_module"): "the files of the folder",
    ("numbann/model/export/__init__.py", "import_module"): "the formats, from a table in the file",
    ("numbann/model/sources.py", "compile"): "the source kept in a model, by trust or from a pickle",
    ("numbann/model/sources.py", "exec"): "the source kept in a model, by trust or from a pickle",
    (
        "numbann/plugins/plugin.py",
        "exec_module",
    ): "a plugin's file that a person names, or a spec to train",
    ("numbann/plugins/plugin.py", "import_module"): "a module that an installed distribution announces",
    ("numbann/plugins/plugin.py", "spec_from_file_location"): "a plugin's file, as for exec_module",
    ("numbann/runner/parcel.py", "pickle"): "the work of jobs, between a program and the workers that it was given",
    ("numbann/compile/text.py", "import_module"): "numbann.compile.checking, a constant",
    ("numbann/simd/entries.py", "pickle"): "compiled kernels: the folder is private, and the files are checked",
    ("numbann/simd/objects.py", "import_module"): "the modules of kernels that have to be compiled, and numba's",
    ("numbann/sklearn/parameters.py", "joblib"): "effective_n_jobs alone, which counts processors",
    ("numbann/sklearn/tabular.py", "joblib"): "effective_n_jobs alone, which counts processors",
    ("numbann/testing/sources.py", "import_module"): "a module that a person names to be checked",
    ("numbann/training/trackers/__init__.py", "import_module"): "trackers, from a table that is checked first",
    ("numbann_cli/group.py", "import_module"): "the commands, from a table",
}


def found_in(tree: ast.AST) -> Iterator[str]:
    """What runs code, or unpickles, in a syntax tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in MODULES:
            yield str(node.module)
        elif isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            of_module = isinstance(node.func, ast.Attribute) and called == "compile"  # re.compile and a table's
            if called in NAMES and not of_module:
                yield called
            unpickles = {one.arg: ast.unparse(one.value) for one in node.keywords}.get("allow_pickle")
            if unpickles not in (None, "False") or (ast.unparse(node.func) == "np.load" and unpickles is None):
                yield "np.load"


def test_the_list_is_whole() -> None:
    found = {
        (path.relative_to(root.parent).as_posix(), what)
        for root in ROOTS
        for path in root.rglob("*.py")
        for what in found_in(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == set(ALLOWED)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("import pickle", "pickle"),
        ("from marshal import loads", "marshal"),
        ("eval('1')", "eval"),
        ("importlib.import_module(name)", "import_module"),
        ("__import__(name)", "__import__"),
        ("np.load(path)", "np.load"),
        ("np.load(path, allow_pickle=True)", "np.load"),
        ("np.lib.format.read_array(file, allow_pickle=flag)", "np.load"),
        ("exec(compile(text, 'x', 'exec'))", "exec"),
    ],
)
def test_each_way_is_seen(text: str, what: str) -> None:
    assert what in set(found_in(ast.parse(text)))
    assert not set(found_in(ast.parse("np.load(path, allow_pickle=False); re.compile('x'); table.compile()")))
