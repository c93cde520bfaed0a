"""The limits of control groups, from files like those of Linux, and the processors that an engine takes by them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from networks import make_plan

from numbann import limits
from numbann.engine.cpu.engine import Engine
from numbann.engine.shared import processors

Write = Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """write("job/step/cpu.max", text): a file of control groups; this process is in "job/step"."""
    groups = tmp_path / "groups"
    monkeypatch.setattr(limits, "GROUPS", groups)
    monkeypatch.setattr(limits, "MINE", tmp_path / "mine")
    (tmp_path / "mine").write_text("1:name=systemd:/other\n0::/job/step\n")

    def written(place: str, text: str) -> None:
        (groups / place).parent.mkdir(parents=True, exist_ok=True)
        (groups / place).write_text(text)

    return written


def read(name: str) -> list[list[str]]:
    return list(limits.limits(name))


def test_the_files_of_a_group_and_of_all_above_it(write: Write) -> None:
    assert read("memory.max") == []
    write("job/step/memory.max", "max\n")
    write("job/memory.max", "1000\n")
    write("memory.max", "2000\n")
    write("other/memory.max", "1\n")
    assert read("memory.max") == [["max"], ["1000"], ["2000"]]


def test_in_a_container_the_own_group_is_the_highest(write: Write, tmp_path: Path) -> None:
    write("memory.max", "1000\n")
    for text in ("0::/\n", "0::/../../job\n", "", "5:cpu:/job\n"):
        (tmp_path / "mine").write_text(text)
        assert read("memory.max") == [["1000"]]
    (tmp_path / "mine").unlink()
    assert read("memory.max") == [["1000"]]


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity on this system")
def test_processors_by_quota_and_affinity(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processors.os, "sched_getaffinity", lambda _: set(range(8)))
    assert processors.available_cpus() == 8
    write("job/step/cpu.max", "max 100000\n")
    assert processors.available_cpus() == 8
    write("job/cpu.max", "350000 100000\n")
    assert processors.available_cpus() == 3
    write("job/step/cpu.max", "50000 100000\n")
    assert processors.available_cpus() == 1
    write("job/step/cpu.max", "not a number\n")
    assert processors.available_cpus() == 3
    monkeypatch.setattr(processors.os, "sched_getaffinity", lambda _: {5, 7})
    assert processors.available_cpus() == 2


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_a_process_that_is_held_to_one_processor() -> None:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert processors.available_cpus() == 1
    finally:
        os.sched_setaffinity(0, before)


def test_an_engine_follows_a_quota(write: Write) -> None:
    write("job/cpu.max", "100000 100000\n")
    for threads, most in (("auto", 1), (4, 4)):
        with Engine(make_plan([3, 4, 1], batch=8), threads) as engine:
            assert engine.threads == most
            assert engine._choices == [1]
