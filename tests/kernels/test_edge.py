"""What kernels refuse, from Python and in @njit code, and in which words; what of outputs may be shared."""

from __future__ import annotations

import inspect
import pickle
import re
from collections.abc import Callable
from typing import Annotated, Any

import numba
import numpy as np
import pytest
from annotated_types import Ge, Le, MultipleOf
from numba.core.errors import TypingError

import numbann
from numbann import kernels
from numbann.components.built_in import built_in
from numbann.components.declare import freeze
from numbann.errors import KernelTypeError, KernelValueError, RegistryError, ShapeError
from numbann.kernels.components import array_functions
from numbann.kernels.parameters import bounds_of

X, W, LABELS = np.ones((3, 4)), np.ones((4, 5)), np.array([0, 1, 2])
LONG, SQUARE = np.linspace(-1, 1, 40), np.ones((3, 3))


def adam(*, step: Any = 1, **given: Any) -> None:
    """A step of Adam on new arrays."""
    kernels.adam_step(**{**{name: np.ones((3, 4)) for name in ("w", "g", "m", "v")}, "step": step, **given})


def shared_states() -> None:
    """A step whose two states are one array."""
    m = np.ones((3, 4))
    adam(m=m, v=m)


def read_only(array: np.ndarray) -> np.ndarray:
    """A copy that cannot be written."""
    kept = array.copy()
    kept.flags.writeable = False
    return kept


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: kernels.matmul(X.astype("u1"), W), KernelTypeError, "matmul: a is an array of uint8 and shape (3, 4)"),
        (
            lambda: kernels.matmul(X, W.astype("f4")),
            KernelTypeError,
            "b is an array of float32 and shape (4, 5); give an",
        ),
        (lambda: kernels.matmul(X, W.astype("f4")), KernelTypeError, "give an array of float64, as a is"),
        (lambda: kernels.relu(X.astype("f2")), KernelTypeError, "relu: z is an array of float16"),
        (lambda: kernels.relu(X.astype(">f8")), KernelTypeError, "relu: z is an array of >f8"),
        (lambda: kernels.relu(X.astype(object)), KernelTypeError, "relu: z is an array of object"),
        (lambda: kernels.relu([1.0]), KernelTypeError, "relu: z is [1.0] (list); give an array of float32 or float64"),
        (lambda: kernels.relu(None), KernelTypeError, "relu: z is None (NoneType)"),
        (lambda: kernels.relu(np.ma.masked_array(X)), KernelTypeError, "relu: z is a masked array of float64"),
        (
            lambda: kernels.relu(X, out=X.T.copy().T),
            KernelTypeError,
            "out is an array of float64 and shape (3, 4), not C-",
        ),
        (lambda: kernels.relu(X, out=read_only(X)), KernelTypeError, "read-only; give an array that can be written"),
        (
            lambda: kernels.relu(X, out=X[0].copy()),
            ShapeError,
            "relu: out is an array of float64 and shape (4,); give 2",
        ),
        (lambda: kernels.relu(LONG[1:], out=LONG[:-1]), KernelValueError, "relu: out and z overlap in part"),
        (lambda: kernels.matmul(X[:, :3], X[:, :3].copy(), out=X[:, 1:]), KernelTypeError, "not C-ordered"),
        (
            lambda: kernels.matmul(LONG[:9].reshape(3, 3), np.ones((3, 3)), LONG[:9].reshape(3, 3)),
            KernelValueError,
            "shares",
        ),
        (lambda: kernels.dense_forward(X, W, np.ones((1, 5))), ShapeError, "shape (1, 5); give 1 dimension"),
        (lambda: kernels.dense_backward(X, W, np.ones((3, 5)), [X, W, X[0]]), KernelTypeError, "a tuple of 3 arrays"),
        (lambda: kernels.softmax_cross_entropy(X, LABELS + 0.5), KernelTypeError, "give the class of each row"),
        (lambda: kernels.softmax_cross_entropy(X, np.eye(4)[LABELS]), KernelTypeError, "integers with one dimension"),
        (lambda: kernels.softmax_cross_entropy(X, LABELS == 1), KernelTypeError, "an array of bool"),
        (
            lambda: adam(w=np.ones((4, 3)).T),
            KernelTypeError,
            "adam_step: w is an array of float64 and shape (3, 4), not C-",
        ),
        (lambda: adam(step=0), KernelValueError, "adam_step: step is 0; give a whole number, from 1"),
        (lambda: adam(step=1.5), KernelTypeError, "adam_step: step is 1.5 (float); give a whole number, from 1"),
        (lambda: adam(step=True), KernelTypeError, "step is True (bool)"),
        (lambda: adam(step=2**70), KernelValueError, "adam_step: step is 1180591620717411303424"),
        (lambda: adam(learning_rate=-1), KernelValueError, "adam_step: learning_rate is -1.0; give a number > 0"),
        (lambda: adam(beta1=1.0), KernelValueError, "adam_step: beta1 is 1.0; give a number < 1"),
        (lambda: adam(weight_decay=float("nan")), KernelValueError, "weight_decay is nan; give a number >= 0"),
        (lambda: adam(amsgrad=1), KernelTypeError, "adam_step: amsgrad is 1 (int); give True or False"),
        (lambda: adam(epsilon="1"), KernelTypeError, "adam_step: epsilon is '1' (str); give a number"),
        (shared_states, KernelValueError, "adam_step: m and v share memory"),
        (lambda: kernels.relu(X, out=X.T.copy()), ShapeError, "relu: z and out have shapes (3, 4) and (4, 3), which"),
        (lambda: adam(g=np.ones((4, 3))), ShapeError, "adam_step: w and g have shapes (3, 4) and (4, 3), which must"),
        (
            lambda: kernels.softmax_cross_entropy(X, LABELS[:2]),
            ShapeError,
            "y has 3 rows of 4 classes, t has 2 labels; give one",
        ),
        (lambda: kernels.softmax_cross_entropy(X[0], LABELS), ShapeError, "y has 1 rows of 4 classes, t has 3 labels"),
        (lambda: kernels.softmax_cross_entropy(X[:, :0], LABELS), ShapeError, "0 classes, t has 3 labels; give one la"),
        (lambda: kernels.softmax_cross_entropy(X, LABELS * 2), KernelValueError, "t[2], the label 4, is outside 0..3"),
        (
            lambda: kernels.dense_backward(X, W, np.ones((3, 5)), (W + 1, W + 1, np.ones(5))),
            ShapeError,
            "dense_backward: out[0] has shape (4, 5), the result has (3, 4)",
        ),
        (
            lambda: kernels.dense_backward(X, W, np.ones((3, 5)), (X + 1, read_only(W), np.ones(5))),
            KernelTypeError,
            "dense_backward: out[1] is an array of float64 and shape (4, 5), read-only",
        ),
        (
            lambda: kernels.dense_backward(X, W, np.ones((3, 5)), (X + 1, None, np.ones(5))),
            KernelTypeError,
            "dense_backward: out[1] is None (NoneType); give an array of float32 or float64",
        ),
    ],
)
def test_a_wrong_call(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        call()


def test_an_output_may_be_an_input_of_what_goes_by_elements() -> None:
    z, t = LONG.copy(), LONG[::-1].copy()
    value, dy = kernels.mse(z, t)
    assert kernels.mse(z, t, out=t)[0] == value
    np.testing.assert_array_equal(t, dy)
    expected = kernels.relu(z)
    assert kernels.relu(z, out=z) is z
    np.testing.assert_array_equal(z, expected)


POINT = np.array(1.0)
ROW_KERNELS = [
    *(
        entry.component.name
        for kind in ("activation", "loss")
        for entry in built_in().entries(kind)
        if entry.component.form == "row"
    ),
]


@pytest.mark.parametrize("name", ROW_KERNELS)
def test_what_goes_by_rows_needs_a_dimension(name: str) -> None:
    kernel = getattr(kernels, name)
    given = [np.array([0]) if argument == "t" else POINT for argument in list(inspect.signature(kernel).parameters)[:2]]
    first = next(iter(inspect.signature(kernel).parameters))
    with pytest.raises(
        ShapeError, match=rf"^{name}: {first} is an array of float64 and shape \(\); give at least 1 dim"
    ):
        kernel(*given[: 2 if first == "y" else 1])
    if first == "z":
        with pytest.raises(ShapeError, match=rf"^{name}_backward: da is an array of float64 and shape \(\); give at"):
            getattr(kernels, f"{name}_backward")(POINT, POINT, POINT)


def test_targets_by_rows_need_a_dimension() -> None:
    with pytest.raises(ShapeError, match=r"soft_cross_entropy: t is an array of float64 and shape \(\); give at least"):
        kernels.soft_cross_entropy(X, POINT)


@pytest.mark.parametrize(
    "how", [np.asfortranarray, lambda x: np.repeat(x, 2, 1)[:, ::2], read_only, lambda x: x.view(np.matrix)]
)
def test_inputs_may_be_of_any_order(how: Callable[[np.ndarray], np.ndarray]) -> None:
    z = np.linspace(-2, 2, 12).reshape(3, 4)
    np.testing.assert_array_equal(kernels.relu(how(z)), kernels.relu(z))


def test_only_the_first_array_may_be_of_a_class_of_its_own() -> None:
    a = np.arange(4.0).reshape(2, 2)
    np.testing.assert_array_equal(kernels.matmul(a.view(np.matrix), a), a @ a)


def test_the_other_byte_order_is_refused_after_an_unaligned_array() -> None:
    """numba tells both from ordinary arrays, but not from each other."""
    raw = np.zeros(25, np.uint8)[1:].view(np.float64)
    np.testing.assert_array_equal(kernels.relu(raw), 0)
    with pytest.raises(KernelTypeError, match="relu: z is an array of >f8"):
        kernels.relu(np.ones(3, ">f8"))
    with pytest.raises(KernelTypeError, match=r"dense_backward: out\[0\] is an array of >f8"):
        kernels.dense_backward(X, W, np.ones((3, 5)), out=(X.astype(">f8"), W + 1, np.ones(5)))


# ---- in @njit code

relu, matmul, adam_step, softmax = kernels.relu, kernels.matmul, kernels.adam_step, kernels.softmax


@numba.njit
def use_relu(z: Any, out: Any) -> Any:
    """A user's function."""
    return relu(z, out)


@numba.njit
def use_matmul(a: Any, out: Any) -> Any:
    """A user's function that reaches the kernel by its module."""
    return kernels.matmul(a, a, out=out)


@numba.njit
def use_adam(w: Any, step: Any, rate: Any) -> None:
    """A user's function with keywords and defaults."""
    adam_step(w, w.copy(), w.copy(), w.copy(), step, learning_rate=rate)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: use_relu(np.arange(3), None), "relu: z is array(int64, 1d, C); give an array of float32 or float64"),
        (lambda: use_relu(LONG, LONG[::2]), "relu: out is array(float64, 1d, A), not C-ordered"),
        (lambda: use_relu(X, LONG), "relu: out is array(float64, 1d, C); give 2 dimensions"),
        (lambda: numba.njit(lambda z: softmax(z))(POINT), "softmax: z is array(float64, 0d, C); give at least 1 dimen"),
        (lambda: use_relu(1.0, None), "relu: z is float64; give an array of float32 or float64"),
        (lambda: use_adam(X.copy(), 1.0, 0.1), "adam_step: step is float64; give a whole number, from 1"),
    ],
)
def test_types_are_checked_when_code_is_compiled(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(TypingError, match=re.escape(message)):
        call()


def test_values_are_checked_in_compiled_code() -> None:
    a = np.ones((3, 3))
    with pytest.raises(KernelValueError, match="matmul: out shares memory with a or b"):
        use_matmul(a, a)
    with pytest.raises(KernelValueError, match="relu: out and z overlap in part"):
        use_relu(LONG[1:], LONG[:-1])
    with pytest.raises(KernelValueError, match="adam_step: step is 0; give a number >= 1"):
        use_adam(a, 0, 0.1)
    with pytest.raises(KernelValueError, match=r"adam_step: learning_rate is -0\.5; give a number > 0"):
        use_adam(a, 1, -0.5)
    np.testing.assert_array_equal(a, 1.0)


# ---- how they look


def test_they_look_like_functions() -> None:
    step = kernels.adam_step
    assert str(inspect.signature(step)).startswith("(w, g, m, v, step, learning_rate=0.001, beta1=0.9, ")
    assert inspect.getdoc(kernels.matmul).startswith("a @ b: a (B, I), b (I, O) -> (B, O).")
    assert pickle.loads(pickle.dumps(step)) is step


# ---- components by name


def test_components_by_name_are_checked_alike() -> None:
    act, loss, lamb = numbann.get_activation("elu"), numbann.get_loss("mse"), numbann.get_optimizer("lamb")
    with pytest.raises(KernelTypeError, match="elu: z is"):
        act([1.0])
    with pytest.raises(KernelTypeError, match="mse: t is an array of float32"):
        loss(X, X.astype("f4"))
    with pytest.raises(KernelTypeError, match=r"lamb\.init: w is"):
        lamb.init([1.0])
    w, state = np.ones((2, 3)), lamb.init(np.ones((2, 3)))
    with pytest.raises(KernelTypeError, match=r"lamb\.step: g is an array of int64"):
        lamb.step(w, np.ones((2, 3), int), state)
    assert state["step"] == 0
    with pytest.raises(RegistryError, match="get_activation takes a name"):
        numbann.get_activation(np.tanh)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: numbann.get_activation("elu", alpha=-1), KernelValueError, "elu: alpha is -1.0; give a number >= 0"),
        (lambda: numbann.get_activation("elu", alpha="x"), KernelTypeError, "elu: alpha is 'x' (str); give a number"),
        (lambda: numbann.get_activation("elu", alpha=None), KernelTypeError, "elu: alpha is None (NoneType); give a"),
        (
            lambda: numbann.get_activation("elu", alpha=np.nan),
            KernelValueError,
            "elu: alpha is nan; give a number >= 0",
        ),
        (lambda: numbann.get_optimizer("adam", learning_rate=-1), KernelValueError, "learning_rate is -1.0; give a"),
        (lambda: numbann.get_optimizer("sgd", weight_decay=-1), KernelValueError, "sgd: weight_decay is -1.0; give a"),
        (lambda: numbann.get_optimizer("adam", learning_rate=np.inf), KernelValueError, "inf; give a finite number"),
        (lambda: numbann.get_activation(None), RegistryError, "not None"),
    ],
)
def test_a_component_by_name_is_made_of_right_numbers(
    make: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        make()


def test_every_component_by_name_is_made_of_its_defaults() -> None:
    for kind, make in (("activation", numbann.get_activation), ("loss", numbann.get_loss)):
        for entry in built_in().entries(kind):
            make(entry.component.name)
    for entry in built_in().entries("optimizer"):
        if entry.component.form != "solver":
            numbann.get_optimizer(entry.component.name)
    assert repr(numbann.get_activation("elu", alpha=0.7)) == "get_activation('elu', alpha=0.7)"
    assert repr(numbann.get_optimizer("momentum")).startswith("get_optimizer('momentum', learning_rate=0.01, ")


def test_a_name_in_capitals_is_found() -> None:
    with pytest.raises(AttributeError, match="did you mean 'relu'"):
        _ = kernels.Relu


def test_an_input_may_be_another_view_of_the_output() -> None:
    x, square = np.linspace(-4, 4, 8), np.arange(9.0).reshape(3, 3) - 4
    expected, turned = kernels.relu(x[::-1]), kernels.softmax(square.T)
    np.testing.assert_array_equal(kernels.relu(x[::-1], out=x), expected)
    np.testing.assert_array_equal(kernels.softmax(square.T, out=square), turned)


def test_inputs_of_dense_backward_may_be_other_views_of_its_outputs() -> None:
    x, w, dy = np.random.default_rng(0).normal(size=(3, 5, 5))
    expected = kernels.dense_backward(x.T, w, dy)
    out = (x, np.empty((5, 5)), np.empty(5))
    for found, right in zip(kernels.dense_backward(x.T, w, dy, out=out), expected, strict=True):
        np.testing.assert_array_equal(found, right)


def test_a_view_that_only_turns_out_to_be_in_order_is_copied() -> None:
    @numba.njit
    def shift(x: Any, stride: Any) -> None:
        relu(x[:-1:stride], out=x[1:])

    x = np.arange(1.0, 9.0)
    shift(x, 1)
    np.testing.assert_array_equal(x, [1, 1, 2, 3, 4, 5, 6, 7])


def test_every_kind_of_bound_is_kept() -> None:
    @numbann.activation
    def bounded(z, beta: Annotated[float, Ge(1), Le(2)] = 1.0, steps: Annotated[int, MultipleOf(2)] = 2):
        return beta * steps * z

    component = freeze(bounded)
    found = [(name, bound.sign, bound.number) for name, bound in bounds_of(component)]
    assert found == [("beta", ">=", 1), ("beta", "<=", 2)]
    function = array_functions(component)["bounded"]
    np.testing.assert_array_equal(function(np.ones(2), beta=2.0), [4, 4])
    with pytest.raises(KernelValueError, match=r"bounded: beta is 2\.5; give a number <= 2"):
        function(np.ones(2), beta=2.5)


def test_no_decay_is_no_decay() -> None:
    """Also for an optimizer whose own default is another."""
    w = np.ones((2, 2))
    for weight_decay, changed in ((0.0, False), (None, True)):
        chosen = numbann.get_optimizer("adamw", weight_decay=weight_decay)
        chosen.step(w, np.zeros_like(w), chosen.init(w))
        assert (w != 1).any() == changed
