"""The words that a text may use as names: components, their parameters, and the keys of a spec."""

from __future__ import annotations

from numbann.components.built_in import built_in
from numbann.data.transforms import MISSING, SCALES
from numbann.spec.components import parameters_of
from numbann.spec.model import Section, keys_of

COMPONENTS = [entry.component for entry in built_in().entries()]
NAMES = {name for each in COMPONENTS for name in (each.name, *each.aliases)}
KEYS = {key for section in Section.__subclasses__() for key in keys_of(section)}
PARAMETERS = {parameter.name for each in COMPONENTS for parameter in parameters_of(each)}
WORDS = NAMES | KEYS | PARAMETERS | {*SCALES, *MISSING, "auto", "type", "full", "batch", "layer"}
