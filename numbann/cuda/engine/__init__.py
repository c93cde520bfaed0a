"""Training and inference on an NVIDIA GPU."""
