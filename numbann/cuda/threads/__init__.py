"""Device functions and kernels for CUDA, of arrays and numbers, with numba-cuda and NumPy alone.

The counterpart of numbann.simd.  Components and plans are above it.  Importing its modules without numba-cuda raises
DeviceError.
"""
