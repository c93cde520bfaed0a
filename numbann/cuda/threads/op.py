"""The layout of the integers that kernels read: a head, and one row for each layer.  Names only, no code.

Every kernel is (arena, work, data, ints, layer, step).  arena: parameters and states; work: buffers of a batch and
numbers of the steps; data: inputs and targets; ints: what is named here, then the order of the rows, their labels and
keys of random numbers.  Places are of first elements in one of these arrays.
"""

from __future__ import annotations

# The head: all rows, rows of a batch; places of order, labels and keys (ints), of row losses, shares and hyper (work)
TOTAL, BATCH, ORDER, LABELS, KEYS, ROW_LOSS, SHARES, HYPER, HYPER_ROW = 0, 1, 2, 3, 4, 5, 6, 7, 8
STRIDE = 9  # elements from one state's part of the arena to the next
LENGTH, TRAINED, GRADIENT, SQUARES, FACTOR = 10, 11, 12, 13, 14  # of a whole gradient: elements, where in the arena the
# weights that move begin; where in work the gradient, its sums of squares by blocks, and what scales it lie
BEGUN = 15  # steps of the epoch that were done before the one that a kernel calls 0
HEAD = 16

# A layer's row: its inputs x (work, or data for the first), weights w and after them b (arena), then rows of work
X, INPUTS, OUTPUTS, W = 0, 1, 2, 3
H, Z, A, Y, DY, D, SKIP = 4, 5, 6, 7, 8, 9, 10  # product, before and after activation, output; dL/dy, dL/dh; residual
VECTORS, SLOPES, SLOPES_STRIDE, FACTORS, STATISTICS = 11, 12, 13, 14, 15  # trained vectors (arena), their gradients
PARAMETERS, DROPOUT = 16, 17  # numbers of activation and dropout (work)
LIMIT, KEY = 18, 19  # a draw below it is dropped; the first of the layer's two keys
NEXT_D, NEXT_OUTPUTS, NEXT_W, NEXT_SKIP = 20, 21, 22, 23  # of the layer above
TARGET, TARGET_ROW, LOSS = 24, 25, 26  # of the loss: targets (data), its numbers (work)
NORM_VECTORS, NORM_SLOPES = 27, 28  # all trained vectors: those of a norm come first, then the activation's
PARTS = 29  # parts of the sums of a product whose depth is cut
WIDTH = 32
