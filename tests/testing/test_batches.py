"""The checks of losses of whole batches: what is right passes, and each fault is found and named."""

from __future__ import annotations

import batch_losses_of_papers as papers
import pytest

from numbann.components.component import Component
from numbann.components.declare import freeze, loss
from numbann.testing import check_loss
from numbann.testing.checks import findings_of


def faults(function: object) -> dict[str, str]:
    """The checks that fail, with what they say."""
    return {finding.check: str(finding) for finding in findings_of(freeze(function)) if finding.failed}


@pytest.mark.parametrize(
    "function", [papers.contrastive, papers.supervised_contrastive, papers.listnet, papers.concordance_loss]
)
def test_losses_of_papers_pass(function: Component) -> None:
    check_loss(function)


def test_a_derivative_of_this_row_alone() -> None:
    """Of the square of each row's distance to the mean, without that row's part in the mean of the others."""

    @loss(form="batch")
    def forgetful(row, y, t, dy):
        """Forgetful: (y - mean y - t)^2."""
        for k in range(len(dy)):
            dy[k] = 0
        value = 0
        for k in range(len(dy)):
            mean = 0
            for j in range(len(y)):
                mean += y[j, k] / len(y)
            e = y[row, k] - mean - t[row, k]
            value += e * e
            dy[k] = 2 * e
        return value

    assert "row 1 of 2" in faults(forgetful)["gradient"] or "row 0 of 2" in faults(forgetful)["gradient"]


def test_an_element_that_is_not_filled() -> None:
    @loss(form="batch")
    def half(row, y, t, dy):
        """Half: y^2 of the first output."""
        dy[0] = 2 * y[row, 0]
        return y[row, 0] * y[row, 0]

    assert "dy[1] is not filled" in faults(half)["rows"]


def test_a_batch_of_one_row() -> None:
    @loss(form="batch")
    def lonely(row, y, t, dy):
        """Lonely: sum_k y_k^2 / (B - 1)."""
        value = 0
        for k in range(len(dy)):
            dy[k] = 2 * y[row, k] / (len(y) - 1)
            value += y[row, k] * y[row, k] / (len(y) - 1)
        return value

    assert "batch of one row" in faults(lonely)["rows"]


def test_a_part_that_returns_nothing() -> None:
    @loss(form="batch")
    def partial(row, y, t, total, dy):
        """Partial: a total of its own."""
        for k in range(len(dy)):
            dy[k] = 0
        return total[row]

    @partial.each("total")
    def total(row, y):
        if y[row, 0] > 0:
            return 1

    assert "returns None" in faults(partial)["signature"]
