"""The speed of a component beside built-in ones: its kernels on data in the first-level cache, and a training step.

Whether a loop is vectorised is read from the compiled code, not guessed from times.
"""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable

import numpy as np

from numbann.compile.cpu import activation_backward, activation_forward, loss_kernel, optimizer_kernel
from numbann.compile.embeddings import embed_backward, embed_forward
from numbann.components.built_in import built_in
from numbann.components.component import Component
from numbann.derivation.outputs import rows_of
from numbann.engine.cpu.engine import Engine
from numbann.network import plan
from numbann.network.description import Dense, Embedding, Network
from numbann.simd.compiler import code_of
from numbann.simd.vector_math import BINDINGS
from numbann.testing.findings import Doubt, Unchecked, spot_of
from numbann.testing.kernels import LANES, EmbeddingBlock, Update, backward_block, forward_block, loss_block
from numbann.testing.settings import rows_of_targets, widths_of

ARITHMETIC = re.compile(r"= (?:tail )?f(?:add|sub|mul|div|neg|cmp) [^\n]*?(?:<(\d+) x float>|float) ")
CALLS = re.compile(r"call [^\n@]*?(?:float|double) @(?:llvm\.)?([a-z]\w+)")
SPLIT = re.compile(r"call [^\n@]*?x float> @llvm\.(\w+)\.v")  # of a vector, which LLVM splits into a call a number
OWN = re.compile(r"^define weak_odr .*?^}", re.DOTALL | re.MULTILINE)  # sin and cos, whatever the loops call
LIBRARY = {"sin", "cos", "tan", "asin", "acos", "sinh", "cosh", "pow", "exp", "exp2", "exp10", "log", "log2", "log10"}

ROWS, COLUMNS = 32, 64
BASELINES = {
    "activation": ("relu", "sigmoid"),
    "embedding": ("linear_relu", "pbld"),
    "loss": ("mse",),
    "optimizer": ("sgd", "adam"),
}
EMBEDDED = tuple(range(8))  # the inputs that a timed network embeds
CALLS_A_ROUND, ROUNDS = 200, 15
NET, BATCH, DATA = (784, 128, 10), 32, 1600


def kernels_of(component: Component) -> dict[str, int]:
    """The addresses of a component's kernels in float32."""
    match component.kind:
        case "activation":
            return {
                "forward": activation_forward(component, "float32", False),
                "back": activation_backward(component, "float32", False),
            }
        case "embedding":
            return {"forward": embed_forward(component, "float32"), "back": embed_backward(component, "float32")}
        case "loss":
            return {"value and derivative": loss_kernel(rows_of(component), "float32")}
    return {"a step": optimizer_kernel(component.configured(), "float32")}


def check_vectors(component: Component) -> str:
    """How many numbers its loops process at once; Doubt if it is one at a time."""
    if component.form == "batch":
        raise Unchecked("not checked: how a loss of whole batches loops over rows is its own")
    widths = []
    for name, address in kernels_of(component).items():
        code = OWN.sub("", code_of(address))
        widths.append(max((int(width or 1) for width in ARITHMETIC.findall(code)), default=LANES))
        split = set(SPLIT.findall(code)) & LIBRARY
        if split or widths[-1] < 4:
            called = ", ".join(sorted(split or set(CALLS.findall(code)) - {"fabs", "sqrt", "fma", "copysign"}))
            fast = ", ".join(sorted(place.name for place in BINDINGS["float32"].values()))
            raise Doubt(
                f"{name} is not vectorised: " + (f"{called} is called for each number" if called else "one by one"),
                spot_of(component.function),
                f"it works, but slowly; these functions of math go by vectors: {fast}",
            )
    return f"{min(widths)} numbers at once, and no call of a scalar function"


# ---- nanoseconds a number


def measure_nanoseconds(component: Component) -> dict[str, dict[str, float]]:
    """{kernel: {name: ns a number}} of a component and its baselines, timed in alternating rounds.

    The time of a call over no rows is subtracted.  The shortest times count, since whatever else the machine does makes
    them longer.  Nothing for a loss of whole batches, which has no time of a number.
    """
    if component.form == "batch":
        return {}
    others = [built_in().get(component.kind, name) for name in list_baselines(component)]
    named = {component.name: component, **{other.name: other for other in others}}
    runs = {(kernel, name): run for name, each in named.items() for kernel, run in _bind_kernels(each).items()}
    full: dict[tuple[str, str], list[float]] = {key: [] for key in runs}
    empty: dict[tuple[str, str], list[float]] = {key: [] for key in runs}
    for _ in range(ROUNDS):
        for key, run in runs.items():
            full[key].append(_time_call(run, ROWS))
            empty[key].append(_time_call(run, 0))
    found = {key: max(0.0, min(full[key]) - min(empty[key])) for key in runs}
    kernels = dict.fromkeys(kernel for kernel, _ in runs)
    return {kernel: {name: found[kernel, name] / (ROWS * COLUMNS) * 1e9 for name in named} for kernel in kernels}


