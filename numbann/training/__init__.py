"""Runs: the loop over epochs, when it stops, what it writes and how it goes on.  No kernels, and nothing is printed."""
