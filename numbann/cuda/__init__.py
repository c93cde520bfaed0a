"""Everything for NVIDIA GPUs: kernels, their compilation and the engine.  Importing it needs no GPU."""
