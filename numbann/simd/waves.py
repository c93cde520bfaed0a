"""sin and cos in both precisions: vector functions that LLVM's loops call, with the library's for huge arguments.

Up to some 100 000 in float32 and 1e9 in float64 the argument is reduced by pi/2 in three parts, to within 1 unit in the
last place.  Beyond, only a reduction with hundreds of digits is right, and a loop without branches cannot leave it out.
So sin and cos stay calls, of functions that exist for one number and for vectors of several: LLVM's vectorizer takes
the one that fits, by the attribute "vector-function-abi-variant".  All are the same operations in the same order.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

from numbann.simd.jit import inner_safe
from numbann.simd.vector import I32, multiply_add, suffix


class _Precision(NamedTuple):
    """The numbers of a precision.

    limit: of arguments that are reduced here.  shift: added to n, |n| < shift / 4, it rounds n to a whole number and
    leaves it in the lowest bits.  quarter: pi/2 in three parts, all positive, so that -0 stays.  sin, cos: polynomials
    s and c, the highest power first: sin r = (1 + u s(u)) r, cos r = 1 - u/2 + u^2 c(u), u = r^2, |r| <= pi/4.
    """

    integer: ir.IntType
    limit: float
    shift: float
    quarter: tuple[float, float, float]
    sin: tuple[float, ...]
    cos: tuple[float, ...]
    counts: tuple[int, int]  # of vectors of 16 and 32 bytes; wider ones are passed in ways that depend on the caller


PRECISIONS = {
    ir.FloatType(): _Precision(
        ir.IntType(32),
        1e5,
        1.5 * 2**23,
        (1.570796251296997, 7.549789415861596e-08, 5.390302529957765e-15),
        (-0.00019587899536396134, 0.008332748401714806, -0.1666666466392568),
        (2.4547940868618788e-05, -0.0013888303106225739, 0.041666664660645766),
        (4, 8),
    ),
    ir.DoubleType(): _Precision(
        ir.IntType(64),
        1e9,
        1.5 * 2**52,
        (1.5707963267948966, 6.123233995736765e-17, 1.0828566739219139e-32),
        (
            *(1.59181078709233e-10, -2.505113155786021e-08, 2.7557316101236044e-06),
            *(-0.00019841269836756188, 0.008333333333330946, -0.16666666666666666),
        ),
        (
            *(-1.138261856047027e-11, 2.08761460816374e-09, -2.7557317270867773e-07),
            *(2.480158729876411e-05, -0.0013888888888887395, 0.041666666666666664),
        ),
        (2, 4),
    ),
}


@inner_safe
def sin(x):
    """Sine, within 2 units in the last place; NaN at +-inf."""
    return _sin(x)


@inner_safe
def cos(x):
    """Cosine, within 2 units in the last place; NaN at +-inf."""
    return _cos(x)


@intrinsic
def _sin(typing, x):
    return x(x), partial(_call, "sin")


@intrinsic
def _cos(typing, x):
    return x(x), partial(_call, "cos")


def _call(name: str, context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Call the function of one number, which tells LLVM those of vectors."""
    (x,) = arguments
    one = _function(builder.module, name, x.type, 1)
    vectors = [_function(builder.module, name, x.type, count) for count in PRECISIONS[x.type].counts]
    variants = ",".join(
        f"_ZGV_LLVM_N{count}v_{one.name}({vector.name})"
        for count, vector in zip(PRECISIONS[x.type].counts, vectors, strict=True)
    )
    set.add(one.attributes, f'"vector-function-abi-variant"="{variants}"')  # llvmlite's own add knows plain names only
    return builder.call(one, arguments)


def _function(module: ir.Module, name: str, scalar: Any, count: int) -> ir.Function:
    """The function of `count` numbers, defined in the module if it is not there."""
    kind = scalar if count == 1 else ir.VectorType(scalar, count)
    symbol = f"numbann_{name}_f{PRECISIONS[scalar].integer.width}_x{count}"
    if symbol in module.globals:
        return module.globals[symbol]
    function = ir.Function(module, ir.FunctionType(kind, [kind]), symbol)
    function.linkage = "weak_odr"  # several modules may have it, and none drops it before its loops are vectorized
    for attribute in ("noinline", "nounwind", "willreturn", "memory(none)"):
        set.add(function.attributes, attribute)
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    (x,) = function.args
    of = partial(_constant, kind)
    huge = builder.fcmp_unordered(">", _absolute(builder, x), of(PRECISIONS[scalar].limit))  # or NaN
    if count > 1:
        huge = builder.icmp_unsigned("!=", builder.bitcast(huge, ir.IntType(count)), ir.IntType(count)(0))
    with builder.if_then(huge, likely=False):
        builder.ret(_slow(builder, name, x, scalar, count))
    builder.ret(_wave(builder, name, x, PRECISIONS[scalar], of))
    return function


def _absolute(builder: Any, x: Any) -> Any:
    """|x|."""
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(x.type, [x.type]), f"llvm.fabs.{suffix(x.type)}"
    )
    return builder.call(function, [x])


def _slow(builder: Any, name: str, x: Any, scalar: Any, count: int) -> Any:
    """The library's function of one number; of a vector, the function of one number for each of its numbers."""
    if count == 1:
        kind = ir.FunctionType(scalar, [scalar])
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.{suffix(scalar)}"), [x])
    one, result = _function(builder.module, name, scalar, 1), x
    for i in range(count):
        place = ir.Constant(I32, i)
        result = builder.insert_element(result, builder.call(one, [builder.extract_element(x, place)]), place)
    return result


def _wave(builder: Any, name: str, x: Any, precision: _Precision, of: Any) -> Any:
    """sin or cos of numbers that are not huge: of r by one of both polynomials, for x = n pi/2 + r."""
    whole = ir.VectorType(precision.integer, x.type.count) if isinstance(x.type, ir.VectorType) else precision.integer
    integer = partial(_constant, whole)
    shifted = multiply_add(builder, x, of(2 / math.pi), of(precision.shift))
    n, r = builder.fsub(shifted, of(precision.shift)), x
    for part in precision.quarter:
        r = multiply_add(builder, n, of(-part), r)
    u = builder.fmul(r, r)
    sine = builder.fmul(multiply_add(builder, u, _polynomial(builder, u, precision.sin, of), of(1.0)), r)
    cosine = multiply_add(builder, u, of(-0.5), of(1.0))
    cosine = multiply_add(builder, builder.fmul(u, u), _polynomial(builder, u, precision.cos, of), cosine)
    turn = builder.add(builder.bitcast(shifted, whole), integer(int(name == "cos")))
    odd = builder.icmp_unsigned("!=", builder.and_(turn, integer(1)), integer(0))
    sign = builder.shl(builder.and_(turn, integer(2)), integer(precision.integer.width - 2))
    value = builder.bitcast(builder.select(odd, cosine, sine), whole)
    return builder.bitcast(builder.xor(value, sign), x.type)


def _polynomial(builder: Any, u: Any, coefficients: tuple[float, ...], of: Any) -> Any:
    """A polynomial in u."""
    value = of(coefficients[0])
    for coefficient in coefficients[1:]:
        value = multiply_add(builder, value, u, of(coefficient))
    return value


def _constant(kind: Any, value: float) -> ir.Constant:
    """A number, or a vector of it."""
    return ir.Constant(kind, [value] * kind.count if isinstance(kind, ir.VectorType) else value)
