"""The parts that the engines of all devices share: rows, their weights, rates, random numbers."""
