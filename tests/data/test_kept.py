"""Tables that are kept between runs: the same table, notes, findings and errors as without, and never a stale one."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import numbann
from numbann import caches
from numbann.data import kept
from numbann.data.source import load
from numbann.errors import CacheWarning, DataError

Section = Callable[..., dict[str, Any]]
CASES = int(os.environ.get("CASES", "60"))
ROWS = [
    {"a": f"{k}.5", "n": str(k % 3), "town": ["Rome", " Oslo", "?"][k % 3], "w": "1", "y": "no" * (k % 2) or "yes"}
    for k in range(40)
]
TEXT = "".join(f"{','.join(row)}\n" for row in [[*ROWS[0]], *(row.values() for row in ROWS)])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of tables, in which every table is kept."""
    path = tmp_path / "kept"
    path.mkdir()
    monkeypatch.setattr(kept, "_folder", lambda: path)
    monkeypatch.setattr(kept, "SMALLEST", 0)
    monkeypatch.setattr(kept, "WORTH", 0.0)
    monkeypatch.delenv(kept.LIMIT, raising=False)
    return path


def outcome(section: dict[str, Any], base: Path) -> Any:
    """Everything that loading gives, as bytes and texts; or the error."""
    try:
        source = load(section, base, 0)
        target = "label" if source.facts.task.labelled else "real"
        data = source.prepare(target=target, scale="standard", target_scale="none", dtype="float32")
    except DataError as error:
        return str(error), error.key
    facts = source.facts
    arrays = [array for part in data.parts.values() for array in (part.x, part.t, part.raw_target, part.weight)]
    told = facts.notes, facts.findings, facts.files, facts.rows, facts.delimiter, repr(facts.task), data.warnings
    return told, [
        array if array is None else array.tolist() if array.dtype == object else array.tobytes() for array in arrays
    ]


