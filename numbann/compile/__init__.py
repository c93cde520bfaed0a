"""From a component's plain mathematics to compiled kernels over blocks of rows or of weights.  It knows no network."""
