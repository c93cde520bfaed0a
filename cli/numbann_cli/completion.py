"""What a shell completes: runs, names of components, and the keys of a spec.  None of it imports numba."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from numbann.spec.model import Section

FOLDER = Path("runs")


def complete_run(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Complete a run under runs/, or any file."""
    return _items(name for name in _runs() if name.startswith(begun)) or _items([begun], type="file")


def complete_shown(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Complete what `show` takes: a component's name, or a run."""
    from numbann.components.built_in import built_in

    names = sorted({entry.component.name for entry in built_in().entries()})
    named = _items(name for name in names if name.startswith(begun))
    return [*named, *(complete_run(context, parameter, begun) if begun else _items(_runs()))]


def complete_setting(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Complete KEY=VALUE: a key of the spec, or the name of a component after a key that takes one."""
    key, equals, value = begun.partition("=")
    keys = dict(_keys())
    if not equals:
        return _items(f"{name}=" for name in keys if name.startswith(key))
    from numbann.components.built_in import built_in

    kind = keys.get(key, "")
    names = sorted(entry.component.name for entry in built_in().entries(kind)) if kind else []
    return _items(f"{key}={name}" for name in names if name.startswith(value))


def _items(values: Iterable[str], **given: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem  # here, since commands start without it

    return [CompletionItem(value, **given) for value in values]


def _runs() -> list[str]:
    return sorted(str(path.parent) for path in FOLDER.glob("*/manifest.json"))


def _keys(section: type[Section] | None = None, before: str = "") -> Iterator[tuple[str, str]]:
    """Yield the path of each key that has a value of its own, and the kind of component that it takes, if it does."""
    from numbann.spec.model import ComponentKey, Inner, Spec, keys_of

    for name, one in keys_of(section or Spec).items():
        if isinstance(one.takes, Inner) and not one.takes.many and not one.takes.named:
            yield from _keys(one.takes.section, f"{before}{name}.")
        if not isinstance(one.takes, Inner) or one.takes.many or one.takes.short:
            yield before + name, one.takes.kind if isinstance(one.takes, ComponentKey) else ""
