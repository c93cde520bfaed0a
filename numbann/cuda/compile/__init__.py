"""The compilation of components to kernels for CUDA, and the cache of their machine code."""
