"""Runs: prepares a training from a spec, trains it, writes its directory, and resumes it."""
