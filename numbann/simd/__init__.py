"""Explicit SIMD in Numba: pointers, vectors, matrix tiles, dense layers, vector mathematics.  numba and NumPy only.

It knows addresses, strides and counts, and nothing of layers' names, components or plans.
"""
