"""The chain of a layer: which step follows which in a network, forward and back, for any device.

Each step makes one value of a layer from the value before it:

    x -> product -> h -> norm -> z -> activation -> a -> dropout, added inputs -> out, the x of the layer above

Steps may also make x, by way of e, from the inputs that the network is given.  A value that no step makes is the same
as the one before it.  A value has a buffer of its own if the step that makes it must not write over what it reads:
`Chain.buffers` says which values share a buffer.  The way back goes through the steps in reverse order, with one
gradient d that each of them changes in place.  A step keeps what its way back needs:

| step        | reads | makes | keeps       | way back                                                   |
| ----------- | ----- | ----- | ----------- | ---------------------------------------------------------- |
| Embed       | given | e     | nothing     | to its vectors, from the gradient to e                     |
| PickRows    | given | e     | nothing     | to the rows of its table that occur, from the same         |
| ScaleInputs | e     | x     | e           | d s, to an embedding; to its vector: from that to w        |
| ScaleMembers | e    | x     | e           | d s; to its vectors: sums of e d over the members' rows    |
| Product     | x     | h     | x           | d w', the gradient to x; to w and b: x' d, 1' d            |
| Norm        | h     | z     | h, factors  | d to h; to scale and shift in slopes                       |
| Activation  | z     | a     | a, maybe z  | d f'(z); to what is trained in f in slopes                 |
| Drop        | a     | out   | nothing     | d where a stayed; the draws are made again                 |
| AddInputs   | a, x  | out   | nothing     | d, of which the layer below gets a copy, skip, beside d w' |
| TakeOwn     | a     | out   | nothing     | d in the member's own columns                              |
| Loss        | out   | d     | nothing     |                                                            |
| Link        | out   | d     | nothing     | none: it stands in predictions only                        |

A vector's gradient may also come from the gradient to the layer's w, which is e' d with the e that the layer is given.
An engine then stores the whole gradient before any weight changes, and the step finishes it.

An engine has a table {kind of step: its lowering}.  A new kind takes a class here, its place in `layer_of`, and an
entry with kernels in that table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf, sqrt
from typing import ClassVar, TypeVar

from numbann.components.built_in import built_in
from numbann.components.component import PLAIN, Configured, LearnableMark, Tuning
from numbann.components.declare import OUTPUTS, RATE, freeze
from numbann.derivation import keeps_z
from numbann.derivation.blend import BLEND, with_blend
from numbann.errors import ShapeError
from numbann.mathematics.activations.rectified import SELU_ALPHA, SELU_SCALE
from numbann.network.description import Categories, Dense, Embedding, Network
from numbann.records import dataclass

GIVEN = "given"  # the value that no step makes
VALUES = ("e", "x", "h", "z", "a", "out")
INPUTS = VALUES[:2]  # those that are as wide as the layer's inputs
ELEMENT, ROW, BATCH = "element", "row", "batch"  # scopes: an element depends on itself, its row, the batch
# Where the gradient to a vector comes from: the way back leaves one for each row, or their sum; one for each row and
# unit, to a single number; their sum for a vector of any length; or from that to w
ROWS, SUMS, SHARED, TOTALS, WEIGHTS = "rows", "sums", "shared", "totals", "weights"
NORM_EPSILON, NORM_MOMENTUM = 1e-5, 0.1  # beside the variance, and of a batch in running statistics, as PyTorch's
SELU_LIMIT = -SELU_SCALE * SELU_ALPHA  # selu at -inf
SomeStep = TypeVar("SomeStep", bound="Step")


@dataclass(frozen=True)
class Vector:
    """Numbers of a layer beside w and b: the tensor's name, its size, and its initial value.

    gradient: where the gradient to trained numbers comes from; "" for statistics, which are not trained.  init: draws
    the initial values.  shape: what it is asked for, once for each of `parts` equal parts; None: (1, size).  tuning:
    how they are trained.  low, high: bounds after each step.
    """

    name: str
    size: int
    start: float
    gradient: str = ROWS
    init: Configured | None = None
    tuning: Tuning = PLAIN
    low: float = -inf
    high: float = inf
    shape: tuple[int, int] | None = None
    parts: int = 1

    @property
    def bounded(self) -> bool:
        """Whether a step must keep it within bounds."""
        return (self.low, self.high) != (-inf, inf)


@dataclass(frozen=True, kw_only=True)
class Step:
    """A part of a layer.

    value: what it makes.  asked_by: the key of a spec, for errors.  scope: what an element of its value depends on.
    apart: whether it must not write over what it reads.  keeps: the values that its way back reads.  returns: whether
    the way back to the layer's h has something to do for it.  vectors: its trained vectors.  statistics: what it
    gathers. reads, writes: its buffers, the same one if it works in place.
    """

    value: ClassVar[str]
    asked_by: ClassVar[str] = "model.layers"
    scope: str = ELEMENT
    apart: bool = True
    keeps: tuple[str, ...] = ()
    returns: bool = True
    vectors: tuple[Vector, ...] = ()
    statistics: tuple[Vector, ...] = ()
    reads: str = ""
    writes: str = ""

    def predicting(self) -> Step | None:
        """The step in predictions; None if there is none."""
        return self


@dataclass(frozen=True, kw_only=True)
class Enter(Step):
    """`outputs` numbers for each of the first `features` of `columns`, side by side, and the other columns behind them.

    The columns are those of the network's inputs.  first: where their numbers begin in e.
    """

    value = "e"
    columns: tuple[int, ...]
    features: int
    outputs: int
    first: int = 0

    @property
    def width(self) -> int:
        """How many numbers of e it makes."""
        return len(self.columns) + self.features * (self.outputs - 1)


@dataclass(frozen=True, kw_only=True)
class Embed(Enter):
    """The numbers are made of a feature by an embedding, with trained numbers of the feature's own."""

    asked_by = "model.input.embedding"
    configured: Configured

    @property
    def mixed(self) -> int:
        """How many of them are no copy of it."""
        return self.outputs - bool(self.configured.component.traits["passes"])

    @property
    def terms(self) -> int:
        """How many numbers each of the functions of terms makes of a feature."""
        return terms_of(self.configured)


