"""The transforms of `data.scale`."""
