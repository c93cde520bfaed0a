"""The words of a worker's box: a row of int64 that the worker shares with the main thread, with a state and a call."""

from __future__ import annotations

from numbann.simd.sizes import SPIN

STATE, CALL, REPORTS, DRIVER, YIELD, CLOSING = 0, 1, 2, 3, 4, 5
BOX = 16  # integers from one box to the next, 128 bytes, so that no two share a cache line
PARKED, WAKING, READY, CLAIMED, CALLED = 0, 1, 2, 3, 4  # states; a claimed worker waits until the others are claimed

PATIENCE = SPIN + 1000  # moments to wait before parking, about half a millisecond, unless the last call says otherwise
