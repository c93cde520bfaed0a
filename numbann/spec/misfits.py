"""What of a spec its task, its loss or its metrics do not allow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from numbann.components.component import Configured
from numbann.data.contract import Facts
from numbann.data.tasks import find_task
from numbann.errors import did_you_mean, not_allowed, shown
from numbann.spec.agreement import residual_faults, watched
from numbann.spec.autos import validates
from numbann.spec.configured import configure, link_of, measures_of, usual_metrics
from numbann.spec.loading import Loaded
from numbann.spec.model import ComponentSpec, Spec
from numbann.spec.sweeping import NO_MEASURES
from numbann.spec.tasks import unfit_loss, unfit_metric, wanted_by
from numbann.spec.trail import Found, Trail

if TYPE_CHECKING:
    from numbann.data.tasks.task import TargetForm, Task

CALIBRATED = ("softmax", "sigmoid")  # the links of losses whose probabilities have a temperature
FLOAT32_MAX = (2 - 2**-23) * 2.0**127


def find_misfits(
    loaded: Loaded, loss: Configured, target: TargetForm | None, metrics: tuple[Configured, ...], facts: Facts
) -> Iterator[Found]:
    """Find everything that the task does not allow.  target: what the loss asks for, None if it fits no such task."""
    if target is None:
        yield ("loss",), unfit_loss(loss.component, facts.task, loaded.registry)
    yield from _faults_without_data(loaded, loss, metrics, facts.task)
    calibrates = "probability" in facts.task.roles and loss.component.traits["link"] in CALIBRATED
    if loaded.spec.train.calibrate and not calibrates:
        yield ("train", "calibrate"), f"needs probabilities of classes, which {loss.name} does not give; leave it out"
    if loaded.spec.train.early_stopping is not None and not validates(loaded.spec, facts):
        yield ("train", "early_stopping"), "needs a validation part, and data.split.column names no row of one"
    yield from residual_faults(loaded.spec.model.layers, loaded.registry, facts.inputs)


def check_without_data(loaded: Loaded) -> Iterator[Found]:
    """Find the faults that `resolve` would find whatever the data are, where the spec says loss, metrics or task."""
    spec, registry = loaded.spec, loaded.registry
    task = None if spec.data.task == "auto" else find_task(spec.data.task, isinstance(spec.data.target, list))
    loss = None if spec.loss == "auto" else configure(registry, "loss", spec.loss)
    given = spec.train.metrics
    asked = given if isinstance(given, list) else usual_metrics(task, loss) if task else None
    metrics = None if asked is None else [configure(registry, "metric", one) for one in asked]
    yield from _faults_without_data(loaded, loss, metrics, task)


def _faults_without_data(
    loaded: Loaded, loss: Configured | None, metrics: Sequence[Configured] | None, task: Task | type[Task] | None
) -> Iterator[Found]:
    """Find faults of what is known of these."""
    if loss is not None:
        yield from _output_faults(loaded, loss)
        yield from _scale_faults(loaded.spec.data.target_scale, loss, task)
    if loaded.spec.data.target_clip and task and not task.standardized:
        yield ("data", "target_clip"), f"needs predictions of numbers, and this is {task}; leave it out"
    for index, metric in enumerate(metrics or ()):
        message = unfit_metric(metric.component, task, loss.component if loss else None, loaded.registry)
        if message:
            yield ("train", "metrics", index), message
    for name, value in loaded.spec.optimizer.parameters.items():
        if loaded.spec.model.arrays == "float32" and isinstance(value, int | float) and abs(value) > FLOAT32_MAX:
            yield ("optimizer", name), not_allowed(value, f"at most {FLOAT32_MAX:.2g}, or a model.dtype of float64")
    if metrics is not None:
        yield from _watch_faults(loaded.spec, list(measures_of(metrics)))


def _scale_faults(scale: str, loss: Configured, task: Task | type[Task] | None) -> Iterator[Found]:
    """Refuse to scale or bend targets where the loss or the task does not allow it."""
    wrong = task if task and not task.standardized else loss.name
    if scale not in ("auto", "none") and (task.standardized if task else "real") != wanted_by(loss.component):
        asked = f'"{scale}" needs regression and a loss of any real target, not {wrong}; give "none"'
        yield ("data", "target_scale"), asked
    elif scale in ("log", "quantile") and not set(loss.component.units.values()) <= {"target", "none"}:
        asked = f'{loss.name} gives more than values of the target, which "{scale}" bends; give "standard"'
        yield ("data", "target_scale"), asked


def _output_faults(loaded: Loaded, loss: Configured) -> Iterator[Found]:
    """Refuse another output activation than the link of a loss that contains it."""
    given, link = loaded.spec.model.output_activation, link_of(loaded.registry, loss.component)
    if loss.component.gives and given not in ("auto", ComponentSpec("identity")):
        named = ", ".join(loss.component.units)
        yield ("model", "output_activation"), f"{loss.name} gives {named} itself; leave output_activation out"
        return
    if given != "auto" and "width" in loaded.registry.titled("activation", given.type).traits:
        yield ("model", "output_activation"), f"{given.type} changes the number of outputs; choose another"
    if given != "auto" and link.title != "identity" and given != ComponentSpec(link.title, link.defaults()):
        twice = f"{loss.name} applies {link.title} already, so {shown(given.type)} would be applied twice"
        yield ("model", "output_activation"), f'{twice}; leave output_activation out, or give "{link.title}"'


def _watch_faults(spec: Spec, measures: list[str]) -> Iterator[Found]:
    """Refuse to watch a key that the history lacks."""
    keys = ["validation_loss", *(f"validation_{name}" for name in measures), "train_loss", "learning_rate"]
    asked: dict[Trail, str] = {("train", key, "monitor"): monitor for key, monitor in watched(spec.train).items()}
    if spec.sweep is not None and spec.sweep.metric not in NO_MEASURES:
        asked["sweep", "metric"] = spec.sweep.metric
    for trail, monitor in asked.items():
        if monitor not in keys:
            hint = did_you_mean(monitor, keys) or did_you_mean(f"validation_{monitor}", keys)
            yield trail, f"{shown(monitor)} is no key of the history{hint} (known: {', '.join(keys)})"
