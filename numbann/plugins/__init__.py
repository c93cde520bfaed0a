"""Plugins: which are installed, how each is loaded by itself, and the components of all of them by name."""
