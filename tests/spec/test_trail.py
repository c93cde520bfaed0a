"""Places in a spec, as text and as trails."""

from __future__ import annotations

import pytest

from numbann.errors import shown
from numbann.spec.trail import from_text, to_text


@pytest.mark.parametrize(
    ("text", "trail"),
    [
        ("seed", ("seed",)),
        ("train.epochs", ("train", "epochs")),
        ("model.layers[1].units", ("model", "layers", 1, "units")),
        ("data.csv.na[12]", ("data", "csv", "na", 12)),
    ],
)
def test_both_ways(text, trail):
    assert from_text(text) == trail
    assert to_text(trail) == text


@pytest.mark.parametrize("text", ["", ".", ".train", "train.", "a..b", "a[b]", "a[-1]", "a[1", "a b", "a[0]b"])
def test_no_path(text):
    assert from_text(text) is None


def test_odd_keys_stand_in_quotes():
    assert to_text(("data", "a\nb.c")) == 'data."a\\nb.c"'


def test_long_values_are_shortened():
    assert len(shown("x" * 500)) == 60
    assert shown(["é", None]) == '["é", null]'