@dataclass(frozen=True, kw_only=True)
class PickRows(Enter):
    """The numbers are the row of a trained table that the feature, a code, picks; zeros for any number that is no code.

    counts: the codes of each feature, from 0 on; its rows lie behind those of the features before it.
    """

    asked_by = "model.input.categories"
    counts: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class ScaleInputs(Step):
    """x s, the network's inputs times a trained vector.  With G = x' d: dw = diag(s) G, ds_i = sum_o w_io G_io."""

    value = "x"
    asked_by = "model.input.scale"


@dataclass(frozen=True, kw_only=True)
class ScaleMembers(Step):
    """x s_k, times the trained vector of the member k whose row it is."""

    value = "x"
    asked_by = "model.members"
    members: int


@dataclass(frozen=True, kw_only=True)
class Product(Step):
    """h = x w + b, and how w and b start and are trained.  Its way back leads to the layer below.

    parts: how many matrices w is made of, side by side; each is drawn by itself.
    """

    value = "h"
    init: Configured
    bias_init: Configured | None
    parts: int = 1
    tuning: Tuning = PLAIN
    bias_tuning: Tuning = PLAIN


@dataclass(frozen=True, kw_only=True)
class Norm(Step):
    """z = scale h^ + shift, where h^ has mean 0 and variance 1 in a row or in a column of the batch.

    h^ takes the place of h.  running: by the statistics that training has gathered.
    """

    value = "z"
    batch: bool
    running: bool = False

    def predicting(self) -> Norm:
        """A batch norm goes by its statistics."""
        return replace(self, running=True, scope=ELEMENT) if self.batch else self


@dataclass(frozen=True, kw_only=True)
class Activation(Step):
    """a = f(z).  key: the key of its random numbers, None if it draws none; its vectors are f's trained numbers."""

    value = "a"
    configured: Configured
    key: int | None = None

    def predicting(self) -> Activation:
        """The activation without noise."""
        return replace(self, key=None)


