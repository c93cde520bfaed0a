"""Optimizers from papers, as a plugin of numbann; each file has a family."""
