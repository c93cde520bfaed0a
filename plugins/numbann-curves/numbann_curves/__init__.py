"""Activations and losses from papers, a family a file, for numbann.  No optimizers."""
