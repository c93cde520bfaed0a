"""A spec that was prepared here, on its way to another process, perhaps on another machine: it is prepared alike there.

Data are named by path and hash: a process reads the file that it finds there, if that is the same, or else takes the
copy that was sent.  Plugins' files are sent as they are: whoever named them here has said that their code may run.
"""

from __future__ import annotations

import hashlib
import os
import socket
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from numbann.caches import read, write
from numbann.components.component import Component
from numbann.errors import ClusterError, NumbannError
from numbann.model.provenance import fingerprint
from numbann.records import dataclass
from numbann.runner import Lacking
from numbann.runner.versions import check_versions, versions
from numbann.simd.cache import cache_folder
from numbann.spec.loading import Loaded
from numbann.training.preparation import load

Components = Iterable[Component]


@dataclass(frozen=True)
class Sent:
    """A spec, and what it is prepared from.

    given: the rows, where they were given in Python.  files: of the data, path -> SHA-256.  plugins: path -> the file's
    bytes.  components: kind, name and hash of each.  copies: of the files, path -> bytes, where they travel.
    """

    spec: Mapping[str, Any]
    given: Any = field(repr=False)
    files: Mapping[str, str]
    plugins: Mapping[str, bytes] = field(repr=False)
    components: tuple[tuple[str, str, str], ...] = field(repr=False)
    versions: Mapping[str, str]
    copies: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, spec: Mapping[str, Any], given: Any, files: Iterable[tuple[str, str]], components: Components) -> Sent:
        """Pack a spec whose paths are absolute; its data files stay behind.

        components: those that must have the same code there.
        """
        plugins = {path: Path(path).read_bytes() for path in spec.get("plugins", [])}
        return cls(spec, given, dict(files), plugins, tuple(map(_told, components)), versions())

    def with_copies(self) -> Sent:
        """Return the same with its data files."""
        copies = {path: Path(path).read_bytes() for path in self.files}
        for path, content in copies.items():
            if hashlib.sha256(content).hexdigest() != self.files[path]:
                raise ClusterError(f"{path}: has changed since it was read; leave it alone, or work on a copy")
        return replace(self, copies=copies)

    @cached_property
    def name(self) -> str:
        """The hash of what is prepared, by which a process knows what it has prepared already."""
        what = self.spec, self.files, self.plugins, self.components, self.versions
        return hashlib.sha256(repr(what).encode()).hexdigest()

    def load(self) -> Loaded:
        """Load the spec where this process is; Lacking if a file is not there."""
        check_versions(versions(), self.versions, place())
        moved = {path: self._place_plugin(path) for path in self.plugins}
        spec = {**self.spec, "data": {**self.spec["data"], "path": self._place_files(self.spec["data"].get("path"))}}
        if moved:
            spec["plugins"] = [moved[path] for path in spec["plugins"]]
        return load(spec, data=self.given)

    def check(self, components: Components) -> None:
        """Refuse components that have other code in this process."""
        own = {one[:2]: one for one in map(_told, components)}
        for one in self.components:
            if own.get(one[:2]) != one:
                what = f'{one[0]} "{one[1]}" has other code than where the jobs come from'
                raise ClusterError(f"{place()}: {what}; install the same plugins on every machine")

    def _place_plugin(self, path: str) -> str:
        """Return where a plugin's file lies, by its bytes: at its own path, or in a private folder."""
        content = self.plugins[path]
        if read(Path(path)) == content:
            return path
        folder = cache_folder() / f"plugin-{hashlib.sha256(content).hexdigest()[:32]}"
        with suppress(OSError):
            folder.mkdir(0o700, exist_ok=True)
        copy = folder / Path(path).name  # a name that lasts, so that compiled kernels are found again
        if read(copy) != content:
            write(copy, content)
        if read(copy) != content:  # there is no room
            copy = Path(_temporary(), Path(path).name)
            copy.write_bytes(content)
        return str(copy)

    def _place_files(self, path: Any) -> Any:
        """Return where the data lie: at their own path, or all of them below a folder of this process."""
        away = next((one for one, sha256 in self.files.items() if not _is(one, sha256)), None)
        if self.given is not None or away is None:
            return path
        if not self.copies:
            raise Lacking(f"{place()}: {away} is not there, or is another file")
        for one, content in self.copies.items():
            copy = Path(below(_temporary(), one))
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(content)
        return below(_temporary(), path)


_FOLDERS: list[tempfile.TemporaryDirectory[str]] = []  # of this process, removed at its end


def _temporary() -> str:
    """Return the folder of this process for what was sent to it."""
    if not _FOLDERS:
        _FOLDERS.append(tempfile.TemporaryDirectory(prefix="numbann-"))
    return _FOLDERS[0].name


def below(folder: str, path: Any) -> Any:
    """Return the absolute paths of a source of data as paths below a folder."""
    if isinstance(path, Mapping):
        return {key: below(folder, inner) for key, inner in path.items()}
    if isinstance(path, list | tuple):
        return [below(folder, inner) for inner in path]
    return str(Path(folder, *Path(path).parts[1:]))


def place() -> str:
    """Name this process."""
    return f"{socket.gethostname()} (process {os.getpid()})"


@contextmanager
def naming_place() -> Iterator[None]:
    """Turn what went well elsewhere and fails here into an error that names this process."""
    try:
        yield
    except ClusterError:
        raise
    except NumbannError as error:
        raise ClusterError("\n".join(f"{place()}: {line}" for line in str(error).splitlines())) from None


def _told(component: Component) -> tuple[str, str, str]:
    """Return what tells a component from others."""
    return component.kind, component.name, fingerprint(component)


def _is(path: str, sha256: str) -> bool:
    """Tell whether a file is there, with these bytes."""
    try:
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == sha256
    except OSError:
        return False
