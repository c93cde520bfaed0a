"""Declares components: the decorators, and `freeze`, which turns a decorated function into a Component."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from math import inf
from typing import Any

from numbann.components.bounds import bounds_among
from numbann.components.component import (
    KINDS,
    MAIN,
    ROLES,
    SETTINGS,
    STATEFUL,
    TAKEN,
    TARGETS,
    UNITS,
    Component,
    Function,
    LearnableMark,
    NonNegative,
    Numbers,
    Parameter,
    arguments_of,
    place_of,
)
from numbann.components.matrices import SIZES
from numbann.components.names import role_like
from numbann.errors import PluginError
from numbann.records import dataclass

OUTPUTS, RATE = "outputs", "rate"  # parameters of every embedding: how many numbers, and what multiplies their rate
TRAINED = ("activation", "embedding", "term")  # kinds with trained parameters
OTHER = "a term takes x, trained parameters, and the embedding's parameters by their names"

# ---- decorators: each returns the author's function, with `.derivative`, `.backward`, `.gives`, `.each`, `.term` added


def activation(
    function: Function | None = None,
    /,
    *,
    form: str = "elementwise",
    init: str = "xavier_normal",
    width: float | str = 1,
    probabilities: bool = False,
    surrogate: bool = False,
    **names: Any,
) -> Any:
    """Declare an activation: `z` (and `u`, uniform noise while training) -> a; form="row": `z`, fills `a`.

    width: the length of a row's `a` over that of `z`, such as 0.5 or 2; or the name of the whole-number parameter that
    divides it.  probabilities: whether each a is the chance of its own label, or those of a row the chances of its
    classes.  surrogate: the derivative is on purpose not that of the function, as in straight-through estimators.
    """
    traits = {"init": init, "probabilities": probabilities, **({} if width == 1 else {"width": width})}
    return _declared("activation", form, {**traits, **_surrogate(surrogate)}, names, function)


def embedding(
    function: Function | None = None,
    /,
    *,
    terms: str = "",
    passes: bool = False,
    init: str = "linear_uniform",
    **names: Any,
) -> Any:
    """Declare an embedding of a number: `x`, `z` -> one of `outputs` numbers, each with trained parameters of its own.

    `.term` declares a function of x, of which there are several terms, each with trained parameters of its own; z is
    their sum, each times a trained weight of the output.  terms: the whole-number parameter that counts them.  init:
    the initializer of these weights, as of a layer from terms to outputs.  passes: whether x is the last output.
    """
    return _declared("embedding", "elementwise", {"terms": terms, "passes": passes, "init": init}, names, function)


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
    traits = {"link": link, "target": target, **given, **_surrogate(surrogate)}
    return _declared("loss", form, traits, names, function)


def optimizer(
    function: Function | None = None,
    /,
    *,
    form: str = "elementwise",
    optional: Mapping[str, str] | None = None,
    shapes: Mapping[str, str] | None = None,
    predicts: str = "",
    **names: Any,
) -> Any:
    """Declare an optimizer: roles w g step learning_rate weight_decay batch_size, and states -> w, or (w, *states).

    optional: maps a state to the parameter without which the state is not stored.  predicts: a state that starts as w
    and predicts in its place: validation and the saved model use it, w only trains.  form="matrix": plain NumPy that
    changes w and states in place; called in each step for each matrix (I, O), and for biases as (1, O).  shapes: maps a
    state to its shape, if that is not w's: "II", "O1", "1".  What the function yields is summed over all matrices.
    form="solver": w (one float64 vector), evaluate, memory, step, learning_rate: see mathematics/optimizers/solvers.py.
    """
    given = {"shapes": shapes, "predicts": predicts}
    traits = {"optional": optional or {}, **{name: trait for name, trait in given.items() if trait}}
    return _declared("optimizer", form, traits, names, function)


def schedule(function: Function | None = None, /, **names: Any) -> Any:
    """Declare a schedule: roles step steps epoch epochs monitor -> factor of the rate, or (factor, *states)."""
    return _declared("schedule", "elementwise", {}, names, function)


def initializer(function: Function | None = None, /, **names: Any) -> Any:
    """Declare an initializer: `shape` = (I, O) and `random`, a NumPy Generator -> array.

    It may ask for `layer`, from 1 to `layers`, and for `x` (B, I), a sample of the layer's inputs; one of biases for
    `z` = x w (B, O).
    """
    return _declared("initializer", "elementwise", {}, names, function)


def metric(
    function: Function | None = None, /, *, better: str = "higher", multilabel: bool = False, **names: Any
) -> Any:
    """Declare a metric: `t`, `weight` and `label`, `probability` or `value` -> number; better: "higher" or "lower".

    Any other argument without a default is what a loss gives under that name, such as `mean` and `variance`.

    multilabel: it also takes T yes/no labels: `t` and `label` (N, T), 1 for yes, and `probability` (N, T) of yes.
    """
    return _declared("metric", "elementwise", {"better": better, "multilabel": multilabel}, names, function)


def _surrogate(given: bool) -> dict[str, bool]:
    """The trait of a derivative that is not the function's; others lack it."""
    return {"surrogate": True} if given else {}


