"""The table of devices and the interface of engines: every entry is complete, and every engine fulfils it."""

from __future__ import annotations

import importlib.util
import inspect
from typing import Any

import pytest
from networks import configured, make_plan

from numbann.engine import interface
from numbann.engine.devices import DEFAULT, DEVICES, Device, device_of, make_engine, part_of, require
from numbann.errors import DeviceError

METHODS = {
    name: member
    for name, member in vars(interface.Engine).items()
    if inspect.isfunction(member) and not name.startswith("_")
}
PROPERTIES = {name: member for name, member in vars(interface.Engine).items() if isinstance(member, property)}

devices = pytest.mark.parametrize("device", DEVICES, ids=lambda device: device.name)


def part(place: str) -> Any:
    """What a device names, if its packages are here."""
    try:
        return part_of(place)
    except DeviceError as error:
        pytest.skip(str(error))


@devices
def test_what_names_a_device(device: Device) -> None:
    for name in device.names:
        assert device_of(name.replace("N", "1")) is device
    assert device_of(device.name) is device


def test_numbers() -> None:
    assert DEVICES[1].numbers("cuda") == [0]
    assert DEVICES[1].numbers("cuda:12") == [12]
    assert DEFAULT.numbers("cpu") == DEFAULT.numbers("auto") == []


def test_auto_is_the_cpu() -> None:
    assert device_of("auto") is DEFAULT
    with make_engine(make_plan([3, 2])) as engine:
        assert engine.device == "cpu"


@pytest.mark.parametrize("given", ["gpu", "cuda:x", "cuda:1234", "cpu:1", ""])
def test_what_names_none(given: str) -> None:
    for ask in (device_of, require):
        with pytest.raises(DeviceError, match=f'device "{given}": unknown; give "auto", "cpu", "cuda" or "cuda:N"'):
            ask(given)


@pytest.mark.parametrize(("optimizer", "runs"), [("adam", True), ("lamb", False), ("lbfgs", False)])
def test_what_a_device_takes(optimizer: str, runs: bool) -> None:
    component = configured("optimizer", optimizer).component
    assert DEFAULT.refusal(component) == ""
    assert (DEVICES[1].refusal(component) == "") == runs


@devices
def test_all_that_a_device_names_is_there(device: Device) -> None:
    for place in (device.engine, device.require, device.kernels, device.check):
        if place is not None:
            assert importlib.util.find_spec(place.partition(":")[0]) is not None
            part(place if ":" in place else f"{place}:__doc__")


@devices
def test_an_engine_has_every_method(device: Device) -> None:
    """With the arguments and results of the interface, whose docstring is the only one."""
    engine = part(device.engine)
    public = {name for name, member in inspect.getmembers(engine, inspect.isfunction) if not name.startswith("_")}
    assert public == set(METHODS)
    for name, method in METHODS.items():
        own = vars(engine)[name]
        assert inspect.signature(own) == inspect.signature(method), name
        assert own.__doc__ is None, f"{name} is documented by the interface"
    for name in (*PROPERTIES, *inspect.get_annotations(interface.Engine)):
        assert hasattr(engine, name) or f"self.{name}" in inspect.getsource(engine.__init__), name


def test_the_interface_says_what_each_does() -> None:
    for name, member in {**METHODS, **PROPERTIES}.items():
        assert inspect.getdoc(member), name
