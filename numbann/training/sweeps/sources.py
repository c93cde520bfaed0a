"""The data of a sweep: they are read and prepared once a process, as long as no trial treats them otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from threading import RLock
from typing import Any

from numbann.spec.loading import Loaded
from numbann.spec.model import to_json
from numbann.training.kept import Kept
from numbann.training.preparation import read

MOST = 2  # sources of trials that differ in keys of `data`


class Sources:
    """What was read for the trials of a sweep.  given: the rows, where they were given in Python."""

    def __init__(self, given: Any) -> None:
        self._given = given
        self._found: dict[str, Kept] = {}
        self._lock = RLock()

    def read(self, loaded: Loaded) -> Kept:
        """Return the data of a spec, without the test part if there are folds; read once."""
        spec, folded = loaded.spec, loaded.spec.ensemble is not None
        key = json.dumps([to_json(spec.data), spec.seed, folded], sort_keys=True)
        with self._lock:
            if key not in self._found:
                source = read(loaded, self._given)
                source = replace(source, parts=_without_test(source.parts)) if folded else source
                if len(self._found) == MOST:
                    del self._found[next(iter(self._found))]
                self._found[key] = Kept.of(source)
            return self._found[key]


def _without_test(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in parts.items() if name != "test"}
