"""A trained model: predicts from raw feature columns, in the target's own labels or unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from numbann.components.registry import Registry
from numbann.data.contract import GIVEN, Facts, sources
from numbann.data.frames import columns_like, like
from numbann.data.preprocessing import NewData, Preprocessing
from numbann.data.streaming import Inputs
from numbann.data.table import Raw
from numbann.data.transforms.transform import ShiftScale
from numbann.engine.devices import make_engine
from numbann.engine.interface import Engine
from numbann.errors import DataError, RunDirectoryError, shown, warn
from numbann.model import provenance
from numbann.model.assessment import Assessment, assess
from numbann.model.dependence import POINTS, Dependence, measure_dependence
from numbann.model.explanation import WALKS, Explanation, measure_explanation
from numbann.model.file import ModelFile, usable
from numbann.model.importance import REPEATS, Importance, measure_importance
from numbann.model.outputs import outcome_of
from numbann.model.preprocessing import restore_preprocessing
from numbann.model.schema import schema_of
from numbann.model.tensor_file import Tensors, check_tensors
from numbann.network import plan as planning
from numbann.network.plan import Plan
from numbann.records import dataclass
from numbann.spec.loading import restore
from numbann.spec.model import Spec
from numbann.spec.resolution import Resolved, resolve

if TYPE_CHECKING:
    from numbann.model.export import Exported


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

    @property
    def unrounded(self) -> Self:
        """The model with products of float32 in the place of bfloat16, as other programs compute it."""
        return replace(self, plan=replace(self.plan, products=self.plan.dtype))

    @cached_property
    def _engine(self) -> Engine:
        engine = make_engine(self.plan, self.device, self.threads)
        engine.set_parameters(self.tensors)
        return engine

    def predict(self, X: Any, *, outputs: str | None = None) -> Any:
        """Return the class of each row as in the data, or its value: (N,), or (N, targets) for several targets.

        outputs="all": everything that the loss gives, as columns (N,) by name, for a frame of pandas as another with
        its index, in the target's unit: price_mean, price_variance, or p_CLASS for each class.
        """
        if outputs not in (None, "all"):
            raise DataError(f'outputs is {shown(outputs)}; give "all", or leave it out for predictions alone')
        found, task = outcome_of(self.resolved, self._raw_outputs(X)), self.preprocessing.task
        return columns_like(X, task.columns(found)) if outputs else like(X, task.predictions(found), self.targets)

    def predict_proba(self, X: Any) -> Any:
        """Return the probability of each class (N, K), or of yes for each label (N, targets), ordered as `classes`."""
        task = self.preprocessing.task
        return like(X, task.probabilities(outcome_of(self.resolved, self._raw_outputs(X))), task.subjects)

    def evaluate(self, data: Any) -> dict[str, float]:
        """Return loss and metrics on data with known targets: a file, or what `numbann.train` takes as its data."""
        found = self.read(data, need_target=True)
        for warning in found.warnings:
            warn(warning, UserWarning)
        return self.measure(found.x, found.raw_target, found.weight, found.group).measures

    def importance(
        self, data: Any, *, metric: str | None = None, repeats: int = REPEATS, seed: int = 0, rows: int | None = None
    ) -> Importance:
        """Return how much worse a metric gets where a column is shuffled, for each column.

        data: as `evaluate` takes it.  metric: the name of one; None for the first of the model's own.  rows: the most
        to take, at random.
        """
        raw = self.preprocessing.read_rows(data, need_target=True)
        return measure_importance(self, raw, metric, repeats, seed, rows)

    def dependence(
        self, data: Any, column: str, *, grid: Iterable[Any] | int = POINTS, seed: int = 0, rows: int | None = None
    ) -> Dependence:
        """Return what is predicted on average where all rows have the same value in a column, for several values.

        data: as `evaluate` takes it, without need of a target.  grid: the values, or how many.  rows: the most to take.
        """
        return measure_dependence(self, self.preprocessing.read_rows(data, need_target=False), column, grid, seed, rows)

    def explain(self, rows: Any, others: Any, *, walks: int = WALKS, seed: int = 0) -> Explanation:
        """Return what each column adds to the prediction of each row, beside what is predicted of other rows.

        rows, others: as `predict` takes them, or files.  walks: from other rows to each of these, an even number; with
        more of them it is more exact.
        """
        return measure_explanation(self, self._features(rows), self._features(others), walks, seed)

    def _features(self, given: Any) -> Raw:
        """Return raw features: those of a file, or given in Python."""
        if isinstance(given, str | Path):
            return self.preprocessing.read_rows(given, need_target=False)
        return self.preprocessing.raw(given)

    @cached_property
    def _scaling(self) -> ShiftScale | None:
        """The shift and scale of every input, if every input is just a scaled feature."""
        return self.preprocessing.encoding.affine()

    def _raw_outputs(self, X: Any) -> np.ndarray:
        """Compute the network's outputs (N, O) for raw features.

        The engine itself scales an array of finite numbers.  Everything else goes through preprocessing, which fills in
        missing numbers or reports what is wrong.
        """
        outputs = self.quick_outputs(X)
        return self.outputs(self._inputs(X)) if outputs is None else outputs

    def _inputs(self, X: Any) -> Any:
        """Return raw features as `outputs` takes them."""
        return self.preprocessing.transform(X)

    def quick_outputs(self, X: Any) -> np.ndarray | None:
        """Compute the outputs (N, O) for an array of finite numbers, if scaling is all that preprocessing does."""
        if _is_matrix(X, self.plan.inputs) and self._scaling is not None:
            return self._engine.predict_raw(X, *self._scaling)
        return None

    def read(self, source: Any, need_target: bool) -> NewData:
        """Read rows for `outputs` and `measure`: a file, or rows given in Python."""
        return self.describe(self.preprocessing.read_rows(source, need_target), need_target)

    def describe(self, raw: Raw, need_target: bool) -> NewData:
        """Return rows as they were read for `outputs` and `measure`."""
        return self.preprocessing.describe(raw, self.preprocessing.inputs(raw), need_target)

    def outputs(self, x: Inputs) -> np.ndarray:
        """Compute the network's outputs (N, O) for preprocessed rows (N, I)."""
        return self._engine.predict(x)

    @property
    def models(self) -> tuple[Model, ...]:
        """The models whose mean this one is; of a single network, itself."""
        return (self,)

    def mean(self, outputs: Iterable[np.ndarray]) -> np.ndarray:
        """Return the mean of the outputs (N, O) of each of `models`; of a single network its own."""
        (own,) = outputs
        return own

    def evaluated(
        self, x: Inputs, raw_target: np.ndarray, weight: np.ndarray | None = None, group: np.ndarray | None = None
    ) -> tuple[float, np.ndarray]:
        """Compute loss and outputs (N, O) of preprocessed rows and their original targets."""
        t = self.preprocessing.task.encode(raw_target, self.resolved.target, self.plan.dtype)
        return self._engine.evaluate(x, t, self.preprocessing.loss_weight(raw_target, weight), group)

    def measure(
        self, x: Inputs, raw_target: np.ndarray, weight: np.ndarray | None = None, group: np.ndarray | None = None
    ) -> Assessment:
        """Assess the model on preprocessed rows and their original targets.  weight, group (N,): of each row."""
        loss, outputs = self.evaluated(x, raw_target, weight, group)
        return assess(self.resolved, self.preprocessing, loss, outputs, raw_target, weight=weight, group=group)

    @property
    def schema(self) -> dict[str, Any]:
        """What goes in and comes out, as JSON values: columns with kinds and categories, targets, classes, units."""
        return schema_of(self.preprocessing, self.resolved.loss.component.units)

    def card(
        self, name: str = "model", *, run: str | Path | None = None, figures: Mapping[str, Any] | None = None
    ) -> str:
        """Return the model's card, a page of Markdown for a colleague.

        run: the directory that tells what it is worth and how it was trained.  figures: what it is worth, as the
        metrics of a run in memory say it.
        """
        from numbann.model.card import card  # here, since few need it

        return card(self, name, None if run is None else Path(run), figures=figures)

    def save(self, path: str | Path) -> None:
        """Write the model as a file that `load` takes, with the bytes of a run's model.safetensors."""
        try:
            with Path(path).open("wb") as file:
                file.writelines(self.file.to_parts())
        except OSError as error:
            raise RunDirectoryError(f"{path}: cannot be written: {error.strerror}") from None

    def export(
        self,
        path: str | Path,
        format: str | None = None,
        *,
        dtype: str | None = None,
        verify: bool = False,
        data: Any = None,
        force: bool = False,
    ) -> Exported:
        """Write the whole model, from raw columns to predictions, as a file of another program.

        format: a name in `numbann.model.export.FORMATS`; by default what the file's ending says.  dtype: of the
        numbers that it takes, "float32" or "float64"; by default the model's own.  verify: compare what it predicts
        with what the model predicts, on `data`, or on rows drawn as those of training were; ExportError if it differs.
        force: write over a file that numbann did not write.
        """
        from numbann.model.export import export  # here, since few need it

        return export(self, path, format, dtype=dtype, verify=verify, data=data, force=force)

    @property
    def file(self) -> ModelFile:
        """What a model file holds.  Its spec does not say what no model depends on, nor where the rows were."""
        records = [provenance.record_of(component) for component in provenance.components_of(self.resolved)]
        spec = self.resolved.to_json()
        parts = dict.fromkeys(sources(spec["data"]["path"]), GIVEN)
        spec["data"] |= {"path": GIVEN if list(parts) == ["train"] else parts, "format": "auto"}
        spec["data"]["csv"]["delimiter"] = self.preprocessing.reading.delimiter
        del spec["callbacks"]
        spec["train"] |= {"device": "auto", "threads": "auto", "diagnostics": False, "checkpoint_seconds": 10.0}
        return ModelFile(spec, self.preprocessing.to_dict(), records, dict(self.tensors))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what a model file holds; the engine is made anew where it is needed."""
        return _from_pickle, (type(self), self.file, self.threads, self.device)

    @classmethod
    def restored(
        cls, file: ModelFile, registry: Registry, place: Path, threads: int | str = "auto", device: str = "auto"
    ) -> Self:
        """Restore the model of a file; RunDirectoryError whatever it says."""
        with usable(place):
            resolved, preprocessing = restore_shared(file, registry)
            plan = restore_network(resolved, preprocessing, file.tensors)
        return cls(resolved, plan, preprocessing, file.tensors, threads, device)

    def __repr__(self) -> str:
        return f"<numbann.Model {self.task}: {self.plan}>"


def _is_matrix(X: Any, inputs: int) -> bool:
    """Tell whether X is a C-contiguous array (N, I) of floats in the machine's byte order."""
    floats = type(X) is np.ndarray and X.dtype.char in "fd" and X.dtype.isnative
    return floats and X.ndim == 2 and X.shape[1] == inputs and X.flags.c_contiguous


