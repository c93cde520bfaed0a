"""Activations: the mathematics of one unit, or of one row of units, a family a file.  No loops over layers, no arrays."""
