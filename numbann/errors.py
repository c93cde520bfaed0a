"""The errors of numbann: each message says where, what was given, what is allowed, and what to do."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType


class NumbannError(Exception):
    """The base class of all errors meant for users.  exit_code: what the command line returns for it."""

    exit_code = 2


@dataclass(frozen=True)
class SpecFault:
    """One fault of a spec: the JSON path of the key, what is wrong, and line and file if they are known."""

    path: str
    message: str
    line: int | None = None
    source: str = ""


class SpecError(NumbannError, ValueError):
    """A spec cannot be used.  faults: all of its faults; source: the file's name, empty for a dict."""

    def __init__(self, faults: Iterable[SpecFault], source: str = "") -> None:
        self.faults = tuple(faults)
        self.source = source
        super().__init__("\n".join(self._line(fault) for fault in self.faults))

    def __reduce__(self) -> tuple[type[SpecError], tuple[tuple[SpecFault, ...], str]]:
        return type(self), (self.faults, self.source)

    def _line(self, fault: SpecFault) -> str:
        file = fault.source or self.source
        place = file if fault.line is None else f"{file}:{fault.line}"
        return "  ".join(part for part in (place if file else "", _joined(fault)) if part)


def _joined(fault: SpecFault) -> str:
    return f"{fault.path}: {fault.message}" if fault.path else fault.message


class DataError(NumbannError, ValueError):
    """Data cannot be used.  key: the spec's key at fault, such as "data.target", if there is one."""

    def __init__(self, message: str, *, key: str | None = None) -> None:
        super().__init__(message)
        self.key = key


class RegistryError(NumbannError):
    """A component cannot be registered, or is not known."""


class ClashError(RegistryError):
    """Two components of a kind have the same name."""


class PluginError(NumbannError):
    """A plugin, or one of its components, breaks the rules of components."""


class PluginWarning(UserWarning):
    """A plugin failed to load and is skipped, because it is not needed."""


class ClusterWarning(UserWarning):
    """A cluster can do no jobs yet."""


class CacheWarning(UserWarning):
    """The folder of compiled code is not used: it cannot be made, or others than its owner could change it."""


class _Filled(NumbannError):
    """An error of compiled code, which raises a text with places, and values: to format them takes long to compile."""

    def __init__(self, message: str, *came: object) -> None:
        super().__init__(message.format(*came) if came else message)


class ShapeError(_Filled, ValueError):
    """Shapes of arrays do not match; the message names both.  came: fills the places of the message."""


class KernelTypeError(NumbannError, TypeError):
    """An argument of a kernel is of another kind than the kernel takes, such as an array of integers."""


class KernelValueError(_Filled, ValueError):
    """An argument of a kernel has a value that the kernel does not take.  came: fills the places of the message."""


class DeviceError(NumbannError):
    """A device is not available, or lacks a feature that is needed."""


class RunDirectoryError(NumbannError):
    """A run directory or model file is missing, damaged or in the way."""


class TakenError(RunDirectoryError):
    """A run directory is there already."""


class ExportError(NumbannError):
    """A model cannot be written in a format, or what was written does not predict as the model does."""


class ClusterError(NumbannError):
    """A cluster cannot be used: it is not there, or has not what the jobs need.  None of its jobs is done."""


class LostClusterError(ClusterError):
    """A cluster was lost while its jobs ran."""

    exit_code = 1


class TrainingError(NumbannError):
    """A run failed while training, for instance because the loss is no longer finite."""

    exit_code = 1