@dataclass
class Draft:
    """A component under construction by the decorators, still without its arguments.

    drafts: those of its terms.  frozen: it is registered.
    """

    component: Component
    drafts: list[Draft] = field(default_factory=list)
    frozen: bool = False

    @property
    def kind(self) -> str:
        """The component's kind."""
        return self.component.kind

    def add(self, part: Function, **fields: Any) -> Function:
        """Add a part to the component by setting some of its fields, and return the part."""
        if self.frozen:
            raise PluginError(f"{place_of(part)}: the {self.kind} is registered already and can no longer be changed")
        self.component = replace(self.component, **fields)
        return part

    def derivative(self, target: str | Function = "") -> Function:
        """Serve `@f.derivative`, `@f.derivative()` and `@f.derivative("alpha")`."""
        if not target:
            return self.derivative
        if callable(target):
            return self.add(target, derivative=target)
        return lambda slope: self.add(slope, slopes={**self.component.slopes, target: slope})

    def backward(self, part: Function) -> Function:
        """Serve `@f.backward`."""
        return self.add(part, backward=part)

    def gives(self, *alone: Function, **units: str) -> Callable[[Function], Function]:
        """Serve `@f.gives(mean="target", variance="square")`."""
        for part in alone:
            raise PluginError(
                f'{place_of(part)}: name what it gives, as in @{self.component.name}.gives(mean="target")'
            )
        return lambda part: self.add(part, gives=part, traits={**self.component.traits, "units": units})

    def each(self, name: str) -> Callable[[Function], Function]:
        """Serve `@f.each("risk")`."""
        return lambda part: self.add(part, each={**self.component.each, name: part})

    def term(self, part: Function) -> Function:
        """Serve `@f.term`; the term takes `@term.derivative("frequency")`."""
        draft = Draft(Component("term", part.__name__, part))
        part.derivative = draft.derivative  # type: ignore[attr-defined]
        self.drafts.append(draft)
        return self.add(part)


def _declared(
    kind: str, form: str, traits: dict[str, Any], names: Mapping[str, Any], function: Function | None
) -> Callable[..., Any]:
    """Attach a draft of its component to the author's function; without a function, return the decorator."""
    if function is None:
        return functools.partial(_declared, kind, form, traits, names)
    unknown = set(names) - {"name", "aliases"}
    if unknown:
        raise PluginError(
            f"{place_of(function)}: @{kind} has no trait {sorted(unknown)[0]!r} "
            f"(its traits: {', '.join(['name', 'aliases', *traits])})"
        )
    if isinstance(names.get("aliases"), str):
        raise PluginError(f"{place_of(function)}: aliases={names['aliases']!r}: give a list, ({names['aliases']!r},)")
    for trait in ("optional", "shapes"):
        if not isinstance(traits.get(trait) or {}, Mapping):
            raise PluginError(f"{place_of(function)}: {trait}={traits[trait]!r}: give a dict, with a state as each key")
    name, aliases = names.get("name") or function.__name__, tuple(names.get("aliases", ()))
    draft = Draft(Component(kind, name, function, form, aliases, traits=traits))
    function.__numbann__ = draft  # type: ignore[attr-defined]
    for part in ("derivative", "backward", "gives", "each", "term"):
        setattr(function, part, getattr(draft, part))
    return function


# ---- from a decorated function to a Component


