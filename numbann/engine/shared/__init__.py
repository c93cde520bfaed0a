"""What the engines of all devices share: rows, weights of rows, rates, random numbers."""
