"""Kernels that ops name: found in the cache at once, or compiled when their addresses are asked for.

Many that are missing are shared out between this process and a helper, a second one: LLVM and numba hold one lock for
all threads of a process.  Each is compiled by one of the two, whichever is free, and what the helper has made is found
in the cache.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from typing import Any

from numbann.compile import named
from numbann.components.built_in import is_built_in
from numbann.components.component import Component
from numbann.engine.cpu.helper import Helper, can_help
from numbann.simd import objects
from numbann.simd.cache import cache_is_empty
from numbann.simd.objects import Place, address

MANY = 4  # kernels that are worth a helper, which needs half a second to begin
IDLE = 5.0  # seconds without work after which it ends
LONG = {"loss": 2, "optimizer": 1}  # kinds of components whose kernels take longest: nobody should wait for the last
PATIENCE = 3.0  # seconds that a kernel of another thread or of the helper is waited for; then it is compiled here too


class Wanted:
    """A kernel that the cache lacks; int(wanted) is its address."""

    def __init__(self, key: tuple[Any, ...], compile_it: Callable[[], int]) -> None:
        self.key, self.compile_it = key, compile_it
        self.address = 0  # not compiled yet

    def __int__(self) -> int:
        """The address, as soon as the kernel is compiled."""
        while not self.address:
            _work.do_one(self)
        return self.address


Kernel = int | Wanted


def want(place: Place, dtype: str = "float32") -> Kernel:
    """A kernel for a dtype."""
    return _find((*place, dtype), lambda: address(place, dtype))


def component_kernel(maker: Place, component: Component, *settings: Any) -> Kernel:
    """A component's kernel, as of `named`; that of a plugin is compiled at once, if it is missing."""
    if not is_built_in(component):
        return named.component_kernel(maker, component, *settings)
    key = named.key_of(maker, component, *settings)
    return _find(key, lambda: named.component_kernel(maker, component, *settings))


def expect_many() -> None:
    """Get a helper before there is work, if the cache has nothing at all: it begins while the data are read."""
    if cache_is_empty():
        _work.get_helper()


def _find(key: tuple[Any, ...], compile_it: Callable[[], int]) -> Kernel:
    """The kernel of a key, which is looked for in the cache once."""
    if (known := _known.get(key)) is None:
        known = objects.find(key)
        if known is None:
            known = Wanted(key, compile_it)
            _work.add(known)
        _known[key] = known
    return known if isinstance(known, int) else known.address or known


class _Work:
    """Kernels that wait to be compiled, and those begun by a thread of this process or by the helper."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[Wanted] = []
        self._begun: set[Wanted] = set()
        self._helped = False

    def add(self, one: Wanted) -> None:
        """Add a kernel, and get a helper when there are many."""
        with self._changed:
            self._waiting.append(one)
            self._changed.notify_all()
            many = len(self._waiting) >= MANY
        if many:
            self.get_helper()

    def get_helper(self) -> None:
        """Get a helper, unless there is one, the last one failed, or there can be none."""
        with self._changed:
            if self._helped or not can_help():
                return
            self._helped = True
        threading.Thread(target=self._hand_out, daemon=True, name="helper of numbann").start()

    def do_one(self, asked: Wanted) -> None:
        """Compile the kernel that is asked for; or another one, if somebody is at it; or wait for that."""
        with self._changed:
            if asked not in self._begun:
                mine = asked
            elif self._waiting:
                mine = self._waiting[-1]
            else:
                if not self._changed.wait(PATIENCE):
                    self._begun.discard(asked)
                return
            self._begin(mine)
        before = objects.MISSES
        try:
            mine.address = mine.compile_it()
            objects.MISSES += before == objects.MISSES  # the helper has compiled it
        finally:
            self._end(mine)

    def _hand_out(self) -> None:
        """Hand kernels to a helper one by one, until there are none for a while."""
        with contextlib.suppress(OSError, EOFError), Helper() as helper:
            helper.wait()
            while (one := self._next()) is not None:
                try:
                    helper.compile(one.key)
                finally:
                    self._end(one)
            self._helped = False

    def _next(self) -> Wanted | None:
        """Begin the longest kernel, or the first of several; None if there is none for a while."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiting, IDLE):
                return None
            one = max(self._waiting, key=lambda one: LONG.get(one.key[2], 0))
            self._begin(one)
            return one

    def _begin(self, one: Wanted) -> None:
        if one in self._waiting:
            self._waiting.remove(one)
        self._begun.add(one)

    def _end(self, one: Wanted) -> None:
        with self._changed:
            self._begun.discard(one)
            self._changed.notify_all()


_known: dict[tuple[Any, ...], Kernel] = {}
_work = _Work()


def _begin_after_fork() -> None:
    """Begin anew in a forked process, which has neither its parent's threads nor its helper."""
    global _work
    _work = _Work()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_after_fork)
