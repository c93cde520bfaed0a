"""C99: the whole model as one function without dependencies or allocation, for devices and for other languages.

Two files: NAME.h with a struct for a row and one for its answer, NAME.c with weights as constants.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from numbann import __version__
from numbann.data.wording import quoted, shortened
from numbann.errors import ExportError, shown
from numbann.model.export.c_text import comment, data_in_comment, functions_in, number_literal, text_literal
from numbann.model.export.c_writer import CONSTANT, FEATURES, CWriter, Field, alive, placed
from numbann.model.export.walk import walk

if TYPE_CHECKING:
    from numbann.model.model import Model

TYPES: dict[str, Any] = {
    "double": ctypes.c_double,
    "float": ctypes.c_float,
    "int": ctypes.c_int,
    "text": ctypes.c_char_p,
}
FIRST = f"/* written by numbann {__version__}"  # the first line of both files
STRICT = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O1")  # which the files compile with


def header(writer: CWriter, model: Model) -> str:
    """Return the header."""
    prefix, guard = writer.prefix, f"{writer.prefix.upper()}_H"
    spec = json.dumps(model.file.spec, sort_keys=True).encode()
    told = {
        "numbann": __version__,
        "spec_sha256": hashlib.sha256(spec).hexdigest(),
        "schema": model.schema,
        "prefix": prefix,
        "row": list(writer.row.values()),
        "answer": writer.answers,
    }
    classes = [_declared(prefix, field) for field in writer.answers if field.classes]
    return "\n".join(
        [
            f"{FIRST}: {comment(f'{model.task} by a network, {model.plan}')}",
            f"   {data_in_comment(told)} */",
            f"#ifndef {guard}",
            f"#define {guard}",
            "",
            "#ifdef __cplusplus",
            'extern "C" {',
            "#endif",
            "",
            "typedef struct {",
            *(_field(field) for field in writer.row.values()),
            f"}} {prefix}_row;",
            "",
            "typedef struct {",
            *(_field(field) for field in writer.answers),
            f"}} {prefix}_answer;",
            "",
            *classes,
            f"void {prefix}_predict(const {prefix}_row *row, {prefix}_answer *answer);",
            "",
            "#ifdef __cplusplus",
            "}",
            "#endif",
            "",
            "#endif",
            "",
        ]
    )


def _field(field: Field) -> str:
    kind = "const char *" if field.kind == "text" else f"{field.kind} "
    array = f"[{field.width}]" if field.width > 1 or field.name == FEATURES else ""
    told = f"{field.title}: {field.told}" if field.told else field.title
    return f"    {kind}{field.name}{array}; /* {comment(told)} */"


def _declared(prefix: str, field: Field) -> str:
    """Return the line that declares the classes of labels, with their order."""
    order = (shortened([f"{place} {quoted(one)}" for place, one in enumerate(row)]) for row in field.classes)
    return f"extern {_classes(prefix, field)[0]}; /* {comment('; '.join(order))} */"


def _classes(prefix: str, field: Field) -> tuple[str, str]:
    """Return the declaration of the classes that labels stand for, and their values."""
    several, every = len(field.classes) > 1, [one for row in field.classes for one in row]
    if any(isinstance(one, str) for one in every):
        kind, texts = "const char *const ", [text_literal(str(one)) for one in every]
    elif any(isinstance(one, float) for one in every):
        kind, texts = "const double ", [number_literal(one, "double").strip("()") for one in every]
    else:
        kind, texts = "const long long ", [f"{int(one)}LL" for one in every]
    inner = len(field.classes[0])
    rows = [", ".join(texts[first : first + inner]) for first in range(0, len(texts), inner)]
    values = f"{{{', '.join(f'{{{row}}}' for row in rows)}}}" if several else f"{{{rows[0]}}}"
    return f"{kind}{prefix}_{field.name}_classes{f'[{len(rows)}]' * several}[{inner}]", values


def source(writer: CWriter, name: str) -> str:
    """Return the source."""
    declared, lines = placed(alive(writer.statements))
    body = "".join(f"    {line}".rstrip() + "\n" for line in (*declared, "", *lines))
    used = {name: f"c{place}" for place, name in enumerate(dict.fromkeys(CONSTANT.findall(body)))}
    body = CONSTANT.sub(lambda found: used[found[0]], body)
    named = {name: text for text, name in writer.constants.items()}
    constants = [named[name].replace("@", own, 1) for name, own in used.items()]
    functions = functions_in(body)
    labels = (_classes(writer.prefix, field) for field in writer.answers if field.classes)
    return "\n\n".join(
        [
            f'{FIRST} */\n#include "{name}.h"\n\n#include <math.h>\n#include <string.h>',
            *(f"{declaration} = {values};" for declaration, values in labels),
            *functions,
            *constants,
            f"void {writer.prefix}_predict(const {writer.prefix}_row *row, {writer.prefix}_answer *answer)\n{{\n"
            + body
            + "}\n",
        ]
    )


# ---- the format


def write(model: Model, dtype: str | None = None, name: str = "model") -> dict[str, bytes]:
    """Return the contents of the files by their endings.  dtype: of the features that are numbers."""
    if any(sign in name for sign in '"\\\n'):
        raise ExportError(f"{shown(name)}: a file of C is named in another one; give a name without quotes")
    writer = CWriter(model, dtype or model.plan.dtype)
    walk(model, writer)
    return {".c": source(writer, name).encode(), ".h": header(writer, model).encode("ascii")}


def compiler() -> list[str]:
    """Return the command of this machine's compiler; ExportError if there is none."""
    chosen = shlex.split(os.environ.get("CC", ""))
    for command in [chosen] if chosen else (["cc"], ["gcc"], ["clang"]):
        if shutil.which(command[0]):
            return command
    if chosen:
        raise ExportError(f"CC names {shown(chosen[0])}, which is no program here; set it to a compiler, or to nothing")
    raise ExportError("to compare what C predicts a compiler is needed, and there is no cc; set CC to one")