def freeze(function: Any) -> Component:
    """Return the component that a decorated function declares; PluginError with the line if it breaks the rules."""
    if isinstance(function, Component):
        return function
    draft = getattr(function, "__numbann__", None)
    if draft is None:
        raise PluginError(f"{place_of(function)}: not a component; decorate it with @{' or @'.join(KINDS)}")
    draft.frozen = True
    component = _with_arguments(draft.component)
    if component.kind == "embedding":
        component = _with_terms(component, [_with_arguments(one.component) for one in draft.drafts])
    elif draft.drafts:
        raise PluginError(f"{place_of(function)}: @{component.name}.term is for an embedding")
    for one in (*component.terms, component):
        for fault in _faults(one):
            raise PluginError(f"{place_of(one.function)}: {fault}")
    for part, fault in _faults_of_parts(component):
        raise PluginError(f"{place_of(part)}: {fault}")
    return component


def _with_arguments(component: Component) -> Component:
    """Return the component with its function's arguments sorted into roles, parameters, states and outputs."""
    try:
        arguments = inspect.signature(component.function, eval_str=True).parameters.values()
    except (NameError, SyntaxError, TypeError, ValueError) as error:
        raise PluginError(f"{place_of(component.function)}: an annotation or the signature fails: {error}") from None
    for one in arguments:
        if one.kind not in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY):
            raise PluginError(f"{place_of(component.function)}: {one} is passed by its name; leave out *, ** and /")
    if component.kind == "loss" and component.form == "elementwise" and not any(one.name == "y" for one in arguments):
        component = replace(component, form="outputs")
    if (component.kind, component.form) not in ROLES:
        forms = ", ".join(form for kind, form in ROLES if kind == component.kind)
        place = place_of(component.function)
        raise PluginError(f"{place}: {component.kind} has no form {component.form!r} (its forms: {forms})")
    known = _roles_of(component)
    others = tuple(each.name for each in arguments if each.default is each.empty and each.name not in known)
    named = component.form == "outputs" or component.kind == "metric"
    own = component.traits.get("outputs", 1) if component.form == "batch" else 1
    counted = {"outputs": len(others) if named else own} if component.kind == "loss" else {}
    return replace(
        component,
        roles=tuple(each.name for each in arguments if each.name in known),
        parameters=tuple(_parameter(each) for each in arguments if each.default is not each.empty),
        states=() if named else others,
        outputs=others if named else (),
        traits={**component.traits, **counted},
    )


def _with_terms(component: Component, terms: Sequence[Component]) -> Component:
    """Return an embedding with its terms, their trained parameters, and a rate if it does not say one."""
    own = {one.name: one for one in component.parameters}
    terms = [replace(one, parameters=_of_term(one, own), states=()) for one in terms]
    trained = {each.name: each for one in terms for each in one.parameters if each.learnable}
    for one in terms:
        for each in one.parameters:
            if each.name in trained and (each != trained[each.name] or each.name in own):
                where = f"{place_of(one.function)}: {each.name!r}"
                raise PluginError(f"{where} is another parameter elsewhere in {component.name}; rename one of them")
    rate = [] if RATE in own else [Parameter(RATE, 1.0, NonNegative)]
    return replace(component, terms=tuple(terms), parameters=(*component.parameters, *trained.values(), *rate))


def _of_term(term: Component, known: Mapping[str, Parameter]) -> tuple[Parameter, ...]:
    """Return the parameters of a term: its own, which are trained, and those of the embedding that it takes by name."""
    for name in (one.name for one in term.parameters if not one.learnable):
        raise PluginError(
            f"{place_of(term.function)}: {name!r} of a term is trained: annotate it as Learnable; {OTHER}"
        )
    for name in term.states:
        if name not in known or known[name].learnable:
            raise PluginError(f"{place_of(term.function)}: argument {name!r} is neither x nor a parameter; {OTHER}")
    return (*term.parameters, *(known[name] for name in term.states))


def _roles_of(component: Component) -> tuple[str, ...]:
    """Return the roles of a component; columns of a target that have names take the place of `t`."""
    known, columns = ROLES[component.kind, component.form], tuple(component.columns)
    if component.form == "batch":
        known = (*(role for role in known if not columns or role not in ("t", "label")), *columns, *component.each)
        return known
    return columns or known


def _parameter(argument: inspect.Parameter) -> Parameter:
    annotation = argument.annotation if argument.annotation is not argument.empty else type(argument.default)
    return Parameter(argument.name, argument.default, annotation)


