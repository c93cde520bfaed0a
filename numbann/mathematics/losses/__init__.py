"""Losses: the mathematics of one output, or of one row of outputs, one family per file."""
