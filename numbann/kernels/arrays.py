"""What array functions share: results of the right shape, and C-ordered arrays seen as one dimension or as rows."""

from __future__ import annotations

import numpy as np
from numba import types
from numba.core.errors import TypingError
from numba.extending import overload

from numbann.errors import ShapeError
from numbann.simd.jit import inner


@inner
def flat(array):
    """A C-ordered array as one dimension; another order is copied."""
    return np.ascontiguousarray(array).reshape(array.size)


@inner
def as_rows(array):
    """An array as rows of its last dimension."""
    count = array.shape[array.ndim - 1]
    return np.ascontiguousarray(array).reshape((array.size // count, count))


@inner
def padded_row(rows):
    """A row as long as those of an array, with room after it for a whole number of vectors."""
    count, lanes = rows.shape[1], 64 // rows.itemsize
    return np.zeros(count + lanes, rows.dtype)[:count]


@inner
def shape_text(array):
    """An array's shape, for an error."""
    text = "("
    for k in range(array.ndim):
        text += (", " if k else "") + str(array.shape[k])
    return text + ("," if array.ndim == 1 else "") + ")"


@inner
def check_shapes(name, x, y):
    """ShapeError, naming both shapes, if they differ."""
    same = x.ndim == y.ndim
    for k in range(min(x.ndim, y.ndim)):
        same = same and x.shape[k] == y.shape[k]
    if not same:
        raise ShapeError(name + ": shapes " + shape_text(x) + " and " + shape_text(y) + " must be equal")


@inner
def check_labels(name, rows, labels):
    """ShapeError if there is no label for each row; ValueError, naming the label, if one is no class of the rows."""
    check_shapes(name, rows[:, 0], labels)
    classes = rows.shape[1]
    for label in labels:
        if label < 0 or label >= classes:
            raise ValueError(name + ": label " + str(label) + " is outside 0.." + str(classes - 1))


@inner
def check_outputs(name, rows, targets, share):
    """ShapeError unless the rows have `share` numbers for each of their targets."""
    same = rows.shape[0] == targets.shape[0] and rows.shape[1] == share * targets.shape[1]
    if not same:
        raise ShapeError(
            name
            + ": shapes "
            + shape_text(rows)
            + " and "
            + shape_text(targets)
            + " must be (B, "
            + str(share)
            + " T) and (B, T)"
        )


@inner
def result_like(name, array, out):
    """out if it is given and fits, else a new array like the one given."""
    result = np.empty(array.shape, array.dtype) if out is None else out
    check_shapes(name, array, result)
    return result


def single_precision(kind):
    """Whether a Numba type is float32 or holds it; TypingError for anything but float32 and float64."""
    scalar = getattr(kind, "dtype", kind)
    if scalar not in (types.float32, types.float64):
        raise TypingError(f"arrays must be of float32 or float64, not {scalar}")
    return scalar == types.float32


# ---- states of an optimizer that are kept only where a parameter asks for them: arrays, else None


def _none(kind):
    return kind is types.none or isinstance(kind, types.Omitted)


def flat_state(state):
    """A state as one dimension; None stays."""


def state_at(state, i, like):
    """An element of a state; 0 where it is not kept."""


def keep_state(state, i, value):
    """Set an element of a state that is kept."""


def check_state(name, state_name, w, state, parameter):
    """ShapeError if a state does not fit the weights; ValueError if it is None and the parameter asks for it."""


@overload(flat_state)
def _flat_state(state):
    if _none(state):
        return lambda state: None
    return lambda state: state.reshape(state.size)


@overload(state_at)
def _state_at(state, i, like):
    if _none(state):
        zero = np.float32(0) if single_precision(like) else np.float64(0)
        return lambda state, i, like: zero
    return lambda state, i, like: state[i]


@overload(keep_state)
def _keep_state(state, i, value):
    if _none(state):
        return lambda state, i, value: None

    def keep(state, i, value):
        state[i] = value

    return keep


@overload(check_state)
def _check_state(name, state_name, w, state, parameter):
    if not _none(state):
        return lambda name, state_name, w, state, parameter: check_shapes(name, w, state)

    def check(name, state_name, w, state, parameter):
        if parameter != 0:
            raise ValueError(name + ": its parameters ask for the state " + state_name + "; give an array")

    return check
