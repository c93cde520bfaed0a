"""The spec: a JSON file, read strictly, checked with all faults at once, and resolved against the data.

No NumPy and no numba in here, so that `numbann check` starts at once.
"""
