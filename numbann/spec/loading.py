"""Loads a spec from a file or a dict: checks it and builds its registry.  Every "auto" stays, to be resolved later."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from numbann.components.registry import Registry
from numbann.data.contract import GIVEN, sources
from numbann.errors import NumbannError, SpecError, SpecFault, not_allowed, shown
from numbann.plugins.finding import with_files
from numbann.records import dataclass
from numbann.spec.agreement import check_agreement, watched
from numbann.spec.building import build
from numbann.spec.checks import check_data, check_header
from numbann.spec.extending import open_spec
from numbann.spec.model import FILLED, PRESETS, Data, Spec, spread
from numbann.spec.overrides import override
from numbann.spec.presets import KEY as PRESET
from numbann.spec.presets import fill, filled_in
from numbann.spec.source import SpecSource, open_source
from numbann.spec.trail import Found, Trail
from numbann.spec.trials import trial_of
from numbann.spec.value_faults import ValueCheck

if TYPE_CHECKING:
    from numbann.data.tasks.task import Task


@dataclass(frozen=True)
class Loaded:
    """A checked spec, the components it can use, and where it comes from.

    given: the raw spec without what its preset fills in; filled: what that is.
    """

    spec: Spec
    registry: Registry
    source: SpecSource
    given: Mapping[str, Any]
    filled: Mapping[str, Any]


def load(
    source: str | Path | Mapping[str, Any],
    overrides: Mapping[str, Any] | None = None,
    registry: Registry | None = None,
    beside: Mapping[str, Any] = MappingProxyType({}),
) -> Loaded:
    """Read and check a spec: a path, or a dict of JSON values.  SpecError with all of its faults at once.

    overrides: values that replace those of the spec, by path: {"train.epochs": 5, "model.layers[0].units": 128}.
    registry: the components that it may use; the plugins that it names are then not imported.
    beside: the keys of `data` that rows given in Python stand for.
    """
    origin, raw = open_spec(source)
    if not isinstance(raw, dict):
        raise SpecError([origin.fault((), not_allowed(raw, "an object with data and model"))], origin.name)
    trails, faults = override(raw, overrides or {})
    origin = replace(origin, overridden=trails)
    faults += [origin.fault(trail, message) for trail, message in _put_beside(raw, beside)]
    if origin.name and not origin.piped:
        raw.setdefault("name", Path(origin.name).stem)
    loaded = _check(origin, fill(raw, {}), check_data(raw, origin.base), faults, registry, raw, look=True)
    if loaded.spec.sweep is not None:
        if loaded.spec.ensemble is not None:
            what = 'a sweep trains single models; leave it out ("ensemble": null), and give it to the best spec'
            raise SpecError([origin.fault(("ensemble",), what)], origin.name)
        check = partial(_faults_of_trial, loaded)
        wrong = ValueCheck(loaded.spec.sweep.parameters, loaded.given, fill(raw, {}), origin, check).faults()
        if wrong:
            raise SpecError(wrong, origin.name)
    return loaded


def trial_of_sweep(loaded: Loaded, values: Mapping[str, Any]) -> Loaded:
    """Return the checked spec of a trial of a sweep, with these values; SpecError for values that do not agree."""
    return _checked_trial(loaded, raw_trial(loaded, values))


def raw_trial(loaded: Loaded, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the raw spec of a trial of a sweep, with these values."""
    return trial_of(loaded.given, fill(loaded.given, {}), values)


def _checked_trial(loaded: Loaded, raw: dict[str, Any]) -> Loaded:
    origin = replace(loaded.source, overridden=())
    return _check(origin, fill(raw, {}), check_data(raw, origin.base), [], loaded.registry, raw)


def _faults_of_trial(loaded: Loaded, raw: dict[str, Any]) -> Sequence[SpecFault]:
    try:
        _checked_trial(loaded, raw)
    except SpecError as error:
        return error.faults
    return ()


def _put_beside(raw: dict[str, Any], beside: Mapping[str, Any]) -> Iterator[Found]:
    """Put what rows given in Python stand for into the spec's `data`, which may name a target, but no files."""
    data = raw.setdefault("data", {}) if beside else None
    if not isinstance(data, dict):
        return
    path = data.get("path")
    if path is not None and not all(name == GIVEN for name in sources(path).values()):
        yield ("data", "path"), f"is {shown(path)}, and rows are given in Python, too (data=); leave one of them out"
    given = {key: value for key, value in beside.items() if key == "path" or data.get(key) is None}
    data.update(given)


def settle(loaded: Loaded, task: Task | type[Task]) -> Loaded:
    """Return the spec with what its preset says of such a task; it then has none, so that this is done once.

    SpecError for what does not agree with the rest.
    """
    if loaded.spec.preset == PRESETS[0]:
        return loaded
    loss = str(task.loss) if loaded.spec.loss == "auto" else loaded.spec.loss.type
    known = {"task": task.name, "loss": loss, "watched": _watched(loaded, task)}
    found = _check(loaded.source, fill(loaded.given, known), [], [], loaded.registry, loaded.given)
    return replace(found, spec=replace(found.spec, preset=PRESETS[0]))


