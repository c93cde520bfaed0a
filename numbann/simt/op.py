"""The layout of the integers that kernels read: a head, and one row for each layer.  Names only, no code.

Every kernel is (arena, work, data, ints, layer, step).  arena: parameters and states; work: buffers of a batch and
numbers of the steps; data: inputs and targets; ints: what is named here, then the order of the rows, their labels and
keys of random numbers.  Places are of first elements in one of these arrays.
"""

from __future__ import annotations

# The head: all rows, rows of a batch; places of the order and labels and keys (ints), of row losses, shares, hyper (work)
TOTAL, BATCH, ORDER, LABELS, KEYS, ROW_LOSS, SHARES, HYPER, HYPER_ROW = 0, 1, 2, 3, 4, 5, 6, 7, 8
STRIDE = 9  # elements from one state's part of the arena to the next
LENGTH, TRAINED, GRADIENT, SQUARES, FACTOR = 10, 11, 12, 13, 14  # of a whole gradient: elements, where in the arena the
# weights that move begin; where in work the gradient, its sums of squares by blocks, and what scales it lie
OUT = 15  # predictions (work)
HEAD = 16

# A layer's row: its inputs x (work, or data for the first), weights w and after them b (arena), then rows of work
X, INPUTS, OUTPUTS, W = 0, 1, 2, 3
H, Z, A, Y, DY, D, SKIP = 4, 5, 6, 7, 8, 9, 10  # product, before and after activation, output; dL/dy, dL/dh; residual
VECTORS, SLOPES, SLOPES_STRIDE, FACTORS, STATISTICS = 11, 12, 13, 14, 15  # trained vectors (arena), their gradients
PARAMETERS, DROPOUT, KEY = 16, 17, 18  # numbers of activation and dropout (work); the first of the layer's two keys
NEXT_D, NEXT_OUTPUTS, NEXT_W, NEXT_SKIP = 19, 20, 21, 22  # of the layer above
TARGET, TARGET_ROW, LOSS = 23, 24, 25  # of the loss: targets (data), its numbers (work)
WIDTH = 32

# The columns of the table of hyper: what an optimizer needs in a step, then its own parameters
LEARNING_RATE, WEIGHT_DECAY, STEP, L1, CLIP_VALUE, CLIP_NORM, KEPT, FIRST_PARAMETER = 0, 1, 2, 3, 4, 5, 6, 7
