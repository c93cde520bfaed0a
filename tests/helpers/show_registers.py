"""A program: compiles a matrix sweep and prints, as JSON, how often its code names registers of 64 and of 32 bytes.

python show_registers.py
"""

from __future__ import annotations

import json

import numba
from numba import types

from numbann.simd import machine, sweep

if __name__ == "__main__":
    kernel = numba.cfunc(sweep.sweep_signature(types.float32), error_model="numpy")(sweep.ROWS[3])
    code = kernel._library.get_asm_str()
    print(json.dumps({"wide": machine.WIDE, "zmm": code.count("%zmm"), "ymm": code.count("%ymm")}))
