"""Time to predict one row, and 10 000 rows: numbann beside its peers, with the same weights, each in its best setting.

    python benchmarks/inference.py [--nets TSMLWC] [--peers onnxruntime,JAX] [--json out.json] [--plot out.png]

Each takes rows and gives probabilities (or values) in its own kind of array, and all outputs must agree before they are
timed.  numbann takes part with `Model.predict`, which also encodes rows and names classes, and with `Model.outputs`,
which does the same work as the peers; the ratio is that of the second.
"""

from __future__ import annotations

import functools
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numbann_runs
import numpy as np
from nets import NETS, Net
from peers import thread_counts, threads_label, torch_model
from report import alternate, best_peer, options, plot_ratios, repeat, show, write

Weights = list[tuple[np.ndarray, np.ndarray]]
ROWS = (1, 10_000)
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Contestant:
    """What predicts all rows, and what sets its number of threads before a round."""

    predict: Callable[[], Any]
    prepare: Callable[[], Any] = lambda: None


Found = Iterator[tuple[str, Contestant]]


def numbann(net: Net, x: np.ndarray, folder: Path) -> tuple[Weights, dict[str, Contestant]]:
    """A model trained for one epoch: its weights, and what predicts, on one thread and as it chooses."""
    found = {}
    for threads in (1, "auto"):
        _, model = numbann_runs.train(net, folder, threads, epochs=1)
        found[f"numbann predict {threads}"] = Contestant(lambda model=model: model.predict(x))
        found[f"numbann outputs {threads}"] = Contestant(lambda model=model: model.outputs(x))
    return model.weights, found


def onnxruntime(net: Net, weights: Weights, x: np.ndarray) -> Found:
    """ONNX Runtime on a graph of Gemm and activations."""
    import onnxruntime

    graph = onnx_model(net, weights)
    for threads in thread_counts():
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = threads
        settings.add_session_config_entry("session.set_denormal_as_zero", "1")
        session = onnxruntime.InferenceSession(graph, settings, providers=["CPUExecutionProvider"])
        yield threads_label(threads), Contestant(lambda session=session: session.run(None, {"x": x})[0])


