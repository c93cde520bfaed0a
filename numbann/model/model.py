"""A trained model: predicts from raw feature columns, in the target's own labels or unit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from numbann.components.registry import Registry
from numbann.data.contract import Facts
from numbann.data.frames import like
from numbann.data.preprocessing import Preprocessing
from numbann.data.streaming import Inputs
from numbann.data.transforms.transform import ShiftScale
from numbann.engine.devices import make_engine
from numbann.engine.interface import Engine
from numbann.errors import UNUSABLE, DataError, RegistryError, RunDirectoryError, SpecError, path_from, shown
from numbann.model import provenance
from numbann.model.assessment import Assessment, assess
from numbann.model.file import KIND, ModelFile, read_model
from numbann.model.outputs import outcome_of
from numbann.model.preprocessing import restore_preprocessing
from numbann.model.tensor_file import Tensors, check_tensors, damaged
from numbann.network import plan as planning
from numbann.network.plan import Plan
from numbann.plugins.finding import with_files
from numbann.spec.loading import restore
from numbann.spec.model import Spec
from numbann.spec.resolution import Resolved, resolve

MODEL = "model.safetensors"
REMEDY = "run the source that is kept in the model, if you trust where it comes from: --trust (trust=True)"


@dataclass(frozen=True, eq=False)
class Model:
    """A trained network with its preprocessing.

    X in its methods is an array (N, features), columns by name (a mapping, or a frame of pandas, Polars or Arrow), one
    row by name, or a list of such rows.  What a mask hides is missing.  For a frame of pandas, predictions are a Series
    (a DataFrame of several columns) with its index; for anything else an array."""

    resolved: Resolved
    plan: Plan
    preprocessing: Preprocessing
    tensors: Tensors
    threads: int | str = "auto"
    device: str = "auto"

    @property
    def task(self) -> str:
        """ "classification", "multilabel" or "regression"."""
        return self.preprocessing.task.name

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the raw columns, in the order of the columns of arrays."""
        return self.preprocessing.encoding.features

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of the targets."""
        return self.preprocessing.task.names

    @property
    def classes(self) -> tuple[Any, ...] | None:
        """The classes in the order of predict_proba's columns, (no, yes) of each yes/no label; None for regression."""
        return self.preprocessing.task.classes_or_pairs

    @property
    def weights(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Each layer's w (I, O) and b (O,).  `tensors` has these and everything else that is trained, by name."""
        return [
            (self.tensors[f"layers.{k}.weight"], self.tensors[f"layers.{k}.bias"]) for k in range(len(self.plan.layers))
        ]

    @cached_property
    def _engine(self) -> Engine:
        engine = make_engine(self.plan, self.device, self.threads)
        engine.set_parameters(self.tensors)
        return engine

    def predict(self, X: Any, *, outputs: str | None = None) -> Any:
        """Return the class of each row as in the data, or its value: (N,), or (N, targets) for several targets.

        outputs="all": everything that the loss gives, as columns (N,) by name, in the target's unit: price_mean,
        price_variance, or p_CLASS for each class.
        """
        if outputs not in (None, "all"):
            raise DataError(f'outputs is {shown(outputs)}; give "all", or leave it out for predictions alone')
        found, task = outcome_of(self.resolved, self._raw_outputs(X)), self.preprocessing.task
        return task.columns(found) if outputs else like(X, task.predictions(found), self.targets)

    def predict_proba(self, X: Any) -> Any:
        """Return the probability of each class (N, K), or of yes for each label (N, targets), ordered as `classes`."""
        task = self.preprocessing.task
        return like(X, task.probabilities(outcome_of(self.resolved, self._raw_outputs(X))), task.subjects)

    def evaluate(self, data: Any) -> dict[str, float]:
        """Return loss and metrics on data with known targets: a file, or what `numbann.train` takes as its data."""
        found = self.preprocessing.read(data, need_target=True)
        return self.measure(found.x, found.raw_target, found.weight).measures

    @cached_property
    def _scaling(self) -> ShiftScale | None:
        """The shift and scale of every input, if every input is just a scaled feature."""
        return self.preprocessing.encoding.affine()

    def _raw_outputs(self, X: Any) -> np.ndarray:
        """Compute the network's outputs (N, O) for raw features.

        The engine itself scales an array of finite numbers.  Everything else goes through preprocessing, which fills in
        missing numbers or reports what is wrong.
        """
        if _is_matrix(X, self.plan.inputs) and self._scaling is not None:
            outputs = self._engine.predict_raw(X, *self._scaling)
            if outputs is not None:
                return outputs
        return self.outputs(self.preprocessing.transform(X))

    def outputs(self, x: Inputs) -> np.ndarray:
        """Compute the network's outputs (N, O) for preprocessed rows (N, I)."""
        return self._engine.predict(x)

    def measure(self, x: Inputs, raw_target: np.ndarray, weight: np.ndarray | None = None) -> Assessment:
        """Assess the model on preprocessed rows and their original targets.  weight (N,): the weight of each row."""
        t = self.preprocessing.task.encode(raw_target, self.resolved.target, self.plan.dtype)
        loss, outputs = self._engine.evaluate(x, t, self.preprocessing.loss_weight(raw_target, weight))
        return assess(self.resolved, self.preprocessing, loss, outputs, raw_target, weight)

    @property
    def schema(self) -> dict[str, Any]:
        """What goes in and comes out, as JSON values: features with their kinds and categories, targets and classes."""
        encoding = self.preprocessing.encoding
        known = {name: {"type": "text", "categories": list(one.values)} for name, one in encoding.categories.items()}
        known |= {name: {"type": "text"} for name in encoding.codes}
        features = {name: known.get(name, {"type": "number"}) for name in self.features}
        classes = None if self.classes is None else list(self.classes)
        return {"task": self.task, "features": features, "targets": list(self.targets), "classes": classes}

    def save(self, path: str | Path) -> None:
        """Write the model as a file that `load` takes, with the bytes of a run's model.safetensors."""
        try:
            with Path(path).open("wb") as file:
                file.writelines(self.file.to_parts())
        except OSError as error:
            raise RunDirectoryError(f"{path}: cannot be written: {error.strerror}") from None

    @property
    def file(self) -> ModelFile:
        """What a model file holds.  What does not affect the model is reset in its spec."""
        records = [provenance.record_of(component) for component in provenance.components_of(self.resolved)]
        spec = self.resolved.to_json()
        spec["train"] |= {"device": "auto", "threads": "auto", "diagnostics": False, "checkpoint_seconds": 10.0}
        return ModelFile(spec, self.preprocessing.to_dict(), records, dict(self.tensors))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what a model file holds; the engine is made anew where it is needed."""
        return _from_pickle, (self.file, self.threads, self.device)

    def __repr__(self) -> str:
        return f"<numbann.Model {self.task}: {self.plan}>"


def _is_matrix(X: Any, inputs: int) -> bool:
    """Tell whether X is a C-contiguous array (N, I) of floats in the machine's byte order."""
    floats = type(X) is np.ndarray and X.dtype.char in "fd" and X.dtype.isnative
    return floats and X.ndim == 2 and X.shape[1] == inputs and X.flags.c_contiguous


def load(
    path: str | Path,
    *,
    device: str = "auto",
    threads: int | None = None,
    trust: bool = False,
    plugins: Iterable[str | Path] = (),
) -> Model:
    """Load the model of a run directory or of a .safetensors file.

    device: where it predicts, a name in numbann.engine.devices; "auto" is the CPU.
    plugins: files of plugins to import.  Components that numbann lacks are looked up in them and in what is installed;
    nothing is imported because the file names it.
    trust: run the source code of such components that is stored in the file instead.  Use it only if you know where the
    file comes from: the code can do anything.
    """
    place = _file_of(path_from(path, "a run directory or a .safetensors file"))
    file = read_model(place)
    if trust:
        registry = provenance.registry_of_kept(file.components, str(place))
    else:
        registry = provenance.registry_of(file.components, with_files(map(Path, plugins)), str(place), REMEDY)
    resolved, plan, preprocessing = _restore(file, registry, place)
    parts = [*(layer.activation for layer in resolved.layers if layer.activation), resolved.output_activation]
    parts += [resolved.loss] if resolved.loss.component.gives else []
    provenance.verify(file.components, [part.component for part in parts], str(place), REMEDY)
    return Model(resolved, plan, preprocessing, file.tensors, "auto" if threads is None else threads, device)


def _from_pickle(file: ModelFile, threads: int | str, device: str) -> Model:
    """Restore a pickled model; it runs the sources of plugins in it, as a pickle may run anything."""
    place = Path("a pickled model")
    registry = provenance.registry_of_kept(file.components, str(place))
    return Model(*_restore(file, registry, place), file.tensors, threads, device)


def _restore(file: ModelFile, registry: Registry, place: Path) -> tuple[Resolved, Plan, Preprocessing]:
    """Restore everything but the tensors, which must fit it; RunDirectoryError whatever the file says."""
    try:
        loaded, preprocessing = restore(file.spec, registry), restore_preprocessing(file.preprocessing)
        resolved = resolve(loaded, _facts(loaded.spec, preprocessing))
        plan = planning.build(resolved.network(preprocessing.encoding.inputs))
        if (plan.dtype, resolved.spec.data.task) != (preprocessing.dtype, loaded.spec.data.task):
            raise ValueError("its preprocessing is of another dtype or task than its spec")
        check_tensors(file.tensors, plan.tensors, plan.dtype)
    except (SpecError, RegistryError) as error:
        raise RunDirectoryError(f"{place}: its spec cannot be used here or is damaged: {error}") from None
    except UNUSABLE as error:
        raise damaged(place, KIND, f"{type(error).__name__}: {error}") from None
    return resolved, plan, preprocessing


def _file_of(path: Path) -> Path:
    """Return the model file of a path; RunDirectoryError if there is none."""
    if not path.exists():
        raise RunDirectoryError(f"{path}: no such run directory or model file")
    if path.is_dir() and not (path / MODEL).exists():
        raise RunDirectoryError(f"{path}: holds no {MODEL}; if its run was interrupted: numbann resume {path}")
    return path / MODEL if path.is_dir() else path


def _facts(spec: Spec, preprocessing: Preprocessing) -> Facts:
    """Return the facts about the data of a model; its spec has no "auto" about data left."""
    data = spec.data
    return Facts(
        task=preprocessing.task,
        format=data.format,
        delimiter=data.csv.delimiter,
        scale=data.scale,
        stratify=bool(data.split.stratify),
        features=preprocessing.encoding.features,
        inputs=preprocessing.encoding.inputs,
    )
