"""A program: trains a small network once and prints, as JSON, its weights' hash and how many kernels it compiled.

    python train_once.py [PLUGIN.py ACTIVATION [DTYPE [OPTIMIZER]]]

Tests run it in processes of their own, with caches and processors of their choice.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from networks import flat, make_engine, make_plan, weights_of

from numbann.components.built_in import built_in
from numbann.plugins.finding import with_files
from numbann.simd import objects


def main(plugin: str = "", activation: str = "tanh", dtype: str = "float32", optimizer: str = "adam") -> None:
    """Train for two epochs and print what came of it."""
    registry = with_files([Path(plugin)]) if plugin else built_in()
    made = make_plan(
        [20, 70, 9], activation, "softmax_cross_entropy", optimizer, batch=16, dtype=dtype, registry=registry
    )
    engine, x, _ = make_engine(made, 50)
    with engine:
        losses = [engine.epoch(epoch, np.full(4, 0.01)) for epoch in range(2)]
        weights = flat(weights_of(engine))
        predicted = engine.predict(x)
    digest = hashlib.sha256(weights.tobytes() + predicted.tobytes()).hexdigest()
    print(json.dumps({"digest": digest, "losses": losses, "compiled": objects.MISSES}))


if __name__ == "__main__":
    main(*sys.argv[1:])