@dataclass(frozen=True, kw_only=True)
class Drop(Step):
    """out: `dropped` with probability `rate`, else scale a + shift.  key: of its random numbers.

    Mean and, for alpha dropout, variance of the outputs stay what they are.
    """

    value = "out"
    rate: float
    scale: float
    shift: float = 0.0
    dropped: float = 0.0
    key: int

    def predicting(self) -> None:
        """Nothing."""


@dataclass(frozen=True, kw_only=True)
class AddInputs(Step):
    """out = a + x, a residual connection.  The gradient goes past the layer too, if there is a layer below."""

    value = "out"


@dataclass(frozen=True, kw_only=True)
class TakeOwn(Step):
    """out: of `members` equal parts of a that of the member whose row it is."""

    value = "out"
    asked_by = "model.members"
    members: int


@dataclass(frozen=True, kw_only=True)
class Loss(Step):
    """Each row's loss, and d = dL/dout; its scope says of what."""

    value = "d"
    configured: Configured


@dataclass(frozen=True, kw_only=True)
class Link(Step):
    """Predictions from outputs, in the place of d, which predictions do not need."""

    value = "d"
    configured: Configured


@dataclass(frozen=True)
class Chain:
    """The steps of a layer, in training or in predictions, and the buffer that each value is in.

    ends: what follows the last layer.
    """

    steps: tuple[Step, ...]
    ends: tuple[Step, ...]
    buffers: Mapping[str, str]

    def step(self, kind: type[SomeStep]) -> SomeStep | None:
        """The chain's step of a kind, or None."""
        return next((step for step in (*self.steps, *self.ends) if isinstance(step, kind)), None)

    @property
    def scopes(self) -> set[str]:
        """The scopes of its steps."""
        return {step.scope for step in self.steps}

    @property
    def kept(self) -> set[str]:
        """The buffers that the way back reads."""
        return {self.buffers[value] for step in self.steps for value in step.keeps}

    @property
    def skips(self) -> bool:
        """Whether a gradient goes past the layer, to the one below."""
        return any(isinstance(step, AddInputs) and step.returns for step in self.steps)


def chain_of(steps: tuple[Step, ...], ends: tuple[Step, ...]) -> Chain:
    """The chain of some steps; decides which values share a buffer."""
    placed: list[Step] = []
    buffers, buffer = {}, GIVEN
    for value in VALUES:
        for step in steps:
            if step.value == value:
                before, buffer = buffer, value if step.apart else buffer
                placed.append(replace(step, reads=before, writes=buffer))
        buffers[value] = buffer
    return Chain(tuple(placed), tuple(replace(step, reads=buffer, writes=step.value) for step in ends), buffers)


@dataclass(frozen=True)
class Layer:
    """A layer's sizes and its chains, for training and for predictions."""

    inputs: int
    outputs: int
    training: Chain
    predicting: Chain

    @property
    def width(self) -> int:
        """How many numbers a row has that the layer gives, which its activation decides."""
        own = self.training.step(TakeOwn)
        width = self.activation.width(self.outputs) if self.activation else self.outputs
        return width // own.members if own else width

    @property
    def product(self) -> Product:
        """The layer's product."""
        step = self.training.step(Product)
        assert step is not None
        return step

    @property
    def vectors(self) -> tuple[Vector, ...]:
        """The trained vectors beside w and b."""
        return tuple(vector for step in self.training.steps for vector in step.vectors)

    @property
    def sloped(self) -> tuple[Vector, ...]:
        """The vectors for which the way back leaves gradients."""
        return tuple(vector for vector in self.vectors if vector.gradient != WEIGHTS)

    @property
    def statistics(self) -> tuple[Vector, ...]:
        """The statistics that training gathers."""
        return tuple(vector for step in self.training.steps for vector in step.statistics)

    @property
    def activation(self) -> Configured | None:
        """The layer's activation, or None."""
        step = self.training.step(Activation)
        return step.configured if step else None

    @property
    def noisy(self) -> bool:
        """Whether training draws random numbers in the layer."""
        return any(getattr(step, "key", None) is not None for step in self.training.steps)


