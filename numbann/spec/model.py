"""The table of the keys of a spec.  An annotation says what a key takes, as in a component's signature.

building.py walks along this table.  Checks beyond a single key (files, names of components, keys that must agree) are
in components.py and checks.py.  The annotations are used as objects, so this file does not postpone them.
"""

from collections.abc import Mapping
from dataclasses import MISSING, field, fields, replace
from math import inf
from typing import Annotated, Any

from numbann.data.contract import CATEGORIES, PARTS, ScaleNames
from numbann.data.readers import FORMATS, PAIRS
from numbann.data.tasks import FOR_LISTS
from numbann.data.transforms import DATES, SCALES
from numbann.data.transforms import MISSING as FILLINGS
from numbann.engine import devices
from numbann.records import dataclass
from numbann.spec.rules import (
    BOOLEAN,
    NULL,
    TEXT,
    Rule,
    exactly,
    is_encoding,
    list_of,
    number,
    numbers_by_name,
    one_of,
    text,
    whole,
)

PRESETS = ("plain", "tabular", "tabular-best")  # presets.py says what they fill in
FILLED = ("model", "layers")  # required keys that presets fill in
MISSING_CELLS = ("", "NA", "NaN", "nan", "null", "?")
AUTO = one_of("auto")
NAME = text("a name", r"[\s\S]+")
COLUMN = text("a name", r"[\s\S]*")  # a column may have the name ""
NAMES = list_of(COLUMN, "a list of names")
NAMES_OR_MORE = list_of(COLUMN, "a list of names, at least one", least=1)
FOLDER = text("a name that can be a folder's: no slash, no dot at its end", r"[^/\\\0-\x1f]*[^/\\\0-\x1f. ]")
ENCODING = Rule("an encoding that Python knows, such as utf-8, latin-1 or cp1252", is_encoding, {"type": "string"})
POSITION = whole(0, 2**31 - 1)
COUNT = whole(1, 2**31 - 1)
SCALINGS = list_of(one_of(*SCALES), 'a list of these but "auto", applied in order', least=1)
CELL = Rule("a text or a number", lambda value: type(value) in (str, int, float), {"type": ["string", "number"]})
RATE = number("a number from 0 up to but not including 1", lambda value: 0 <= value < 1, minimum=0, exclusiveMaximum=1)
NOT_NEGATIVE = number("a number, at least 0", lambda value: 0 <= value < inf, minimum=0)
BETWEEN = number("a number between 0 and 1", lambda value: 0 < value < 1, exclusiveMinimum=0, exclusiveMaximum=1)
SHARE = RATE | NULL
ANYTHING = Rule("anything", lambda value: True, {})
VALUES = list_of(ANYTHING, "a list of values, at least one", least=1)
NUMBER = number("a number", lambda value: -inf < value < inf)
SEARCHES = ("random", "grid", "halving", "tpe")
SEARCH = replace(one_of(*SEARCHES), schema={"type": "string", "pattern": f"^(?:{'|'.join(SEARCHES)})$"})
ROWS = Rule(
    "a number of rows, or a share between 0 and 1",
    lambda value: (type(value) is int and value > 0) or (type(value) is float and 0 < value < 1),
    {"type": "number", "exclusiveMinimum": 0},
)
ABOVE = number("a number above 0", lambda value: 0 < value < inf, exclusiveMinimum=0)
LIMIT = ABOVE | NULL
SECONDS = number("a number of seconds, at least 0", lambda value: 0 <= value < inf, minimum=0)
WEIGHTS = numbers_by_name(
    "an object with a number, at least 0, for each label named", lambda value: 0 <= value < inf, minimum=0
)
DEVICE = text(devices.names(), devices.PATTERN)
FILE = {"type": "string", "minLength": 1}
FILES = {"type": "array", "items": FILE, "minItems": 1}
SOURCE = {"anyOf": [FILE, FILES, *(exactly(**dict.fromkeys(pair, FILE)) for pair in PAIRS)]}
PATH = {"anyOf": [SOURCE, exactly(**dict.fromkeys(PARTS, SOURCE), needed=["train"])]}
SOURCES = Rule(
    "a file, a list of them, or an object of files", lambda value: value is not None, PATH
)  # checks.py checks the rest


class Section:
    """An object of the spec."""


@dataclass(frozen=True)
class ComponentKey:
    """A key that takes a component of a kind, by name or as {"type": NAME, ...parameters}; null if it need not be."""

    kind: str
    default: str | None = "auto"


