"""The table of devices: how each is named, which optimizers it runs, and where its engine, kernels and checks are.

The module imports neither numba nor NumPy, so `numbann check` can ask it at once.  It names the parts of a device as
text and imports them when the device is used.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator
from numbers import Integral
from typing import TYPE_CHECKING, Any

from numbann.errors import DeviceError
from numbann.records import dataclass

if TYPE_CHECKING:
    from numbann.components.component import Component
    from numbann.engine.interface import Engine
    from numbann.network.plan import Plan


@dataclass(frozen=True)
class Device:
    """A device, and the places of its parts as "module:name".

    names: what a spec may call it.  pattern: a regular expression for these names; its groups are numbers.  forms: the
    forms of optimizers that it runs.  precisions: of products.  batch_losses: whether it runs losses of whole batches,
    and batches of whole groups.  ranks: whether several processes may train together.  engine: called with a plan,
    threads and the numbers.  require: called with the numbers; it raises DeviceError if the device is missing.
    expect: called when a training is sure to come, before its data are read.
    kernels: a module of functions for arrays on the device.  check: a check of a component, like those of
    numbann.testing.
    """

    name: str
    names: tuple[str, ...]
    pattern: str
    forms: tuple[str, ...]
    engine: str
    precisions: tuple[str, ...] = ("float32", "float64")
    batch_losses: bool = False
    ranks: bool = False
    require: str | None = None
    expect: str | None = None
    kernels: str | None = None
    check: str | None = None

    def numbers(self, given: str) -> list[int]:
        """The numbers in a name of the device; a number that is left out is 0."""
        found = re.fullmatch(self.pattern, given)
        return [int(number or 0) for number in found.groups()] if found else []

    def refusal(self, component: Component) -> str:
        """Why the device does not run an optimizer or a loss, and what to do instead; empty if it runs it."""
        if component.kind == "loss":
            return self._refuse_loss(component)
        if component.form in self.forms:
            return ""
        return (
            f'"{component.name}" works on whole matrices in NumPy, which train.device "{self.name}" does not do; '
            f'give train.device "{DEFAULT.name}", or another optimizer, such as "adam"'
        )

    def precision_refusal(self, precision: str) -> str:
        """Why the device does not multiply in a precision, and what to do instead; empty if it does."""
        if precision in self.precisions:
            return ""
        others = " or ".join(f'"{one}"' for one in self.precisions)
        fault = f'"{precision}" is not for train.device "{self.name}"'
        return f'{fault}; give train.device "{DEFAULT.name}", or {others}'

    @property
    def group_refusal(self) -> str:
        """Why the device makes no batches of whole groups, and what to do instead; empty if it does."""
        fault = f'batches of whole groups of rows are not for train.device "{self.name}"'
        return "" if self.batch_losses else f'{fault}; give train.device "{DEFAULT.name}", or leave the groups out'

    def _refuse_loss(self, loss: Component) -> str:
        if loss.form != "batch" or self.batch_losses:
            return ""
        return (
            f'"{loss.name}" is a loss of whole batches, which train.device "{self.name}" does not compute; '
            f'give train.device "{DEFAULT.name}", or a loss of rows'
        )


DEFAULT = Device(  # the meaning of "auto", until a measurement shows where another device is faster
    name="cpu",
    names=("cpu",),
    pattern="cpu",
    forms=("elementwise", "matrix", "solver"),
    precisions=("float32", "float64", "bfloat16"),
    batch_losses=True,
    ranks=True,
    engine="numbann.engine.cpu.engine:Engine",
    expect="numbann.engine.cpu.wanted:expect_many",
)
DEVICES = (
    DEFAULT,
    Device(
        name="cuda",
        names=("cuda", "cuda:N"),
        pattern=r"cuda(?::(\d{1,3}))?",
        forms=("elementwise",),
        engine="numbann.cuda.engine.engine:Engine",
        require="numbann.cuda.threads.device:require",
        kernels="numbann.cuda.kernels",
        check="numbann.cuda.checks:check_cuda",
    ),
)
PATTERN = "|".join(["auto", *(device.pattern for device in DEVICES)])


def names() -> str:
    """Every name of a device, in words for an error."""
    *some, last = (f'"{name}"' for name in ("auto", *(name for device in DEVICES for name in device.names)))
    return f"{', '.join(some)} or {last}"


def device_of(given: str) -> Device:
    """The device with this name; DeviceError if there is none."""
    for device in DEVICES:
        if re.fullmatch(device.pattern, given):
            return device
    if given != "auto":
        raise DeviceError(f'device "{given}": unknown; give {names()}')
    return DEFAULT


def require(given: str) -> None:
    """Raise DeviceError unless the device is there."""
    device = device_of(given)
    if device.require is None:
        return
    try:
        part_of(device.require)(*device.numbers(given))
    except DeviceError as error:
        raise DeviceError(f'device "{given}": {error}; or compute on "{DEFAULT.name}"') from error


def expect(given: str) -> None:
    """Tell the device that a training comes."""
    if expected := device_of(given).expect:
        part_of(expected)()


def check_threads(given: object) -> None:
    """Raise DeviceError for what is no number of threads."""
    if given != "auto" and not (isinstance(given, Integral) and int(given) >= 1):
        raise DeviceError(f'threads is {given!r}; give a whole number from 1, or "auto"')


def make_engine(plan: Plan, given: str = "auto", threads: int | str = "auto", ranks: Any = None) -> Engine:
    """The engine of a device for a plan; DeviceError if the device is missing or cannot run the plan.

    ranks: the communicator of those that train together.
    """
    device = device_of(given)
    check_threads(threads)
    if ranks is not None and not device.ranks:
        raise DeviceError(f'ranks do not train on "{device.name}"; give train.device "{DEFAULT.name}", or no ranks')
    require(given)
    for component in (plan.optimizer.component, plan.loss.component):
        if reason := device.refusal(component):
            raise DeviceError(f"{component.kind}: {reason}")
    if reason := device.precision_refusal(plan.products):
        raise DeviceError(f"dtype: {reason}")
    own = {} if ranks is None else {"ranks": ranks}
    engine: Engine = part_of(device.engine)(plan, threads, *device.numbers(given), **own)
    return engine


def prepare() -> None:
    """Do what an engine of the default device needs once a process, for those who will make one."""
    part_of(DEFAULT.engine)
    objects = importlib.import_module("numbann.simd.objects")
    objects.prepare()


def checks() -> Iterator[tuple[str, Callable[[Component], str]]]:
    """The names of the devices that check components, and their checks."""
    yield from ((device.name, part_of(device.check)) for device in DEVICES if device.check)


def part_of(place: str) -> Any:
    """Import the object at "module:name"."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)
