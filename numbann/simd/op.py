"""The layout of an op: one row of int64 that tells a kernel its arrays, strides and sizes.  Names only, no code.

A kernel is (op, first, last, step, scratch): it does the units first..last of the op.  Addresses are of first elements;
strides and sizes count elements.
"""

from __future__ import annotations

# The driver's own: the kernel's address, and how many units it has; -g: the batch's rows, dealt out g at a time
KERNEL, UNITS = 0, 1

# The dense layer: x (B, I), its rows found by a table of offsets; w, b; z; d = dL/dz
# MOVES 1: the table has an entry for each row of the epoch, and the batch's entries begin at START
# X_MOVES: elements that x moves on for each row before START, where the table is of a batch
X, TABLE, MOVES = 2, 3, 4
INPUTS, INPUTS_PADDED, OUTPUTS, COLUMNS = 5, 6, 7, 8  # COLUMNS: OUTPUTS padded to whole vectors
W, BIAS = 9, 10
Z, Z_ROW = 11, 12
D, D_ROW = 13, 14
DX, DX_ROW, DX_COLUMNS = 15, 16, 17
SWEEPS = 18  # and the three after it: addresses of the sweeps of 1 to 4 vectors
ZERO, X_MOVES = 22, 23

# The optimizer: its kernel, elements from one state's arena to the next, and a table of numbers with one row a step
UPDATE, STRIDE, HYPER, HYPER_ROW = 24, 25, 26, 27
UNIT, ONES, ZEROS = 35, 36, 37  # rows of w in a unit; a one and a table of offsets to it, for the sum over rows

# Activations and losses: a (B, O), parameters, targets, the epoch's order of rows, and each row's loss
A, A_ROW, PARAMETERS = 28, 29, 30
TARGET, TARGET_ROW, ORDER, ROW_LOSS = 31, 32, 33, 34
SHARES = 44  # what each row of the epoch, in its order, has of its batch's loss, where rows are weighted

# A pass over groups of rows: ops for each thread, one set OPS_STRIDE integers after the other, on CHUNK rows a time
OPS, OPS_STRIDE, OP_COUNT, GROUPS, CHUNK = 38, 39, 40, 41, 42

# Scaling of raw rows X to z: shift is W, scale is BIAS; and where to say that a number is not finite
FLAG = 43

# What follows the product in a layer: h (B, O) before a norm, the trained vectors and each row's gradients to them,
# SLOPES_STRIDE from one vector's to the next's; SUMMED 1: the rows are summed already
# FACTORS: 1 / size of each row or column; STATISTICS: running means, then variances
H, H_ROW, VECTORS, SLOPES, SLOPES_STRIDE, SUMMED, FACTORS, STATISTICS = 48, 49, 50, 51, 52, 53, 54, 55
# What the next layer reads, and the gradient that a residual connection takes past a layer
# KEYS: a table of keys of random numbers, and the entry of it
OUT, OUT_ROW, SKIP, SKIP_ROW, KEYS, KEY = 56, 57, 58, 59, 60, 61

WIDTH = 64

# The step's numbers: the rows at hand, where they start in the epoch's order, and the step's index in the call;
# the rows of the whole batch; the group of rows, and whether it has no gradient yet; the thread
ROWS, START, INDEX = 0, 1, 2
BATCH, GROUP, FRESH, THREAD = 3, 4, 5, 6
STEP_WIDTH = 8

# The columns of HYPER; the optimizer's parameters follow.  KEPT: the share of the weights' average that a step keeps
LEARNING_RATE, WEIGHT_DECAY, STEP, L1, CLIP_VALUE, CLIP_NORM, KEPT, FIRST_PARAMETER = 0, 1, 2, 3, 4, 5, 6, 7
