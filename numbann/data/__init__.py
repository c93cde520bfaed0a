"""Data: reads files and Python objects, and turns them into arrays that a network can train on.

The modules that `spec` uses import no NumPy, so that `numbann check` starts fast.
"""
