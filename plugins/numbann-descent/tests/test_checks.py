"""Every check of numbann as a test: signature, purity, descent, precision, extremes."""

import pytest


@pytest.mark.numbann("numbann_descent.averaged", "numbann_descent.adaptive", "numbann_descent.orthogonal")
def test_component(numbann_check):
    numbann_check()
