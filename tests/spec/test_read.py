"""Strict JSON: what is refused and where, which lines are remembered, and the JSONTestSuite if it is at hand."""

from __future__ import annotations

import json
import os
import tarfile
from math import isfinite
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from numbann.errors import SpecError
from numbann.spec.read import MAX_BYTES, MAX_DEPTH, parse

REFUSED = [
    # text, line, words of the message
    ("", 1, "expected a value, found the end of the spec"),
    ("{", 1, "expected a key in double quotes"),
    ('{"a": 1,}', 1, "column 8: a comma with nothing between it and }; leave it out"),
    ('{"a": 1\n,\n}', 2, "column 1: a comma with nothing between it and }"),
    ('{"a": 1 "b": 2}', 1, "expected , or }"),
    ("[1 2]", 1, "expected , or ]"),
    ("[1,]", 1, "a comma with nothing between it and ]; leave it out"),
    ("[,]", 1, "expected a value"),
    ("{'a': 1}", 1, "a single quote; JSON has double quotes"),
    ("[{a: 1}]", 1, 'expected a key in double quotes, found "a"'),
    ('{"a"\n: 1,\n "a": 2}', 3, "is given twice, first on line 1"),
    ('{"b": {"a": 1,\n "a": 2}}', 2, "is given twice"),
    ("[NaN]", 1, "found NaN, no number of JSON; give a finite one"),
    ("[Infinity]", 1, "found Infinity, no number of JSON"),
    ("[-Infinity]", 1, "found -Infinity, no number of JSON"),
    ("[\n1e999]", 2, "1e999 is too large"),
    ("[" + "9" * 5000 + "]", 1, "5000 digits"),
    ("[01]", 1, "expected , or ]"),
    ("[1.]", 1, "expected , or ]"),
    ("[.5]", 1, "expected a value"),
    ("[+1]", 1, "expected a value"),
    ("[1] [2]", 1, "after the end"),
    ('["\\ud800"]', 1, "half of a surrogate pair"),
    ('["a\nb"]', 1, "invalid control character"),
    ('["abc', 1, "unterminated string"),
    ('["\\x"]', 1, "invalid \\escape"),
    ("[// a comment\n1]", 1, "found a comment, which JSON does not have; leave it out"),
    ("[1 # a comment\n]", 1, "found a comment"),
    ("[True]", 1, "found True; JSON has true"),
    ("[yes]", 1, 'expected a value, found "yes"'),
    ("[" * (MAX_DEPTH + 2), 1, "nested deeper"),
    ("[" * 100_000, 1, "nested deeper"),
    (b'\n["\xff"]', 2, "is not UTF-8"),
    ("{}".encode("utf-16"), 1, "is not UTF-8"),
    (b" " * (MAX_BYTES + 1), None, "too long"),
]


@pytest.mark.parametrize(("text", "line", "words"), REFUSED)
def test_refuses(text, line, words):
    with pytest.raises(SpecError) as caught:
        parse(text, "spec.json")
    (fault,) = caught.value.faults
    assert words in fault.message
    assert fault.line == line


def test_shows_the_place():
    with pytest.raises(SpecError) as caught:
        parse('{"a":\n\t  ?}\n', "spec.json")
    assert str(caught.value) == 'spec.json:2  column 4: expected a value, found "?"\n       ?}\n       ^'
    with pytest.raises(SpecError) as caught:
        parse(f'{{"a": "{"b" * 500}" 1, "c": "{"d" * 500}"}}')
    _, text, caret = str(caught.value).splitlines()
    assert text[caret.index("^")] == "1"
    assert len(text) < 130


def test_takes_a_byte_order_mark():
    assert parse(b"\xef\xbb\xbf{}")[0] == {}


def test_remembers_lines():
    value, lines = parse('{\n"data": {"path":\n "a"},\n"layers": [\n1,\n{"units": 2}]}')
    assert value == {"data": {"path": "a"}, "layers": [1, {"units": 2}]}
    assert lines == {
        "": 1,
        "data": 2,
        "data.path": 2,
        "layers": 4,
        "layers[0]": 5,
        "layers[1]": 6,
        "layers[1].units": 6,
    }


def test_lines_end_with_crlf():
    assert parse('{\r\n"a": 1,\r\n"b": 2}')[1] == {"": 1, "a": 2, "b": 3}


texts = st.text(st.characters(exclude_categories=["Cs"]))
finite = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | finite | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(json_values, st.sampled_from([None, 2]), st.booleans())
def test_reads_what_json_writes(value, indent, ascii_only):
    assert parse(json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode())[0] == value


@given(st.text(alphabet='{}[]",:\\ \n019eE+-.tfnualsr', max_size=30))
def test_agrees_with_json_on_what_is_json(text):
    try:
        expected = json.loads(text, object_pairs_hook=without_duplicates, parse_float=finite_float)
    except ValueError:
        with pytest.raises(SpecError):
            parse(text)
    else:
        assert parse(text)[0] == expected


def without_duplicates(pairs):
    if len(dict(pairs)) < len(pairs):
        raise ValueError
    return dict(pairs)


def finite_float(digits):
    if not isfinite(float(digits)):
        raise ValueError
    return float(digits)


def oracle_cases():
    """The files of the JSONTestSuite, from the folder that NUMBANN_ORACLES names."""
    archive = Path(os.environ.get("NUMBANN_ORACLES", "nowhere")) / "JSONTestSuite.tar.gz"
    if not archive.is_file():
        return []
    with tarfile.open(archive) as files:
        members = [member for member in files.getmembers() if member.isfile() and member.name.endswith(".json")]
        return [(Path(member.name).name, files.extractfile(member).read()) for member in members]


@pytest.mark.skipif(not oracle_cases(), reason="set NUMBANN_ORACLES to a folder with JSONTestSuite.tar.gz")
def test_json_test_suite():
    wrong = []
    for name, content in oracle_cases():
        try:
            parse(content)
            accepted = True
        except SpecError:
            accepted = False
        wrong += [name] if name[:2] == ("n_" if accepted else "y_") else []
    assert sorted(wrong) == ["y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"]
