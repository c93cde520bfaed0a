"""Every check of numbann as a test: signature, source, descent, precision, extremes."""

import pytest


@pytest.mark.numbann(
    *(f"numbann_descent.{part}" for part in ("averaged", "adaptive", "schedule_free")),
    *(f"numbann_descent.{part}" for part in ("orthogonal", "layerwise", "kronecker")),
)
def test_component(numbann_check):
    numbann_check()
