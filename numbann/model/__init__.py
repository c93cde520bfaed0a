"""Trained models: their file, their predictions and their scores."""
