"""Machine code of CUDA kernels on disk: found again, never stale, never in the way.  No GPU is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba_cuda")

from bent import VARIANTS
from networks import make_plan
from processes import run

from numbann.components.registry import Registry
from numbann.cuda.compile import binaries
from numbann.cuda.engine.steps import Builder
from numbann.cuda.threads import batches
from numbann.cuda.threads.device import SIMULATED
from numbann.cuda.threads.running import Binary
from numbann.engine.shared.hyperparameters import hyper_width
from numbann.plugins.finding import with_files

pytestmark = pytest.mark.skipif(SIMULATED, reason="the simulator compiles nothing")

ALL = {"norm": "batch", "dropout": 0.3, "residual": True}
NETWORKS: list[dict[str, Any]] = [
    {"sizes": (3, 4, 2), "average": 0.9, "activation": "prelu"},
    {"sizes": (4, 4, 4, 2), "between": [{**ALL, "norm": "layer"}, ALL], "activation": "rrelu", "clip_norm": 1.0},
    {"sizes": (3, 4, 2), "activation": "softmax", "loss": "softmax_cross_entropy"},
]


def names(
    dtype: str = "float32", activation: str = "tanh", registry: Registry | None = None, **network: Any
) -> list[str]:
    """The files of all kernels of a network, without repetitions."""
    given = {"sizes": (3, 4, 2), "batch": 4, "activation": activation, "dtype": dtype, "registry": registry}
    plan = make_plan(**{**given, **network})
    hyper = np.zeros((2, hyper_width(plan)))
    launches = (
        Builder(plan, 4, True, 1).train(2, hyper, False).launches + Builder(plan, 4, False, 1).evaluate(True).launches
    )
    return list(dict.fromkeys(binaries.file_of(launch.kernel, dtype, (8, 0)).name for launch in launches))


def test_a_second_process_compiles_nothing(tmp_path: Path) -> None:
    first = run("assemble_once.py", NUMBANN_CACHE_DIR=tmp_path / "cache")
    before = sorted(tmp_path.rglob("*"))
    assert first["compiled"] == 2
    assert run("assemble_once.py", NUMBANN_CACHE_DIR=tmp_path / "cache") == {**first, "compiled": 0}
    assert sorted(tmp_path.rglob("*")) == before
    for path in tmp_path.rglob("*.cubin"):
        path.write_bytes(path.read_bytes()[:-1])
    assert run("assemble_once.py", NUMBANN_CACHE_DIR=tmp_path / "cache") == first


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_every_kernel_has_a_name_of_its_own(network: dict[str, Any]) -> None:
    """The functions that make kernels give the same for the same, so as many names are there as kernels."""
    one, other = names(**network), names("float64", **network)
    assert len(set(one + other)) == 2 * len(one)
    assert names(**network) == one


def test_what_a_kernel_is_made_of_is_in_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    first = set(names(optimizer="adam"))
    for other in ({"average": 0.9}, {"clip_value": 1.0}, {"loss": "huber"}, {"activation": "relu"}):
        assert first - set(names(**{"optimizer": "adam", **other}))
    kernel = batches.advance
    found = {
        binaries.file_of(kernel, dtype, capability)
        for dtype in ("float32", "float64")
        for capability in ((8, 0), (9, 0))
    }
    monkeypatch.setattr(binaries, "toolchain", lambda: ("another",))
    assert len(found | {binaries.file_of(kernel, "float32", (8, 0))}) == 5
    assert not first & set(names(optimizer="adam"))


def test_an_edited_component_is_never_stale(tmp_path: Path) -> None:
    plugin = tmp_path / "bent.py"
    found = {}
    for name, text in VARIANTS.items():
        plugin.write_text(text)
        found[name] = tuple(names(activation="bent", registry=with_files([plugin])))
    assert len(set(found.values())) == 4
    assert found["comment"] == found["first"]


def test_a_closure_without_a_lasting_name_is_an_error() -> None:
    unknown = object()

    def kernel() -> Any:
        return unknown

    with pytest.raises(TypeError, match="no lasting name"):
        binaries.describe(kernel)


def test_files(tmp_path: Path) -> None:
    path, made = tmp_path / "kernel.cubin", Binary("kernel$1", b"\x7fELF\0code\0")
    assert binaries.read(path) is None
    binaries.store(path, made)
    assert binaries.read(path) == made
    for damage in (b"", path.read_bytes()[:-1], path.read_bytes() + b"more", bytes(100)):
        path.write_bytes(damage)
        assert binaries.read(path) is None
    binaries.store(tmp_path / "none" / "kernel.cubin", made)  # a folder that is gone is no error
