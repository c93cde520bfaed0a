"""Activations: the mathematics of one unit, or of a row of units, a family a file.  No layers, no batches."""
