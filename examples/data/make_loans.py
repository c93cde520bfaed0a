"""Write loans.csv: a made-up two-class table with categories and missing values.  Nothing in it is about real people.

    python make_loans.py > loans.csv

The same seed gives the same table.  Whether a loan is repaid follows a smooth rule with an interaction, plus noise.
"""

from __future__ import annotations

import csv
import sys
from random import Random

SEED, ROWS = 7, 1200
COLUMNS = ("amount", "term_months", "income", "age", "years_employed", "housing", "purpose", "outcome")
HOUSING = {"rent": -0.6, "own": 0.9, "parents": 0.1}
PURPOSE = {"car": 0.4, "education": 0.2, "holiday": -0.8, "business": -0.5, "repairs": 0.6}


def applicant(random: Random) -> dict[str, object]:
    """One application and its outcome, nothing missing."""
    income = round(random.lognormvariate(10.3, 0.45))
    row: dict[str, object] = {
        "amount": round(random.lognormvariate(8.8, 0.7)),
        "term_months": random.choice((12, 24, 36, 48, 60)),
        "income": income,
        "age": random.randint(19, 72),
        "years_employed": round(random.expovariate(1 / 6), 1),
        "housing": random.choice(list(HOUSING)),
        "purpose": random.choice(list(PURPOSE)),
    }
    row["outcome"] = "repaid" if score(row) + random.gauss(0, 0.8) > 0 else "default"
    return row


def score(row: dict[str, object]) -> float:
    """Above 0: likely to be repaid.  A large amount weighs less when the term is long."""
    amount, term, income, employed = (float(str(row[key])) for key in COLUMNS[:3] + COLUMNS[4:5])
    burden = amount / income * (1.5 - term / 60)
    return 0.7 - 5.0 * burden + 0.15 * min(employed, 10) + HOUSING[str(row["housing"])] + PURPOSE[str(row["purpose"])]


def with_gaps(row: dict[str, object], random: Random) -> dict[str, object]:
    """Some applicants keep their income or their housing to themselves."""
    gaps = {"income": 0.05, "years_employed": 0.04, "housing": 0.03}
    return {key: "" if random.random() < gaps.get(key, 0) else value for key, value in row.items()}


def main() -> None:
    """Write the table to standard output."""
    random = Random(SEED)
    table = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(with_gaps(applicant(random), random) for _ in range(ROWS))


if __name__ == "__main__":
    main()
