"""The tile: a few rows by a few vectors of a matrix product, held in registers over the whole depth.

Every product of numbann is made of tiles.  Each element of a result is one chain of fused multiply-adds in the order of
the depth, whatever the height of its tile.  So its bits do not depend on how a product is cut into tiles, and the
heights below may be changed freely; the order of the depth must not.
"""

from __future__ import annotations

from collections import namedtuple

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from numbann.simd.bfloat import add_pair_products, transpose_pairs
from numbann.simd.jit import INTS, inner
from numbann.simd.machine import WIDE
from numbann.simd.sizes import PANEL
from numbann.simd.vector import (
    constant,
    first_lanes,
    lanes,
    load,
    load_lanes,
    multiply_add,
    prefetch,
    prefetch_far,
    splat,
    store,
    store_lanes,
    transpose,
    widened,
)

# Heights of tiles, by their width in vectors.  A tile of r rows by v vectors keeps r v sums, v vectors of b and one
# broadcast element of a in registers: 6 x 4 + 4 + 1 = 29 of the 32 of AVX-512.  More would spill.  At least 8 sums are
# needed to hide the latency of multiply-adds (4 cycles, two at a time), and a taller tile reads b less often
HEIGHTS = {4: (6, 4, 2, 1), 3: (8, 4, 2, 1), 2: (12, 8, 4, 2, 1), 1: (8, 4, 2, 1)}
# With AVX2 a vector takes two registers: 6 rows by one vector take 12 + 2 + 1 = 15 of 16
NARROW_HEIGHTS = (6, 4, 2, 1)
STEPS = 4  # of the depth in a turn of such a tile's loop: LLVM's own 2 leave more to decode beside the multiply-adds
# From this depth on a tile fetches the lines of c for the one below it, which in a large product are far away
DEEP = 128


_FIELDS = "a table b b_row init init_row c c_row rows depth ahead ahead_table beside"


class _Operands(namedtuple("_Operands", _FIELDS, defaults=(None, None, None))):
    """The operands of a product, as LLVM values: see `sweep`, and for the last three, or None, `sweep_ahead`."""

    def at_row(self, builder, i, by_depth):
        """The operands of the rows from i on, an even number where `beside` is read."""
        found = {
            "a" if by_depth else "table": builder.gep(self.a if by_depth else self.table, [i]),
            "init": builder.gep(self.init, [builder.mul(self.init_row, i)]),
            "c": builder.gep(self.c, [builder.mul(self.c_row, i)]),
        }
        if self.ahead:
            found["ahead"] = builder.gep(self.ahead, [builder.mul(self.c_row, i)])
            found["beside"] = builder.gep(self.beside, [builder.mul(self.c_row, builder.ashr(i, constant(1)))])
        return self._replace(**found)

    def at_column(self, builder, j):
        """The operands of the columns from j on."""
        names = ("b", "init", "c", *(["beside"] if self.beside else []))
        return self._replace(**{name: builder.gep(getattr(self, name), [constant(j)]) for name in names})


@intrinsic(prefer_literal=True)
def sweep(typing, halves, by_depth, a, table, b, b_row, init, init_row, c, c_row, rows, depth):
    """c (rows, vectors) = init + a b, tile by tile; a table of element offsets says where a (rows, depth) lies.

    halves and by_depth are literals.  by_depth = 0: row i of a starts at table[i], and its depth is contiguous.
    by_depth = 1: a is transposed; at depth k its rows are contiguous and start at table[k].
    b (depth, vectors) has b_row elements from one row to the next, as init and c have; depth >= 1.  a and b may hold
    pairs of bfloat16 (bfloat.py), of which each is two steps of the depth.  halves: of vectors; if they are odd, the
    second half of the last vector is padding, for which nothing is computed: there c is 0.
    """
    width, transposed = halves.literal_value, bool(by_depth.literal_value)
    signature = types.void(
        halves, by_depth, a, INTS, b, types.intp, init, types.intp, c, types.intp, types.intp, types.intp
    )

    def generate(context, builder, signature, arguments):
        _over_panel(builder, _Operands(*arguments[2:]), width, transposed)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def sweep_ahead(typing, a, table, b, b_row, init, init_row, c, c_row, rows, depth, ahead, ahead_table, beside):
    """A sweep by depth of 4 vectors that asks for what is read and written after it, which lies far away.

    At each step of the depth it asks for one line: the table's number of elements after the tile's first row in
    `ahead`, whose rows are as long as those of c.  Asked for at once, so many lines would hold up the product.  If a
    and b hold pairs, a tile also asks for its rows of `beside`, of which there is one for each two of c.
    """
    given = (a, INTS, b, types.intp, c, types.intp, c, *[types.intp] * 3)

    def generate(context, builder, signature, arguments):
        _over_panel(builder, _Operands(*arguments), 2 * PANEL, by_depth=True)
        return context.get_dummy_value()

    return types.void(*given, c, INTS, c), generate


