"""Parses strict JSON (RFC 8259) and records the line of each value.  A byte order mark before it is taken.

Refused, each with line, column and a caret under the place: duplicate keys, NaN and Infinity, numbers that overflow,
lone surrogates, and text that is too long or too deeply nested for a spec.
"""

from __future__ import annotations

import re
from bisect import bisect
from json import JSONDecodeError
from json.decoder import scanstring  # type: ignore[attr-defined]  # the standard library's own, in C
from math import isfinite
from typing import Any, NoReturn

from numbann.errors import SpecError, SpecFault, shown
from numbann.spec.trail import Trail, to_text

MAX_BYTES = 1 << 20
MAX_DEPTH = 64
MAX_DIGITS = 300  # an integer of this length still converts to a finite float

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORD = re.compile(r"-?[A-Za-z]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LITERALS = {"true": True, "false": False, "null": None}
_COMMENT, _NO_NUMBER = "a comment, which JSON does not have; leave it out", "no number of JSON; give a finite one"
_HABITS = {  # of other languages, and what JSON has instead
    "'": "a single quote; JSON has double quotes",
    "/": _COMMENT,
    "#": _COMMENT,
    "True": "True; JSON has true",
    "False": "False; JSON has false",
    "None": "None; JSON has null",
    **{word: f"{word}, {_NO_NUMBER}" for word in ("NaN", "nan", "Infinity", "-Infinity", "inf", "-inf")},
}
SHOWN = 60  # characters of a line at most, to the left of its fault


def parse(content: bytes | str, name: str = "") -> tuple[Any, dict[str, int]]:
    """Return the value of a JSON text and the line of each path; SpecError with the place if it is not strict JSON."""
    if len(content) > MAX_BYTES:
        raise SpecError([SpecFault("", f"too long for a spec; at most {MAX_BYTES} bytes are read")], name)
    text = content if isinstance(content, str) else _decode(content, name)
    parser = _Parser(text)
    try:
        return parser.document(), parser.lines
    except _NotStrict as error:
        line, column = parser.place(error.offset)
        message = f"column {column}: {error.message}\n{parser.picture(error.offset)}"
        raise SpecError([SpecFault("", message, line)], name) from None


def _decode(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        fault = SpecFault("", f"byte {error.start} is not UTF-8 ({error.reason}); save it as UTF-8", line)
        raise SpecError([fault], name) from None


class _NotStrict(Exception):
    """The text is not strict JSON.  Holds what is wrong, and the offset of the character."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message, self.offset = message, offset


class _Parser:
    """Parses one document from left to right.  at: the next character; lines: the line of each path."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.lines: dict[str, int] = {}
        self._ends = [match.start() for match in re.finditer("\n", text)]

    def place(self, offset: int) -> tuple[int, int]:
        """Return line and column of an offset, both from 1."""
        line = bisect(self._ends, offset - 1)
        return line + 1, offset - (self._ends[line - 1] if line else -1)

    def picture(self, offset: int) -> str:
        """Return the line of an offset, or what is near it, with a caret under the place."""
        _, column = self.place(offset)
        begin = offset - min(column - 1, SHOWN)
        seen = self.text[begin : offset + SHOWN].partition("\n")[0].replace("\t", " ")
        return f"    {seen}\n    {' ' * (offset - begin)}^"

    def document(self) -> Any:
        value = self._value((), 0)
        if self._next():
            self._fail(f"{shown(self._next())} after the end of the spec")
        return value

    def _value(self, trail: Trail, depth: int) -> Any:
        if depth > MAX_DEPTH:
            self._fail(f"nested deeper than {MAX_DEPTH} levels")
        character = self._next()
        self.lines.setdefault(to_text(trail), self.place(self.at)[0])
        if character == "{":
            return self._object(trail, depth)
        if character == "[":
            return self._array(trail, depth)
        return self._string() if character == '"' else self._number_or_word()

    def _object(self, trail: Trail, depth: int) -> dict[str, Any]:
        members: dict[str, Any] = {}
        self.at += 1
        if self._skip("}"):
            return members
        while True:
            key = self._new_key(trail, members)
            self._expect(":", "after a key")
            members[key] = self._value((*trail, key), depth + 1)
            if self._skip("}"):
                return members
            self._expect(",", "or } after a value")

    def _new_key(self, trail: Trail, members: dict[str, Any]) -> str:
        if self._next() != '"':
            self._refuse("a key in double quotes")
        start, key = self.at, self._string()
        path = to_text((*trail, key))
        if key in members:
            raise _NotStrict(f"key {shown(key)} is given twice, first on line {self.lines[path]}; keep one", start)
        self.lines[path] = self.place(start)[0]
        return key

    def _array(self, trail: Trail, depth: int) -> list[Any]:
        elements: list[Any] = []
        self.at += 1
        if self._skip("]"):
            return elements
        while True:
            elements.append(self._value((*trail, len(elements)), depth + 1))
            if self._skip("]"):
                return elements
            self._expect(",", "or ] after a value")

    def _string(self) -> str:
        start = self.at
        try:
            value, self.at = scanstring(self.text, start + 1, True)
        except JSONDecodeError as error:
            raise _NotStrict(f"{error.msg[0].lower()}{error.msg[1:]}", error.pos) from None
        if _SURROGATE.search(value):
            raise _NotStrict("half of a surrogate pair in a string; write both halves or the character itself", start)
        return value

    def _number_or_word(self) -> Any:
        number = _NUMBER.match(self.text, self.at)
        if number is not None:
            return self._number(number)
        word = _WORD.match(self.text, self.at)
        if word is None or word[0] not in _LITERALS:
            self._refuse("a value")
        self.at = word.end()
        return _LITERALS[word[0]]

    def _number(self, number: re.Match[str]) -> int | float:
        whole = number[1] is None and number[2] is None
        if whole and len(number[0]) > MAX_DIGITS:
            self._fail(f"an integer of {len(number[0])} digits is too large; at most {MAX_DIGITS} are read")
        value = int(number[0]) if whole else float(number[0])
        if not whole and not isfinite(value):
            self._fail(f"{number[0][:40]} is too large for a number; give a finite one")
        self.at = number.end()
        return value

    def _next(self) -> str:
        """Return the next character that is not white space, or an empty text at the end."""
        space = _SPACE.match(self.text, self.at)
        self.at = space.end() if space else self.at
        return self.text[self.at : self.at + 1]

    def _skip(self, character: str) -> bool:
        """Skip the character if it comes next, and tell whether it did."""
        took = self._next() == character
        self.at += took
        return took

    def _expect(self, character: str, where: str) -> None:
        if not self._skip(character):
            self._refuse(f"{character} {where}")

    def _refuse(self, expected: str) -> NoReturn:
        """Say what is expected and what is there instead; a habit of other languages by its name."""
        character, word = self._next(), _WORD.match(self.text, self.at)
        found = word[0] if word else character
        before = self.text[: self.at].rstrip()
        if character in ("}", "]") and before.endswith(","):
            raise _NotStrict(f"a comma with nothing between it and {character}; leave it out", len(before) - 1)
        if found in _HABITS:
            self._fail(f"found {_HABITS[found]}")
        self._fail(f"expected {expected}, found {shown(found) if found else 'the end of the spec'}")

    def _fail(self, message: str) -> NoReturn:
        raise _NotStrict(message, self.at)