@dataclass(frozen=True)
class Metrics:
    """A key that takes "auto" or a list of metrics, each by name or as {"type": NAME, ...parameters}."""


@dataclass(frozen=True)
class Inner:
    """A key that takes an object with keys of its own.  many: it takes a list.  named: an object of them by name.

    optional: it takes null, too.

    short: the key that a value of these types alone stands for.  If the key is optional, too, true and false stand for
    an object and for null.

    plain: accepts values that stay as they are, beside objects.
    """

    section: type[Section]
    many: bool = False
    named: bool = False
    short: str = ""
    short_types: tuple[type, ...] = (int,)
    optional: bool = False
    plain: Rule | None = None

    def long(self, given: Any) -> Any:
        """Return what a short form stands for; anything else as it is."""
        if self.short and type(given) in self.short_types:
            return {self.short: given}
        if self.short and self.optional and type(given) is bool:
            return {} if given else None
        return given


@dataclass(frozen=True)
class Choices:
    """A key that takes a list of objects, each of one of several types: {"type": NAME, ...its keys}, or NAME alone."""

    sections: Mapping[str, type[Section]]


Takes = Rule | ComponentKey | Metrics | Inner | Choices


@dataclass(frozen=True)
class Key:
    """A key of a section: what it takes, and its default (MISSING: the key is required, or has a default factory)."""

    name: str
    takes: Takes
    default: Any
    required: bool


def keys_of(section: type[Section]) -> dict[str, Key]:
    """Return the keys of a section by name."""
    return {one.name: _key(one) for one in fields(section)}  # type: ignore[arg-type]  # every section is a dataclass


def given_by(section: Section) -> dict[str, Any]:
    """Return what a section says, by key."""
    return {one.name: getattr(section, one.name) for one in fields(section)}  # type: ignore[arg-type]


def _key(one: Any) -> Key:
    takes = one.type.__metadata__[0]
    required = one.default is MISSING and one.default_factory is MISSING
    return Key(one.name, takes, takes.default if isinstance(takes, ComponentKey) else one.default, required)


@dataclass(frozen=True)
class ComponentSpec:
    """A component chosen by a spec: its name (never an alias) and a value for each of its parameters.

    An optimizer's parameters include `learning_rate` and `weight_decay`, a schedule's `warmup_epochs`.
    """

    type: str
    parameters: dict[str, Any] = field(default_factory=dict)


Auto = Any  # a ComponentSpec, or "auto" until it is resolved


@dataclass(frozen=True, kw_only=True)
class Csv(Section):
    """How the text of a table is split into cells."""

    delimiter: Annotated[str, AUTO | text("one character", r"[\s\S]")] = "auto"
    header: Annotated[bool | list[str], BOOLEAN | NAMES_OR_MORE] = True
    na: Annotated[list[str], list_of(TEXT, "a list of texts that mean missing")] = field(
        default_factory=lambda: list(MISSING_CELLS)
    )
    encoding: Annotated[str | None, ENCODING | NULL] = None
    skip: Annotated[int, whole(0, 2**31 - 1)] = 0
    comment: Annotated[str | None, text("what a line of comment begins with", r"[^\s\"]+") | NULL] = None
    decimal: Annotated[str | None, one_of(".", ",") | NULL] = None
    thousands: Annotated[str | None, one_of(",", ".", " ", "'", "_") | NULL] = None
    percent: Annotated[bool, BOOLEAN] = False


@dataclass(frozen=True, kw_only=True)
class Bins(Section):
    """How a number becomes its places in a row of intervals, beside the number itself."""

    count: Annotated[int | str, whole(0, 1000) | one_of("by-rows")] = 48
    by: Annotated[str, one_of("quantiles", "target")] = "target"


BINS = Inner(Bins, short="count", optional=True)


@dataclass(frozen=True, kw_only=True)
class Column(Section):
    """How one column, or all whose names a glob such as x_* fits, becomes inputs."""

    scale: Annotated[ScaleNames | None, one_of(*SCALES) | SCALINGS | NULL] = None
    missing: Annotated[str | None, one_of(*FILLINGS) | NULL] = None
    fill: Annotated[float | str | None, CELL | NULL] = None
    categories: Annotated[str | None, one_of(*CATEGORIES, "ordinal", "target") | NULL] = None
    order: Annotated[list[Any] | None, list_of(CELL, "a list of texts or numbers, two or more", least=2) | NULL] = None
    rare: Annotated[int | None, COUNT | NULL] = None
    dates: Annotated[str | None, one_of(*DATES) | NULL] = None
    format: Annotated[str | None, NAME | NULL] = None
    bins: Annotated[Bins | None, BINS] = None


