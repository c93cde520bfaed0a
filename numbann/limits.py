"""The limits of this process's control group: what a container, a service or a job of a cluster may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

MINE, GROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


def limits(name: str) -> Iterator[list[str]]:
    """The words of a file, such as "cpu.max", in the process's control group and in every group above it."""
    lines = _words(MINE, "\n")
    group = GROUPS / next((line[len("0::/") :] for line in lines if line.startswith("0::/")), "")
    for folder in (group, *group.parents):
        if words := _words(folder / name):
            yield words
        if folder == GROUPS:
            return


def _words(path: Path, separator: str | None = None) -> list[str]:
    """The parts of a file's text; none if it cannot be read."""
    try:
        return path.read_text().split(separator)
    except OSError:
        return []
