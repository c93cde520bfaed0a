"""Losses: the mathematics of one output, or of one row of outputs, a family a file.  No batches, no weights."""
