"""The columns of an op: one row of int64 that tells a kernel its arrays, strides and sizes.

A kernel is (op, first, last, step, scratch): it does the units first..last of the op.  In it `op[NAME]` is a number, or
points to the first element of an array, whose type is the column's; strides and sizes count elements.  A kernel needs
the columns that it reads, which columns.py finds in its code.  Each column is for one thing.
"""

from __future__ import annotations

from itertools import count

ARRAYS = ("parameters", "activations", "sums")  # in the precision of the plan
FIXED = ("int64", "float32", "float64")  # arrays of a type that is always the same

_free = count(2)


class Column(int):
    """A column's place in the row, and its size there.

    `holds` is "number", "functions" (their addresses, one after the other) or the type of the array that it points to.
    """

    holds: str
    name: str
    size: int

    def __new__(cls, holds: str, size: int = 1) -> Column:
        made = super().__new__(cls, next(_free))
        made.holds, made.size = holds, size
        for _ in range(1, size):
            next(_free)
        return made

    def dtype(self, precision: str) -> str | None:
        """The type of the array's elements in kernels of a precision; None where there is no array."""
        return precision if self.holds in ARRAYS else self.holds if self.holds in FIXED else None


# The driver's own: the kernel's address, and how many units it has; -g: the batch's rows, dealt out g at a time
KERNEL, UNITS = 0, 1

# A layer's inputs x (B, I), and where each row begins.  MOVES 1: TABLE and ORDER have an entry for each row of the
# epoch, the batch's from START on; else of the batch, and x moves on X_MOVES elements for each row before START
X, TABLE, MOVES, X_MOVES = Column("activations"), Column("int64"), Column("number"), Column("number")
INPUTS, INPUTS_PADDED, COLUMNS = Column("number"), Column("number"), Column("number")
OUTPUTS = Column("number")  # COLUMNS are these padded to whole vectors
W, BIAS = Column("parameters"), Column("parameters")
SWEEPS = Column("functions", 4)  # the sweeps of 1 to 4 vectors

# Its values (B, O) in the order of the chain: h = x w + b, z after a norm, a = f(z), what the next layer reads; d: the
# gradient to each of them in turn, downwards
H, H_ROW = Column("activations"), Column("number")
Z, Z_ROW = Column("activations"), Column("number")
A, A_ROW = Column("activations"), Column("number")
D, D_ROW = Column("activations"), Column("number")
OUT, OUT_ROW = Column("activations"), Column("number")
SKIP, SKIP_ROW = Column("activations"), Column("number")  # the gradient that a residual connection takes past the layer
PARAMETERS = Column("activations")  # numbers of the kernel's mathematics
KEYS, KEY = Column("int64"), Column("number")  # keys of random numbers, and which of them is the layer's

# d w' from the layer above: the rows of d by a table, and where dx (B, I) starts from
D_TABLE, DX, DX_ROW, DX_COLUMNS = Column("int64"), Column("activations"), Column("number"), Column("number")
INIT, INIT_ROW = Column("activations"), Column("number")

# Trained vectors, one after the other; each row's gradients to them, SLOPES_STRIDE from one vector's to the next's;
# SUMMED 1: the rows are summed already.  FACTORS: 1 / size of each row or column; STATISTICS: means, then variances
VECTORS, FACTORS, STATISTICS = Column("parameters"), Column("sums"), Column("parameters")
SLOPES, SLOPES_STRIDE, SUMMED = Column("activations"), Column("number"), Column("number")

# Gradients over the rows of a batch: what sums start from; ones and a table that leads to them, for sums over rows
ZERO, ONES, ZEROS = Column("sums"), Column("activations"), Column("int64")
# The optimizer: its kernel, elements from one state's arena to the next, its numbers, a row a step; rows of w in a unit
UPDATE, STRIDE, HYPER, HYPER_ROW, UNIT = (
    Column("number"),
    Column("number"),
    Column("sums"),
    Column("number"),
    Column("number"),
)
# What UPDATE moves: a layer's w, its b or another vector, or a whole arena and its elements
MOVED_W, MOVED_VECTOR = Column("parameters"), Column("parameters")
ARENA, LENGTH = Column("parameters"), Column("number")
# Gradients by groups of rows: of the first group those to w and to a vector, and all; elements to the next group's
GROUP_W, GROUP_VECTOR, GROUP_ARENA = Column("sums"), Column("sums"), Column("sums")
GROUP_STRIDE = Column("number")
GRADIENT, SQUARES, BLOCKS = (
    Column("parameters"),
    Column("sums"),
    Column("number"),
)  # stored whole; its squares by blocks

# The loss: rows of targets or labels, the epoch's order of rows, each row's loss and share of its batch's loss
TARGET, TARGET_ROW, LABELS, ORDER = Column("activations"), Column("number"), Column("int64"), Column("int64")
ROW_LOSS, SHARES = Column("sums"), Column("sums")
PREDICTIONS = Column("activations")  # (N, O) without padding

# A pass over groups of rows: ops for each thread, one set OPS_STRIDE integers after the other, on CHUNK rows a time
OPS, OPS_STRIDE, OP_COUNT = Column("int64"), Column("number"), Column("number")
GROUPS, CHUNK = Column("number"), Column("number")

# Scaling of raw rows in one of two precisions; and where to say that a number is not finite
RAW_FLOATS, RAW_DOUBLES, SHIFT, SCALE = Column("float32"), Column("float64"), Column("float64"), Column("float64")
SCALED, SCALED_ROW, FLAG = Column("activations"), Column("number"), Column("int64")

WIDTH = -(-next(_free) // 8) * 8  # whole cache lines
NAMES = {name: column for name, column in list(globals().items()) if isinstance(column, Column)}
for _name, _column in NAMES.items():
    _column.name = _name

# The step's numbers: the rows at hand, where they start in the epoch's order, and the step's index in the call;
# the rows of the whole batch; the group of rows, and whether it has no gradient yet; the thread
ROWS, START, INDEX = 0, 1, 2
BATCH, GROUP, FRESH, THREAD = 3, 4, 5, 6
STEP_WIDTH = 8

# The columns of HYPER; the optimizer's parameters follow.  KEPT: the share of the weights' average that a step keeps
LEARNING_RATE, WEIGHT_DECAY, STEP, L1, CLIP_VALUE, CLIP_NORM, KEPT, FIRST_PARAMETER = 0, 1, 2, 3, 4, 5, 6, 7
