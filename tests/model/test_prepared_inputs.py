"""A model with bins, compact categories and clipped predictions takes new rows as it took those of training."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import numbann

TABLE = "a,sex,town,y\n" + "".join(
    f"{'' if k == 7 else k * k % 31},{'fm'[k % 2]},{'abc'[k % 3]},{(k * k % 31 > 9) + k % 2}.5\n" for k in range(80)
)


def test_a_stored_model_predicts_as_the_run_did(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(TABLE)
    path = {"train": str(tmp_path / "t.csv"), "validation": str(tmp_path / "t.csv")}
    data = {"path": path, "target": "y", "bins": 6, "categories": "compact", "target_clip": True, "split": {"test": 0}}
    rates = {"optimizer": {"type": "adam", "learning_rate": 0.1}, "train": {"epochs": 20}}
    run = numbann.train({"data": data, "model": {"layers": [8]}, **rates}, output=tmp_path / "run")
    model = numbann.load(tmp_path / "run")
    assert model.plan.inputs == (1 + len(run.model.preprocessing.encoding.bins["a"]) + 1) + 1 + 3
    rows = {"a": [3.0, None, -1e6, 1e6], "sex": ["m", "f", None, "f"], "town": ["a", "b", None, "c"]}
    found = model.predict(rows)
    assert found.tolist() == run.model.predict(rows).tolist()
    assert found.tolist() == np.clip(found, 0.5, 2.5).tolist()
    measured = model.evaluate(tmp_path / "t.csv")
    assert measured == run.metrics["validation"]