@dataclass(frozen=True, kw_only=True)
class Split(Section):
    """The shares of rows held back for validation and test, or a column that the split goes by; None if not given."""

    validation: Annotated[float | None, SHARE] = None
    test: Annotated[float | None, SHARE] = None
    stratify: Annotated[bool | str, AUTO | BOOLEAN] = "auto"
    by: Annotated[str | None, COLUMN | NULL] = None
    group: Annotated[str | None, COLUMN | NULL] = None
    column: Annotated[str | None, COLUMN | NULL] = None


@dataclass(frozen=True, kw_only=True)
class Data(Section):
    """Where the rows come from, which columns are used, and how they are scaled and split."""

    path: Annotated[Any, SOURCES]
    format: Annotated[str, one_of("auto", *FORMATS)] = "auto"
    csv: Annotated[Csv, Inner(Csv)] = field(default_factory=Csv)
    target: Annotated[int | str | list[str] | None, COLUMN | NAMES_OR_MORE | POSITION | NULL] = None
    task: Annotated[str, one_of("auto", *FOR_LISTS)] = "auto"
    features: Annotated[str | list[str] | None, NULL | COLUMN | NAMES_OR_MORE] = None
    drop: Annotated[list[str], NAMES] = field(default_factory=list)
    categorical: Annotated[list[str], NAMES] = field(default_factory=list)
    missing: Annotated[str, one_of(*(name for name in FILLINGS if name != "constant"))] = "indicate"
    columns: Annotated[dict[str, Column], Inner(Column, named=True)] = field(default_factory=dict)
    categories: Annotated[str | None, one_of(*CATEGORIES) | NULL] = None
    scale: Annotated[ScaleNames, one_of("auto", *SCALES) | SCALINGS] = "auto"
    bins: Annotated[Bins | None, BINS] = None
    target_scale: Annotated[str, one_of("auto", "standard", "log", "quantile", "none")] = "auto"
    target_clip: Annotated[bool, BOOLEAN] = False
    weight: Annotated[str | None, COLUMN | NULL] = None
    group: Annotated[str | None, COLUMN | NULL] = None
    rows: Annotated[int | float | None, ROWS | NULL] = None
    class_weight: Annotated[str | dict[str, float] | None, one_of("balanced") | WEIGHTS | NULL] = None
    split: Annotated[Split, Inner(Split)] = field(default_factory=Split)


@dataclass(frozen=True, kw_only=True)
class Scheduled(Section):
    """A number that changes from step to step: value, times the schedule's factor."""

    value: Annotated[float, NOT_NEGATIVE]
    schedule: Annotated[ComponentSpec, ComponentKey("schedule", "constant")]


@dataclass(frozen=True, kw_only=True)
class Layer(Section):
    """A hidden layer.  "auto" is the model's: its activation, norm or dropout, its init or bias_init."""

    units: Annotated[int, whole(1, 1_000_000)]
    activation: Annotated[Auto, ComponentKey("activation")]
    norm: Annotated[str | None, one_of("auto", "layer", "batch") | NULL] = "auto"
    dropout: Annotated[Any, Inner(Scheduled, plain=RATE)] = "auto"
    alpha_dropout: Annotated[float, RATE] = 0.0
    residual: Annotated[bool, BOOLEAN] = False
    init: Annotated[Auto, ComponentKey("initializer")]
    bias_init: Annotated[Auto, ComponentKey("initializer")]
    rate: Annotated[float | None, LIMIT] = None


@dataclass(frozen=True, kw_only=True)
class Scale(Section):
    """Numbers that multiply the inputs, one an input; they start at 1 and are trained."""

    rate: Annotated[float, ABOVE] = 1.0


@dataclass(frozen=True, kw_only=True)
class Categories(Section):
    """Trained numbers that stand for each category of columns that have many."""

    size: Annotated[int, whole(1, 1000)] = 8
    over: Annotated[int, whole(0, 2**31 - 1)] = 8
    rate: Annotated[float, ABOVE] = 1.0


@dataclass(frozen=True, kw_only=True)
class Input(Section):
    """What happens to the network's inputs before its layers."""

    embedding: Annotated[ComponentSpec | None, ComponentKey("embedding", None)]
    categories: Annotated[Categories | None, Inner(Categories, short="size", optional=True)] = None
    scale: Annotated[Scale | None, Inner(Scale, short="rate", short_types=(int, float), optional=True)] = None