def _faults(component: Component) -> Iterator[str]:
    """Yield what in a component breaks the rules, or contradicts the rest."""
    kind, row, optional = component.kind, component.form == "row", component.traits.get("optional", {})
    known, defaults = _roles_of(component), component.defaults()
    main, target = MAIN.get(kind), component.traits.get("target")
    if kind == "loss" and not isinstance(target, str | Mapping):
        yield f"target={target!r}: give a name, or a dict with the name of each column"
    for role in component.roles:
        if role in defaults and role not in SETTINGS:
            yield f"{role!r} is a role that core fills; it cannot have a default"
    taken = {*TAKEN.get(kind, ()), "type"} - set(known)  # "type" names the component in a spec
    for name in sorted(taken & {*defaults, *component.states, *component.outputs}):
        yield f"{name!r} has another meaning in {kind} components; choose another name"
    yield from _misspelt(component, known)
    for parameter in component.parameters:
        if parameter.type not in (float, int, bool, *([Numbers] if kind == "schedule" else [])):
            yield f"parameter {parameter.name!r} must be float, int or bool, not {parameter.type}"
        elif parameter.type != Numbers:
            bounds = list(bounds_among(parameter.constraints))
            for bound in (one for one in bounds if not parameter.learnable and not one.holds(parameter.default)):
                yield f"{parameter.name} = {parameter.default} by default, and must be {bound.words} {bound.number:g}"
    if component.states and kind not in STATEFUL:
        stray = f"argument {component.states[0]!r} is neither a role ({', '.join(known)})"
        yield f"{stray} nor a parameter (give it a default)"
    if main is not None and main not in component.roles and component.form != "outputs":
        yield f"every {kind} asks for {main} (its roles: {', '.join(known)})"
    if kind == "activation" and row and component.backward is None:
        yield f"a row activation needs its backward: decorate one with @{component.name}.backward"
    if kind == "loss" and component.form in ("row", "batch") and {"t", "label"} <= set(component.roles):
        yield f"a {component.form} loss asks for `t` or for `label`, not for both"
    if target == "order" and "label" not in component.roles:
        yield 'target "order" is for a row loss that asks for `label`'
    for number, one in enumerate((target,) if isinstance(target, str) else component.columns.values()):
        if kind == "loss" and one not in TARGETS:
            yield f"target {one!r} is unknown (known: {', '.join(TARGETS)})"
        if one == "above" and number == 0:
            yield 'target "above" is for a column of several that has another before it'
    if kind == "loss":
        yield from _faults_of_outputs(component)
    if component.form == "solver" and component.states:
        yield f"a solver keeps arrays in `memory`, not in states such as {component.states[0]!r}"
    if component.form != "elementwise" and optional:
        yield "`optional` is for elementwise optimizers"
    if inspect.isgeneratorfunction(component.function) and component.form != "matrix":
        yield 'it yields; only an optimizer in the form "matrix" may, for sums over the network'
    for state, shape in component.shapes.items():
        if component.form != "matrix":
            yield f'{state!r}: only states in the form "matrix" have shapes of their own'
        if state not in component.states or not isinstance(shape, str) or not shape or set(shape) - set(SIZES):
            yield f"shapes={{{state!r}: {shape!r}}} must map a state to letters of {SIZES!r}, such as 'II' or '1O'"
    predicts = component.predicts
    if predicts and (predicts not in component.states or predicts in optional or predicts in component.shapes):
        yield f"predicts={predicts!r} must name a state that is always stored and has w's shape"
    for state, name in optional.items():
        if state not in component.states or name not in defaults:
            yield f"optional={{{state!r}: {name!r}}} must map a state to a parameter of it"
    if component.learnable and kind not in TRAINED:
        yield f"{component.learnable[0]!r} cannot be Learnable; only an activation's or an embedding's can"
    if kind == "embedding":
        yield from _faults_of_embedding(component)
    if fault := _fault_of_width(component):
        yield fault
    for name, filled in component.gradients.items():
        if component.backward is not None and filled not in arguments_of(component.backward):
            yield f"{name!r} is trained: its backward takes {filled!r}, a row, and fills it with the gradient to {name}"
        if name in component.slopes:
            yield f"a row activation has no derivative({name!r}); its backward fills {filled!r}"
    for name, mark in component.marks.items():
        yield from _faults_of_mark(name, mark, defaults[name])
    trained = (component.output if kind == "embedding" else component).learnable
    for name in sorted(set(component.slopes) - {*trained, *component.outputs}):
        yield f"derivative({name!r}) is of no {'output' if kind == 'loss' else 'learnable parameter'}"