OWN_PACKAGES = ("numbann", "numbann_cli")


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the line that called numbann, in whatever depth the cause was found."""
    import sys
    import warnings

    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in OWN_PACKAGES:
        frame = frame.f_back
    told = frame.f_globals.setdefault("__warningregistry__", {})
    warnings.warn_explicit(message, category, frame.f_code.co_filename, frame.f_lineno, registry=told)


# What code raises on values from a file that may be anything, when it takes them for what they should be.
UNUSABLE = (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError, RecursionError)


def describe_damage(error: BaseException) -> str:
    """Say plainly what one of them means for a file of JSON."""
    if isinstance(error, json.JSONDecodeError | UnicodeError):
        return f"it is no JSON: {error}"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return "it is JSON, but it lacks what numbann writes there"


def path_from(given: object, what: str) -> Path:
    """Return a path as one; RunDirectoryError for what is none.  what: what it should name."""
    if not isinstance(given, str | os.PathLike):
        raise RunDirectoryError(f"{type(given).__name__} is no path; give that of {what}")
    return Path(given)


# ---- wording of messages: what was given, what is allowed, what was probably meant


def shown(value: object, limit: int = 60) -> str:
    """Return a value as JSON on one line, shortened."""
    text = json.dumps(value, default=repr, ensure_ascii=False)
    return text if len(text) <= limit else f"{text[: limit - 4]} ..."


def did_you_mean(word: str, known: Iterable[str], quoted: Callable[[str], str] = shown) -> str:
    """Return the hint `; did you mean "x"?` if one of the known words is close, else an empty text."""
    from difflib import get_close_matches  # here, since only errors need it

    names = {one.lower(): one for one in known}
    meant = SYNONYMS.get(word.lower())
    near = [meant] if meant in names else get_close_matches(word.lower(), list(names), n=1)
    return f"; did you mean {quoted(names[near[0]])}?" if near else ""


def not_allowed(value: object, allowed: str, hint: str = "") -> str:
    """Return the message for a value of the wrong type or out of its range.  hint: as `did_you_mean` gives it."""
    return f"{shown(value)} is not allowed{hint or ';'} give {allowed}"


def missing(allowed: str) -> str:
    """Return the message for a required key that is missing."""
    return f"missing; give {allowed}"


SYNONYMS = {  # of keys and names, in other libraries and in short
    "lr": "learning_rate",
    "learning_rate_init": "learning_rate",
    "wd": "weight_decay",
    "l2": "weight_decay",
    "bs": "batch_size",
    "max_iter": "epochs",
    "random_state": "seed",
    "hidden_layer_sizes": "layers",
    "hidden": "layers",
    "neurons": "units",
    "nodes": "units",
    "size": "units",
    "out_features": "units",
    "act": "activation",
    "none": "identity",
    "linear": "identity",
    "batch_norm": "norm",
    "kernel_initializer": "init",
    "bias_initializer": "bias_init",
    "gamma": "factor",
    "step_size": "every",
    "name": "type",
    "label": "target",
    "sep": "delimiter",
    "na_values": "na",
    "val": "validation",
    "validation_split": "validation",
    "validation_fraction": "validation",
    "test_size": "test",
    "normalize": "scale",
    "file": "path",
    "gpu": "device",
    "float": "float32",
    "double": "float64",
    "zscore": "standard",
    "binary": "classification",
    "acc": "accuracy",
    "auc": "roc_auc",
    "f1_score": "f1",
    "mseloss": "mse",
    "cross_entropy": "softmax_cross_entropy",
    "crossentropyloss": "softmax_cross_entropy",
    "categorical_crossentropy": "softmax_cross_entropy",
    "sparse_categorical_crossentropy": "softmax_cross_entropy",
    "nll": "softmax_cross_entropy",
    "log_loss": "softmax_cross_entropy",
    "bce": "sigmoid_cross_entropy",
    "bceloss": "sigmoid_cross_entropy",
    "bcewithlogitsloss": "sigmoid_cross_entropy",
    "binary_crossentropy": "sigmoid_cross_entropy",
    "cosineannealinglr": "cosine",
    "cosine_annealing": "cosine",
    "reducelronplateau": "plateau",
    "reduce_on_plateau": "plateau",
}


def unknown_key(key: str, known: Iterable[str], elsewhere: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return the message for a key that does not exist.  elsewhere: the path of each key that another place has."""
    names, meant = list(known), SYNONYMS.get(key.lower(), key)
    longer = next((name for name in names if name.startswith(f"{key}_")), "")
    if meant in elsewhere and meant not in names and not longer:
        hint = f"; did you mean {elsewhere[meant]}?"
    else:
        hint = did_you_mean(longer or key, names)
    return f"unknown key{hint} (known here: {', '.join(names) or 'none'})"