@dataclass(frozen=True, kw_only=True)
class Model(Section):
    """The network: its hidden layers, what they have in common, and the activation that gives its predictions."""

    input: Annotated[Input | None, Inner(Input, optional=True)] = None
    layers: Annotated[list[Layer], Inner(Layer, many=True, short="units")]
    activation: Annotated[ComponentSpec, ComponentKey("activation", "relu")]
    norm: Annotated[str | None, one_of("layer", "batch") | NULL] = None
    dropout: Annotated[float | Scheduled, Inner(Scheduled, plain=RATE)] = 0.0
    members: Annotated[int | None, whole(1, 1000) | NULL] = None
    output_activation: Annotated[Auto, ComponentKey("activation")]
    init: Annotated[Auto, ComponentKey("initializer")]
    bias_init: Annotated[ComponentSpec, ComponentKey("initializer", "zeros")]
    dtype: Annotated[str, one_of("float32", "float64", "bfloat16")] = "float32"

    @property
    def arrays(self) -> str:
        """The precision of arrays: that of the model, whose products alone may be bfloat16."""
        return "float32" if self.dtype == "bfloat16" else self.dtype


def number_of(given: float | Scheduled) -> float:
    """Return a number that may have a schedule, without it."""
    return given.value if isinstance(given, Scheduled) else given


SHARED = ("activation", "norm", "dropout")  # keys of the model for each layer that has none of its own


def spread(model: Model) -> Model:
    """Return the model with a value of its own at each layer for the keys that it shares."""
    layers = [
        replace(layer, **{key: getattr(model, key) for key in SHARED if getattr(layer, key) == "auto"})
        for layer in model.layers
    ]
    return replace(model, layers=layers)


@dataclass(frozen=True, kw_only=True)
class EarlyStopping(Section):
    """When training stops before the last epoch; the weights of the best epoch are kept."""

    monitor: Annotated[str, NAME] = "auto"
    patience: Annotated[int, COUNT] = 10
    min_delta: Annotated[float, number("a number, at least 0", lambda value: value >= 0, minimum=0)] = 0.0


@dataclass(frozen=True, kw_only=True)
class Select(Section):
    """The epoch whose weights are kept: the best one, by a key of the history; of equal ones the first or the last."""

    monitor: Annotated[str, NAME] = "auto"
    ties: Annotated[str, one_of("first", "last")] = "first"


@dataclass(frozen=True, kw_only=True)
class Train(Section):
    """How long to train, on which device, and with which options."""

    epochs: Annotated[int, COUNT] = 50
    batch_size: Annotated[int | str, COUNT | one_of("auto", "by-rows", "full")] = "auto"
    shuffle: Annotated[str | None, one_of("stripes") | NULL] = None
    device: Annotated[str, DEVICE] = "auto"
    threads: Annotated[int | str, whole(1, 4096) | AUTO] = "auto"
    clip_norm: Annotated[float | None, LIMIT] = None
    clip_value: Annotated[float | None, LIMIT] = None
    average: Annotated[float | None, BETWEEN | NULL] = None
    metrics: Annotated[str | list[ComponentSpec], Metrics()] = "auto"
    select: Annotated[Select | None, Inner(Select, short="monitor", short_types=(str,), optional=True)] = field(
        default_factory=Select
    )
    early_stopping: Annotated[EarlyStopping | None, Inner(EarlyStopping, short="patience", optional=True)] = None
    calibrate: Annotated[str | None, one_of("temperature") | NULL] = None
    diagnostics: Annotated[bool, BOOLEAN] = False
    checkpoint_seconds: Annotated[float, SECONDS] = 10.0


@dataclass(frozen=True, kw_only=True)
class Ensemble(Section):
    """Several models as one: the rows are cut into folds, and each model leaves one out, by which it is measured."""

    folds: Annotated[int, whole(2, 1000)] = 5
    members: Annotated[int, whole(1, 1000)] = 1
    refit: Annotated[bool, BOOLEAN] = False


@dataclass(frozen=True, kw_only=True)
class Values(Section):
    """What a key is tried with: each of some values, or numbers from low to high, both included."""

    values: Annotated[list[Any] | None, VALUES | NULL] = None
    low: Annotated[float | None, NUMBER | NULL] = None
    high: Annotated[float | None, NUMBER | NULL] = None
    log: Annotated[bool, BOOLEAN] = False
    integer: Annotated[bool, BOOLEAN] = False


