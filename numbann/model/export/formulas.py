"""What stands around a network, as functions of numbers: scales, missing numbers, dates, and the units of targets.

A format writes them by what `numbann.derivation` reads from their source, as it writes activations.  The tests hold
each against the code that trains and predicts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import copysign, cos, expm1, floor, hypot, isnan, log1p, pi, sin, sqrt

from numbann.derivation.reading import read_all
from numbann.derivation.terms import Term, Terms

# What a format writes is read from these, so that they follow the rules of components.


def scaled(x, shift, scale):
    """A shift and a scale."""
    return (x - shift) / scale


def unscaled(x, shift, scale):
    """Back from them."""
    return x * scale + shift


def times(x, scale):
    """Back from a scale alone."""
    return x * scale


def times_square(x, scale):
    """Back from a scale alone, of a square."""
    return x * scale * scale


def filled(x, fill):
    """A number in the place of a missing one."""
    return fill if isnan(x) else x


def missing(x):
    """1 where a number is missing."""
    return 1 if isnan(x) else 0


def bent(x):
    """The scale "log"."""
    return copysign(log1p(abs(x)), x)


def unbent(x):
    """Back from the scale "log"."""
    return copysign(expm1(abs(x)), x)


def clipped(x):
    """The scale "clip"."""
    return x / hypot(1.0, x / 3.0)


def share(x, low, width):
    """How far a number is through an interval, from 0 to 1; low and width: halves, of which no difference overflows."""
    return min(max((x / 2 - low) / width, 0), 1)


def step(x, low, width):
    """How much of an interval is below a number."""
    return min(max(x - low, 0), width)


def between(x, low, high):
    """A number within bounds."""
    return min(max(x, low), high)


def product(x, factor):
    """A product."""
    return x * factor


def total(x, y):
    """A sum."""
    return x + y


def less(x, y):
    """The smaller of two numbers."""
    return y if y < x else x


def apart(x, y):
    """A difference."""
    return x - y


def after(x):
    """The next whole number."""
    return x + 1


def rest(x):
    """What is left of 1."""
    return 1 - x


def more(x, y):
    """The larger of two numbers."""
    return y if y > x else x


def by_statistics(x, mean, variance, epsilon, scale, shift):
    """A norm by given statistics."""
    return (x - mean) / sqrt(variance + epsilon) * scale + shift


def line(x, scale, shift):
    """A scale and a shift."""
    return x * scale + shift


# ---- dates, from seconds since 1970; the calendar as https://howardhinnant.github.io/date_algorithms.html (2021)


def days_of(seconds):
    """The days since 1970, whole ones."""
    return floor(seconds / 86400)


def day_of_march(seconds):
    """The day of a year that begins in March, from 0."""
    past = days_of(seconds) + 719468
    day = past - floor(past / 146097) * 146097
    year = floor((day - floor(day / 1460) + floor(day / 36524) - floor(day / 146096)) / 365)
    return day - (365 * year + floor(year / 4) - floor(year / 100))


def month_of(seconds):
    """The month, from 1."""
    place = floor((5 * day_of_march(seconds) + 2) / 153)
    return place + 3 if place < 10 else place - 9


def day_of(seconds):
    """The day of the month, from 1."""
    day = day_of_march(seconds)
    return day - floor((153 * floor((5 * day + 2) / 153) + 2) / 5) + 1


def year_of(seconds):
    """The year."""
    past = days_of(seconds) + 719468
    era = floor(past / 146097)
    day = past - era * 146097
    year = floor((day - floor(day / 1460) + floor(day / 36524) - floor(day / 146096)) / 365)
    return year + era * 400 + (1 if month_of(seconds) < 3 else 0)


def weekday_of(seconds):
    """The day of the week, 0 for Monday."""
    return (days_of(seconds) + 3) % 7


def hour_of(seconds):
    """The hour of the day, with its fraction."""
    return (seconds - days_of(seconds) * 86400) / 3600


def exact_days_of(seconds):
    """The days since 1970, with their fraction."""
    return seconds / 86400


def turn_of_year(seconds):
    """The share of a year that is over."""
    return (month_of(seconds) - 1 + (day_of(seconds) - 1) / 31) / 12


def turn_of_week(seconds):
    """The share of a week that is over."""
    return (weekday_of(seconds) + hour_of(seconds) / 24) / 7


def year_sine(seconds):
    """The sine of the time of year."""
    return sin(2 * pi * turn_of_year(seconds))


def year_cosine(seconds):
    """The cosine of the time of year."""
    return cos(2 * pi * turn_of_year(seconds))


def week_sine(seconds):
    """The sine of the time of week."""
    return sin(2 * pi * turn_of_week(seconds))


def week_cosine(seconds):
    """The cosine of the time of week."""
    return cos(2 * pi * turn_of_week(seconds))


def hours_sine(seconds):
    """The sine of the time of day."""
    return sin(2 * pi * (hour_of(seconds) / 24))


def hours_cosine(seconds):
    """The cosine of the time of day."""
    return cos(2 * pi * (hour_of(seconds) / 24))


PARTS = (year_of, month_of, day_of, weekday_of, hour_of, exact_days_of)
CYCLIC = (year_sine, year_cosine, week_sine, week_cosine, hours_sine, hours_cosine, exact_days_of)
DATES = {"parts": PARTS, "cyclic": CYCLIC}  # the numbers of each code of dates, in its order


def formula(function: Callable[..., float], **given: float) -> Term:
    """Return what a function computes; given: the values of some of its arguments."""
    return formulas(function, given)[0]


def formulas(function: Callable[..., object], given: Mapping[str, float]) -> tuple[Term, ...]:
    """Return the numbers that a function computes, one or several."""
    return read_all(Terms(), function, given)
