"""The columns of an op: one row of int64 that tells a kernel its arrays, strides and sizes.

A kernel is (op, first, last, step, scratch): it does the units first..last of the op.  In it `op.NAME` is a number, or
points to the first element of an array, whose type is the column's; strides and sizes count elements.  A kernel needs
the columns that it reads, which columns.py finds in its code.  Each column is for one thing.
"""

from __future__ import annotations

ARRAYS = ("parameters", "activations", "sums")  # in the precision of the plan
FIXED = ("int64", "float32", "float64")  # arrays of a type that is always the same
SIZES = {"functions": 4}  # addresses one after the other


class Column(int):
    """A column's place in the row; `holds` is "number", "functions" or the type of the array that it points to."""

    name: str
    holds: str

    @property
    def size(self) -> int:
        """How many integers it takes."""
        return SIZES.get(self.holds, 1)

    def dtype(self, precision: str) -> str | None:
        """The type of the array's elements in kernels of a precision; None where there is no array."""
        return precision if self.holds in ARRAYS else self.holds if self.holds in FIXED else None


def _columns(*groups: str) -> dict[str, Column]:
    """Columns by name, one after the other, from lists "NAME: holds"; what has no colon is a number."""
    found: dict[str, Column] = {}
    place = 0
    for given in ", ".join(groups).split(", "):
        name, _, holds = given.partition(": ")
        column = found[name] = Column(place)
        column.name, column.holds = name, holds or "number"
        place += column.size
    return found


COLUMNS = _columns(
    # The driver's own: the kernel's address, and how many units it has; -g: the batch's rows, dealt out g at a time
    "KERNEL, UNITS",
    # A layer's inputs x (B, I), and where each row begins.  MOVES 1: TABLE and ORDER have an entry for each row of the
    # epoch, the batch's from START on; else of the batch, and x moves on X_MOVES elements for each row before START
    "X: activations, TABLE: int64, MOVES, X_MOVES",
    # Its sizes, COLUMNS are OUTPUTS padded to whole vectors; w, b; the sweeps of 1 to 4 vectors
    "INPUTS, INPUTS_PADDED, COLUMNS, OUTPUTS, W: parameters, BIAS: parameters, SWEEPS: functions",
    # Its values (B, O): h = x w + b, z after a norm, a = f(z), what the next layer reads; d, the gradient to each of
    # them in turn, downwards, and what of it goes past the layer by a residual connection
    "H: activations, H_ROW, Z: activations, Z_ROW, A: activations, A_ROW, D: activations, D_ROW",
    "OUT: activations, OUT_ROW, SKIP: activations, SKIP_ROW",
    # Numbers of the kernel's mathematics; keys of random numbers, and which of them is the layer's
    "PARAMETERS: activations, KEYS: int64, KEY",
    # d w' of the layer above: the rows of d by a table, and where dx (B, I) starts from
    "D_TABLE: int64, DX: activations, DX_ROW, DX_COLUMNS, INIT: activations, INIT_ROW",
    # Trained vectors; each row's gradients to them, in rows as d's, elements from one vector's to the next's, and 1
    # where they are summed already.  A norm's 1 / size of each row or column, and running means, then variances
    "VECTORS: parameters, SLOPES: activations, SLOPES_STRIDE, SUMMED, FACTORS: sums, STATISTICS: parameters",
    # Sums over rows: what they start from, a one, and a table that leads to it
    "ZERO: sums, ONES: activations, ZEROS: int64",
    # The optimizer: its kernel, elements from one state's arena to the next, its numbers, a row a step; rows of w in a
    # unit.  What it moves: w, b or another vector, or a whole arena and its elements
    "UPDATE, STRIDE, HYPER: sums, HYPER_ROW, UNIT",
    "MOVED_W: parameters, MOVED_VECTOR: parameters, ARENA: parameters, LENGTH",
    # Gradients of the first group of rows: to w, to a vector, to all; elements to the next group's
    "GROUP_W: sums, GROUP_VECTOR: sums, GROUP_ARENA: sums, GROUP_STRIDE",
    # A gradient stored whole, and its squares by blocks
    "GRADIENT: parameters, SQUARES: sums, BLOCKS",
    # The loss: targets, the epoch's order of rows, each row's loss and share of its batch's; unpadded predictions
    "TARGET: activations, TARGET_ROW, LABELS: int64, ORDER: int64, ROW_LOSS: sums, SHARES: sums",
    "PREDICTIONS: activations",
    # A pass over groups of rows: ops for each thread, one set OPS_STRIDE integers after the other, on CHUNK rows a time
    "OPS: int64, OPS_STRIDE, OP_COUNT, GROUPS, CHUNK",
    # Scaling of raw rows in one of two precisions; and where to say that a number is not finite
    "RAW_FLOATS: float32, RAW_DOUBLES: float64, SHIFT: float64, SCALE: float64",
    "SCALED: activations, SCALED_ROW, FLAG: int64",
)
KERNEL, UNITS = COLUMNS["KERNEL"], COLUMNS["UNITS"]
WIDTH = 8 * (1 + max(COLUMNS.values()) // 8)  # whole cache lines

# The step's numbers: the rows at hand, where they start in the epoch's order, and the step's index in the call;
# the rows of the whole batch; the group of rows, and whether it has no gradient yet; the thread
ROWS, START, INDEX = 0, 1, 2
BATCH, GROUP, FRESH, THREAD = 3, 4, 5, 6
STEP_WIDTH = 8

# The columns of HYPER; the optimizer's parameters follow.  KEPT: the share of the weights' average that a step keeps
LEARNING_RATE, WEIGHT_DECAY, STEP, L1, CLIP_VALUE, CLIP_NORM, KEPT, FIRST_PARAMETER = 0, 1, 2, 3, 4, 5, 6, 7
