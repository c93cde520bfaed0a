"""Embeddings of inputs: twins in PyTorch, gradients, every way of training and of prediction, and the bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from differences import check_gradient
from networks import (
    configured,
    fit_side_by_side,
    go_on_alike,
    make_engine,
    make_plan,
    predict_raw_alike,
    same_tensors,
    stream_alike,
    train_alike,
)

import numbann
from numbann.engine.cpu.engine import Engine
from numbann.engine.cpu.first_pass import FirstPass
from numbann.errors import DeviceError, SpecError
from numbann.network.description import Embedding
from numbann.network.initial import initial_tensors
from numbann.network.plan import Plan

PARTS: dict[str, dict[str, Any]] = {
    "pbld": {"frequencies": 5, "outputs": 4},
    "periodic": {"frequencies": 3, "outputs": 2, "deviation": 0.3},
    "linear_relu": {"outputs": 3},
}
KINDS: dict[str, dict[str, Any]] = {
    "adam": {"optimizer": "adam"},
    "clip_norm": {"clip_norm": 0.1},
    "extras": {"optimizer": "adam", "clip_value": 0.05, "l1": 0.01, "weight_decay": 0.1, "average": 0.9},
    "scale": {"optimizer": "adam", "input_scale": 2.0},
    "lamb": {"optimizer": "lamb"},
    "norm": {"between": [{"norm": "batch", "dropout": 0.2}, {"norm": "layer", "residual": True}]},
}


def embedded(
    name: str, sizes: list[int], columns: tuple[int, ...] | None = None, rate: float = 1.0, **options: Any
) -> Plan:
    """A plan with an embedding of some of the inputs."""
    chosen = configured("embedding", name, **PARTS[name], rate=rate)
    return make_plan(sizes, **{"embedding": Embedding(chosen, columns), **options})


@pytest.mark.parametrize("columns", [None, (2, 0)], ids=str)
@pytest.mark.parametrize("options", [{}, {"input_scale": 1.0, "activation": "prelu"}], ids=str)
@pytest.mark.parametrize("name", PARTS)
def test_gradients(name: str, options: dict[str, Any], columns: tuple[int, ...] | None) -> None:
    check_gradient(embedded(name, [3, 4, 2], columns, **options))


def test_many_numbers_before_a_narrow_layer() -> None:
    made = embedded("pbld", [40, 4, 2], optimizer="adam", batch=16, dtype="float32")
    engine, x, t = make_engine(made, 70)
    with engine:
        engine.load_data(x, t)
        losses = [engine.epoch(index, np.full(5, 1e-3)) for index in range(30)]
        assert np.isfinite(losses).all()
        assert losses[-1] < losses[0]
    check_gradient(embedded("linear_relu", [40, 4, 2]))


def twin_of(name: str, x: Any, tensors: dict[str, Any], features: int) -> Any:
    """What stands for the features x (B, F) in PyTorch (B, F, outputs)."""
    import torch

    of = {key.removeprefix("input.embedding."): one for key, one in tensors.items() if "embedding" in key}
    of = {key: one.reshape(features, -1) for key, one in of.items()}
    if name == "linear_relu":
        return torch.relu(x[:, :, None] * of["weight"] + of["offset"])
    turns = 2 * torch.pi * of["frequency"] * x[:, :, None]
    terms = torch.cat([turns.cos(), turns.sin()], 2) if name == "periodic" else (turns + of["phase"]).cos()
    mix = of["mix"].reshape(features, terms.shape[2], -1)
    y = torch.einsum("bft,fto->bfo", terms, mix) + of["offset"]
    return torch.relu(y) if name == "periodic" else torch.cat([y, x[:, :, None]], 2)


@pytest.mark.parametrize("scale", [False, True])
@pytest.mark.parametrize("name", PARTS)
def test_training_is_that_of_pytorch(name: str, scale: bool) -> None:
    torch = pytest.importorskip("torch")
    made = embedded(name, [5, 8, 2], (3, 0, 1), rate=0.3, optimizer="adam", batch=None, input_scale=0.5 * scale)
    engine, x, t = make_engine(made, 70)
    with engine:
        tensors = {key: torch.tensor(one, requires_grad=True) for key, one in engine.parameters().items()}
        rates = {"input.e": 0.3, "input.s": 0.5}
        groups = [{"params": [one], "lr": 1e-2 * rates.get(key[:7], 1)} for key, one in tensors.items()]
        optimizer, given = torch.optim.Adam(groups), torch.tensor(x)
        for step in range(20):
            e = twin_of(name, given[:, [3, 0, 1]], tensors, 3)
            e = torch.cat([e.reshape(len(x), -1), given[:, [2, 4]]], 1) * (tensors["input.scale"] if scale else 1)
            a = torch.tanh(e @ tensors["layers.0.weight"] + tensors["layers.0.bias"])
            y = a @ tensors["layers.1.weight"] + tensors["layers.1.bias"]
            loss = torch.nn.functional.mse_loss(y, torch.tensor(t))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            assert engine.epoch(step, np.full(1, 1e-2)) == pytest.approx(loss.item(), rel=1e-9)
        for key, one in engine.parameters().items():
            np.testing.assert_allclose(one, tensors[key].detach().numpy(), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(("kind", "dtype"), [*((kind, "float32") for kind in KINDS), ("adam", "float64")])
@pytest.mark.parametrize(("name", "batch", "rows"), [("pbld", 7, 23), ("periodic", 64, 150), ("pbld", 1100, 2300)])
def test_any_number_of_threads_gives_the_same_bytes(name: str, batch: int, rows: int, kind: str, dtype: str) -> None:
    made = embedded(name, [7, 130, 130, 5], (1, 4, 5), **{"batch": batch, "dtype": dtype, **KINDS[kind]})
    found = train_alike(made, rows)
    assert all(np.isfinite(one).all() for one in found.values())
    assert (found["input.embedding.mix"] != make_engine(made, rows)[0].parameters()["input.embedding.mix"]).any()


def test_several_trainings_at_once_have_the_bytes_of_one() -> None:
    made = embedded("pbld", [4, 32, 2], optimizer="adam", batch=16, dtype="float32")
    fit_side_by_side(made)


def test_rows_that_stay_in_their_file_give_the_same_bytes() -> None:
    made = embedded("pbld", [4, 8, 2], (0, 3), optimizer="adam", batch=16)
    stream_alike(made)


@pytest.mark.parametrize("kind", KINDS)
def test_going_on_from_parameters_and_state(kind: str) -> None:
    made = embedded("pbld", [5, 8, 8, 2], **{"batch": 4, **KINDS[kind]})
    go_on_alike(made, 10)


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_way_of_prediction_gives_the_same(name: str, dtype: str) -> None:
    engine, x, _ = make_engine(embedded(name, [33, 200, 2], (7, 0, 32), dtype=dtype), 500, 2)
    with engine:
        outputs = engine.predict(x)
        for rows in (1, 9, 17, 65):
            assert outputs[:rows].tobytes() == engine.predict(x[:rows]).tobytes()
        predict_raw_alike(engine, x)


def test_a_look_inside_has_the_gradient_of_a_step() -> None:
    engine, x, t = make_engine(embedded("pbld", [5, 9, 2], (1, 2)), 30, 2)
    with engine:
        facts, before = engine.probe(x, t), engine.parameters()
        engine.epoch(0, np.ones(1))
        after = engine.parameters()
    np.testing.assert_allclose(facts[0].dw, before["layers.0.weight"] - after["layers.0.weight"], atol=1e-13)


def test_initial_numbers_are_those_of_the_recipe() -> None:
    made = make_plan([200, 8, 2], embedding=Embedding(configured("embedding", "pbld", deviation=0.5)))
    with Engine(made, 1) as engine:
        engine.initialize(3)
        found = {key.rpartition(".")[2]: one for key, one in engine.parameters().items() if "embedding" in key}
    assert {key: one.size for key, one in found.items()} == {
        "frequency": 200 * 16,
        "phase": 200 * 16,
        "mix": 200 * 16 * 3,
        "offset": 200 * 3,
    }
    assert found["frequency"].std() == pytest.approx(0.5, rel=0.05)
    assert found["phase"].std() == pytest.approx(np.pi / np.sqrt(3), rel=0.05)
    for key in ("mix", "offset"):
        assert 0.24 < abs(found[key]).max() <= 0.25
    assert len(np.unique(found["mix"].reshape(200, -1), axis=0)) == 200


def test_initializers_see_what_the_first_layer_gets() -> None:
    chosen = Embedding(configured("embedding", "pbld", **PARTS["pbld"]), (2, 0))
    made = make_plan([3, 7, 2], embedding=chosen, between=[{"init": configured("initializer", "xavier_normal")}])
    tensors = initial_tensors(made, 0)
    x = np.random.default_rng(0).standard_normal((50, 3))
    sample = FirstPass(made, x)
    e = sample.inputs(0, tensors)
    assert e.shape == (50, 9)
    np.testing.assert_array_equal(e[:, [3, 7]], x[:, [2, 0]])
    np.testing.assert_array_equal(e[:, 8], x[:, 1])
    z = sample.products(0, tensors)
    np.testing.assert_allclose(z, e @ tensors["layers.0.weight"], rtol=1e-12)
    np.testing.assert_allclose(sample.inputs(1, tensors), np.tanh(z + tensors["layers.0.bias"]), rtol=1e-12)


def test_a_network_without_numbers_has_no_embedding() -> None:
    plain, none = make_plan([3, 4, 2]), embedded("pbld", [3, 4, 2], ())
    assert none.tensors == plain.tensors


def test_a_residual_connection_past_it_is_refused() -> None:
    with pytest.raises(ValueError, match="residual connection would go past it"):
        embedded("pbld", [5, 5, 2], between=[{"residual": True}])


def test_a_run_embeds_numbers_and_passes_categories(write_spec: Callable[..., Path], tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(120, 2))
    colours = random.choice(["red", "blue", "green"], 120)
    rows = [f"{a:.3f},{c},{b:.3f},{np.sin(3 * a) * b:.3f}" for (a, b), c in zip(x, colours, strict=True)]
    rows[5] = "," + rows[5].partition(",")[2]
    (tmp_path / "table.csv").write_text("\n".join(["a,colour,b,y", *rows]) + "\n")
    model = {"input": {"embedding": {"type": "pbld", "frequencies": 6}, "scale": True}, "layers": [8]}
    data = {"path": str(tmp_path / "table.csv"), "target": "y", "drop": []}
    spec = write_spec(data=data, model=model, optimizer="adam", loss="auto")
    whole = numbann.train(spec, output="whole")
    part = numbann.train(spec, output="part", overrides={"train.epochs": 2})
    part = numbann.resume(part.path, epochs=4)
    one, other = numbann.load(whole.path), numbann.load(part.path)
    assert one.plan.layers[0].inputs == 2 * 4 + 3 + 1  # of two numbers, three colours, and where a is missing
    assert one.plan.layers[0].training.steps[0].columns == (0, 5, 1, 2, 3, 4)
    assert same_tensors(one.tensors, other.tensors)
    given = {"a": [0.3, None], "colour": ["red", "green"], "b": [1.0, 2.0]}
    np.testing.assert_array_equal(one.predict(given), other.predict(given))


def test_what_does_not_go_with_it_is_refused(write_spec: Callable[..., Path]) -> None:
    model = {"input": {"embedding": "pbld"}, "layers": [{"units": 2, "residual": True}]}
    with pytest.raises(SpecError) as told:
        numbann.train(write_spec(model=model, train={"device": "cuda"}))
    assert str(told.value).count("model.input.embedding") == 2
    assert 'train.device "cuda" does not do this' in str(told.value)
    with pytest.raises(SpecError, match='moves all numbers at once; give the embedding "rate": 1'):
        numbann.train(write_spec(model={**model, "layers": [2]}, optimizer="lbfgs"))


def test_an_engine_for_gpus_refuses_it() -> None:
    pytest.importorskip("numba_cuda")
    from numbann.cuda.engine.stages import require

    with pytest.raises(DeviceError, match=r"model\.input\.embedding: not done on a GPU"):
        require(embedded("pbld", [5, 2]))
