"""A plugin for tests of caches: its result depends on more than its own code."""

from __future__ import annotations

PLUGIN = '''"""A plugin whose result hangs on a number of its module and on a function it calls."""

from numbann import activation, hookimpl

SLOPE = 0.1


def bend(z):
    return SLOPE * z


@activation
def bent(z):
    """Bent: a = z where z > 0, else SLOPE z."""
    return bend(z) if z < 0 else z


@bent.derivative
def bent_derivative(z):
    return bend(1) if z < 0 else 1


@hookimpl
def numbann_register(register):
    register(bent)
'''

VARIANTS = {
    "first": PLUGIN,
    "number": PLUGIN.replace("SLOPE = 0.1", "SLOPE = 0.2"),
    "helper": PLUGIN.replace("return SLOPE * z", "return z / 8 "),
    "derivative": PLUGIN.replace("else 1\n", "else 2\n"),
    "comment": PLUGIN.replace("SLOPE = 0.1", "SLOPE = 0.1  # a tenth"),
}
