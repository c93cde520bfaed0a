"""The transforms of `data.missing`: what happens to missing numbers."""
