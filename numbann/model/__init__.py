"""A trained model: its file, what its outputs mean, and predictions."""
