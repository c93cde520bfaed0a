"""A zoo of models: each task, kind of column, step of a layer and built-in activation, on one table of made-up houses.

None of them is trained: their tensors are drawn at random, since what a model computes does not depend on how good it
is.  `made(name)` gives one; what exports models holds each against its own predictions.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from numbann.components.built_in import built_in
from numbann.model.ensemble import Ensemble
from numbann.model.model import Model
from numbann.network.initial import initial_tensors
from numbann.training.preparation import Prepared, prepare

ROWS = 240
NUMBERS = {"drop": ["kind", "size", "built"]}  # the features that are numbers alone
CHANCES = ("low", "middle", "high")  # of a house to be in each class of prices
PRICE = {"target": "price", "task": "regression", **NUMBERS}
SOLD = {"target": "sold", **NUMBERS}
KIND = {"target": "kind", "drop": ["size", "built"]}


def table() -> dict[str, Any]:
    """The rows: numbers, some of them missing; texts, some missing; dates; and targets of every task."""
    random = np.random.default_rng(7)
    area, rooms = random.gamma(4, 30, ROWS).round(1), random.integers(1, 9, ROWS).astype(float)
    age = random.exponential(30, ROWS).round(2)
    age[random.random(ROWS) < 0.15] = np.nan
    kind = random.choice(["flat", "house", "villa", "loft, new"], ROWS, p=[0.5, 0.3, 0.15, 0.05]).astype(object)
    size = random.choice(["small", "medium", "large"], ROWS).astype(object)
    size[random.random(ROWS) < 0.1] = None
    days = random.integers(0, 20_000, ROWS).astype("datetime64[D]").astype(str).astype(object)
    price = np.round(1000 * area + 20_000 * rooms + random.normal(0, 1e4, ROWS))
    return {
        "area": area,
        "rooms": rooms,
        "age": age,
        "kind": kind,
        "size": size,
        "built": days,
        "price": price,
        "rent": price / 300 + random.normal(0, 50, ROWS),
        "sold": np.where(price > np.median(price), "yes", "no"),
        "grade": np.digitize(price, np.quantile(price, [0.2, 0.4, 0.6, 0.8])),
        "lift": random.integers(0, 2, ROWS),
        "share": (price - price.min() + 1) / (np.ptp(price) + 2),
        **dict(zip(CHANCES, random.dirichlet((1, 1, 1), ROWS).T, strict=True)),
    }


TARGETS = ("price", "rent", "sold", "grade", "lift", "share", *CHANCES)
ACTIVATIONS = [one.component.name for one in built_in().entries("activation")]
OF_UNITS = [name for name in ACTIVATIONS if built_in().get("activation", name).form == "elementwise"]
OF_ROWS = [name for name in ACTIVATIONS if name not in OF_UNITS]


def layers(*names: str, **extra: Any) -> dict[str, Any]:
    """The model of a layer for each activation, which adds to what the layer below gives, so that rows stay apart."""
    return {
        "layers": [6, *({"units": 6, "activation": name, "norm": "layer", "residual": True, **extra} for name in names)]
    }


def spec(data: Mapping[str, Any], model: Any = None, **sections: Any) -> dict[str, Any]:
    """A spec whose columns of targets, but its own, are left out."""
    own = data["target"] if isinstance(data["target"], list) else [data["target"]]
    chosen = {**data, "drop": [*data.get("drop", ()), *(name for name in TARGETS if name not in own)]}
    chosen["drop"] = [name for name in chosen["drop"] if name not in own]
    if isinstance(model, list):
        model = {"layers": model}
    return {"data": chosen, "model": model or {"layers": [8]}, **sections}


def classes(target: str, **more: Any) -> dict[str, Any]:
    """The data of a classification."""
    return {"target": target, "task": "classification", **NUMBERS, **more}


COLUMNS = {  # of every kind
    "age": {"missing": "mean", "scale": ["robust", "clip"]},
    "area": {"scale": ["log", "standard"]},
    "rooms": {"scale": "quantile", "missing": "constant", "fill": 3},
    "size": {"order": ["small", "medium", "large"]},
    "kind": {"rare": 20},
    "built": {"dates": "cyclic"},
}
MIXED = {"target": "price", "task": "regression"}

ZOO: dict[str, dict[str, Any]] = {
    "two_classes": spec(classes("sold")),
    "five_classes": spec(classes("grade"), model={"layers": [8], "dtype": "float64"}),
    "classes_of_texts": spec({"target": "kind", "drop": ["size", "built"]}, [8, 8]),
    "ordered_classes": spec(classes("grade"), loss="corn"),
    "chances_of_classes": spec({**NUMBERS, "target": list(CHANCES), "task": "classification"}),
    "scores": spec(classes("sold"), loss="hinge"),
    "scores_of_classes": spec(classes("grade"), loss="multi_margin"),
    "mse_of_classes": spec(classes("grade"), {**layers("tanh"), "output_activation": "sparsemax"}, loss="mse"),
    "labels": spec({"target": ["sold", "lift"], "task": "multilabel", **NUMBERS}),
    "labels_of_scores": spec({"target": ["sold", "lift"], "task": "multilabel", **NUMBERS}, loss="squared_hinge"),
    "value": spec({**PRICE, "target_clip": True}),
    "values": spec({**PRICE, "target": ["price", "rent"]}, {"layers": [8], "dtype": "float64"}),
    "value_by_logarithm": spec({**PRICE, "target_scale": "log"}),
    "value_by_quantiles": spec({**PRICE, "target_scale": "quantile"}),
    "counts": spec({**PRICE, "target": "rooms", "scale": "none", "missing": "mode"}, loss="poisson_nll"),
    "counts_of_any_spread": spec({**PRICE, "target": "rooms", "missing": "drop"}, loss="negative_binomial_nll"),
    "mean_and_variance": spec({**PRICE, "target": ["price", "rent"]}, loss="gaussian_nll"),
    "interval": spec({**PRICE, "drop": [*NUMBERS["drop"], "age"], "missing": "error"}, loss="quantiles"),
    "evidence": spec(PRICE, loss="evidential"),
    "share": spec({**PRICE, "target": "share"}, loss="beta_nll"),
    "survival": spec({**PRICE, "target": ["price", "lift"]}, loss="weibull"),
    "every_column": spec({**MIXED, "columns": COLUMNS}),
    "categories": spec({**MIXED, "categorical": ["rooms"], "columns": {"built": {"dates": "parts"}}}),
    "compact": spec({**classes("lift", drop=["built"]), "categories": "compact", "missing": "mean"}),
    "categories_by_target": spec(classes("sold", drop=["built"], columns={"kind": {"categories": "target"}})),
    "bins": spec({**PRICE, "bins": {"count": 6}, "scale": "minmax"}),
    "bins_of_bytes": spec({**PRICE, "bins": {"count": 5, "by": "quantiles"}, "scale": "byte", "missing": "median"}),
    "embedding": spec({**MIXED, "drop": ["built"]}, {"layers": [8], "input": {"embedding": "pbld", "scale": True}}),
    "embedding_of_waves": spec(PRICE, {"layers": [8], "input": {"embedding": {"type": "periodic", "outputs": 3}}}),
    "embedding_of_lines": spec(PRICE, {"layers": [8], "input": {"embedding": {"type": "linear_relu", "outputs": 3}}}),
    "categories_by_code": spec({**MIXED, "drop": ["built"]}, {"layers": [8], "input": {"categories": {"over": 2}}}),
    "codes_and_embedding": spec(
        classes("sold", drop=["built"], columns={"kind": {"rare": 20}}),
        {"layers": [8], "input": {"categories": {"over": 2, "size": 3}, "embedding": "pbld"}, "members": 2},
    ),
    "norms": spec(PRICE, [{"units": 8, "norm": "batch"}, {"units": 8, "norm": "layer", "residual": True}]),
    "residuals": spec(PRICE, [8, *[{"units": 8, "residual": True, "dropout": 0.1}] * 2]),
    "units_a": spec(PRICE, layers(*OF_UNITS[:10])),
    "units_b": spec(PRICE, layers(*OF_UNITS[10:20])),
    "units_c": spec(PRICE, layers(*OF_UNITS[20:])),
    "units_in_double": spec(PRICE, {**layers(*OF_UNITS), "dtype": "float64"}),
    "rows": spec(PRICE, layers(*OF_ROWS)),
    "blend": spec(PRICE, {"layers": [8, 8], "activation": {"type": "prelu", "blend": True}}),
    "members": spec(classes("grade"), {**layers("relu", "prelu"), "members": 3}),
    "ensemble": spec({**PRICE, "target_scale": "log", "target_clip": True}, ensemble=2),
    "ensemble_of_ordered_classes": spec(classes("grade"), loss="corn", ensemble=2),
    "ensemble_of_classes": spec(classes("sold", drop=["built"]), ensemble={"folds": 2}),
    "tabular": spec(classes("sold", drop=["built"]), preset="tabular"),
}


@functools.cache
def made(name: str) -> Model:
    """A model of the zoo."""
    return model_of({**ZOO[name], "name": name})


def model_of(given: Mapping[str, Any], data: Any = None) -> Model:
    """A model of a spec, with tensors drawn at random, for the rows of the table or for others."""
    prepared = prepare(given, {}, lambda event: None, data=table() if data is None else data)
    if prepared.source is None:
        return drawn(prepared, 0)
    return Ensemble.of([drawn(prepared, seed) for seed in range(3)], prepared.dataset.preprocessing)


def drawn(prepared: Prepared, seed: int) -> Model:
    """A model with tensors drawn at random, around those that training starts with."""
    random = np.random.default_rng(seed)
    tensors = {}
    for name, one in initial_tensors(prepared.plan, seed).items():
        noise = 0.2 * random.standard_normal(one.shape)
        tensors[name] = (one + (np.abs(noise) if name.endswith("variance") else noise)).astype(prepared.plan.dtype)
    return Model(prepared.resolved, prepared.plan, prepared.dataset.preprocessing, tensors)


PLUGIN = '''
from math import exp, gamma, sqrt

from numbann import Learnable, Positive, activation, hookimpl, row_dot, row_max, row_sum


@activation
def bent_root(z, alpha: Learnable = 0.5, power: Positive = 2.0):
    """A root, whose rounds a loop counts."""
    total = 0
    for k in range(3):
        total = total + k * z / (1 + abs(z) ** power)
    return sqrt(1 + alpha * alpha * z * z) - total if z > 0 or alpha * z < -1 else (z + 1) % 3


@activation
def odd(z):
    """A function that ONNX lacks."""
    return z / (1 + gamma(1 + exp(-abs(z))))


@odd.derivative
def odd_slope(z):
    return 1 / (1 + abs(z))


@activation(form="row", width=0.5)
def gated(z, a):
    """The first half of the units, gated by the second."""
    for k in range(len(a)):
        a[k] = z[k] / (1 + exp(-z[k + len(a)]))


@gated.backward
def gated_backward(da, dz):
    for k in range(len(da)):
        dz[k] = da[k]
        dz[k + len(da)] = 0


@activation(form="row")
def nearest(z, a, scale: Learnable = 0.5):
    """The nearest distribution, by a threshold that rises in rounds; scaled, and less the first number."""
    largest = row_max(z)
    tau, risen = -1.0, 1.0
    for _round in range(len(z)):
        if risen > 0:
            total, count = 0.0, 0
            for k in range(len(z)):
                if z[k] - largest > tau:
                    total += z[k] - largest
                    count += 1
            risen = (total - 1) / count - tau
            tau += risen
    for k in range(len(z)):
        a[k] = (0 if z[k] - largest < tau else z[k] - largest - tau) * scale[k]
    size = row_sum(a) + row_dot(a, z)
    for k in range(len(z)):
        a[k] = a[k] / (1 + abs(size)) - z[0]


@nearest.backward
def nearest_backward(da, dz, dscale):
    for k in range(len(da)):
        dz[k] = da[k]
        dscale[k] = 0


@activation(form="row")
def chained(z, a):
    """Products of one element after the other."""
    chance = 1.0
    for k in range(len(z)):
        chance = chance / (1 + exp(-z[k]))
        a[k] = chance


@chained.backward
def chained_backward(da, dz):
    for k in range(len(da)):
        dz[k] = da[k]


@hookimpl
def numbann_register(register):
    for one in (bent_root, odd, gated, nearest, chained):
        register(one)
'''


def of_plugin(here: Path, name: str) -> Any:
    """A model with an activation of a plugin in a file."""
    (here / "odd.py").write_text(PLUGIN)
    given = spec(PRICE, {"layers": [{"units": 6, "activation": name}]}, plugins=[str(here / "odd.py")])
    return model_of({**given, "name": name})
