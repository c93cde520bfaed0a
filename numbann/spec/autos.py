"""The spec with what each "auto" stands for written in its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import inf
from pathlib import Path

from numbann.components.component import Component
from numbann.components.registry import Registry
from numbann.data.contract import Facts, shares, sources
from numbann.data.path import source_format
from numbann.spec.agreement import validated, watched, watches_metric
from numbann.spec.configured import choose, link_of
from numbann.spec.loading import Loaded
from numbann.spec.model import Auto, ComponentSpec, Data, Model, Spec, Train
from numbann.spec.source import make_absolute
from numbann.spec.tasks import wanted_by

DEFAULT_BATCH = 64
BATCHES = ((64, 1024), (128, 8192), (256, 30_000), (512, 100_000), (1024, inf))  # a size, and the most rows for it


def without_auto(
    loaded: Loaded, facts: Facts, loss: Component, metrics: list[ComponentSpec], measures: Iterable[str]
) -> Spec:
    """Return the spec without "auto"; metrics: those that it means; measures: their names."""
    spec, registry, base = loaded.spec, loaded.registry, loaded.source.base
    size = spec.train.batch_size
    if size == "auto":
        size = "full" if registry.titled("optimizer", spec.optimizer.type).form == "solver" else DEFAULT_BATCH
    if size == "by-rows":
        size = next(size for size, most in BATCHES if facts.rows.get("train", 0) <= most)
    return replace(
        spec,
        data=_resolved_data(spec, base, facts, loss),
        model=_resolved_model(spec.model, registry, link_of(registry, loss)),
        loss=choose(spec.loss, loss),
        train=replace(_resolved_watch(spec, facts, measures), metrics=metrics, batch_size=size),
        plugins=[str(base / name) for name in spec.plugins],
    )


def validates(spec: Spec, facts: Facts) -> bool:
    """Whether there is a validation part.  A model file does not tell how many rows there were."""
    return validated(spec) and (spec.ensemble is not None or not facts.rows or "validation" in facts.rows)


def _resolved_watch(spec: Spec, facts: Facts, measures: Iterable[str]) -> Train:
    """Resolve what early stopping and the choice of the best epoch watch: one key for both.

    measures: the names of the metrics.
    """
    train, stopping, select = spec.train, spec.train.early_stopping, spec.train.select
    usual = f"validation_{next(iter(measures), 'loss')}" if watches_metric(train) else "validation_loss"
    monitor = next(iter(watched(train).values()), usual if validates(spec, facts) else None)
    if monitor is None:
        return replace(train, select=None, calibrate=None)
    return replace(
        train,
        calibrate=train.calibrate if validates(spec, facts) else None,
        select=select and replace(select, monitor=monitor),
        early_stopping=stopping and replace(stopping, monitor=monitor),
    )


def _resolved_model(model: Model, registry: Registry, link: Component) -> Model:
    """Resolve every initializer ("auto" is the activation's preference) and the output activation."""

    def init(chosen: Auto, activation: ComponentSpec) -> ComponentSpec:
        asked = registry.titled("activation", activation.type)
        return choose(chosen, registry.named_by(asked, "initializer", asked.traits["init"]))

    output = choose(model.output_activation if link.title == "identity" else "auto", link)
    layers = [
        replace(
            layer,
            init=init(model.init if layer.init == "auto" else layer.init, layer.activation),
            bias_init=model.bias_init if layer.bias_init == "auto" else layer.bias_init,
        )
        for layer in model.layers
    ]
    return replace(model, layers=layers, output_activation=output, init=init(model.init, output))


def _resolved_data(spec: Spec, base: Path, facts: Facts, loss: Component) -> Data:
    data = spec.data
    standard = facts.task.standardized == wanted_by(loss)
    held = shares(data.path, vars(data.split))  # none for a part with a source
    if spec.ensemble is not None:
        held.pop("validation", None)  # folds take its place
    formats = {source_format(source, base, data.format) for source in sources(data.path).values()}
    return replace(
        data,
        path=make_absolute(data.path, base),
        format=facts.format if len(formats) == 1 else data.format,  # parts of several formats tell their own
        csv=replace(data.csv, delimiter=facts.delimiter or ","),
        task=facts.task.name,
        scale=facts.scale,
        target_scale=("standard" if standard else "none") if data.target_scale == "auto" else data.target_scale,
        split=replace(data.split, stratify=facts.stratify, validation=held.get("validation"), test=held.get("test")),
    )
