"""Products in bfloat16: pairs of its numbers in one int32, their sums of products, and the rounding of float32.

A pair is two neighbours along the depth of a product, the first one in the low half.  A product of pairs adds to a
float32 first that of the high halves, then that of the low ones, each with one rounding to nearest, and takes denormal
numbers for zero: so does vdpbf16ps of x86.  BFMLALT and BFMLALB of ARM, and the way without any of these, have the same
bits where denormals are flushed.  BFDOT of ARM has others: it adds both products at once.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from numbann.simd.machine import ARM, WIDE, features
from numbann.simd.vector import I32, constant, first_lanes, load_lanes, multiply_add, store, transpose

NATIVE = WIDE and "avx512bf16" in features()
LONG = ARM and "bf16" in features()  # multiply-adds of every second bfloat16, with float32 sums
PAIRS, WORDS = ir.VectorType(I32, 16), ir.VectorType(ir.IntType(16), 32)
FLOATS, MASK = ir.VectorType(ir.FloatType(), 16), ir.VectorType(ir.IntType(1), 16)
# The columns of two rows side by side, and every second number of two rows, as places in both
BESIDE = [[place for i in range(16) for place in (start + i, start + i + 32)] for start in (0, 16)]


class _BFloat(ir.HalfType):
    """bfloat16, which llvmlite does not name."""

    intrinsic_name = "bf16"

    def __str__(self):
        return "bfloat"


_BFloat._create_instance()
BFLOATS = ir.VectorType(_BFloat(), 32)


# ---- products


def add_pair_products(builder, x, y, z):
    """z + the products of two vectors of pairs."""
    return (_add_native if NATIVE else _add_long if LONG else _add_in_turn)(builder, x, y, z)


def _add_native(builder, x, y, z):
    x, y = (builder.bitcast(each, BFLOATS) for each in (x, y))
    return _call(builder, "llvm.x86.avx512bf16.dpbf16ps.512", FLOATS, [z, x, y])


def _add_long(builder, x, y, z):
    set.add(builder.function.attributes, '"target-features"="+bf16"')  # which LLVM does not find out by itself
    quarters = []
    for k in range(0, 16, 4):
        part, *factors = (builder.shuffle_vector(each, each, _places(range(k, k + 4))) for each in (z, x, y))
        factors = [builder.bitcast(each, ir.VectorType(_BFloat(), 8)) for each in factors]
        for half in "tb":  # the top halves, then the bottom ones
            part = _call(builder, f"llvm.aarch64.neon.bfmlal{half}", part.type, [part, *factors])
        quarters.append(part)
    halves = [builder.shuffle_vector(*quarters[k : k + 2], _places(range(8))) for k in (0, 2)]
    return builder.shuffle_vector(*halves, _places(range(16)))


def _add_in_turn(builder, x, y, z):
    for half in (_high, _low):
        z = multiply_add(builder, half(builder, x), half(builder, y), z)
    return z


def _high(builder, pairs):
    """The high halves of pairs, as float32."""
    return builder.bitcast(builder.and_(pairs, _all(-1 << 16)), FLOATS)


def _low(builder, pairs):
    return builder.bitcast(builder.shl(pairs, _all(16)), FLOATS)


# ---- rounding


def round_vectors(builder, low, high):
    """The 32 bfloat16, as words, of two vectors of float32: rounded to nearest, a tie to even, denormals to zero."""
    if NATIVE:
        return builder.bitcast(_call(builder, "llvm.x86.avx512bf16.cvtne2ps2bf16.512", BFLOATS, [high, low]), WORDS)
    low, high = (builder.trunc(_round(builder, each), ir.VectorType(ir.IntType(16), 16)) for each in (low, high))
    return builder.shuffle_vector(low, high, _places(range(32)))


def _round(builder, value):
    """The upper halves of rounded float32."""
    bits = builder.bitcast(value, PAIRS)
    upper = builder.lshr(bits, _all(16))
    odd = builder.and_(upper, _all(1))
    rounded = builder.lshr(builder.add(builder.add(bits, _all(0x7FFF)), odd), _all(16))
    rounded = builder.select(builder.fcmp_unordered("uno", value, value), builder.or_(upper, _all(0x40)), rounded)
    tiny = builder.icmp_signed("==", builder.and_(bits, _all(0x7F800000)), _all(0))
    return builder.select(tiny, builder.and_(upper, _all(0x8000)), rounded)


@intrinsic
def round_values(typing, even, odd, count, odd_count, rounded, rounded_row, paired):
    """Round up to 32 numbers of two rows, of which `count` and `odd_count` are there; zeros stand for the others.

    rounded: each row's pairs of neighbours; paired: the pairs of each column, an even row's number the first.
    """

    def generate(context, builder, signature, arguments):
        even, odd, count, odd_count, rounded, rounded_row, paired = arguments
        first, second = (_take(builder, row, many) for row, many in ((even, count), (odd, odd_count)))
        _store_words(builder, first, rounded)
        _store_words(builder, second, builder.gep(rounded, [rounded_row]))
        for k, places in enumerate(BESIDE):
            _store_words(builder, builder.shuffle_vector(first, second, _places(places)), paired, 16 * k)
        return context.get_dummy_value()

    return types.void(even, odd, types.intp, types.intp, rounded, types.intp, paired), generate


@intrinsic
def round_pair(typing, even, odd, paired):
    """Round 16 numbers of two rows: the pairs of each column."""

    def generate(context, builder, signature, arguments):
        even, odd = (builder.load(builder.bitcast(row, FLOATS.as_pointer()), align=4) for row in arguments[:2])
        words = round_vectors(builder, even, odd)
        places = [place for i in range(16) for place in (i, i + 16)]
        _store_words(builder, builder.shuffle_vector(words, words, _places(places)), arguments[2])
        return context.get_dummy_value()

    return types.void(even, odd, paired), generate


def _take(builder, row, count):
    """Up to 32 numbers of a row, rounded."""
    parts = []
    for start in (0, 16):
        inside = first_lanes(builder, 16, builder.sub(count, constant(start)))
        place = builder.gep(row, [constant(start)])
        parts.append(load_lanes(builder, place, inside, ir.Constant(FLOATS, [0.0] * 16)))
    return round_vectors(builder, *parts)


def _store_words(builder, words, base, offset=0):
    store(builder, builder.bitcast(words, PAIRS), base, offset)


# ---- the other direction


def transpose_pairs(builder, a, a_row, c, c_row, columns):
    """c = a transposed, where a (16, 16) has pairs of rows and c (8, 32) gets pairs of columns.

    Without the second half of c's rows where they have 16 columns or fewer.
    """
    rows = [
        builder.load(builder.bitcast(builder.gep(a, [builder.mul(a_row, constant(i))]), PAIRS.as_pointer()), align=4)
        for i in range(16)
    ]
    words = [builder.bitcast(row, WORDS) for row in transpose(builder, rows)]
    pairs = list(zip(words[::2], words[1::2], strict=True))

    def put(half):
        for k, (x, y) in enumerate(pairs):
            place = builder.gep(c, [builder.mul(c_row, constant(k))])
            _store_words(builder, builder.shuffle_vector(x, y, _places(BESIDE[half])), place, 16 * half)

    put(0)
    with builder.if_then(builder.icmp_signed(">", columns, constant(16))):
        put(1)


# ---- types


@intrinsic
def terms_of(typing, base):
    """The terms of a product that an element at a pointer holds, a constant: 2 for pairs, else 1."""
    count = 2 if base.dtype == types.int32 else 1
    return types.intp(base), lambda context, builder, signature, arguments: constant(count)


@intrinsic
def as_type_of(typing, base, like):
    """A pointer as one of another's type."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], arguments[1].type)

    return like(base, like), generate


def _all(number):
    return ir.Constant(PAIRS, [number] * 16)


def _places(places):
    places = list(places)
    return ir.Constant(ir.VectorType(I32, len(places)), places)


def _call(builder, name, result, arguments):
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)
