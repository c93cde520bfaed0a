"""From a component's plain mathematics to kernels for CUDA, and their machine code on disk."""
