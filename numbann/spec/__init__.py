"""The spec: a JSON file, read strictly, checked with all faults at once, and resolved against the data.

These modules import neither NumPy nor numba, so that `numbann check` starts fast.
"""
