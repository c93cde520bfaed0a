"""The columns of an op: one row of int64 that tells a kernel its arrays, strides and sizes.

A kernel is (op, first, last, step, scratch) and does the units first..last of the op.  In it, `op.NAME` is a number or
a pointer to the first element of an array of the column's type.  Strides and sizes count elements.  An op must have the
columns that its kernel reads; columns.py finds them in the kernel's code.  Each column has one purpose.
"""

from __future__ import annotations

ARRAYS = ("parameters", "activations", "sums")  # in the precision of the plan
FACTORS = "factors"  # of products: in the same precision, or pairs of bfloat16
BFLOAT16 = "bfloat16"  # the precision of kernels whose products are of pairs and whose sums are float32
FIXED = ("int32", "int64", "float32", "float64")  # arrays of a type that is always the same
SIZES = {"functions": 4}  # addresses one after the other


class Column(int):
    """A column's place in the row; `holds` is "number", "functions" or the type of the array that it points to."""

    name: str
    holds: str

    @property
    def size(self) -> int:
        """How many integers the column takes."""
        return SIZES.get(self.holds, 1)

    def dtype(self, precision: str) -> str | None:
        """The element type of the column's array in kernels of a precision; None for a number."""
        pairs = precision == BFLOAT16
        if self.holds == FACTORS and pairs:
            return "int32"
        if self.holds in (*ARRAYS, FACTORS):
            return "float32" if pairs else precision
        return self.holds if self.holds in FIXED else None


def _columns(*groups: str) -> dict[str, Column]:
    """Columns by name, one after the other, from lists of "NAME: holds"; a name without a colon is a number."""
    found: dict[str, Column] = {}
    place = 0
    for given in ", ".join(groups).split(", "):
        name, _, holds = given.partition(": ")
        column = found[name] = Column(place)
        column.name, column.holds = name, holds or "number"
        place += column.size
    return found