@dataclass(frozen=True, kw_only=True)
class Search(Section):
    """How a sweep chooses the values of its trials, and how many there are."""

    type: Annotated[str, SEARCH] = SEARCHES[0]
    trials: Annotated[int | None, whole(1, 1_000_000) | NULL] = None
    batch: Annotated[int | None, whole(1, 10_000) | NULL] = None
    epochs: Annotated[int | None, COUNT | NULL] = None
    factor: Annotated[int | None, whole(2, 100) | NULL] = None


@dataclass(frozen=True, kw_only=True)
class Sweep(Section):
    """Many trainings of the spec, each with other values of some keys, to find the best."""

    parameters: Annotated[dict[str, Values], Inner(Values, named=True, short="values", short_types=(list,))]
    search: Annotated[Search, Inner(Search, short="type", short_types=(str,))] = field(default_factory=Search)
    metric: Annotated[str, NAME] = "validation_loss"
    folds: Annotated[int, whole(1, 1000)] = 1
    minutes: Annotated[float | None, LIMIT] = None


@dataclass(frozen=True, kw_only=True)
class TensorBoard(Section):
    """Files that TensorBoard shows."""

    dir: Annotated[str | None, NAME | NULL] = None


@dataclass(frozen=True, kw_only=True)
class Trackio(Section):
    """A run in Trackio, on this machine."""

    project: Annotated[str, NAME] = "numbann"
    name: Annotated[str | None, NAME | NULL] = None


@dataclass(frozen=True, kw_only=True)
class MLflow(Section):
    """A run in MLflow."""

    experiment: Annotated[str, NAME] = "numbann"
    name: Annotated[str | None, NAME | NULL] = None
    tracking_uri: Annotated[str | None, NAME | NULL] = None


@dataclass(frozen=True, kw_only=True)
class WandB(Section):
    """A run in Weights & Biases."""

    project: Annotated[str, NAME] = "numbann"
    name: Annotated[str | None, NAME | NULL] = None
    entity: Annotated[str | None, NAME | NULL] = None
    mode: Annotated[str | None, one_of("online", "offline", "disabled") | NULL] = None


CALLBACKS: dict[str, type[Section]] = {"tensorboard": TensorBoard, "trackio": Trackio, "mlflow": MLflow, "wandb": WandB}
PACKAGES = {
    "tensorboard": "tensorboardX",
    "trackio": "trackio",
    "mlflow": "mlflow",
    "wandb": "wandb",
}  # what each needs


@dataclass(frozen=True, kw_only=True)
class Spec(Section):
    """A whole spec, with every key."""

    extends: Annotated[str | None, NULL | NAME] = None
    name: Annotated[str, FOLDER] = "model"
    seed: Annotated[int, whole(0, 2**63 - 1)] = 0
    preset: Annotated[str, one_of(*PRESETS)] = PRESETS[0]
    data: Annotated[Data, Inner(Data)]
    model: Annotated[Model, Inner(Model)]
    loss: Annotated[Auto, ComponentKey("loss")]
    optimizer: Annotated[ComponentSpec, ComponentKey("optimizer", "adam")]
    schedule: Annotated[ComponentSpec, ComponentKey("schedule", "constant")]
    train: Annotated[Train, Inner(Train)] = field(default_factory=Train)
    ensemble: Annotated[Ensemble | None, Inner(Ensemble, short="folds", optional=True)] = None
    sweep: Annotated[Sweep | None, Inner(Sweep, optional=True)] = None
    callbacks: Annotated[list[ComponentSpec], Choices(CALLBACKS)] = field(default_factory=list)
    plugins: Annotated[list[str], list_of(NAME, "a list of names")] = field(default_factory=list)
    output: Annotated[str | None, NULL | NAME] = None


def to_json(value: Any) -> Any:
    """Return a spec, or a part of one, as JSON values.

    A component becomes one flat object, a metric without parameters its name; of sections by name, what is given.
    """
    if isinstance(value, dict):
        return {name: _given(inner) if isinstance(inner, Section) else inner for name, inner in value.items()}
    if isinstance(value, Section):
        return {name: to_json(inner) for name, inner in given_by(value).items()}
    if isinstance(value, ComponentSpec):
        return {"type": value.type, **{name: to_json(inner) for name, inner in value.parameters.items()}}
    if isinstance(value, list):
        plain = [isinstance(inner, ComponentSpec) and not inner.parameters for inner in value]
        return [inner.type if alone else to_json(inner) for inner, alone in zip(value, plain, strict=True)]
    return value


def _given(section: Section) -> dict[str, Any]:
    return {name: value for name, value in to_json(section).items() if value is not None}