def without(section: dict[str, Any], base: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The outcome without the cache."""
    with monkeypatch.context() as patch:
        patch.setenv(kept.LIMIT, "0")
        return outcome(section, base)


def no_reading(*_: Any) -> Any:
    raise AssertionError("the table is read again")


SOURCES = {
    "csv": "t.csv",
    "packed": "t.tsv.gz",
    "JSON lines": "t.jsonl",
    "several files": ["t.csv", "u.csv"],
    "parts": {"train": "t.csv", "test": "u.csv"},
}


def write_all(base: Path) -> None:
    """The table in several files."""
    (base / "t.csv").write_text(TEXT)
    (base / "u.csv").write_text(TEXT.replace("Rome", "Bern"))
    (base / "t.tsv.gz").write_bytes(gzip.compress(TEXT.replace(",", "\t").encode()))
    (base / "t.jsonl").write_text(
        "".join(f"{json.dumps(row | {'a': float(row['a']), 'w': 1, 'm': row['n'] == '1'})}\n" for row in ROWS)
    )


@pytest.mark.parametrize("kind", SOURCES)
def test_the_second_time_nothing_is_read(
    folder: Path, tmp_path: Path, section: Section, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    write_all(tmp_path)
    asked = section(SOURCES[kind], weight="w", split={"group": "town", "test": 0.3} if kind == "csv" else {})
    expected = without(asked, tmp_path, monkeypatch)
    assert outcome(asked, tmp_path) == expected
    monkeypatch.setattr(kept, "read_source", no_reading)
    assert outcome(asked, tmp_path) == expected
    assert len([*folder.iterdir()]) == (2 if kind == "parts" else 1)


FAULTY = {
    "a target is missing": (TEXT + "1,2,Rome,1,\n", {}),
    "a number is missing": (TEXT + ",2,Rome,1,no\n", {"missing": "error"}),
    "a weight is below 0": (TEXT + "1,2,Rome,-1,no\n", {"weight": "w"}),
    "a text is no date": (TEXT, {"columns": {"town": {"dates": "parts"}}}),
    "a column is mixed": (TEXT + "x,2,Rome,1,no\n", {}),
    "a number is infinite": (TEXT + "1e400,2,Rome,1,no\n", {}),
    "a row is short": (TEXT + "1,2\n", {}),
    "the test part has text": (TEXT.replace(".5", "x"), {}),
}


@pytest.mark.parametrize("fault", FAULTY)
def test_errors_name_the_same_row_and_the_file_as_it_is_called(
    folder: Path, tmp_path: Path, section: Section, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    text, changes = FAULTY[fault]
    for name in ("t.csv", "other.csv"):  # the second one is found where the first was kept
        (tmp_path / name).write_text("\n" + text)
        (tmp_path / "known.csv").write_text(TEXT)
        path: Any = {"train": "known.csv", "test": name} if "test part" in fault else name
        expected = without(section(path, **changes), tmp_path, monkeypatch)
        assert name in expected[0]
        for _ in range(2):
            assert outcome(section(path, **changes), tmp_path) == expected


CELLS = [
    "1",
    "2.5",
    "1.0",
    "01",
    " 2",
    "-3e2",
    "-0",
    "?",
    "",
    "NA",
    "nan",
    "true",
    "False",
    "x",
    " x ",
    "é",
    "inf",
    "1_0",
]


def test_any_table(folder: Path, tmp_path: Path, section: Section, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of odd cells give the same when they are read, kept, and found."""
    draw, read = random.Random(0), 0
    for _ in range(CASES):
        kinds = [draw.sample(CELLS, draw.randint(1, 3)) for _ in "abc"]
        rows = [",".join(f'"{draw.choice(kind)}"' for kind in kinds) for _ in range(draw.randint(2, 30))]
        (tmp_path / "t.csv").write_text("\n".join(["a,b,y", *rows]), encoding="utf-8")
        changes = {"missing": draw.choice(("error", "mean")), "categorical": draw.choice(([], ["a"], ["y"]))}
        expected = without(section("t.csv", **changes), tmp_path, monkeypatch)
        for _ in range(2):
            assert outcome(section("t.csv", **changes), tmp_path) == expected
        read += len(expected[0]) > 2
    assert read > CASES / 4


@pytest.mark.parametrize(
    "changes", [{"drop": ["n"]}, {"categorical": ["n"]}, {"csv": {"na": ["?", "Rome"]}}, {"target": "n"}], ids=str
)
def test_other_settings_are_another_table(
    folder: Path, tmp_path: Path, section: Section, monkeypatch: pytest.MonkeyPatch, changes: Any
) -> None:
    (tmp_path / "t.csv").write_text(TEXT)
    outcome(section("t.csv"), tmp_path)
    expected = without(section("t.csv", **changes), tmp_path, monkeypatch)
    assert outcome(section("t.csv", **changes), tmp_path) == expected
    assert len([*folder.iterdir()]) == 2


def test_codes_are_numbers_where_a_spec_says_so(
    folder: Path, tmp_path: Path, section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In any order of specs."""
    rows = "".join(f"{k},0{k % 5},0{k % 7}\n" for k in range(40))
    (tmp_path / "t.csv").write_text(f"a,code,y\n{rows}")
    changes: dict[str, Any]
    for changes in ({}, {"task": "regression"}, {}, {"columns": {"code": {"scale": "minmax"}}}, {}):
        asked = section("t.csv", **changes)
        expected = without(asked, tmp_path, monkeypatch)
        assert outcome(asked, tmp_path) == expected
        assert outcome(asked, tmp_path) == expected


def test_what_has_changed_is_read_again(
    folder: Path, tmp_path: Path, section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t.csv").write_text(TEXT)
    before = outcome(section("t.csv"), tmp_path)
    stamp = (tmp_path / "t.csv").stat()
    (tmp_path / "t.csv").write_text(TEXT.replace("39.5", "93.5"))
    os.utime(tmp_path / "t.csv", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # size and time are those of before
    after = outcome(section("t.csv"), tmp_path)
    assert after == without(section("t.csv"), tmp_path, monkeypatch) != before
    monkeypatch.setattr(kept, "_readers", lambda: "another version")
    assert outcome(section("t.csv"), tmp_path) == after
    assert len([*folder.iterdir()]) == 3


def test_a_file_that_changes_while_it_is_read_is_not_kept(
    folder: Path, tmp_path: Path, section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t.csv").write_text(TEXT)
    read = kept.read_source

    def change(*given: Any) -> Any:
        found = read(*given)
        (tmp_path / "t.csv").write_text(TEXT + "1,2,Rome,1,no\n")
        return found

    monkeypatch.setattr(kept, "read_source", change)
    assert "has changed while it was read" in outcome(section("t.csv"), tmp_path)[0]
    assert not [*folder.iterdir()]


def test_damage_counts_as_missing(
    folder: Path, tmp_path: Path, section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bits flipped anywhere, a part cut off, or another file in its place: read again, and mended."""
    (tmp_path / "t.csv").write_text(TEXT)
    expected = outcome(section("t.csv"), tmp_path)
    (path,) = folder.iterdir()
    whole, draw = path.read_bytes(), random.Random(0)
    places = [*range(0, len(whole), max(1, len(whole) // CASES)), *range(len(whole) - 60, len(whole))]
    flipped = [whole[:at] + bytes([whole[at] ^ 1 << draw.randrange(8)]) + whole[at + 1 :] for at in places]
    for damage in (b"", b"text", whole[: len(whole) // 2], whole[:-1], *flipped):
        path.write_bytes(damage)
        assert outcome(section("t.csv"), tmp_path) == expected
    path.unlink()
    path.mkdir()
    assert outcome(section("t.csv"), tmp_path) == expected


def test_a_pickle_is_not_loaded(folder: Path, tmp_path: Path, section: Section) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return (pytest.fail, ("it was loaded",))

    (tmp_path / "t.csv").write_text(TEXT)
    expected = outcome(section("t.csv"), tmp_path)
    (path,) = folder.iterdir()
    with path.open("wb") as file:
        np.savez(file, np.array([Trap()], object), np.zeros(3))
    assert outcome(section("t.csv"), tmp_path) == expected


def test_those_used_longest_ago_make_room(
    folder: Path, tmp_path: Path, section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    def use(name: str) -> set[str]:
        (tmp_path / f"{name}.csv").write_text("a,y\n" + f"{ord(name)}.5,0.5\n" * 20_000)
        outcome(section(f"{name}.csv"), tmp_path)
        for path in folder.iterdir():  # a second has passed
            os.utime(path, ns=(0, path.stat().st_mtime_ns - 10**9))
        return {path.name for path in folder.iterdir()}

    monkeypatch.setenv(kept.LIMIT, "1")  # of tables of 0.32 MB each
    a, ab, abc = use("a"), use("b"), use("c")
    assert (len(a), len(ab), len(abc)) == (1, 2, 3)
    assert use("a") == abc
    assert use("d") & abc == abc - (ab - a)
    assert sum(path.stat().st_size for path in folder.iterdir()) < 1e6
    monkeypatch.setattr(kept, "limit", lambda: 300_000)
    before = {path.name for path in folder.iterdir()}
    assert use("e") == before, "a table that is larger than the limit removes no other"


def test_the_limit(folder: Path, tmp_path: Path, section: Section, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t.csv").write_text(TEXT)
    monkeypatch.setenv(kept.LIMIT, "0")
    outcome(section("t.csv"), tmp_path)
    assert not [*folder.iterdir()]
    for wrong in ("-1", "2 GB", "1e3"):
        monkeypatch.setenv(kept.LIMIT, wrong)
        assert f"NUMBANN_TABLES_MB is {wrong!r}; give the megabytes" in outcome(section("t.csv"), tmp_path)[0]


def test_what_is_small_or_quick_is_not_kept(
    folder: Path, tmp_path: Path, section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t.csv").write_text(TEXT)
    for name, value in (("SMALLEST", len(TEXT) + 1), ("WORTH", 60.0)):
        with monkeypatch.context() as patch:
            patch.setattr(kept, name, value)
            outcome(section("t.csv"), tmp_path)
    assert not [*folder.iterdir()]


@pytest.mark.parametrize("call", ["open", "replace"])
def test_a_full_disk_is_no_error(
    folder: Path, tmp_path: Path, section: Section, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "t.csv").write_text(TEXT)
    expected = without(section("t.csv"), tmp_path, monkeypatch)
    monkeypatch.setattr(caches if call == "open" else caches.os, call, full, raising=False)
    assert outcome(section("t.csv"), tmp_path) == expected
    assert not [*folder.iterdir()]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_disk_that_is_full_half_way(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches, "open", lambda *_, **__: io.FileIO("/dev/full", "w"), raising=False)
    caches.write(folder / "table", lambda file: np.savez(file, np.zeros(1_000_000)))
    assert not [*folder.iterdir()]


@pytest.mark.skipif(sys.platform == "win32", reason="permissions on Windows are not looked at")
def test_a_folder_that_others_can_change_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBANN_CACHE_DIR", str(tmp_path / "root"))
    find = kept._folder.__wrapped__
    assert find() == tmp_path / "root" / "tables"
    assert find().stat().st_mode & 0o777 == 0o700
    find().chmod(0o777)
    with pytest.warns(CacheWarning, match="tables are not kept between runs: others can write .*tables"):
        assert find() == caches.NOWHERE


def test_the_model_has_the_same_bytes(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t.csv").write_text(TEXT)
    data = {"path": str(tmp_path / "t.csv"), "target": "y"}
    spec = {"data": data, "model": {"layers": [4]}, "train": {"epochs": 2}}
    models = []
    for number in range(2):
        numbann.train(spec, output=tmp_path / f"run{number}")
        models.append((tmp_path / f"run{number}" / "model.safetensors").read_bytes())
        monkeypatch.setattr(kept, "read_source", no_reading)
    assert models[0] == models[1]
    numbann.resume(tmp_path / "run0", epochs=3)


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_a_spec_with_every_auto_resolved_names_the_same_table(
    folder: Path, tmp_path: Path, section: Section, monkeypatch: pytest.MonkeyPatch, delimiter: str
) -> None:
    (tmp_path / "t.csv").write_text(TEXT.replace(",", delimiter))
    given = outcome(section("t.csv", "a"), tmp_path)
    monkeypatch.setattr(kept, "read_source", no_reading)
    resolved = section("t.csv", "a", csv={"delimiter": delimiter}, format="csv", task="regression")
    assert outcome(resolved, tmp_path)[1] == given[1]


def test_files_with_delimiters_of_their_own(
    folder: Path, tmp_path: Path, section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t.csv").write_text(TEXT)
    (tmp_path / "u.csv").write_text(TEXT.replace(",", ";"))
    for changes in ({}, {"csv": {"delimiter": ","}}):
        asked = section(["t.csv", "u.csv"], **changes)
        expected = without(asked, tmp_path, monkeypatch)
        assert outcome(asked, tmp_path) == expected
    assert 'no column "y"' in expected[0] or "cells" in expected[0]
