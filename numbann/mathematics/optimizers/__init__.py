"""Optimizers: how one weight moves, a family a file.  No arrays: core holds the states."""