def _watched(loaded: Loaded, task: Task | type[Task]) -> str:
    """Return what the metric that decides the best epoch asks for: "label", "probability" or "value"; else "loss"."""
    train = loaded.spec.train
    asked = [one.type for one in train.metrics] if isinstance(train.metrics, list) else task.metrics
    key = next(iter(watched(train).values()), asked[0] if asked else "validation_loss").removeprefix("validation_")
    known = [loaded.registry.titled("metric", name) for name in asked]
    metric = next((one for one in known if one.name == key), None)
    return next((role for role in ("label", "probability", "value") if metric and role in metric.roles), "loss")


def restore(stored: Mapping[str, Any], registry: Registry) -> Loaded:
    """Load a resolved spec from a model file and check it again; neither its input files nor its plugins are opened."""
    origin, raw = open_source(stored)
    return _check(origin, raw, [], [], registry, raw)


def plugins_of(source: str | Path) -> list[Path]:
    """Return the files of the plugins that a spec names; none are imported."""
    origin, raw = open_spec(source)
    named = raw.get("plugins") if isinstance(raw, dict) else None
    return [origin.base / name for name in named if isinstance(name, str)] if isinstance(named, list) else []


def _check(
    origin: SpecSource,
    raw: dict[str, Any],
    found: Iterable[Found],
    faults: list[SpecFault],
    known: Registry | None,
    given: Mapping[str, Any],
    look: bool = False,
) -> Loaded:
    """Check a raw spec and build the Spec; SpecError with the faults given and all others.

    given: the same without what its preset fills in.  look: where there are faults, look into the data's header for
    more.
    """
    registry, failed = _registry(raw, origin.base) if known is None else (known, [])
    editors = raw.pop("$schema", "")
    spec, wrong = build(Spec, raw, (), registry)
    spec = spec and replace(spec, model=spread(spec.model), data=_named_target(spec.data))
    if not isinstance(editors, str):
        wrong = [(("$schema",), not_allowed(editors, "a text, which is for editors")), *wrong]
    found = [*found, *check_agreement(spec, registry)]
    if look and (faults or failed or wrong or found):
        found += _header_faults(raw.get("data"), origin.base, {trail for trail, _ in (*wrong, *found)})
    if given.get(PRESET, PRESETS[0]) not in PRESETS:  # one that there is would fill these in
        wrong = [(at, text) for at, text in wrong if at != FILLED[: len(at)] or not text.startswith("missing")]
    filled = filled_in(given, raw)
    faults = faults + [
        origin.fault(trail, message + _said_by(given.get(PRESET), filled, trail))
        for trail, message in (*failed, *wrong, *found)
    ]
    if faults or registry is None:
        faults.sort(key=lambda fault: (fault.line is None, fault.source != origin.name, fault.line or 0))
        raise SpecError(faults, origin.name)
    return Loaded(spec, registry, origin, given, filled)


def _said_by(preset: Any, filled: Any, trail: Trail) -> str:
    """Return words for a fault in what a preset has filled in, or an empty text."""
    for part in trail:
        if not isinstance(filled, dict):
            break  # within a value that the preset gives whole
        if part not in filled:
            return ""
        filled = filled[part]
    return f" (said by the preset {shown(preset)}; the spec may say something else, or null)" if trail else ""


def _header_faults(data: Any, base: Path, known: Collection[Trail]) -> list[Found]:
    """Return the columns that `data` names and its table lacks.  known: the trails of the faults found already."""
    wrong = {trail[1] for trail in known if trail[:1] == ("data",) and trail[1:]}
    right = {key: value for key, value in data.items() if key not in wrong} if isinstance(data, dict) else None
    built, faults = build(Data, right, ("data",), None)
    if faults or sources(built.path)["train"] == GIVEN:
        return []
    return [(trail, message) for trail, message in check_header(_named_target(built), base) if trail not in known]


def _named_target(data: Data) -> Data:
    """Return the data with the name of a target that is given by number."""
    return replace(data, target=str(data.target)) if type(data.target) is int else data


def _registry(raw: dict[str, Any], base: Path) -> tuple[Registry | None, list[Found]]:
    """Return the registry with the spec's plugins; None if a plugin fails, so that names are not checked."""
    plugins = raw.get("plugins", [])
    if not isinstance(plugins, list) or not all(isinstance(name, str) for name in plugins):
        return None, []  # a wrong type, which building.py reports
    try:
        return with_files(base / name for name in plugins), []
    except NumbannError as error:
        return None, [(("plugins",), line) for line in str(error).splitlines()]
    except ValueError:
        return None, [(("plugins",), "a path has a character that no path may have; correct it")]