def _from_pickle(kind: type[Model], file: ModelFile, threads: int | str, device: str) -> Model:
    """Restore a pickled model; it runs the sources of plugins in it, as a pickle may run anything."""
    place = Path("a pickled model")
    return kind.restored(file, provenance.registry_of_kept(file.components, str(place)), place, threads, device)


def restore_shared(file: ModelFile, registry: Registry) -> tuple[Resolved, Preprocessing]:
    """Restore what all networks of a file share; ValueError and SpecError whatever it says."""
    loaded, preprocessing = restore(file.spec, registry), restore_preprocessing(file.preprocessing)
    resolved = resolve(loaded, _facts(loaded.spec, preprocessing))
    if (resolved.spec.model.arrays, resolved.spec.data.task) != (preprocessing.dtype, loaded.spec.data.task):
        raise ValueError("its preprocessing is of another dtype or task than its spec")
    return resolved, preprocessing


def restore_network(resolved: Resolved, preprocessing: Preprocessing, tensors: Tensors) -> Plan:
    """Plan a network for a preprocessing; ValueError unless the tensors fit it."""
    encoding = preprocessing.encoding
    plan = planning.build(resolved.network(encoding.inputs, encoding.numbers, encoding.coded))
    check_tensors(tensors, plan.tensors, plan.dtype)
    return plan


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
