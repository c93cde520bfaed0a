"""Trainings on clusters: the same bits as in this process, whatever is lost, and wherever the files are."""

from __future__ import annotations

import itertools
import json
import os
import pickle
import signal
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from pathlib import Path
from threading import Thread
from types import MappingProxyType
from typing import Any

import pytest

import numbann
from numbann.errors import ClusterError
from numbann.training import folding, sent, warming
from numbann.training.callbacks import EpochEnded, FromModel, ModelEnded

WriteSpec = Callable[..., Path]
BENT = '''
from math import sqrt
from numbann import activation, hookimpl

@activation(init="he_normal")
def bent(z, alpha: float = 0.5):
    """Bent: alpha (sqrt(z^2 + 1) - 1) + z."""
    return alpha * (sqrt(z * z + 1) - 1) + z

@hookimpl
def numbann_register(register):
    register(bent)
'''
ROWS = {"x": [0.1, 2.0, -3.0], "y": [2.9, 0.3, 0.0]}
slow = pytest.mark.slow
dasks_warnings = pytest.mark.filterwarnings("default")


def figures(found: Any) -> Any:
    """What no clock is in, with all predictions to the last bit."""
    folds = [{name: value for name, value in one.items() if name != "seconds"} for one in found.folds]
    return folds, found.mean, {name: column.tolist() for name, column in found.predictions.items()}


class Away(Executor):
    """An Executor whose workers are elsewhere: works and results go as bytes.  files: what is there by other bytes."""

    def __init__(self, files: Mapping[str, bytes] = MappingProxyType({})) -> None:
        self.sizes, self.files = list[int](), files
        folding._READ.clear()

    def submit(self, function: Any, /, *args: Any, **more: Any) -> Future[Any]:
        content, future = pickle.dumps((function, args)), Future[Any]()
        here = {name: Path(name).read_bytes() for name in self.files}
        self.sizes.append(len(content))
        try:
            for name, other in self.files.items():
                Path(name).write_bytes(other)
            own, given = pickle.loads(content)
            future.set_result(pickle.loads(pickle.dumps(own(*given))))
        except Exception as error:
            future.set_exception(pickle.loads(pickle.dumps(error)))
        finally:
            for name, own in here.items():
                Path(name).write_bytes(own)
        return future


@slow
@dasks_warnings
def test_the_same_bits_everywhere(write_spec: WriteSpec, dask: str) -> None:
    spec = write_spec(train={"epochs": 3})
    expected = figures(numbann.cross_validate(spec, folds=4, threads=1))
    assert figures(numbann.cross_validate(spec, folds=4, threads=2)) == expected
    assert figures(numbann.cross_validate(spec, folds=4, executor="processes", threads=2)) == expected
    assert figures(numbann.cross_validate(spec, folds=4, executor=dask)) == expected


@slow
@dasks_warnings
def test_rows_given_in_python_and_a_plugin_on_dask(write_spec: WriteSpec, dask: str, here: Path) -> None:
    plugin = here / "bent.py"
    plugin.write_text(BENT)
    layers = [{"units": 8, "activation": "bent"}]
    spec = json.loads(write_spec(plugins=[str(plugin)], model={"layers": layers}).read_text())
    lines = [line.split(",") for line in Path("blobs.csv").read_text().splitlines()[1:]]
    data = {"a": [float(row[0]) for row in lines], "b": [float(row[1]) for row in lines]}
    data["colour"] = [row[3] for row in lines]
    spec["data"] = {"target": "colour"}
    expected = figures(numbann.cross_validate(spec, folds=3, data=data))
    assert figures(numbann.cross_validate(spec, folds=3, data=data, executor=dask)) == expected


@slow
@dasks_warnings
def test_a_worker_killed_in_the_middle(write_spec: WriteSpec, own_dask: Any) -> None:
    spec = write_spec(train={"epochs": 300})
    expected = figures(numbann.cross_validate(spec, folds=8))
    own_dask.hire(2)
    ended: list[int] = []

    def kill(event: Any) -> None:
        if isinstance(event, ModelEnded):
            ended.append(event.model)
            if len(ended) == 2:
                own_dask.workers[0].send_signal(signal.SIGKILL)

    found = numbann.cross_validate(spec, folds=8, executor=own_dask.address, callbacks=[kill])
    assert own_dask.workers[0].wait(10) == -signal.SIGKILL
    assert figures(found) == expected


@slow
def test_the_same_bits_with_mpi(write_spec: WriteSpec, mpi: Callable[..., Any]) -> None:
    spec = write_spec(train={"epochs": 3})
    found = mpi("-m", "numbann_cli.main", "cv", spec, "--folds", 4, "--cluster", "mpi", "-o", "mpi.csv")
    assert found.returncode == 0, found.stderr
    numbann.cross_validate(spec, folds=4).write("here.csv")
    assert Path("mpi.csv").read_bytes() == Path("here.csv").read_bytes()


