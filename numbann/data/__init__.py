"""Tables, arrays and IDX files become arrays ready to train on.  It knows no network and prints nothing."""

from __future__ import annotations

from numbann.data.preprocessing import NewData, Preprocessing
from numbann.data.source import Dataset, Facts, Part, Source, load
from numbann.data.streaming import Inputs, Streamed

__all__ = ["Dataset", "Facts", "Inputs", "NewData", "Part", "Preprocessing", "Source", "Streamed", "load"]
