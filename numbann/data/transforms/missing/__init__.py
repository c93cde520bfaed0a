"""Transforms that `data.missing` names: what happens to missing numbers."""
