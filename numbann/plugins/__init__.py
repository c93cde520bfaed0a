"""Plugins: finding the installed ones, loading each in isolation, and their components by name."""
