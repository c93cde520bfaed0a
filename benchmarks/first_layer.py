"""What stands for the columns of a table, and what it costs: microseconds a step of 3 x 256, on one thread.

    python benchmarks/first_layer.py [--json out.json] [--plot out.png]

The columns are those of Adult: 6 numbers, and 8 columns of categories, 98 in all.  float32, batches of 256, mish and
adamw; processor time, so that other programs count less.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from report import alternate, options, plot_bars, show, write

from numbann.components.built_in import built_in
from numbann.engine.cpu.engine import Engine
from numbann.network.description import Categories, Dense, Embedding, Network
from numbann.network.plan import build

NUMBERS, COUNTS = 6, (8, 16, 7, 14, 6, 5, 1, 41)
MOST = 8  # categories of a column that stays one-hot beside codes
BATCH, STEPS, UNITS = 256, 10, 256


def engine_of(x: np.ndarray, **inputs: Any) -> Engine:
    """An engine that trains on these inputs."""
    get = built_in().configured
    hidden = Dense(UNITS, get("activation", "mish"))
    network = Network(
        inputs=x.shape[1],
        layers=(hidden, hidden, hidden, Dense(2)),
        loss=get("loss", "softmax_cross_entropy"),
        optimizer=get("optimizer", "adamw"),
        batch_size=BATCH,
        **inputs,
    )
    engine = Engine(build(network), 1, exactly=True)
    engine.initialize(0)
    engine.load_data(x, np.random.default_rng(1).integers(0, 2, len(x)))
    return engine


def contestants() -> Iterator[tuple[str, Engine]]:
    """Yield engines by what stands for the columns."""
    random, rows = np.random.default_rng(0), BATCH * STEPS
    numbers = random.standard_normal((rows, NUMBERS)).astype(np.float32)
    codes = [random.integers(0, count, (rows, 1)) for count in COUNTS]
    one_hot = [(code == np.arange(count)).astype(np.float32) for code, count in zip(codes, COUNTS, strict=True)]
    pbld = Embedding(built_in().configured("embedding", "pbld"), tuple(range(NUMBERS)))
    few = [one for one in one_hot if one.shape[1] <= MOST]
    many = [k for k, count in enumerate(COUNTS) if count > MOST]
    beside = np.hstack([numbers, *few, *(codes[k].astype(np.float32) for k in many)])
    first = beside.shape[1] - len(many)
    counts = {first + place: COUNTS[k] for place, k in enumerate(many)}
    yield "numbers", engine_of(numbers)
    yield "numbers, pbld", engine_of(numbers, input_embedding=pbld)
    yield "numbers, all categories one-hot", engine_of(np.hstack([numbers, *one_hot]))
    yield "numbers, columns of many categories by code", engine_of(beside, input_categories=Categories(counts))


def main() -> None:
    """Measure, print a table, and write a JSON file and a picture if asked."""
    given = options(__doc__, rounds=30).parse_args()
    rates, epochs = np.full(STEPS, 1e-3), iter(range(1 << 30))

    def seconds(engine: Engine) -> float:
        start = time.process_time()
        engine.epoch(next(epochs), rates)
        return (time.process_time() - start) / STEPS

    engines = dict(contestants())
    found = alternate({name: lambda one=one: seconds(one) for name, one in engines.items()}, given.rounds)
    least = min(found.values())
    rows = [{"inputs": name, "us": 1e6 * time, "factor": time / least} for name, time in found.items()]
    show("what stands for the columns of a table", rows)
    write(given.json, inputs=rows)
    if given.plot:
        values = {str(row["inputs"]): row["us"] for row in rows}
        plot_bars(given.plot, "what stands for the columns of a table", values, "us a step")


if __name__ == "__main__":
    main()
