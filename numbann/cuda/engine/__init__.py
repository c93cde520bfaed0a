"""The engine for NVIDIA GPUs: a plan as a table of kernel launches, and training and inference with it."""