@intrinsic(prefer_literal=True)
def sweep_part(typing, halves, by_depth, a, table, b, b_row, init, init_row, c, c_row, rows, depth, columns):
    """A sweep over the first columns of one vector, or of half a one; no element beside them is read or written.

    halves is a literal, 1 or 2: half a vector takes half the time where its registers are as narrow.
    """
    part, transposed = halves.literal_value, bool(by_depth.literal_value)
    signature = types.void(halves, by_depth, a, INTS, a, types.intp, a, types.intp, a, *[types.intp] * 5)

    def generate(context, builder, signature, arguments):
        operands = _Operands(*arguments[2:-1])
        count = lanes(operands.a.type.pointee) * part // 2
        mask = first_lanes(builder, count, arguments[-1])
        _down(builder, operands, _Part(mask), HEIGHTS[1] if WIDE else NARROW_HEIGHTS, transposed)
        return context.get_dummy_value()

    return signature, generate


class _Line(namedtuple("_Line", "halves lanes")):
    """A line of a tile: whole vectors, or behind them half a vector, whose other half is padding."""

    @property
    def width(self):
        """How many vectors it takes."""
        return (self.halves + 1) // 2

    def load(self, builder, place):
        """Its vectors."""
        counts = [min(self.lanes, self.halves * self.lanes // 2 - j * self.lanes) for j in range(self.width)]
        return [load(builder, place, j * self.lanes, count) for j, count in enumerate(counts)]

    def store(self, builder, place, values):
        """Store its vectors, and zeros in the padding."""
        for j, value in enumerate(values):
            store(builder, widened(builder, value, self.lanes), place, j * self.lanes)


class _Part(namedtuple("_Part", "mask")):
    """A line of a tile: the lanes of a mask in one vector, whose other lanes are in no memory."""

    width = 1

    @property
    def lanes(self):
        """How many lanes the vector has."""
        return self.mask.type.count

    def load(self, builder, place):
        """Its vector, with zeros in the other lanes."""
        vector = ir.VectorType(place.type.pointee, self.lanes)
        return [load_lanes(builder, place, self.mask, ir.Constant(vector, [0.0] * self.lanes))]

    def store(self, builder, place, values):
        """Store the lanes of the mask."""
        store_lanes(builder, *values, place, self.mask)


def _over_panel(builder, operands, halves, by_depth):
    """Tiles over all rows and so many halves of vectors of columns."""
    line = _Line(halves, lanes(operands.a.type.pointee))
    if WIDE:
        _down(builder, operands, line, HEIGHTS[line.width], by_depth)
    else:
        for j in range(line.width):  # one vector of columns after the other, down all rows
            one, here = line._replace(halves=min(2, halves - 2 * j)), operands.at_column(builder, j * line.lanes)
            _down(builder, here if j == 0 else here._replace(ahead=None), one, NARROW_HEIGHTS, by_depth)


def _down(builder, operands, line, heights, by_depth):
    """Tiles down all rows: as many of the greatest height as fit, then smaller ones for the rows that are left.

    The last height is 1, so every number of rows is covered without scalar code.
    """
    row = cgutils.alloca_once_value(builder, constant(0))
    for height in heights:
        test, body, after = (builder.append_basic_block(name) for name in ("rows", "tile", "rows.done"))
        builder.branch(test)
        builder.position_at_end(test)
        i = builder.load(row)
        after_tile = builder.add(i, constant(height))
        builder.cbranch(builder.icmp_signed("<=", after_tile, operands.rows), body, after)
        builder.position_at_end(body)
        here = operands.at_row(builder, i, by_depth)
        if not operands.ahead:
            below = builder.icmp_signed("<=", builder.add(after_tile, constant(height)), operands.rows)
            with builder.if_then(builder.and_(below, builder.icmp_signed(">=", operands.depth, constant(DEEP)))):
                _prefetch(builder, operands.at_row(builder, after_tile, by_depth), height, line)
        elif _holds_pairs(here.a):
            for j in range((height + 1) // 2 * line.width):
                prefetch(builder, here.beside, j * line.lanes)
        _tile(builder, here, height, line, by_depth)
        builder.store(after_tile, row)
        builder.branch(test)
        builder.position_at_end(after)


def _tile(builder, operands, height, line, by_depth):
    """One tile: load init, add a b depth by depth, store."""
    rows = range(height)
    starts = [builder.gep(operands.init, [builder.mul(operands.init_row, constant(i))]) for i in rows]
    first = [line.load(builder, start) for start in starts]
    rows_of_a = (
        [] if by_depth else [builder.gep(operands.a, [_entry(builder, operands.table, constant(i))]) for i in rows]
    )
    before, loop, done = builder.block, builder.append_basic_block("depth"), builder.append_basic_block("depth.done")
    builder.branch(loop)
    builder.position_at_end(loop)
    k, b_line = builder.phi(ir.IntType(64)), builder.phi(operands.b.type)
    sums = [[builder.phi(value.type) for value in values] for values in first]
    values = line.load(builder, b_line)
    if operands.ahead:
        prefetch_far(builder, builder.gep(operands.ahead, [_entry(builder, operands.ahead_table, k)]))
    if by_depth:
        column = builder.gep(operands.a, [_entry(builder, operands.table, k)])
        places = [builder.gep(column, [constant(i)]) for i in rows]
    else:
        places = [builder.gep(row, [k]) for row in rows_of_a]
    grown = [_add_products(builder, place, values, totals) for place, totals in zip(places, sums, strict=True)]
    k_next = builder.add(k, constant(1))
    b_next = builder.gep(b_line, [operands.b_row])
    for phis, start, turn in zip(
        [[k, b_line], *sums], [[constant(0), operands.b], *first], [[k_next, b_next], *grown], strict=True
    ):
        _close_loop(phis, start, turn, before, loop)
    turn = builder.cbranch(builder.icmp_signed("<", k_next, operands.depth), loop, done)
    if not WIDE:
        _unroll(builder.module, turn, STEPS)
    builder.position_at_end(done)
    for i, totals in enumerate(grown):
        line.store(builder, builder.gep(operands.c, [builder.mul(operands.c_row, constant(i))]), totals)


def _prefetch(builder, operands, height, line):
    """Bring the lines of a tile of c near."""
    for i in range(height):
        place = builder.gep(operands.c, [builder.mul(operands.c_row, constant(i))])
        for j in range(line.width):
            prefetch(builder, place, j * line.lanes)


def _entry(builder, table, index):
    """table[index]."""
    return builder.load(builder.gep(table, [index]))


def _add_products(builder, place, values, sums):
    """sums + a values, for the scalar a at a place."""
    scalar, counts = builder.load(place), [value.type.count for value in values]
    factors = {count: splat(builder, scalar, count) for count in dict.fromkeys(counts)}
    add = add_pair_products if _holds_pairs(place) else multiply_add
    return [add(builder, factors[count], *each) for count, *each in zip(counts, values, sums, strict=True)]


def _holds_pairs(base):
    """Whether a pointer leads to pairs of bfloat16."""
    return isinstance(base.type.pointee, ir.IntType)


def _close_loop(phis, first, turn, before, loop):
    """Give each loop variable its value on entry and its value after a turn."""
    for phi, start, after in zip(phis, first, turn, strict=True):
        phi.add_incoming(start, before)
        phi.add_incoming(after, loop)


def _unroll(module, branch, count):
    """Tell LLVM how many turns of the loop that a branch closes are to become one."""
    told = module.add_metadata(["llvm.loop.unroll.count", ir.Constant(ir.IntType(32), count)])
    loop = module.add_metadata([told])
    loop.operands = loop, told  # LLVM takes a list that begins with itself for a loop's
    branch.set_metadata("llvm.loop", loop)


@inner
def equal_blocks(depth, most):
    """The depth of equal blocks, of at most so much."""
    parts = max(1, (depth + most - 1) // most)
    return max(1, (depth + parts - 1) // parts)


@intrinsic
def transpose_block(typing, a, a_row, c, c_row, columns):
    """c = a transposed; both are square, with as many rows as a vector has lanes, unless they hold pairs.

    Then see transpose_pairs; columns: how many c has from here on.
    """

    def generate(context, builder, signature, arguments):
        a, a_row, c, c_row, _ = arguments
        if _holds_pairs(a):
            transpose_pairs(builder, *arguments)
            return context.get_dummy_value()
        rows = [load(builder, builder.gep(a, [builder.mul(a_row, constant(i))])) for i in range(lanes(a.type.pointee))]
        for i, column in enumerate(transpose(builder, rows)):
            store(builder, column, builder.gep(c, [builder.mul(c_row, constant(i))]))
        return context.get_dummy_value()

    return types.void(a, types.intp, a, types.intp, types.intp), generate