def list_baselines(component: Component) -> tuple[str, ...]:
    """The names of the built-in components to compare with."""
    if component.form in ("row", "outputs"):
        return ("softmax",) if component.kind == "activation" else ("softmax_cross_entropy",)
    return BASELINES[component.kind]


def _bind_kernels(component: Component) -> dict[str, Callable[[int], None]]:
    """The kernels of a component, bound to data; each is called with a number of rows."""
    component = rows_of(component)
    random = np.random.default_rng(0)
    if component.kind == "embedding":
        made = EmbeddingBlock(component, "float32", random.normal(0, 2, ROWS * COLUMNS), component.defaults())
        return {"forward": lambda rows: made.forward(rows * COLUMNS), "back": lambda rows: made.back(rows * COLUMNS)}
    x = random.normal(0, 2, (ROWS, widths_of(component.configured(), COLUMNS)[0]))
    match component.kind:
        case "activation":
            forward = forward_block(component, "float32", x)
            back = backward_block(component, "float32", x, forward["A"][:, : forward.made])
            back["D"][:] = 0  # each call multiplies d again; it would reach denormal numbers, which are slow
            return {"forward": forward, "back": back}
        case "loss":
            target = rows_of_targets(component, ROWS, COLUMNS, random)
            return {"value and derivative": loss_block(component, "float32", x, target)}
    update = Update(component.configured(), "float32", random.standard_normal(ROWS * COLUMNS), step=1000)
    return {"a step": lambda rows: update(rows * COLUMNS)}


def _time_call(run: Callable[[int], None], rows: int) -> float:
    """The seconds of a call, the mean of many."""
    run(rows)
    start = time.perf_counter()
    for _ in range(CALLS_A_ROUND):
        run(rows)
    return (time.perf_counter() - start) / CALLS_A_ROUND


# ---- a real step


def measure_step(component: Component) -> dict[str, float]:
    """{name: us a step} of 784-128-10, batches of 32, one thread, with the component and with a built-in one."""
    known = {"activation": "relu", "embedding": "linear_relu", "loss": "mse", "optimizer": "adam"}[component.kind]
    if component.kind == "loss" and component.form != "elementwise":
        known = "softmax_cross_entropy"
    return compare_steps([component, built_in().get(component.kind, known)])


def compare_steps(
    components: list[Component], net: tuple[int, ...] = NET, rounds: int = 2 * ROUNDS
) -> dict[str, float]:
    """{name: us a step} of a net, batches of 32, one thread, with each of the components; rounds alternate."""
    engines = {component.name: engine_of(component, net) for component in components}
    found: dict[str, list[float]] = {name: [] for name in engines}
    rates = np.full(DATA // BATCH, 1e-4)
    for epoch in range(rounds + 3):
        for name, engine in engines.items():
            start = time.perf_counter()
            engine.epoch(epoch, rates)
            if epoch >= 3:
                found[name].append((time.perf_counter() - start) / len(rates) * 1e6)
    for engine in engines.values():
        engine.close()
    return {name: statistics.median(times) for name, times in found.items()}


def engine_of(component: Component, net: tuple[int, ...]) -> Engine:
    """An engine with data for a net that contains a component."""
    if component.kind == "loss" and component.form == "batch" and component.columns:
        net = (*net[:-1], component.outputs_by())
    made = plan.build(_make_network(component, net))
    engine, random = Engine(made, 1, exactly=True), np.random.default_rng(0)
    engine.initialize(0)
    x = random.standard_normal((DATA, net[0]), np.float32)
    engine.load_data(x, rows_of_targets(made.loss.component, DATA, net[-1], random))
    return engine


def _make_network(component: Component, net: tuple[int, ...]) -> Network:
    """A network that contains a component, and built-in ones beside it."""
    chosen = {
        "activation": built_in().get("activation", "relu"),
        "loss": built_in().get("loss", "softmax_cross_entropy"),
        "optimizer": built_in().get("optimizer", "adam"),
    }
    chosen[component.kind] = component
    activation = chosen["activation"].configured()
    hidden = [Dense(widths_of(activation, units)[0], activation) for units in net[1:-1]]
    return Network(  # predictions, and with them the loss's link, play no part
        link=built_in().configured("activation", "identity"),
        inputs=net[0],
        input_embedding=Embedding(component.configured(), EMBEDDED) if component.kind == "embedding" else None,
        layers=(*hidden, Dense(net[-1])),
        loss=chosen["loss"].configured(),
        optimizer=chosen["optimizer"].configured(),
        batch_size=BATCH,
    )
