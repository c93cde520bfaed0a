"""The kernels of this folder by name: naming one imports nothing until it has to be compiled."""

from __future__ import annotations

from numbann.simd.objects import Module

batch = Module("numbann.simd.batch")
categories = Module("numbann.simd.categories")
dense = Module("numbann.simd.dense")
dropout = Module("numbann.simd.dropout")
gradient = Module("numbann.simd.gradient")
groups = Module("numbann.simd.groups")
input_scale = Module("numbann.simd.input_scale")
members = Module("numbann.simd.members")
norm = Module("numbann.simd.norm")
rounding = Module("numbann.simd.rounding")
scaling = Module("numbann.simd.scaling")
shuffle = Module("numbann.simd.shuffle")
sweep = Module("numbann.simd.sweep")


def sweep_name(family: str, halves: int) -> str:
    """The name of a sweep of so many halves of vectors: rows_3, or rows_half_3 if the last of 6 halves is padding."""
    return f"{family}_{'half_' * (halves % 2)}{(halves + 1) // 2}"