COLUMNS = _columns(
    # For the driver: the kernel's address, and its number of units; -g: the rows of the batch, shared out g at a time.
    # Where each thread's units begin, and where those of the last one end; 0: all threads have as many
    "KERNEL, UNITS, BORDERS: int64",
    # A layer's inputs x (B, I), and the offset of each row.  MOVES 1: TABLE and ORDER have an entry for each row of the
    # epoch, and the batch's entries begin at START.  MOVES 0: they have one for each row of the batch, and x begins
    # X_MOVES elements further on for each row before START.  Of the next batch's rows, the one of PARTS that is fetched
    "X: factors, TABLE: int64, MOVES, X_MOVES, PART, PARTS",
    # An embedding of inputs: the columns of x, first its FEATURES, whose numbers come first in a row, and behind them
    # those that are PASSED on; how many terms each function of terms makes, and how many outputs are MIXED from them
    "SOURCES: int64, FEATURES, PASSED, TERMS, MIXED, EMBEDDED: activations, EMBEDDED_ROW",
    # Rows of a table that codes pick: for each feature its first row, and the rows of all; the numbers of a row; the
    # column of EMBEDDED where they begin
    "CATEGORIES: int64, SIZE, PLACE",
    # The layer's sizes, where COLUMNS is OUTPUTS padded to whole vectors; w, b; the sweeps of 1 to 4 vectors
    "INPUTS, INPUTS_PADDED, COLUMNS, OUTPUTS, W: factors, BIAS: parameters, SWEEPS: functions",
    # The layer's values (B, O): h = x w + b, z after a norm, a = f(z), and OUT, which the next layer reads.  D is the
    # gradient to each of them in turn, from OUT down to H; SKIP is the gradient that a residual connection passes on
    "H: activations, H_ROW, Z: activations, Z_ROW, A: activations, A_ROW, D: factors, D_ROW",
    "OUT: activations, OUT_ROW, SKIP: activations, SKIP_ROW",
    # The component's parameters, PARAMETERS_ROW elements further on for each step; how many numbers an activation makes
    # of a row, if it changes the width; the keys of random numbers, and the index of the layer's key
    "PARAMETERS: activations, PARAMETERS_ROW, MADE, KEYS: int64, KEY",
    # The delta product d w': the rows of d by a table, the result dx (B, I), and the values that its sums start from
    "D_TABLE: int64, DX: activations, DX_ROW, DX_COLUMNS, INIT: activations, INIT_ROW",
    # Trained vectors.  SLOPES: each row's gradients to them, in rows like those of d, SLOPES_STRIDE elements from one
    # vector to the next; SUMMED 1: one row, their sum.  A norm's 1 / standard deviation of each row or column, and its
    # running means, followed by its running variances
    "VECTORS: parameters, SLOPES: activations, SLOPES_STRIDE, SUMMED, FACTORS: sums, STATISTICS: parameters",
    # What is rounded to bfloat16: the pairs of each row of values; the pairs of each column of values, or of weights in
    # panels of PAIRS_PADDED rows
    "ROUNDED: int32, ROUNDED_ROW, PAIRED: int32, PAIRED_ROW, PAIRS_PADDED",
    # Sums over rows, which are products with ones: zeros to start from, a one, and a table that leads to it every time
    "ZERO: sums, ONES: activations, ZEROS: int64",
    # The optimizer: its kernel, the elements from one state's arena to the next, its numbers with a row for each step,
    # and the rows of w in a unit.  The sweep that asks for w and its states ahead, or 0, and what it asks for at each
    # depth.  What the optimizer updates: w, b or another vector, or a whole arena of LENGTH elements
    "UPDATE, STRIDE, HYPER: sums, HYPER_ROW, UNIT, AHEAD_SWEEP, AHEAD: int64",
    "MOVED_W: parameters, MOVED_VECTOR: parameters, ARENA: parameters, LENGTH",
    # The gradient of the first group of rows: its part for w, for a vector, and all of it; elements to the next one's.
    # The sum of some of them
    "GROUP_W: sums, GROUP_VECTOR: sums, GROUP_ARENA: sums, GROUP_STRIDE, SUM: sums",
    # A stored gradient, and the sum of squares of each of its blocks
    "GRADIENT: parameters, SQUARES: sums, BLOCKS",
    # The loss: targets, the epoch's order of rows, each row's loss, and each row's share of its batch's loss;
    # predictions without padding
    "TARGET: activations, TARGET_ROW, LABELS: int64, ORDER: int64, ROW_LOSS: sums, SHARES: sums",
    "PREDICTIONS: activations",
    # Batches of whole groups: where each batch begins in the epoch and the last one ends; and where each row's group
    # begins and ends there
    "BOUNDS: int64, EXTENTS: int64",
    # A loss of whole batches: what is gathered of all rows, the elements from a target's row or column to the next, and
    # the numbers of each row that the loss computes first, EACH_STRIDE elements from one of them to the next
    "ALL_Y: activations, ALL_T: activations, ALL_T_ROW, ALL_T_COLUMN, ALL_LABELS: int64, ALL_WEIGHTS: activations",
    "ALL_GROUPS: int64, ALL_GROUP_ENDS: int64, EACH: activations, EACH_STRIDE",
    # How many members share the weights of a network
    "MEMBERS",
    # A pass over groups of rows: a set of ops for each thread, OPS_STRIDE integers apart, run on CHUNK rows at a time;
    # the number of groups, and the first of those that this process takes
    "OPS: int64, OPS_STRIDE, OP_COUNT, GROUPS, FIRST_GROUP, CHUNK",
    # Scaling of raw rows in one of two precisions; FLAG is set if a result is not finite
    "RAW_FLOATS: float32, RAW_DOUBLES: float64, SHIFT: float64, SCALE: float64",
    "SCALED: activations, SCALED_ROW, FLAG: int64",
)
KERNEL, UNITS, BORDERS = COLUMNS["KERNEL"], COLUMNS["UNITS"], COLUMNS["BORDERS"]
WIDTH = 8 * (1 + max(COLUMNS.values()) // 8)  # whole cache lines, of 8 integers each

# The numbers of a step: how many rows a kernel works on, where they start in the epoch's order, and the step's index;
# the rows of the whole batch; the group of rows, and whether its gradient is still empty; the thread
ROWS, START, INDEX = 0, 1, 2
BATCH, GROUP, FRESH, THREAD = 3, 4, 5, 6
STEP_WIDTH = 8

# The columns of HYPER; the optimizer's parameters follow.  KEPT: the share of the old average that averaging keeps
LEARNING_RATE, WEIGHT_DECAY, STEP, L1, CLIP_VALUE, CLIP_NORM, KEPT, FIRST_PARAMETER = 0, 1, 2, 3, 4, 5, 6, 7