def layer_of(network: Network, k: int, link: Configured | None) -> Layer:
    """The layer k of a network; link: turns outputs into predictions."""
    dense, inputs = network.layers[k], network.layers[k - 1].width if k else network.inputs
    before = steps_of_inputs(network) if k == 0 else ()
    inputs = width_of(before, inputs)
    members = network.members if k + 1 == len(network.layers) else 1
    dense = replace(dense, units=dense.units * members)
    returns = any(isinstance(step, Enter | ScaleMembers) for step in before)
    inner = (norm(dense, k), activation(dense, k), drop(dense, k), add_inputs(dense, k), take_own(members))
    own = (at_rate(step, dense.rate) for step in (product(network, dense, inputs, members, returns), *inner) if step)
    training = (*before, *own)
    predicting = tuple(step for step in (step.predicting() for step in training) if step)
    ends = ends_of(network.loss, link) if k + 1 == len(network.layers) else ()
    return Layer(inputs, dense.units, chain_of(training, ends), chain_of(predicting, ends))


def ends_of(loss: Configured, link: Configured | None) -> tuple[Step, ...]:
    """The steps after the last layer."""
    scope = BATCH if loss.component.form == "batch" else ROW
    return (Loss(configured=loss, scope=scope), *((Link(configured=link, scope=scope_of(link)),) if link else ()))


# ---- the steps of a layer, each None where the layer has none


def steps_of_inputs(network: Network) -> tuple[Step, ...]:
    """The steps from the network's inputs to what the first product gets."""
    first = enter(network)
    width = width_of(first, network.inputs)
    scale = scale_members(network, width) if network.members > 1 else scale_inputs(network, width, bool(first))
    return (*first, scale) if scale else first


def width_of(steps: tuple[Step, ...], inputs: int) -> int:
    """How many numbers the first layer gets for so many inputs, behind these steps."""
    return sum(step.width for step in steps if isinstance(step, Enter)) or inputs


def enter(network: Network) -> tuple[Enter, ...]:
    """The steps that make several numbers of an input; the last one lets the other inputs through."""
    given, coded = network.input_embedding, network.input_categories
    counts = coded.counts if coded else {}
    every = tuple(column for column in range(network.inputs) if column not in counts)
    numbers = () if given is None else every if given.columns is None else given.columns
    others = tuple(column for column in every if column not in set(numbers))
    if len(numbers) + len(counts) + len(others) != network.inputs or not set(numbers) <= set(every):
        raise ShapeError(f"input_embedding, input_categories: name each of the {network.inputs} inputs once at most")
    found: tuple[Enter, ...] = ()
    if given and numbers:
        found = (embed(network, given, numbers, () if counts else others),)
    if coded and counts:
        found = (*found, pick_rows(network, coded, others, sum(step.width for step in found)))
    return found


def embed(network: Network, given: Embedding, numbers: tuple[int, ...], others: tuple[int, ...]) -> Embed:
    """Several numbers for each of the network's inputs that are numbers."""
    require_no_residual(network, "input_embedding")
    return Embed(
        configured=given.configured,
        columns=(*numbers, *others),
        features=len(numbers),
        outputs=int(given.configured.values[OUTPUTS]),
        vectors=vectors_of(given, len(numbers)),
    )


def pick_rows(network: Network, coded: Categories, others: tuple[int, ...], first: int) -> PickRows:
    """A row of trained numbers for each of the network's inputs that are codes."""
    require_no_residual(network, "input_categories")
    counts, total = tuple(coded.counts.values()), sum(coded.counts.values())
    if min(*counts, coded.size) < 1:
        raise ShapeError("input_categories: give each input a category or more, and each category a number or more")
    normal, tuning = built_in().configured("initializer", "normal", deviation=1.0), Tuning(rate=coded.rate)
    table = Vector("input.categories", total * coded.size, 0.0, TOTALS, normal, tuning, shape=(total, coded.size))
    return PickRows(
        columns=(*coded.counts, *others),
        features=len(counts),
        outputs=coded.size,
        first=first,
        counts=counts,
        vectors=(table,),
    )


