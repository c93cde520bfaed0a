"""Categories by code: a twin in PyTorch, gradients, every way of training and of prediction, and the bits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from differences import check_gradient
from networks import (
    configured,
    fit_side_by_side,
    go_on_alike,
    make_data,
    make_engine,
    make_plan,
    same_tensors,
    stream_alike,
    train_alike,
)

import numbann
from numbann.engine.cpu.engine import Engine
from numbann.engine.cpu.first_pass import FirstPass
from numbann.errors import DeviceError, ShapeError, SpecError
from numbann.network.description import Categories, Embedding
from numbann.network.initial import initial_tensors
from numbann.network.plan import Plan
from numbann.training.preparation import prepare

TABLE = "input.categories"
KINDS: dict[str, dict[str, Any]] = {
    "adam": {"optimizer": "adam"},
    "clip_norm": {"clip_norm": 0.1},
    "extras": {"optimizer": "adam", "clip_value": 0.05, "l1": 0.01, "weight_decay": 0.1, "average": 0.9},
    "scale": {"optimizer": "adam", "input_scale": 2.0},
    "members": {"optimizer": "adam", "members": 3},
    "pbld": {"optimizer": "adam", "embedding": True, "input_scale": 6.0, "width_rates": True},
    "lamb": {"optimizer": "lamb"},
}


def coded(
    sizes: list[int],
    counts: Mapping[int, int],
    size: int = 3,
    rate: float = 1.0,
    embedding: bool = False,
    **options: Any,
) -> Plan:
    """A plan with a table of rows for some of the inputs, and with an embedding of the first input that is no code."""
    if embedding:
        free = next(column for column in range(sizes[0]) if column not in counts)
        options["embedding"] = Embedding(configured("embedding", "pbld", frequencies=3, rate=1.0), (free,))
    return make_plan(sizes, categories=Categories(counts, size, rate), **options)


@pytest.mark.parametrize("counts", [{1: 4}, {3: 2, 0: 5}, {0: 3, 1: 3, 2: 3, 3: 3}], ids=str)
@pytest.mark.parametrize("options", [{}, {"input_scale": 1.0}, {"members": 2}, {"embedding": True}], ids=str)
def test_gradients(counts: dict[int, int], options: dict[str, Any]) -> None:
    if "embedding" not in options or len(counts) < 4:
        check_gradient(coded([4, 5, 2], counts, **options))


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
@pytest.mark.parametrize("scale", [0.0, 0.5])
def test_training_is_that_of_pytorch(optimizer: str, scale: float) -> None:
    """Rows that do not occur move, too: by momentum and decay."""
    torch = pytest.importorskip("torch")
    counts, decay = {3: 4, 1: 7}, 0.1
    made = coded([5, 8, 2], counts, rate=0.3, optimizer=optimizer, batch=20, input_scale=scale, weight_decay=decay)
    made = replace(
        made, optimizer=configured("optimizer", optimizer, **({"weight_decay": decay} if "w" in optimizer else {}))
    )
    engine, x, t = make_engine(made, 60)
    with engine:
        tensors = {key: torch.tensor(one, requires_grad=True) for key, one in engine.parameters().items()}
        rates = {TABLE: 0.3, "input.scale": 0.5}
        groups = [{"params": [one], "lr": 1e-2 * rates.get(key, 1)} for key, one in tensors.items()]
        descent = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[optimizer](groups, weight_decay=decay)

        def outputs(rows: np.ndarray) -> Any:
            table, given = tensors[TABLE].reshape(11, 3), torch.tensor(rows)
            known = torch.cat([table, torch.zeros(1, 3)])
            codes = [given[:, 3].long(), given[:, 1].long() + 4]
            picked = [known[torch.where(given[:, c] < 0, 11, code)] for c, code in zip(counts, codes, strict=True)]
            e = torch.cat([*picked, given[:, [0, 2, 4]]], 1) * (tensors["input.scale"] if scale else 1)
            a = torch.tanh(e @ tensors["layers.0.weight"] + tensors["layers.0.bias"])
            return a @ tensors["layers.1.weight"] + tensors["layers.1.bias"]

        for epoch in range(7):
            engine.epoch(epoch, np.full(3, 1e-2))
            order = np.asarray(engine._require_training().epochs.order)
            for k, loss in enumerate(engine.step_losses()):
                batch = order[20 * k : 20 * k + 20]
                error = torch.nn.functional.mse_loss(outputs(x[batch]), torch.tensor(t[batch]))
                assert loss == pytest.approx(error.item(), rel=1e-9)
                descent.zero_grad()
                error.backward()
                descent.step()
        for key, one in engine.parameters().items():
            np.testing.assert_allclose(one, tensors[key].detach().numpy(), rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(engine.predict(x), outputs(x).detach().numpy(), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(("kind", "dtype"), [*((kind, "float32") for kind in KINDS), ("adam", "float64")])
@pytest.mark.parametrize(("batch", "rows"), [(7, 23), (64, 150), (1100, 2300)])
def test_any_number_of_threads_gives_the_same_bytes(batch: int, rows: int, kind: str, dtype: str) -> None:
    made = coded([7, 130, 130, 5], {5: 40, 0: 9, 1: 2}, **{"batch": batch, "dtype": dtype, **KINDS[kind]})
    found = train_alike(made, rows)
    assert all(np.isfinite(one).all() for one in found.values())
    assert (found[TABLE] != make_engine(made, rows)[0].parameters()[TABLE]).any()


def test_several_trainings_at_once_have_the_bytes_of_one() -> None:
    made = coded([4, 32, 2], {0: 20}, optimizer="adam", batch=16, dtype="float32")
    fit_side_by_side(made)


def test_rows_that_stay_in_their_file_give_the_same_bytes() -> None:
    made = coded([4, 8, 2], {2: 5}, optimizer="adam", batch=16)
    stream_alike(made)


@pytest.mark.parametrize("kind", KINDS)
def test_going_on_from_parameters_and_state(kind: str) -> None:
    go_on_alike(coded([5, 8, 8, 2], {1: 4}, **{"batch": 4, **KINDS[kind]}), 10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_way_of_prediction_gives_the_same(dtype: str) -> None:
    engine, x, t = make_engine(coded([33, 200, 2], {7: 300, 0: 4}, dtype=dtype, embedding=True), 500, 2)
    with engine:
        outputs = engine.predict(x)
        for rows in (1, 9, 17, 65):
            assert outputs[:rows].tobytes() == engine.predict(x[:rows]).tobytes()
        assert engine.evaluate(x, t)[1].tobytes() == outputs.tobytes()


def test_a_look_inside_has_the_gradient_of_a_step() -> None:
    engine, x, t = make_engine(coded([5, 9, 2], {1: 3, 2: 4}), 30, 2)
    with engine:
        facts, before = engine.probe(x, t), engine.parameters()
        engine.epoch(0, np.ones(1))
        after = engine.parameters()
    np.testing.assert_allclose(facts[0].dw, before["layers.0.weight"] - after["layers.0.weight"], atol=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_that_are_no_codes_pick_no_row(dtype: str) -> None:
    """Whatever they are: nothing beside the table is read or changed."""
    made = coded([2, 4, 1], {0: 3}, batch=None, dtype=dtype)
    engine, x, t = make_engine(made, 8)
    with engine:
        engine.set_parameters({**engine.parameters(), TABLE: np.ones(9, dtype)})
        x[:, 0] = [-1, 3, 1e30, -1e30, np.nan, np.inf, 0.5, 2.5]
        x[:, 1] = 0.25
        assert len(np.unique(engine.predict(x))) == 1
        engine.load_data(x, t)
        engine.epoch(0, np.ones(1))
        assert (engine.parameters()[TABLE] == 1).all()
        x[0, 0] = 2
        assert len(np.unique(engine.predict(x))) == 2


def test_the_table_starts_normal() -> None:
    with Engine(coded([3, 8, 2], {0: 500, 2: 300}, size=8), 1) as engine:
        engine.initialize(3)
        table = engine.parameters()[TABLE]
    assert table.shape == (800 * 8,)
    assert table.std() == pytest.approx(1, rel=0.05)
    assert abs(table.mean()) < 0.05


def test_initializers_see_what_the_first_layer_gets() -> None:
    made = coded([4, 7, 2], {3: 5}, embedding=True)
    tensors = initial_tensors(made, 0)
    x, _ = make_data(made, 50)
    e = FirstPass(made, x).inputs(0, tensors)
    assert e.shape == (50, 4 + 3 + 2)
    table = np.vstack([tensors[TABLE].reshape(5, 3), np.zeros(3)])
    np.testing.assert_array_equal(e[:, 3], x[:, 0])
    np.testing.assert_array_equal(e[:, 4:7], table[x[:, 3].astype(int)])
    np.testing.assert_array_equal(e[:, 7:], x[:, [1, 2]])


def test_a_network_without_codes_is_as_it_was() -> None:
    assert coded([3, 4, 2], {}) == replace(make_plan([3, 4, 2]))


@pytest.mark.parametrize(
    ("counts", "options", "told"),
    [
        ({3: 4}, {}, "name each of the 3 inputs once"),
        ({1: 4}, {"embedding": Embedding(configured("embedding", "pbld"), (0, 1))}, "name each of the 3 inputs once"),
        ({1: 0}, {}, "a category or more"),
        ({1: 4}, {"between": [{"residual": True}]}, "residual connection would go past it"),
    ],
    ids=["unknown", "twice", "none", "residual"],
)
def test_wrong_networks(counts: dict[int, int], options: dict[str, Any], told: str) -> None:
    with pytest.raises((ShapeError, ValueError), match=told):
        make_plan([3, 3, 2], categories=Categories(counts), **options)


def test_an_engine_for_gpus_refuses_it() -> None:
    pytest.importorskip("numba_cuda")
    from numbann.cuda.engine.stages import require

    with pytest.raises(DeviceError, match=r"model\.input\.categories: not done on a GPU"):
        require(coded([5, 4, 2], {0: 3}))


# ---- from a table to a model

CITIES = ("Aarhus", "Bergen", "Cork", "Delft", "Evora")


@pytest.fixture
def table(here: Path) -> dict[str, Any]:
    """A table of 200 rows whose target is mostly its city, and a spec's `data` for it."""
    random = np.random.default_rng(0)
    cities = random.integers(0, len(CITIES), 200)
    x = random.normal(size=200)
    lines = [
        f"{a:.3f},{CITIES[city] if k % 20 else ''},{'yes' if k % 3 else 'no'},{(2, -1, 0, 1, -2)[city] + 0.1 * a:.3f}"
        for k, (a, city) in enumerate(zip(x, cities, strict=True))
    ]
    (here / "table.csv").write_text("\n".join(["a,city,open,y", *lines]) + "\n")
    return {"path": str(here / "table.csv"), "target": "y", "drop": [], "categories": "compact"}