def onnx_model(net: Net, weights: Weights) -> bytes:
    """The net as an ONNX model."""
    from onnx import TensorProto, checker, helper, numpy_helper

    nodes, constants, value = [], [], "x"
    last = ["Softmax"] if net.classes else []
    for k, (w, b) in enumerate(weights):
        constants += [numpy_helper.from_array(w, f"w{k}"), numpy_helper.from_array(b, f"b{k}")]
        nodes.append(helper.make_node("Gemm", [value, f"w{k}", f"b{k}"], [f"z{k}"]))
        value = f"z{k}"
        for kind in [net.activation.capitalize()] if k < len(weights) - 1 else last:
            nodes.append(helper.make_node(kind, [value], [f"a{k}"]))
            value = f"a{k}"
    ends = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", width])]
        for name, width in (("x", net.widths[0]), (value, net.widths[-1]))
    ]
    graph = helper.make_graph(nodes, net.name, *ends, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    return bytes(model.SerializeToString())


def torch(net: Net, weights: Weights, x: np.ndarray) -> Found:
    """PyTorch in inference mode: eager, traced and frozen, and compiled."""
    import torch

    torch.set_flush_denormal(True)
    layers, _ = torch_model(net)
    model = torch.nn.Sequential(*layers, *([torch.nn.Softmax(dim=1)] if net.classes else [])).eval()
    rows = torch.from_numpy(x)
    with torch.inference_mode():
        for layer, (w, b) in zip(layers[::2], weights, strict=True):
            layer.weight.copy_(torch.from_numpy(w.T))
            layer.bias.copy_(torch.from_numpy(b))
        with warnings.catch_warnings():  # tracing is deprecated, but may be the fastest
            warnings.simplefilter("ignore")
            traced = torch.jit.optimize_for_inference(torch.jit.trace(model, rows))
    for threads in thread_counts():
        for label, forward in {"eager": model, "jit": traced, "compile": torch.compile(model)}.items():

            def predict(forward: Any = forward) -> Any:
                with torch.inference_mode():
                    return forward(rows)

            prepare = functools.partial(torch.set_num_threads, threads)
            yield f"{label} {threads_label(threads)}", Contestant(predict, prepare)


def jax(net: Net, weights: Weights, x: np.ndarray) -> Found:
    """JAX, the whole net in one compiled function."""
    import jax
    import jax.numpy as jnp

    act = jax.nn.relu if net.activation == "relu" else jnp.tanh

    @jax.jit
    def forward(weights: Any, a: Any) -> Any:
        for w, b in weights[:-1]:
            a = act(a @ w + b)
        y = a @ weights[-1][0] + weights[-1][1]
        return jax.nn.softmax(y) if net.classes else y

    given = jax.device_put((weights, x))
    yield "", Contestant(lambda: forward(*given).block_until_ready())


def scikit_learn(net: Net, weights: Weights, x: np.ndarray) -> Found:
    """MLPClassifier.predict_proba or MLPRegressor.predict, with these weights put in."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from threadpoolctl import threadpool_limits

    *hidden, (w, b) = weights
    classes = np.arange(net.widths[-1])
    if net.classes and len(classes) == 2:  # it has one output then
        w, b = w[:, 1:] - w[:, :1], b[1:] - b[:1]
    model = (MLPClassifier if net.classes else MLPRegressor)(
        hidden_layer_sizes=net.widths[1:-1], activation=net.activation, max_iter=1
    )
    with warnings.catch_warnings():  # it wants to be fitted longer
        warnings.simplefilter("ignore")
        model.fit(
            np.zeros((len(classes), net.widths[0]), "f"), classes if net.classes else np.eye(len(classes), dtype="f")
        )
    model.coefs_, model.intercepts_ = ([*parts] for parts in zip(*hidden, (w, b), strict=True))
    forward = model.predict_proba if net.classes else model.predict
    for threads in thread_counts():
        prepare = functools.partial(threadpool_limits, threads, user_api="blas")
        yield threads_label(threads), Contestant(lambda: forward(x), prepare)


PEERS = {"scikit-learn": scikit_learn, "PyTorch": torch, "JAX": jax, "onnxruntime": onnxruntime}


def contestants(net: Net, rows: int, names: list[str], folder: Path) -> dict[str, Contestant]:
    """numbann and every peer that is installed; their outputs agree."""
    x = np.random.default_rng(1).standard_normal((rows, net.widths[0]), np.float32)
    weights, found = numbann(net, x, folder)
    for name in names:
        try:
            found.update({f"{name} {label}".strip(): one for label, one in PEERS[name](net, weights, x)})
        except ImportError:
            continue
    expected = found["numbann outputs auto"].predict()
    for name, one in found.items():
        if "numbann predict" not in name:
            one.prepare()
            np.testing.assert_allclose(np.asarray(one.predict()), expected, TOLERANCE, TOLERANCE, err_msg=name)
    return found


def summary(net: Net, rows: int, times: dict[str, float]) -> dict[str, Any]:
    """numbann's time, with threads as it chooses them, beside the best peer's."""
    ours = times["numbann outputs auto"]
    return {
        "net": f"{net.name} {'-'.join(map(str, net.widths))}",
        "rows": rows,
        "numbann us": ours,
        "with encoding and labels": times["numbann predict auto"],
        **best_peer(times, ours),
        "GFLOP/s": net.row_flops * rows / ours / 1e3,
    }


def main() -> None:
    """Measure, print tables, and write a JSON file and a picture if asked."""
    parser = options(__doc__)
    parser.add_argument("--nets", default="".join(NETS), help="their letters")
    parser.add_argument("--peers", default=",".join(PEERS), help="their names, with commas between")
    given = parser.parse_args()
    names = [peer for peer in given.peers.split(",") if peer]
    times: dict[str, dict[str, float]] = {}
    summaries, points = [], {rows: {} for rows in ROWS}
    with tempfile.TemporaryDirectory() as folder:
        for letter in given.nets:
            net = NETS[letter]
            for rows in ROWS:
                once = {
                    name: repeat(one.predict, one.prepare)
                    for name, one in contestants(net, rows, names, Path(folder)).items()
                }
                found = {name: seconds * 1e6 for name, seconds in alternate(once, given.rounds).items()}
                times[f"{letter}, {rows}"] = found
                summaries.append(summary(net, rows, found))
                points[rows][letter] = (net.row_flops * rows, summaries[-1]["ratio"])
    show("predictions: one row (latency) and many (throughput)", summaries)
    labels = dict.fromkeys(name for found in times.values() for name in found)
    table = [{"us": name, **{case: found.get(name, "") for case, found in times.items()}} for name in labels]
    show("all contestants, by net and rows", table)
    write(given.json, summary=summaries, microseconds=table)
    if given.plot:
        plot_ratios(given.plot, "time to predict", {f"{rows} rows": found for rows, found in points.items()})


if __name__ == "__main__":
    main()
