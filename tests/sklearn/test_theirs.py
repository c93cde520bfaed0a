"""scikit-learn's own tests of its networks, with ours in their place."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest

pytest.importorskip("sklearn", "1.7")
from sklearn import neural_network

from numbann import sklearn as ours

ESTIMATORS = ("MLPClassifier", "MLPRegressor")
pytestmark = pytest.mark.filterwarnings("ignore")  # theirs say themselves which warnings they wait for


def load(name: str) -> ModuleType:
    """One of scikit-learn's test files, which finds our estimators where it imports its own."""
    spec = importlib.util.find_spec(f"sklearn.neural_network.tests.{name}")
    if spec is None or spec.loader is None:
        pytest.skip("this scikit-learn is installed without its tests", allow_module_level=True)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        for each in ESTIMATORS:
            patch.setattr(neural_network, each, getattr(ours, each))
        spec.loader.exec_module(module)
    return module


TESTS = {name: test for file in ("test_mlp", "test_base") for name, test in vars(load(file)).items()}
globals().update({name: test for name, test in TESTS.items() if name.startswith("test_")})


@pytest.fixture
def global_random_seed() -> int:
    """The seed that some of their tests ask for."""
    return 42


def test_ours_are_in_their_place() -> None:
    assert all(TESTS[name] is getattr(ours, name) for name in ESTIMATORS)
