"""A program: calls an array function and prints, as JSON, what it gave.

python use_kernels.py
"""

from __future__ import annotations

import json

import numpy as np

from numbann import kernels

if __name__ == "__main__":
    print(json.dumps({"relu": kernels.relu(np.array([-1.0, 2.0])).tolist()}))