@slow
@dasks_warnings
def test_an_ensemble_of_the_same_bits_everywhere(write_spec: WriteSpec, dask: str) -> None:
    spec = write_spec(train={"epochs": 3}, ensemble={"folds": 3, "refit": True})
    expected = numbann.train(spec, output="threads")
    for name, executor in {"processes": "processes", "dask": dask}.items():
        found = numbann.train(spec, output=name, executor=executor)
        assert found.model.predict(ROWS).tolist() == expected.model.predict(ROWS).tolist()
        assert (found.path / "out_of_fold.csv").read_bytes() == (expected.path / "out_of_fold.csv").read_bytes()
        weights = [tensor.tobytes() for model in found.model.models for pair in model.weights for tensor in pair]
        assert weights == [
            tensor.tobytes() for model in expected.model.models for pair in model.weights for tensor in pair
        ]


def test_an_ensemble_that_was_trained_elsewhere_goes_on_here(write_spec: WriteSpec) -> None:
    spec = write_spec(train={"epochs": 3}, ensemble=3)
    expected = numbann.train(spec, output="here")

    def stop(event: Any) -> None:
        if isinstance(event, ModelEnded) and event.model == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"^the models that are done are kept in away; resume with"):
        numbann.train(spec, output="away", executor=Away(), callbacks=[stop])
    found = numbann.resume("away")
    assert found.model.predict(ROWS).tolist() == expected.model.predict(ROWS).tolist()
    assert Path("away/out_of_fold.csv").read_bytes() == Path("here/out_of_fold.csv").read_bytes()
    for number in (1, 2, 3):
        assert (found.path / f"models/{number}/history.jsonl").exists()


def test_a_model_in_flight_goes_on_elsewhere(write_spec: WriteSpec) -> None:
    spec = write_spec(train={"epochs": 6}, ensemble=3)
    expected = numbann.train(spec, output="here")

    def stop(event: Any) -> None:
        if isinstance(event, FromModel) and isinstance(event.event, EpochEnded) and event.event.record["epoch"] == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        numbann.train(spec, output="part", callbacks=[stop])
    found = numbann.resume("part", executor=Away())
    assert found.model.predict(ROWS).tolist() == expected.model.predict(ROWS).tolist()
    assert Path("part/out_of_fold.csv").read_bytes() == Path("here/out_of_fold.csv").read_bytes()


def test_a_single_model_is_trained_here(write_spec: WriteSpec) -> None:
    with pytest.raises(numbann.NumbannError, match="this spec has one model; leave it out"):
        numbann.train(write_spec(), executor="processes")
    assert not Path("runs").exists()


# ---- what travels


def test_files_that_are_not_there_are_sent(write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = write_spec()
    expected = figures(numbann.cross_validate(spec, folds=3))
    away = Away()
    assert figures(numbann.cross_validate(spec, folds=3, executor=away)) == expected
    assert len(away.sizes) == 3
    monkeypatch.setattr(sent, "_is", lambda path, sha256: False)
    moved = Away()
    assert figures(numbann.cross_validate(spec, folds=3, executor=moved)) == expected
    assert len(moved.sizes) == 6
    assert max(moved.sizes) > max(away.sizes) + Path("blobs.csv").stat().st_size


def test_a_file_of_the_name_that_is_another_one(write_spec: WriteSpec) -> None:
    spec = write_spec()
    expected = figures(numbann.cross_validate(spec, folds=3))
    other = Path("blobs.csv").read_bytes().replace(b"blue", b"pink")
    away = Away({"blobs.csv": other})
    assert figures(numbann.cross_validate(spec, folds=3, executor=away)) == expected
    assert len(away.sizes) == 6


def test_a_plugin_is_the_one_that_was_sent(write_spec: WriteSpec, here: Path) -> None:
    (here / "bent.py").write_text(BENT)
    spec = write_spec(plugins=["bent.py"], model={"layers": [{"units": 8, "activation": "bent"}]})
    expected = figures(numbann.cross_validate(spec, folds=3))
    away = Away({"bent.py": b"raise ValueError('it was not sent')"})
    assert figures(numbann.cross_validate(spec, folds=3, executor=away)) == expected


def test_another_version_is_refused_before_a_job(write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    own = sent.versions()
    there = itertools.cycle([own, {**own, "numba": "0.1.2"}])  # packed here, unpacked there
    monkeypatch.setattr(sent, "versions", lambda: next(there))
    with pytest.raises(ClusterError, match=r"\(process \d+\): has numba 0\.1\.2, and numba .* asks for its jobs"):
        numbann.cross_validate(write_spec(), folds=3, executor=Away())


def test_what_fails_on_a_worker_alone_names_it(write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*given: Any, **more: Any) -> Any:
        raise numbann.SpecError([], "it lacks a plugin")

    monkeypatch.setattr(sent, "load", load)
    with pytest.raises(ClusterError):
        numbann.cross_validate(write_spec(train={"epochs": 2}), folds=3, executor=Away())


def test_kernels_are_compiled_once_a_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "cache_folder", lambda: tmp_path)
    count: list[int] = []

    def compile_all() -> None:
        count.append(1)

    threads = [Thread(target=warming.warm_once, args=("net", compile_all)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(count) == 1
    warming.warm_once("other", compile_all)
    assert len(count) == 2
    monkeypatch.setattr(warming, "cache_folder", lambda: tmp_path / os.devnull / "nowhere")
    warming.warm_once("net", compile_all)
    assert len(count) == 3
