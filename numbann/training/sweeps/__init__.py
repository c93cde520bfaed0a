"""Sweeps: many trainings of one spec, each with other values of some keys; the values, the trials, and their files."""