def vectors_of(given: Embedding, features: int) -> tuple[Vector, ...]:
    """What an embedding trains: numbers of each term, weights of terms (terms, outputs), numbers of each output.

    A feature has all of its numbers side by side.
    """
    chosen, component = given.configured, given.configured.component
    mixed = int(chosen.values[OUTPUTS]) - bool(component.traits["passes"])
    terms, mixing = terms_of(chosen), (max(1, terms_of(chosen) * len(component.terms)), mixed)

    def vector(name: str, size: int, shape: tuple[int, int]) -> Vector:
        mark = component.marks.get(name, LearnableMark())
        start, default = (chosen.values[name], component.defaults()[name]) if name in component.marks else (0.0, 0.0)
        init = start_of(chosen, mark) if name in component.marks else built_in().configured("initializer", mix)
        tuning = replace(mark.tuning, rate=mark.rate * chosen.values[RATE])
        kept = init if start == default else None
        whole = f"input.embedding.{name}", features * size, start, TOTALS, kept, tuning, mark.low, mark.high
        return Vector(*whole, shape=shape, parts=features)

    mix = component.traits["init"]
    own = component.output.learnable
    of_terms = [vector(name, terms, (1, terms)) for name in component.marks if name not in own]
    weights = [vector("mix", mixing[0] * mixed, mixing)] if component.terms else []
    return (*of_terms, *weights, *(vector(name, mixed, mixing) for name in own))


def terms_of(embedding: Configured) -> int:
    """How many numbers each function of terms of an embedding makes of one."""
    return int(embedding.values[embedding.component.traits["terms"]]) if embedding.component.terms else 0


def start_of(chosen: Configured, mark: LearnableMark) -> Configured | None:
    """The initializer of what is trained; its parameters take values of those of the same names."""
    if mark.start is None:
        return None
    component = freeze(mark.start)
    return component.configured(**{name: chosen.values[name] for name in component.defaults() if name in chosen.values})


def require_no_residual(network: Network, subject: str) -> None:
    """ValueError if inputs go past what changes them."""
    if network.layers[0].residual:
        raise ValueError(f"{subject}: the first layer's residual connection would go past it; leave one of them out")


def scale_inputs(network: Network, inputs: int, embedded: bool) -> ScaleInputs | None:
    """The network's inputs, or what stands for them, times numbers that start as 1."""
    if not network.input_scale:
        return None
    require_no_residual(network, "input_scale")
    vector = Vector("input.scale", inputs, 1.0, WEIGHTS, tuning=Tuning(rate=network.input_scale))
    return ScaleInputs(returns=embedded, vectors=(vector,))


def scale_members(network: Network, inputs: int) -> ScaleMembers:
    """The inputs times numbers of each member, which start as 1 or -1."""
    require_no_residual(network, "members")
    if network.input_scale:
        raise ShapeError("members: they have scales of the inputs of their own; leave input_scale out")
    size, signs = network.members * inputs, built_in().configured("initializer", "signs")
    vector = Vector("input.members", size, 1.0, TOTALS, signs, parts=network.members, shape=(1, inputs))
    return ScaleMembers(members=network.members, vectors=(vector,))


def product(network: Network, dense: Dense, inputs: int, parts: int, returns: bool) -> Product:
    """x w + b; w starts as the activation asks if nothing is said.  returns: whether its way back leads further."""
    name = dense.activation.component.traits["init"] if dense.activation else "xavier_normal"
    init = dense.init or built_in().configured("initializer", name)
    if "z" in init.component.roles:
        raise ShapeError(f'init: "{init.name}" asks for z = x w, which is there for biases alone; name it in bias_init')
    tuning = Tuning(rate=1 / sqrt(inputs) if network.width_rates else 1.0)
    bias_tuning = Tuning(rate=network.bias_rate, decay=None if network.bias_decay else 0.0)
    return Product(
        init=init,
        bias_init=dense.bias_init,
        parts=parts,
        tuning=tuning,
        bias_tuning=bias_tuning,
        returns=returns,
    )


