"""Optimizers from papers, a family a file, for numbann.  No activations, no losses."""
