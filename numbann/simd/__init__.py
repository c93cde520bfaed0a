"""Explicit SIMD in Numba: pointers, vectors, matrix tiles, dense layers, vector mathematics.

It depends on numba, NumPy and numbann's errors only.  Its kernels see addresses, strides and counts; names, components
and plans are the engine's.
"""
