"""Networks that share weights: the formula, every way of training and of prediction, and the bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from differences import check_gradient
from networks import go_on_alike, make_engine, make_plan, predict_raw_alike, same_tensors, train_alike

import numbann
from numbann.components.built_in import built_in
from numbann.engine.cpu.engine import Engine
from numbann.errors import DeviceError, ShapeError, SpecError
from numbann.network.description import Embedding
from numbann.network.plan import Plan

MEMBERS = 3
KINDS: dict[str, dict[str, Any]] = {
    "adam": {"optimizer": "adam", "width_rates": True, "bias_rate": 0.1},
    "clip_norm": {"clip_norm": 0.1},
    "extras": {"optimizer": "adam", "clip_value": 0.05, "l1": 0.01, "weight_decay": 0.1, "average": 0.9},
    "lamb": {"optimizer": "lamb"},
    "lbfgs": {"optimizer": "lbfgs", "batch": None},
    "norm": {"between": [{"norm": "layer", "dropout": 0.2}, {"norm": "layer", "residual": True}]},
    "prelu": {"activation": "prelu"},
    "embedding": {"optimizer": "adam", "embedding": True},
}


def shared(sizes: list[int], embedding: bool = False, **options: Any) -> Plan:
    """A plan with members."""
    if embedding:
        options["embedding"] = Embedding(
            built_in().configured("embedding", "pbld", rate=1.0), tuple(range(0, sizes[0], 2))
        )
    return make_plan(sizes, **{"members": MEMBERS, **options})


@pytest.mark.parametrize("sizes", [[5, 4, 2], [70, 70, 3]])
@pytest.mark.parametrize(
    "options",
    [{}, {"between": [{"norm": "layer"}]}, {"activation": "prelu"}, {"embedding": True}],
    ids=str,
)
def test_gradients(sizes: list[int], options: dict[str, Any]) -> None:
    check_gradient(shared(sizes, **options))


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_training_is_that_of_pytorch(optimizer: str) -> None:
    """Each member trains on its own outputs; the loss is the mean of the members' losses."""
    torch = pytest.importorskip("torch")
    made = shared([5, 8, 7, 2], optimizer=optimizer, batch=10)
    engine, x, t = make_engine(made, 30)
    with engine:
        tensors = {name: torch.tensor(one, requires_grad=True) for name, one in engine.parameters().items()}
        made_by = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[optimizer]
        descent = made_by(tensors.values(), lr=1e-2)

        def outputs(rows: np.ndarray) -> Any:
            given = torch.tensor(rows)[:, None] * tensors["input.members"].reshape(MEMBERS, 5)
            for k in range(2):
                given = torch.tanh(given @ tensors[f"layers.{k}.weight"] + tensors[f"layers.{k}.bias"])
            w = tensors["layers.2.weight"].reshape(7, MEMBERS, 2)
            return torch.einsum("bki,iko->bko", given, w) + tensors["layers.2.bias"].reshape(MEMBERS, 2)

        for epoch in range(7):
            engine.epoch(epoch, np.full(3, 1e-2))
            order = np.asarray(engine._require_training().epochs.order)[::MEMBERS]
            for k, loss in enumerate(engine.step_losses()):
                batch = order[10 * k : 10 * k + 10]
                error = ((outputs(x[batch]) - torch.tensor(t[batch])[:, None]) ** 2).mean()
                assert loss == pytest.approx(error.item(), rel=1e-9)
                descent.zero_grad()
                error.backward()
                descent.step()
        for name, one in engine.parameters().items():
            np.testing.assert_allclose(one, tensors[name].detach().numpy(), rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(engine.predict(x), outputs(x).mean(1).detach().numpy(), rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("batch", "rows", "dtype"), [(7, 23, "float64"), (64, 150, "float32"), (500, 1100, "float32")])
def test_any_number_of_threads_gives_the_same_bytes(batch: int, rows: int, kind: str, dtype: str) -> None:
    made = shared([70, 130, 130, 5], **{"batch": batch, "dtype": dtype, **KINDS[kind]})
    assert (np.abs(train_alike(made, rows)["input.members"]) != 1).any()


@pytest.mark.parametrize("kind", KINDS)
def test_going_on_from_parameters_and_state(kind: str) -> None:
    made = shared([5, 8, 8, 2], **{"batch": 4, **KINDS[kind]})
    go_on_alike(made, 10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_way_of_prediction_gives_the_same(dtype: str) -> None:
    engine, x, t = make_engine(shared([33, 200, 2], dtype=dtype), 900, 2)
    with engine:
        outputs = engine.predict(x)
        assert outputs[:3].tobytes() == engine.predict(x[:3]).tobytes()
        predict_raw_alike(engine, x)
        weight = np.random.default_rng(0).random(900)
        loss, again = engine.evaluate(x, t, weight)
        assert again.tobytes() == outputs.tobytes()
        assert loss == pytest.approx(engine.evaluate(x, t, weight * 3)[0])
        facts = engine.probe(x, t)
        assert facts[-1].dw.shape == (200, 2 * MEMBERS)


def test_weights_of_rows_count_for_all_members() -> None:
    """A weight of 2 is a row that comes twice, and one of 0 is no row."""
    engines = []
    for rows, weight in (
        (np.arange(8), None),
        (np.array([0, 0, 1, 2, 3, 4, 5]), None),
        (np.arange(8), [2, *[1] * 5, 0, 0]),
    ):
        engine, x, t = make_engine(shared([5, 8, 2]), 8)
        with engine:
            engine.load_data(x[rows], t[rows], None if weight is None else np.array(weight, float))
            engine.epoch(0, np.full(1, 0.1))
            engines.append(engine.parameters())
    for name, one in engines[1].items():
        np.testing.assert_allclose(engines[2][name], one, rtol=1e-12)
        assert name == "input.members" or not np.array_equal(one, engines[0][name])


def test_members_differ_and_their_mean_is_better(write_spec: Callable[..., Path]) -> None:
    model = {"members": 4, "layers": [{"units": 8, "activation": "tanh"}]}
    whole = numbann.train(write_spec(model=model), output="whole")
    part = numbann.resume(numbann.train(write_spec(model=model, train={"epochs": 2}), output="part").path, epochs=4)
    one, other = numbann.load(whole.path), numbann.load(part.path)
    scales = one.tensors["input.members"].reshape(4, -1)
    assert len({row.tobytes() for row in scales}) == 4
    assert same_tensors(one.tensors, other.tensors)
    rows = np.random.default_rng(0).standard_normal((100, 2))
    shares = one.predict_proba(rows)
    np.testing.assert_allclose(shares.sum(1), 1, rtol=1e-6)
    np.testing.assert_array_equal(shares[:3], other.predict_proba(rows[:3]))


def test_what_does_not_go_with_them_is_refused(write_spec: Callable[..., Path]) -> None:
    layers = [{"units": 2, "residual": True}, {"units": 2, "norm": "batch"}]
    model = {"members": 2, "input": {"scale": True}, "layers": layers}
    with pytest.raises(SpecError) as told:
        numbann.train(write_spec(model=model, train={"device": "cuda"}))
    for said in ('train.device "cuda" does not do this', "members' scales", "scales of their own", 'give "layer"'):
        assert said in str(told.value)
    with pytest.raises(SpecError, match="there are none"):
        numbann.train(write_spec(model={"members": 2, "layers": []}))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"between": [{"residual": True}]}, "residual connection would go past it"),
        ({"between": [{"norm": "batch"}]}, "whole batches"),
        ({"input_scale": 1.0}, "scales of the inputs of their own"),
        ({"output": "softmax"}, "whole rows"),
    ],
)
def test_a_network_of_components_is_refused_alike(options: dict[str, Any], told: str) -> None:
    with pytest.raises((ShapeError, ValueError), match=told):
        shared([5, 5, 2], **options)


def test_an_engine_for_gpus_refuses_it() -> None:
    pytest.importorskip("numba_cuda")
    from numbann.cuda.engine.stages import require

    with pytest.raises(DeviceError, match=r"model\.members: not done on a GPU"):
        require(shared([5, 4, 2]))


def test_rows_come_once_for_each_member() -> None:
    """An epoch has as many steps as without members, and each step the batch's rows for all of them."""
    engine, _, _ = make_engine(shared([5, 8, 2], batch=4), 10)
    assert isinstance(engine, Engine)
    with engine:
        assert engine._require_training().epochs.steps == 3
        assert [engine._require_training().epochs.rows_of(k) for k in range(3)] == [4, 4, 2]
