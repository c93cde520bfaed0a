"""For CUDA what numbann.simd is for the CPU: functions and kernels of a GPU, with numba-cuda and NumPy alone.

It knows no component and no plan.  Importing its modules without numba-cuda is a DeviceError.
"""