def spec_of(table: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A spec whose cities go by code."""
    model = {
        "input": {"categories": {"size": 2, "over": 4}, "embedding": "pbld"},
        "layers": [8],
        **changes.pop("model", {}),
    }
    return {
        "data": table,
        "model": model,
        "optimizer": {"type": "adam", "learning_rate": 0.02},
        "train": {"epochs": 12, "batch_size": 16},
        **changes,
    }


def test_a_run_resumes_and_predicts(table: dict[str, Any]) -> None:
    spec = spec_of(table)
    whole = numbann.train(spec, output="whole")
    part = numbann.train(spec, output="part", overrides={"train.epochs": 5})
    part = numbann.resume(part.path, epochs=12)
    one, other = numbann.load(whole.path), numbann.load(part.path)
    assert same_tensors(one.tensors, other.tensors)
    assert one.plan.inputs == 3  # of a number, a code and a sign
    assert one.plan.layers[0].inputs == 4 + 2 + 1
    assert one.tensors[TABLE].shape == (6 * 2,)  # of five cities, and one for where it is missing
    assert one.predict({"a": [0.0], "city": ["Aarhus"], "open": ["yes"]}) > 1.0
    given = {"a": [0.3, 0.3, 0.3], "city": ["Cork", None, "Zadar"], "open": ["yes", "no", "no"]}
    with pytest.warns(
        UserWarning, match=r'"city": 1 row with a category that the training part does not have \("Zadar"\)'
    ):
        found = one.predict(given)
    assert len(np.unique(found)) == 3
    assert "categories by code: city (6)" in prepare(spec, None, lambda told: None).facts.notes


def test_columns_that_say_what_they_are_stay_so(table: dict[str, Any]) -> None:
    named = {**table, "columns": {"city": {"categories": "one-hot"}}}
    plain = spec_of(named)
    del plain["model"]["input"]["categories"]
    one, other = numbann.train(spec_of(named), output="a"), numbann.train(plain, output="b")
    assert same_tensors(numbann.load(one.path).tensors, numbann.load(other.path).tensors)


def test_an_ensemble_has_a_table_for_each_model(table: dict[str, Any]) -> None:
    run = numbann.train(spec_of(table, ensemble={"folds": 3}), output="run")
    model = numbann.load(run.path)
    assert len({one.tensors[TABLE].tobytes() for one in model.models}) == 3
    given = {"a": [0.3, 0.1], "city": ["Cork", None], "open": ["yes", "no"]}
    mean = np.mean([one.predict(given) for one in model.models], axis=0)
    np.testing.assert_allclose(model.predict(given), mean, rtol=1e-6)


def test_members_share_a_table(table: dict[str, Any]) -> None:
    run = numbann.train(spec_of(table, model={"members": 3}), output="run")
    assert numbann.load(run.path).tensors["input.members"].shape == (3 * 7,)


def test_what_does_not_go_with_it_is_refused(write_spec: Callable[..., Path]) -> None:
    model = {"input": {"categories": True}, "layers": [{"units": 2, "residual": True}]}
    with pytest.raises(SpecError) as told:
        numbann.train(write_spec(model=model, train={"device": "cuda"}))
    assert str(told.value).count("model.input.categories") == 2
    assert 'train.device "cuda" does not do this' in str(told.value)
    model = {"input": {"categories": {"rate": 0.5}}, "layers": [2]}
    with pytest.raises(SpecError, match="moves all numbers at once; leave rate out"):
        numbann.train(write_spec(model=model, optimizer="lbfgs"))
