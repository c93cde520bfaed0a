"""Every check of numbann as a test: signature, source, gradient, precision, extremes."""

import pytest


@pytest.mark.numbann(
    "numbann_curves.gated",
    "numbann_curves.rectified",
    "numbann_curves.bounded",
    "numbann_curves.periodic",
    "numbann_curves.simplex",
    "numbann_curves.errors",
    "numbann_curves.labels",
)
def test_component(numbann_check):
    numbann_check()
