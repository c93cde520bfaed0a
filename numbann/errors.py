"""The one family of errors: each names where, what was given, what is allowed and what to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass


class NumbannError(Exception):
    """The root of all errors meant for a person; `exit_code` is what the command line returns for it."""

    exit_code = 2


@dataclass(frozen=True)
class Fault:
    """One fault of a spec: the JSON path of the key, what is wrong, and its line if that is known."""

    path: str
    message: str
    line: int | None = None


class SpecError(NumbannError):
    """A spec that cannot be used.  It carries all of its faults; `source` is the file's name, empty for a dict."""

    def __init__(self, faults: Iterable[Fault], source: str = "") -> None:
        self.faults = tuple(faults)
        self.source = source
        super().__init__("\n".join(self._line(fault) for fault in self.faults))

    def _line(self, fault: Fault) -> str:
        place = self.source if fault.line is None else f"{self.source}:{fault.line}"
        return "  ".join(part for part in (place if self.source else "", _joined(fault)) if part)


def _joined(fault: Fault) -> str:
    return f"{fault.path}: {fault.message}" if fault.path else fault.message


class DataError(NumbannError):
    """Data that cannot be used.  `key` is the spec's key at fault, such as "data.target", where a key is to blame."""

    def __init__(self, message: str, *, key: str | None = None) -> None:
        super().__init__(message)
        self.key = key


class RegistryError(NumbannError):
    """A component that cannot be registered or is not known."""


class ClashError(RegistryError):
    """A name that two components of a kind bear."""

    def __init__(self, message: str, kind: str, name: str) -> None:
        super().__init__(message)
        self.kind, self.name = kind, name


class PluginError(NumbannError):
    """A plugin, or a component of one, that breaks the rules of components."""


class PluginWarning(UserWarning):
    """A plugin that is left out, because it failed and is not needed."""


class ShapeError(NumbannError, ValueError):
    """Arrays whose shapes do not fit; the message names both shapes."""


class DeviceError(NumbannError):
    """A device that is not there, or that lacks what is needed."""


class RunDirectoryError(NumbannError):
    """A run directory or model file that is missing, damaged or in the way."""


class TrainingError(NumbannError):
    """A run that failed while training, such as a loss that is no longer finite."""

    exit_code = 1


# ---- the words of messages: what was given, what is allowed, what was probably meant


def shown(value: object, limit: int = 60) -> str:
    """A value as JSON on one line, shortened."""
    text = json.dumps(value, default=repr, ensure_ascii=False)
    return text if len(text) <= limit else f"{text[: limit - 4]} ..."


def did_you_mean(word: str, known: Iterable[str], quoted: Callable[[str], str] = shown) -> str:
    """The hint `; did you mean "x"?` where one of the known words is near, else nothing."""
    from difflib import get_close_matches  # only errors need it

    near = get_close_matches(word, list(known), n=1)
    return f"; did you mean {quoted(near[0])}?" if near else ""


def not_allowed(value: object, allowed: str) -> str:
    """The message for a value of the wrong type or out of its range."""
    return f"{shown(value)} is not allowed; give {allowed}"


def missing(allowed: str) -> str:
    """The message for a required key that is not there."""
    return f"missing; give {allowed}"


def unknown_key(key: str, known: Iterable[str]) -> str:
    """The message for a key that does not exist."""
    names = list(known)
    return f"unknown key{did_you_mean(key, names)} (known here: {', '.join(names) or 'none'})"
