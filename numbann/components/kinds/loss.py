"""Losses: of one output, of several for each target, of a row, and of a whole batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from numbann.components.component import Component, Function
from numbann.components.kinds.draft import declared, surrogate_trait
from numbann.components.kinds.rules import roles_of
from numbann.components.roles import ROLES, TARGETS, UNITS
from numbann.errors import PluginError


def loss(
    function: Function | None = None,
    /,
    *,
    form: str = "elementwise",
    link: str = "identity",
    target: str | Mapping[str, str] = "real",
    outputs: int | str | None = None,
    surrogate: bool = False,
    **names: Any,
) -> Any:
    """Declare a loss: `y`, `t` of one output -> value; form="row": `y`, `dy`, `t` or `label` -> value, fills `dy`.

    form="batch": `row`, its number among the rows of a batch; `y` (B, O); `t` (B, T), `label` (B,) or columns (B,) by
    their names; `weight` (B,); `group` and `group_end` (B,), where a row's group begins and ends in the batch; and
    numbers of each row that `.each` names, (B,) -> the row's part of the loss; fills `dy`, the row's own, with the
    derivative of the sum of all rows' parts.  outputs: how many outputs such a loss takes whose target has columns,
    or the name of the parameter that says it; others take as many as there are targets or classes.

    A loss that has arguments of other names in the place of `y` takes several outputs for each target, by these names.
    `.gives` says what they mean.  target={"time": "positive", "event": "binary"}: the target has columns of unequal
    roles, which are arguments by these names in the place of `t`.  surrogate: the derivative is on purpose not that of
    the function, as with `stop_gradient`.
    """
    if outputs is not None and form != "batch":
        raise PluginError('@loss(outputs=...) is for form="batch"; other losses name their outputs as arguments')
    given = {"outputs": outputs} if outputs is not None else {}
    traits = {"link": link, "target": target, **given, **surrogate_trait(surrogate)}
    return declared("loss", form, traits, names, function)


def faults_of_loss(component: Component) -> Iterator[str]:
    """Yield what is wrong with a loss."""
    target = component.traits["target"]
    if not isinstance(target, str | Mapping):
        yield f"target={target!r}: give a name, or a dict with the name of each column"
    if component.form in ("row", "batch") and {"t", "label"} <= set(component.roles):
        yield f"a {component.form} loss asks for `t` or for `label`, not for both"
    if target == "order" and "label" not in component.roles:
        yield 'target "order" is for a row loss that asks for `label`'
    for number, one in enumerate((target,) if isinstance(target, str) else component.columns.values()):
        if one not in TARGETS:
            yield f"target {one!r} is unknown (known: {', '.join(TARGETS)})"
        if one == "above" and number == 0:
            yield 'target "above" is for a column of several that has another before it'
    yield from _faults_of_outputs(component)


def _faults_of_outputs(component: Component) -> Iterator[str]:
    """Yield what is wrong with a loss's outputs and with what they give."""
    named, units, name = component.outputs, component.units, component.name
    if component.gives is not None and not named:
        yield f"@{name}.gives is for a loss that takes its outputs by name, in the place of y"
    if component.each and component.form != "batch":
        yield f'@{name}.each is for a loss of whole batches, form="batch"'
    if component.form == "batch":
        yield from _faults_of_batch(component)
        return
    if component.form != "outputs":
        if component.columns:
            yield "a target of several columns is for a loss that takes its outputs by name, or for one of batches"
        return
    for missing in sorted(set(component.columns or ("t",)) - set(component.roles)):
        yield f"a loss of named outputs asks for {missing}, the target of them"
    if not named or "y" in named:
        yield f"a loss asks for y, or for outputs by other names (its roles: {', '.join(ROLES['loss', 'elementwise'])})"
    elif component.gives is None:
        which = f"takes {', '.join(named)} as outputs of the network and does not say what they mean"
        yield f'{which}: decorate a function with @{name}.gives(mean="target"); a loss of one output takes y instead'
    if component.traits["link"] != "identity":
        yield f"a loss of named outputs has no link; @{name}.gives says what it gives"
    if component.derivative is not None:
        yield f"a loss of named outputs has a derivative to each: @{name}.derivative({next(iter(named), '')!r})"
    for given, unit in units.items():
        if unit not in UNITS:
            yield f"gives({given}={unit!r}): a unit is one of {', '.join(UNITS)}"
        if given in (*ROLES["metric", "elementwise"], *component.columns):
            yield f"gives({given}=...): {given} is a role of metrics; choose another name"
    if component.gives is not None and next(iter(units.values()), "") != "target":
        yield 'what it gives first is the prediction, so its unit is "target"'
    if len(units) > len(named):
        yield f"gives {len(units)} numbers of {len(named)} outputs; give at most as many"


def _faults_of_batch(component: Component) -> Iterator[str]:
    """Yield what is wrong with a loss of whole batches."""
    for missing in sorted({"row", "dy"} - set(component.roles)):
        yield f"a batch loss asks for {missing!r} (its roles: {', '.join(roles_of(component))})"
    for name in component.each:
        if name in (*ROLES["loss", "batch"], *component.columns, *component.defaults()):
            yield f"each({name!r}): {name} is another argument; choose another name"
    outputs = component.traits["outputs"]
    kinds = {one.name: one.type for one in component.parameters}
    whole = kinds.get(outputs) is int if isinstance(outputs, str) else isinstance(outputs, int)
    if not whole or component.outputs_by() < 1 or (outputs != 1 and not component.columns):
        words = "a whole number, or the name of a parameter that is one"
        yield f"outputs={outputs!r}: give {words}, for a target whose columns have names"
    if component.derivative is not None:
        yield "a batch loss fills `dy` itself; it has no derivative"
