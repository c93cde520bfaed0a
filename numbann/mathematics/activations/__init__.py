"""Activations: the mathematics of one unit, or of a row of units, one family per file."""
