"""Training and inference on NVIDIA GPUs: kernels, their compilation and the engine.  Importing it needs no GPU."""
