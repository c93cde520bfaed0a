"""Transforms that `data.scale` names."""
