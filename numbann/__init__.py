"""numbann: fully connected neural networks from a JSON spec, trained by kernels that can be read and extended.

The names below are imported when they are first used, so that `import numbann` loads neither numba nor numpy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numbann import callbacks
    from numbann.components.decorated import Decorator
    from numbann.components.hookspecs import hookimpl
    from numbann.components.parameter import Fraction, Learnable, NonNegative, Numbers, Positive, learnable
    from numbann.errors import (
        ClusterError,
        DataError,
        DeviceError,
        ExportError,
        KernelTypeError,
        KernelValueError,
        NumbannError,
        PluginError,
        RegistryError,
        RunDirectoryError,
        ShapeError,
        SpecError,
        TrainingError,
    )
    from numbann.mathematics.functions import digamma, stop_gradient
    from numbann.mathematics.rows import row_dot, row_max, row_sum
    from numbann.model.dependence import Dependence
    from numbann.model.ensemble import Ensemble
    from numbann.model.explanation import Explanation
    from numbann.model.importance import Importance
    from numbann.model.loading import load
    from numbann.model.model import Model
    from numbann.plugins.functions import get_activation, get_loss, get_optimizer
    from numbann.training.cross_validation import CrossValidation, cross_validate
    from numbann.training.execution import Run
    from numbann.training.interruption import Interrupted
    from numbann.training.range_test import RangeTest, find_learning_rate
    from numbann.training.runs import resume, train
    from numbann.training.sweeps.course import Sweep
    from numbann.training.sweeps.sweep import resume_sweep, sweep, sweep_trial

    activation: Decorator
    embedding: Decorator
    initializer: Decorator
    loss: Decorator
    metric: Decorator
    optimizer: Decorator
    schedule: Decorator

__version__ = "0.1.0"

_NAMES = {  # in the order in which a reader needs them
    "training.runs": "train resume",
    "model.loading": "load",
    "model.model": "Model",
    "model.ensemble": "Ensemble",
    "model.importance": "Importance",
    "model.dependence": "Dependence",
    "model.explanation": "Explanation",
    "training.cross_validation": "cross_validate CrossValidation",
    "training.sweeps.sweep": "sweep resume_sweep sweep_trial",
    "training.sweeps.course": "Sweep",
    "training.range_test": "find_learning_rate RangeTest",
    "training.execution": "Run",
    "training.interruption": "Interrupted",
    "plugins.functions": "get_activation get_loss get_optimizer",
    "components.declare": "activation embedding loss optimizer schedule initializer metric",
    "components.hookspecs": "hookimpl",
    "components.parameter": "Fraction Learnable NonNegative Numbers Positive learnable",
    "mathematics.rows": "row_max row_sum row_dot",
    "mathematics.functions": "digamma stop_gradient",
    "errors": (
        "NumbannError ClusterError DataError DeviceError ExportError KernelTypeError KernelValueError PluginError "
        "RegistryError RunDirectoryError ShapeError SpecError TrainingError"
    ),
}
HOMES = {name: f"numbann.{module}" for module, names in _NAMES.items() for name in names.split()}
__all__ = [*HOMES, "__version__"]
MODULES = ("callbacks",)  # found as attributes, too


def __getattr__(name: str) -> Any:
    """Import a public name from its module, or a module."""
    if name in MODULES:
        return importlib.import_module(f"numbann.{name}")
    if name not in HOMES:
        raise AttributeError(f"module 'numbann' has no attribute {name!r}")
    return getattr(importlib.import_module(HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *MODULES})
