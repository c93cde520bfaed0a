"""Optimizers: the update of one weight by its gradient and states, one family per file."""
