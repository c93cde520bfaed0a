"""The cells of a table of text as a kernel: where they end, and the plain numbers among them, correctly rounded.

A number of few digits is a whole number times or by a power of ten, which float64 both holds exactly: one rounding.
Clinger 1990, How to Read Floating Point Numbers Accurately, https://doi.org/10.1145/93542.93557.
"""

from __future__ import annotations

import numpy as np
from numba import types

from numbann.simd.jit import inner, takes

Int = np.uint64
POWERS = np.array([float(10**k) for k in range(23)])  # those that are exact
EXACT = Int(1 << 53)  # up to here every whole number is a float64
DIGITS = 19  # of a number that fits 64 bits
MOST_DIVISOR = 19  # the largest k in 10^k for which _quotient is proved
SPLIT = 2.0**27 + 1
ZERO, NINE, POINT, PLUS, MINUS, SMALL_E, LARGE_E, LINE, RETURN = map(np.uint8, b"09.+-eE\n\r")


@inner
def _quotient(w, p):
    """w / p rounded once, for w > 2^53 and p = 10^k, k <= 19.

    q is the quotient of w rounded to float64; the rest of the division, with what w lost, corrects it.  The correction
    is wrong by less than 2^-50 of its last place, and no quotient but a tie, where all is exact, is within 2^-45 of a
    tie.
    """
    high = np.float64(w)
    lost = np.float64(np.int64(w - Int(high)))
    q = high / p
    product, a, b = q * p, SPLIT * q, SPLIT * p
    a, b = a - (a - q), b - (b - p)
    low_a, low_b = q - a, p - b
    error = ((a * b - product) + a * low_b + low_a * b) + low_a * low_b  # product + error = q p, Dekker 1971
    return q + (((high - product) - error) + lost) / p


@inner
def _value(w, power):
    """w 10^power rounded once; NaN if that takes more than this."""
    if w <= EXACT and 0 <= power <= 22:
        return np.float64(w) * POWERS[power]
    if w <= EXACT and -22 <= power < 0:
        return np.float64(w) / POWERS[-power]
    if -MOST_DIVISOR <= power < 0:
        return _quotient(w, POWERS[-power])
    return np.nan


@inner
def _digits(text, i, w):
    """w continued with the digits from i on, and where they end; w is wrong if they are too many."""
    while ZERO <= text[i] <= NINE:
        w = w * Int(10) + Int(text[i] - ZERO)
        i += 1
    return i, w


@inner
def _number(text, i):
    """Where the plain number that begins at i ends, and its value; NaN for one that Python's float has to read."""
    negative = text[i] == MINUS
    i += negative or text[i] == PLUS
    begin = i
    i, w = _digits(text, i, Int(0))
    count, power = i - begin, 0
    padded = count > 1 and text[begin] == ZERO  # as codes are
    if text[i] == POINT:
        begin = i + 1
        i, w = _digits(text, begin, w)
        power = begin - i
        count -= power
    if count and (text[i] == SMALL_E or text[i] == LARGE_E):
        minus = text[i + 1] == MINUS
        begin = i + 1 + (minus or text[i + 1] == PLUS)
        i, exponent = _digits(text, begin, Int(0))
        power += -np.int64(exponent) if minus else np.int64(exponent)
        count = count if 0 < i - begin <= 4 else 0
    value = _value(w, power) if 0 < count <= DIGITS and not padded else np.nan
    return i, -value if negative else value


VALUES, ENDS, COUNT = types.CPointer(types.float64), types.CPointer(types.int32), types.intp


@takes(COUNT(types.CPointer(types.uint8), COUNT, types.uint8, COUNT, COUNT, VALUES, ENDS))
def read(text, size, delimiter, columns, rows, values, ends):
    """Read the cells of a text that ends with a line; the number of its rows, -1 if one has another number of cells.

    values[column rows + row] <- a cell's number; NaN if it is no plain one.
    ends[row (columns + 1) + column + 1] <- where the cell ends; before a row's first one: its begin, less 1.
    """
    i = row = 0
    while True:
        while i < size and (text[i] == LINE or text[i] == RETURN):
            i += 1
        if i >= size:
            return row
        place = row * (columns + 1)
        ends[place] = i - 1
        for column in range(columns):
            i, value = _number(text, i)
            while text[i] != delimiter and text[i] != LINE and text[i] != RETURN:
                i += 1
                value = np.nan
            values[column * rows + row] = value
            ends[place + column + 1] = i
            if (text[i] == delimiter) != (column < columns - 1):
                return -1
            i += 1
        row += 1