def predict(content: Mapping[str, bytes], cells: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], str]:
    """Return the answers of the files for raw columns, and what compiled them."""
    told = json.loads(content[".h"].decode().split("\n")[1].strip().removesuffix(" */"))
    row, answer = ([Field(*field) for field in told[key]] for key in ("row", "answer"))
    with TemporaryDirectory() as folder:
        place, runtime = _compiled(content, Path(folder))
        function = ctypes.CDLL(str(place))[f"{told['prefix']}_predict"]
        given, got = _struct(row), _struct(answer)
        function.argtypes, function.restype = [ctypes.POINTER(given), ctypes.POINTER(got)], None
        count = len(next(iter(cells.values())))
        answers = [got() for _ in range(count)]
        for k in range(count):
            function(ctypes.byref(given(*(_cell(field, cells, k) for field in row))), ctypes.byref(answers[k]))
    found = {field.title: np.array([_plain(field, getattr(one, field.name)) for one in answers]) for field in answer}
    return found, runtime


def _compiled(content: Mapping[str, bytes], folder: Path) -> tuple[Path, str]:
    """Compile the files to a library; also return what did so."""
    (name,) = re.findall(r'#include "(.*)\.h"', content[".c"].decode())
    for ending, text in content.items():
        (folder / f"{name}{ending}").write_bytes(text)
    program, made = compiler(), folder / "model.so"
    command = [*program, *STRICT, "-shared", "-fPIC", "-o", str(made), str(folder / f"{name}.c"), "-lm"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        said = result.stderr.strip().partition("\n")[0] or f"exit code {result.returncode}"
        raise ExportError(f"{' '.join(program)} does not compile what was written: {said}")
    version = subprocess.run([*program, "--version"], capture_output=True, text=True, check=False).stdout
    return made, version.partition("\n")[0] or program[0]


def _struct(fields: Sequence[Field]) -> type[ctypes.Structure]:
    """Return the type of a row or an answer."""
    kinds = [
        (
            field.name,
            TYPES[field.kind] * field.width if field.width > 1 or field.name == FEATURES else TYPES[field.kind],
        )
        for field in fields
    ]
    return type("Struct", (ctypes.Structure,), {"_fields_": kinds})


def _cell(field: Field, cells: Mapping[str, np.ndarray], row: int) -> Any:
    """Return what stands in a field of a row."""
    if field.name == FEATURES:
        return (TYPES[field.kind] * field.width)(*(column[row] for column in cells.values()))
    value = cells[field.title][row]
    return str(value).encode() if field.kind == "text" else float(value)


def _plain(field: Field, value: Any) -> Any:
    """Return an answer, labels as their classes."""
    numbers = list(value) if field.width > 1 else [value]
    if field.classes:
        numbers = [known[one] for known, one in zip(field.classes, numbers, strict=True)]
    return numbers if field.width > 1 else numbers[0]
