"""The scale "standard": scales each column to mean 0 and variance 1."""

from __future__ import annotations

import numpy as np

from numbann.data.transforms.affine import Affine, Columns


class Scale(Affine):
    """Scales columns to mean 0 and variance 1.  A constant column is divided by 1.

    fit reads the rows once, block by block.  Let n rows have mean a and summed squared differences from it S, and a
    block of m rows have mean b and summed squares R.  Together they have mean a + (b - a) m / (n + m) and summed
    squares S + R + (b - a)^2 n m / (n + m).  Chan, Golub and LeVeque 1979,
    http://i.stanford.edu/pub/cstr/reports/cs/tr/79/773/CS-TR-79-773.pdf.
    """

    @classmethod
    def fit(cls, columns: Columns) -> Scale:
        count, (mean, squares) = 0, np.zeros((2, len(columns.names)))
        low = np.full_like(mean, np.inf)
        high = -low
        with np.errstate(over="ignore", invalid="ignore"):
            for values in columns.blocks():
                low, high = np.minimum(low, values.min(axis=0)), np.maximum(high, values.max(axis=0))
                total, block_mean = count + len(values), values.mean(axis=0)
                apart = block_mean - mean
                squares += ((values - block_mean) ** 2).sum(axis=0) + apart**2 * (count * len(values) / total)
                mean += apart * (len(values) / total)
                count = total
        return cls.of(np.where(low == high, low, mean), np.where(low == high, 1.0, np.sqrt(squares / count)))
