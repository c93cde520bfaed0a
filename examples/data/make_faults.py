"""Write faults.csv: made-up readings of pumps, and which of three faults each has.  No real machine is behind it.

    python make_faults.py > faults.csv

The same seed gives the same table.  A pump may have no fault, or several; faults make each other more likely.
"""

from __future__ import annotations

import csv
import sys
from random import Random

SEED, ROWS = 11, 1000
COLUMNS = ("speed", "flow", "pressure", "temperature", "vibration", "noise", "worn", "leaking", "clogged")


def pump(random: Random) -> dict[str, object]:
    """The readings of one pump and its faults."""
    speed = random.choice((1450, 2900)) * random.gauss(1, 0.01)
    clogged = random.random() < 0.15
    worn = random.random() < (0.45 if clogged else 0.2)
    leaking = random.random() < (0.4 if worn else 0.1)
    flow = speed / 100 * (1 - 0.4 * clogged) * (1 - 0.1 * worn) + random.gauss(0, 1.2)
    pressure = (speed / 1000) ** 2 * (1 + 0.3 * clogged) * (1 - 0.25 * leaking) + random.gauss(0, 0.25)
    return {
        "speed": round(speed),
        "flow": round(flow, 2),
        "pressure": round(pressure, 2),
        "temperature": round(38 + speed / 200 + 9 * clogged + 6 * worn + random.gauss(0, 3), 1),
        "vibration": round(1 + speed / 2900 + 1.6 * worn + random.gauss(0, 0.5), 2),
        "noise": round(60 + speed / 300 + 4 * worn + 3 * leaking + random.gauss(0, 2), 1),
        "worn": yes_or_no(worn),
        "leaking": yes_or_no(leaking),
        "clogged": yes_or_no(clogged),
    }


def yes_or_no(fact: bool) -> str:
    """A label as the table has it."""
    return "yes" if fact else "no"


def main() -> None:
    """Write the table to standard output."""
    random = Random(SEED)
    table = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(pump(random) for _ in range(ROWS))


if __name__ == "__main__":
    main()
