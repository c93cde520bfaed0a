"""The columns of the integers that kernels read: a head, and one row for each layer.

Every kernel has the arguments (arena, work, data, ints, layer, step).  arena: parameters and states; work: buffers of a
batch and numbers of the steps; data: inputs and targets; ints: the head and the rows, then the order of the data's
rows, their labels, and keys of random numbers.  A place is the index of a first element in one of these arrays.
"""

from __future__ import annotations

# The head: rows of the data, rows of a batch; places of order, labels and keys (ints), of row losses, shares and hyper
# (work); length of a step's row of hyper
TOTAL, BATCH, ORDER, LABELS, KEYS, ROW_LOSS, SHARES, HYPER, HYPER_ROW = 0, 1, 2, 3, 4, 5, 6, 7, 8
STRIDE = 9  # elements from one state's part of the arena to the next
# A stored gradient: its elements, the place of the weights that it moves (arena); places of the gradient, of its sums
# of squares by blocks, and of the factor that clips it (work)
LENGTH, TRAINED, GRADIENT, SQUARES, FACTOR = 10, 11, 12, 13, 14
BEGUN = 15  # steps of the epoch done before the graph in progress, whose steps count from 0
HEAD = 16

# A layer's row: places of inputs x (work, or data for the first layer) and of w, which b follows (arena); sizes
X, INPUTS, OUTPUTS, W = 0, 1, 2, 3
# Buffers (work): product, before and after the activation, output; dL/dy, dL/dh; gradient past a residual connection
H, Z, A, Y, DY, D, SKIP = 4, 5, 6, 7, 8, 9, 10
# An activation's trained vectors (arena), the rows' gradients to them (work), elements from one vector's to the next's;
# a norm's factors (work) and running statistics (arena)
VECTORS, SLOPES, SLOPES_STRIDE, FACTORS, STATISTICS = 11, 12, 13, 14, 15
PARAMETERS, DROPOUT = 16, 17  # numbers of activation and dropout (work)
LIMIT, KEY = 18, 19  # an element whose draw is below LIMIT is dropped; the first of the layer's two keys
NEXT_D, NEXT_OUTPUTS, NEXT_W, NEXT_SKIP = 20, 21, 22, 23  # of the layer above
TARGET, TARGET_ROW, LOSS = 24, 25, 26  # the loss: targets (data), targets of a row, its parameters (work)
NORM_VECTORS, NORM_SLOPES = 27, 28  # all trained vectors and their gradients: a norm's first, then the activation's
PARTS = 29  # parts of the sums of a product whose depth is cut (work)
WIDTH = 32