def _faults_of_embedding(component: Component) -> Iterator[str]:
    """Yield what is wrong with an embedding's counts, its terms and what it trains."""
    counts = {one.name: one.default for one in component.parameters if one.type is int}
    named, passes = component.traits["terms"], component.traits["passes"]
    if counts.get(OUTPUTS, 0) < 1 + bool(passes):
        yield f"an embedding has a parameter {OUTPUTS}: int, {1 + bool(passes)} or more, how many numbers stand for one"
    if component.terms and counts.get(named, 0) < 1:
        yield f"terms={named!r} must name a whole-number parameter, 1 or more: how many terms there are"
    if ("z" in component.roles) != bool(component.terms):
        name = component.name
        yield f"z is the mixture of its terms: declare these with @{name}.term and ask for z, or do neither"
    if "x" not in component.roles and not component.terms:
        yield "an embedding asks for x, the number, itself or in its terms"
    for name in (name for name, mark in component.marks.items() if mark.shared):
        yield f"learnable({name}): each number has its own; leave shared out"


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
        yield f"a batch loss asks for {missing!r} (its roles: {', '.join(_roles_of(component))})"
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


def _fault_of_width(component: Component) -> str:
    """What is wrong with how an activation changes the width of a row, if anything."""
    width, kinds = component.traits.get("width", 1), {one.name: one.type for one in component.parameters}
    if width != 1 and component.form != "row":
        return f'width={width!r} is for form="row"; a function of one number makes one number'
    if isinstance(width, str):
        whole = kinds.get(width) is int and component.defaults()[width] > 0
    else:
        whole = isinstance(width, int | float) and 0 < width < inf and width.as_integer_ratio()[1] <= 64
    words = "the name of a whole-number parameter that is above 0"
    return "" if whole else f"width={width!r}: give a number such as 0.5 or 2, or {words}"


def _misspelt(component: Component, known: Sequence[str]) -> Iterator[str]:
    """Yield the states, outputs and strays that seem to mean a role, and parameters that core has under other names."""
    free = {"loss": "an output", "metric": "an output of a loss", **dict.fromkeys(STATEFUL, "a state")}
    roles = [*known, *(["y"] if component.kind == "loss" else [])]
    for name in (*component.states, *component.outputs):
        if role := role_like(name, [role for role in roles if role not in component.roles]):
            other = f", or another name for {free[component.kind]}" if component.kind in free else ""
            yield f"argument {name!r} seems to mean the role {role!r}: write {role}{other}"
    for name in component.defaults() if component.kind == "optimizer" else ():
        if (role := role_like(name, SETTINGS)) and role != name:
            yield f"parameter {name!r} seems to mean {role!r}, which core owns: write {role}, or choose another name"


def _faults_of_mark(name: str, mark: LearnableMark, default: float) -> Iterator[str]:
    """Yield what is wrong with what is said of a trained parameter."""
    if not mark.low <= default <= mark.high:
        yield f"{name} = {default} is not between its bounds, {mark.low} and {mark.high}"
    if not mark.rate >= 0 or not (mark.decay is None or mark.decay >= 0):
        yield f"learnable({name}): rate and decay are numbers of at least 0"
    if mark.start is not None and getattr(getattr(mark.start, "__numbann__", None), "kind", "") != "initializer":
        yield f"learnable({name}): start is a function that is decorated with @initializer"


def _faults_of_parts(component: Component) -> Iterator[tuple[Function, str]]:
    """Yield the derivatives, or the backward function, that ask for arguments which they are not given."""
    given = {
        "activation": ("z", "u", "a"),
        "embedding": ("x", "z", "a"),
        "loss": (*(component.outputs or ("y",)), *(component.columns or ("t",))),
    }.get(component.kind, ())
    parts: list[tuple[tuple[str, ...], Function]]
    parts = [(given, part) for part in (component.derivative, *component.slopes.values()) if part is not None]
    if component.backward is not None:
        parts.append((("z", "a", "u", "da", "dz", *component.gradients.values()), component.backward))
    if component.gives is not None:
        parts.append((component.outputs, component.gives))
    parts += [(("x", "a"), part) for term in component.terms for part in term.slopes.values()]
    before = [role for role in _roles_of(component) if role != "dy" and role not in component.each]
    for name, part in component.each.items():
        parts.append((tuple(before), part))
        before.append(name)
    for roles, part in parts:
        known = [*roles, *component.defaults()]
        for argument in arguments_of(part):
            if argument not in known:
                yield part, f"argument {argument!r} is none of {', '.join(known)}; use those"