def at_rate(step: Step, rate: float) -> Step:
    """A step of a layer that learns at another rate."""
    vectors = tuple(replace(vector, tuning=vector.tuning.times(rate)) for vector in step.vectors)
    if isinstance(step, Product):
        step = replace(step, tuning=step.tuning.times(rate), bias_tuning=step.bias_tuning.times(rate))
    return replace(step, vectors=vectors)


def norm(dense: Dense, k: int) -> Norm | None:
    """A norm; the way back of a batch's norm sums the gradients to its vectors itself."""
    if dense.norm is None:
        return None
    batch = dense.norm == "batch"
    trained, gathered = {"scale": 1.0, "shift": 0.0}, {"mean": 0.0, "variance": 1.0} if batch else {}
    vectors, statistics = (
        tuple(Vector(f"layers.{k}.norm.{name}", dense.units, start, gradient) for name, start in starts.items())
        for starts, gradient in ((trained, SUMS if batch else ROWS), (gathered, ""))
    )
    scope = BATCH if batch else ROW
    return Norm(batch=batch, scope=scope, keeps=("h",), vectors=vectors, statistics=statistics)


def activation(dense: Dense, k: int) -> Activation | None:
    """An activation, with its blend if it has one; None for the identity alone."""
    if dense.activation is None or (dense.applies == "identity" and BLEND not in dense.activation.values):
        return None
    chosen = with_blend(dense.activation)
    component = chosen.component
    reads_z, key = keeps_z(component), 2 * k if "u" in component.roles else None
    vectors = tuple(
        learned(f"layers.{k}.activation.{name}", dense.units, mark, chosen.values[name], component.defaults()[name])
        for name, mark in component.marks.items()
    )
    keeps = ("z", "a") if reads_z else ("a",)
    return Activation(configured=chosen, key=key, scope=scope_of(chosen), apart=reads_z, keeps=keeps, vectors=vectors)


def learned(name: str, units: int, mark: LearnableMark, start: float, default: float) -> Vector:
    """A trained parameter of an activation; a start that is not the default takes the place of the initializer."""
    size, gradient = (1, SHARED) if mark.shared else (units, ROWS)
    init = freeze(mark.start).configured() if mark.start is not None and start == default else None
    return Vector(name, size, start, gradient, init, mark.tuning, mark.low, mark.high)


def scope_of(activation: Configured) -> str:
    """What an element of an activation's value depends on."""
    return ROW if activation.component.form == "row" else ELEMENT


def drop(dense: Dense, k: int) -> Drop | None:
    """Dropout: outputs are 0 with probability `rate`, else a / (1 - rate).  Alpha dropout: they are selu's limit at
    -inf, s, with probability `rate`; then all go through the line p y + q, p = 1 / sqrt((1 - rate) (1 + rate s^2)) and
    q = -p s rate, which keeps mean 0 and variance 1.

    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov 2014, https://jmlr.org/papers/v15/srivastava14a.html;
    as torch.nn.Dropout.  Klambauer, Unterthiner, Mayr and Hochreiter 2017, https://arxiv.org/abs/1706.02515; as
    torch.nn.AlphaDropout.
    """
    key, rate = 2 * k + 1, dense.alpha_dropout
    if dense.dropout:
        return Drop(rate=dense.dropout, scale=1 / (1 - dense.dropout), key=key)
    if not rate:
        return None
    scale = 1 / sqrt((1 - rate) * (1 + rate * SELU_LIMIT**2))
    shift = -scale * SELU_LIMIT * rate
    return Drop(rate=rate, scale=scale, shift=shift, dropped=scale * SELU_LIMIT + shift, key=key)


def add_inputs(dense: Dense, k: int) -> AddInputs | None:
    """A residual connection; below the first layer there is none to pass the gradient to."""
    return AddInputs(returns=k > 0) if dense.residual else None


def take_own(members: int) -> TakeOwn | None:
    """What is left of the last layer's outputs for a member of several."""
    return TakeOwn(members=members) if members > 1 else None
